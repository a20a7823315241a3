import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { git } from './git.ts';
import { startGitServer } from './index.ts';
import type { GitServer } from './index.ts';

let server: GitServer;
let directory: string;

beforeAll(async () => {
  server = await startGitServer();
  directory = await mkdtemp(join(tmpdir(), 'gitserver-clone-'));
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

test('git itself clones from it and pushes to it', async () => {
  const repo = await server.createRepo('acme/shop.git');
  const first = await repo.write({ 'prod/web.yaml': 'v: 1\n' });
  const clone = join(directory, 'shop');
  await git(directory, ['clone', '--quiet', server.urlOf(repo), clone]);
  // Over the size from which git sends its request in chunks.
  await writeFile(join(clone, 'noise.bin'), randomBytes(3_000_000));
  await git(clone, ['add', '.']);
  await git(clone, ['commit', '--quiet', '-m', 'Second']);
  await git(clone, ['push', '--quiet', 'origin', 'main']);
  expect(await repo.git('rev-parse', 'main~1')).toBe(first);
  expect(await repo.tip('main')).toBe(await git(clone, ['rev-parse', 'HEAD']));
  expect(server.counts.fetch).toBe(1);
  expect(server.counts.push).toBeGreaterThan(0);
});

test('a commit changes what it names and leaves the rest', async () => {
  const repo = await server.createRepo('files.git');
  await repo.write({ 'a/1.yaml': '1', 'a/2.yaml': '2', 'b.yaml': '3' });
  await repo.write(
    { 'a/1.yaml': null, 'c d/ü.yaml': '4' },
    { message: 'Move', author: 'Grace Hopper <grace@example.com>', date: new Date(1e12) },
  );
  expect((await repo.git('ls-tree', '-r', '-z', '--name-only', 'main')).split('\0').filter(Boolean)).toEqual([
    'a/2.yaml',
    'b.yaml',
    'c d/ü.yaml',
  ]);
  expect(await repo.git('log', '-1', '--format=%an %ae %at %s')).toBe('Grace Hopper grace@example.com 1000000000 Move');
  const alone = await repo.write({ 'x.yaml': '1' }, { parent: null });
  expect(await repo.git('ls-tree', '-r', '--name-only', alone)).toBe('x.yaml');
});
