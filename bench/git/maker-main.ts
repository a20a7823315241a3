/**
 * Makes the repositories of the benchmark, in a process of its own: one that holds much memory is slow to start others,
 * which is what the server does for every request.
 */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from '../../test/gitserver/git.ts';
import { GitRepo } from '../../test/gitserver/repo.ts';
import { manifests, noise, past } from './repositories.ts';

/** What the driver says; each is answered by one message with the same id. `root`: where the server looks. */
export type MakerRequest = { readonly root: string } & (
  | { readonly kind: 'files'; readonly name: string; readonly count: number; readonly historyBytes: number }
  | { readonly kind: 'past'; readonly name: string; readonly files: number; readonly commits: number }
  | { readonly kind: 'change'; readonly name: string; readonly round: number }
  | { readonly kind: 'links'; readonly name: string; readonly count: number }
);

const repositories = new Map<string, GitRepo>();

async function answer(request: MakerRequest): Promise<undefined> {
  const { root, kind, name } = request;
  const create = async (): Promise<GitRepo> => {
    const repo = await GitRepo.create(root, name, { allowFilter: true });
    repositories.set(name, repo);
    return repo;
  };
  switch (kind) {
    case 'files': {
      const repo = await create();
      // What does not pack is not tried against each other.
      await repo.config('core.bigFileThreshold', '512k');
      // Old content that no current file holds, in commits before the one that is read.
      const step = 4 * 1024 * 1024;
      for (let bytes = 0; bytes < request.historyBytes; bytes += step) await repo.write({ 'old/blob.yaml': noise(step, bytes) });
      if (request.historyBytes > 0) await repo.write({ 'old/blob.yaml': null });
      await repo.write(manifests(request.count));
      await repo.git('repack', '-q', '-a', '-d');
      return;
    }
    case 'past': {
      const repo = await create();
      await git(repo.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], past(request.files, request.commits));
      await repo.git('repack', '-q', '-a', '-d');
      return;
    }
    case 'change': {
      await repositories.get(name)?.write({ 'apps/7/7.yaml': `changed: ${request.round}-${Math.random()}\n` });
      return;
    }
    case 'links': {
      const target = repositories.get(name)?.directory ?? '';
      await mkdir(join(root, 'many'));
      for (let index = 0; index < request.count; index += 1) await symlink(target, join(root, 'many', `${index}.git`));
    }
  }
}

process.on('message', (message) => {
  const { id, request } = message as { id: number; request: MakerRequest };
  answer(request).then(
    () => process.connected && process.send?.({ id }),
    (error: unknown) => process.connected && process.send?.({ id, error: String(error) }),
  );
});
