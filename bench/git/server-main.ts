/** The git server of the benchmark, in a process of its own that holds next to nothing. */
import { startGitServer } from '../../test/gitserver/index.ts';

/** What the driver says; each is answered by one message with the same id. */
export type ServerRequest = { readonly kind: 'start' | 'counts' | 'stop' };

export interface Started {
  readonly url: string;
  /** The folder of the repositories. */
  readonly root: string;
}

const server = await startGitServer();

async function answer({ kind }: ServerRequest): Promise<unknown> {
  switch (kind) {
    case 'start':
      return { url: server.url, root: server.root } satisfies Started;
    case 'counts':
      return { ...server.counts };
    case 'stop':
      await server.close();
      process.disconnect();
      return undefined;
  }
}

// The driver is gone, however it went.
process.once('disconnect', () => void server.close());

process.on('message', (message) => {
  const { id, request } = message as { id: number; request: ServerRequest };
  answer(request).then(
    (value) => process.connected && process.send?.({ id, value }),
    (error: unknown) => process.connected && process.send?.({ id, error: String(error) }),
  );
});
