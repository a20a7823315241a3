/** The git server of the benchmark, in a process of its own; it makes the repositories that it is asked for. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from '../../test/gitserver/git.ts';
import { startGitServer } from '../../test/gitserver/index.ts';
import type { GitRepo } from '../../test/gitserver/index.ts';
import { manifests, noise, past } from './repositories.ts';

/** What the driver says; each is answered by one message with the same id. */
export type ServerRequest =
  | { readonly kind: 'files'; readonly name: string; readonly count: number; readonly historyBytes: number }
  | { readonly kind: 'past'; readonly name: string; readonly files: number; readonly commits: number }
  | { readonly kind: 'change'; readonly name: string; readonly round: number }
  | { readonly kind: 'links'; readonly name: string; readonly count: number }
  | { readonly kind: 'counts' }
  | { readonly kind: 'stop' };

const server = await startGitServer();
const repositories = new Map<string, GitRepo>();

async function answer(request: ServerRequest): Promise<unknown> {
  switch (request.kind) {
    case 'files': {
      const repo = await server.createRepo(request.name, { allowFilter: true });
      repositories.set(request.name, repo);
      // What does not pack is not tried against each other.
      await repo.config('core.bigFileThreshold', '512k');
      // Old content that no current file holds, in commits before the one that is read.
      const step = 4 * 1024 * 1024;
      for (let bytes = 0; bytes < request.historyBytes; bytes += step) await repo.write({ 'old/blob.yaml': noise(step, bytes) });
      if (request.historyBytes > 0) await repo.write({ 'old/blob.yaml': null });
      await repo.write(manifests(request.count));
      await repo.git('repack', '-q', '-a', '-d');
      return server.urlOf(repo);
    }
    case 'past': {
      const repo = await server.createRepo(request.name, { allowFilter: true });
      await git(repo.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], past(request.files, request.commits));
      await repo.git('repack', '-q', '-a', '-d');
      return server.urlOf(repo);
    }
    case 'change': {
      const repo = repositories.get(request.name);
      await repo?.write({ 'apps/7/7.yaml': `changed: ${request.round}-${Math.random()}\n` });
      return undefined;
    }
    case 'links': {
      const target = repositories.get(request.name)?.directory ?? '';
      await mkdir(join(server.root, 'many'));
      for (let index = 0; index < request.count; index += 1) await symlink(target, join(server.root, 'many', `${index}.git`));
      return `${server.url}/many/`;
    }
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
