/** A proxy before the real git server that alters what it answers: the server stays the real one. */
import { createServer, request as httpRequest } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the client gets of an answer. `post`: of a request, not of the introduction. */
export type Meddle = (body: Buffer, post: boolean) => AsyncIterable<Buffer> | Iterable<Buffer>;

export interface Meddler {
  /** As the server's own URL. */
  readonly url: string;
  /** undefined passes everything on. */
  meddle: Meddle | undefined;
  close(): Promise<void>;
}

export async function startMeddler(target: string): Promise<Meddler> {
  const server = createServer((request, response) => {
    const { connection: _connection, 'accept-encoding': _encoding, ...headers } = request.headers;
    const passed = httpRequest(`${target}${request.url ?? ''}`, { method: request.method ?? 'GET', headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('end', () => {
        const { 'content-length': _length, 'transfer-encoding': _transfer, ...rest } = answer.headers;
        response.writeHead(answer.statusCode ?? 500, rest);
        void send(meddler.meddle?.(Buffer.concat(chunks), request.method === 'POST') ?? [Buffer.concat(chunks)]);
      });
    });
    passed.once('error', () => response.destroy());
    request.pipe(passed);
    const send = async (body: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> => {
      for await (const chunk of body) {
        if (response.destroyed) return;
        if (!response.write(chunk)) await writable(response);
      }
      response.end();
    };
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const meddler: Meddler = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    meddle: undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return meddler;
}

/** Until there is room for more, or nobody reads on. */
function writable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.on('drain', go).on('close', go);
  });
}
