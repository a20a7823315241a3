import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { follow } from '../../operator/source/tree-path.ts';
import type { Place } from '../../operator/source/tree-path.ts';
import type { GitObject, ObjectReader } from '../../operator/source/types.ts';
import { GitRepo } from '../gitserver/index.ts';
import type { Content } from '../gitserver/repo.ts';
import { isSoak, seededRandom } from '../soak.ts';

let folder: string;
let repos = 0;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'links-')));
});
afterAll(() => rm(folder, { recursive: true }));

interface Repository extends ObjectReader {
  readonly repo: GitRepo;
  readonly root: string;
}

/** A repository of these files, read by git itself. */
async function repository(files: Readonly<Record<string, Content>>): Promise<Repository> {
  repos += 1;
  const repo = await GitRepo.create(folder, `${repos}.git`);
  const commit = await repo.write(files);
  const known = new Map<string, GitObject>();
  const all = execFileSync('git', ['cat-file', '--batch', '--batch-all-objects'], { cwd: repo.directory });
  for (let at = 0; at < all.length;) {
    const end = all.indexOf(0x0a, at);
    const [oid = '', type = '', size = ''] = all.toString('latin1', at, end).split(' ');
    known.set(oid, { type: type as GitObject['type'], data: all.subarray(end + 1, end + 1 + Number(size)) });
    at = end + 2 + Number(size);
  }
  return { repo, root: await repo.git('rev-parse', `${commit}^{tree}`), read: (oid) => known.get(oid) };
}

function text(place: Place): string {
  if (place.kind === 'nothing') return place.asFile === undefined ? `nothing in ${place.parent}` : `through ${place.asFile}`;
  return 'path' in place ? `${place.kind} ${place.path}` : place.kind;
}

const files: Readonly<Record<string, Content>> = {
  'base/web.yaml': 'web',
  'base/deep/api.yaml': 'api',
  'prod/web.yaml': { symlink: '../base/web.yaml' },
  'prod/base': { symlink: '../base' },
  'prod/up': { symlink: '../base/deep/../web.yaml' },
  // Behind a link, .. is the parent of where it led.
  'prod/deep': { symlink: '../base/deep' },
  'prod/behind': { symlink: 'deep/../web.yaml' },
  'prod/chain': { symlink: 'base/../prod/base/deep/api.yaml' },
  'prod/root': { symlink: '..' },
  'prod/slashes': { symlink: './/..//base/./web.yaml' },
  'prod/absolute': { symlink: '/etc/passwd' },
  'prod/outside': { symlink: '../../etc/passwd' },
  'prod/outside-and-back': { symlink: '../../1.git/base/web.yaml' },
  'prod/hidden-outside': { symlink: 'deep/../../../x' },
  'prod/self': { symlink: 'self' },
  'prod/ping': { symlink: 'pong' },
  'prod/pong': { symlink: 'ping/x' },
  'prod/gone': { symlink: '../base/gone/x.yaml' },
  'prod/through': { symlink: '../base/web.yaml/x' },
  'prod/module': { symlink: '../vendor/lib/x.yaml' },
  'prod/nul': { symlink: 'a\0b' },
  'prod/long': { symlink: 'a/'.repeat(2_500) },
  'vendor/lib': { submodule: '1'.repeat(40) },
  current: { symlink: 'prod/base' },
};

test('links are followed within the repository, and told where they go wrong', async () => {
  const reader = await repository(files);
  const led = (path: string): string => text(follow(reader, reader.root, '', path));
  expect(Object.fromEntries(Object.keys(files).map((path) => [path, led(path)]))).toEqual({
    'base/web.yaml': 'file base/web.yaml',
    'base/deep/api.yaml': 'file base/deep/api.yaml',
    'prod/web.yaml': 'file base/web.yaml',
    'prod/base': 'folder base',
    'prod/up': 'file base/web.yaml',
    'prod/deep': 'folder base/deep',
    'prod/behind': 'file base/web.yaml',
    'prod/chain': 'file base/deep/api.yaml',
    'prod/root': 'folder ',
    'prod/slashes': 'file base/web.yaml',
    'prod/absolute': 'outside',
    'prod/outside': 'outside',
    'prod/outside-and-back': 'outside',
    'prod/hidden-outside': 'outside',
    'prod/self': 'loop',
    'prod/ping': 'loop',
    'prod/pong': 'loop',
    'prod/gone': 'nothing in base',
    'prod/through': 'through base/web.yaml',
    'prod/module': 'module vendor/lib',
    'prod/nul': 'no path',
    'prod/long': 'no path',
    'vendor/lib': 'module vendor/lib',
    current: 'folder base',
  });
  expect(led('current/deep/api.yaml')).toBe('file base/deep/api.yaml');
  expect(led('')).toBe('folder ');
});

test('gives the object ids that git has for where they lead', async () => {
  const reader = await repository(files);
  const at = (path: string, from = ''): Place => follow(reader, reader.root, from, path);
  const file = { kind: 'file', path: 'base/web.yaml', oid: await reader.repo.git('rev-parse', 'main:base/web.yaml') };
  expect(at('prod/behind')).toEqual(file);
  expect(at('up', 'prod')).toEqual(file);
  expect(at('current')).toEqual({ kind: 'folder', path: 'base', oid: await reader.repo.git('rev-parse', 'main:base') });
});

test('what is not in memory is asked for', async () => {
  const reader = await repository(files);
  const oid = await reader.repo.git('rev-parse', 'main:prod/base');
  const without = { read: (id: string) => (id === oid ? undefined : reader.read(id)) };
  expect(follow(without, reader.root, '', 'current')).toEqual({ kind: 'unknown', oid });
});

test('links that double with each step end', async () => {
  const bomb: Record<string, Content> = { 'l0/x': 'x' };
  for (let depth = 1; depth < 30; depth += 1) bomb[`l${depth}`] = { symlink: `l${depth - 1}/../l${depth - 1}` };
  const reader = await repository(bomb);
  expect(text(follow(reader, reader.root, '', 'l29'))).toBe('loop');
});

/** Folders, files and links of a few names, so that links often meet something. */
function randomTree(random: () => number): Record<string, Content> {
  const below = (count: number): number => Math.floor(random() * count);
  const names = ['a', 'b', 'c', 'd'];
  const name = (): string => names[below(names.length)] as string;
  const path = (steps: number): string => Array.from({ length: steps }, name).join('/');
  const tree: Record<string, Content> = {};
  const taken = (at: string): boolean =>
    Object.keys(tree).some((one) => one === at || one.startsWith(`${at}/`) || at.startsWith(`${one}/`));
  for (let index = 0; index < 14; index += 1) {
    const at = path(1 + below(3));
    if (taken(at)) continue;
    const target = Array.from({ length: 1 + below(4) }, () => (below(3) === 0 ? '..' : name())).join('/');
    tree[at] = below(3) === 0 ? 'file' : { symlink: below(20) === 0 ? `/${target}` : target };
  }
  return tree;
}

/** What the file system says of a path in a work tree: as text() does, as far as it tells. */
async function ledByFiles(worktree: string, path: string): Promise<string> {
  try {
    const real = await realpath(join(worktree, path));
    if (real !== worktree && !real.startsWith(`${worktree}/`)) return 'outside';
    return `${(await stat(real)).isDirectory() ? 'folder' : 'file'} ${real.slice(worktree.length + 1)}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

function expected(place: Place): string {
  if (place.kind === 'nothing') return place.asFile === undefined ? 'ENOENT' : 'ENOTDIR';
  return place.kind === 'loop' ? 'ELOOP' : text(place);
}

test(
  'leads where the file system leads, in what git checks out',
  async () => {
    const random = seededRandom(31);
    const seen = new Set<string>();
    for (let round = 0; round < (isSoak() ? 500 : 25); round += 1) {
      const reader = await repository(randomTree(random));
      const worktree = join(folder, `tree-${round}`);
      await mkdir(worktree);
      await reader.repo.git('-c', 'core.bare=false', `--work-tree=${worktree}`, 'checkout', '-f', 'main');
      for (const path of (await reader.repo.git('ls-tree', '-r', '--name-only', 'main')).split('\n')) {
        const led = follow(reader, reader.root, '', path);
        const truth = await ledByFiles(worktree, path);
        seen.add(led.kind);
        // What lies outside is nobody's to tell: there may be something, or nothing.
        if (led.kind === 'outside') expect(truth).not.toMatch(/^(file|folder) /);
        else expect(`${path}: ${expected(led)}`).toBe(`${path}: ${truth}`);
      }
      await rm(worktree, { recursive: true });
    }
    expect([...seen].toSorted()).toEqual(['file', 'folder', 'loop', 'nothing', 'outside']);
  },
  isSoak() ? 600_000 : 60_000,
);
