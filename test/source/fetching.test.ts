import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { parseCommitLinks, parseTree } from '../../operator/source/objects.ts';
import { resolveRef } from '../../operator/source/refs.ts';
import type { Checkout, GitClient, ObjectReader, Wanted } from '../../operator/source/types.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';
import { cut } from './cut.ts';

const signal = new AbortController().signal;
let git: GitClient;

beforeEach(() => {
  git = createGitClient();
});
afterEach(() => git.close());

async function checkoutOf(url: string, wanted?: Wanted, client = git): Promise<Checkout> {
  const refs = await client.listRefs(url, anonymous, signal);
  return client.checkout(url, anonymous, resolveRef(refs, {}), signal, { wanted });
}

/** Content that packs to its own size. */
const noise = (): string => `noise: ${randomBytes(1500).toString('hex')}\n`;

/** `apps/N/M.yaml`. */
function fleet(folders: number, each: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: folders * each }, (_, index) => [`apps/${index % folders}/${Math.floor(index / folders)}.yaml`, noise()]),
  );
}

describe.each([
  ['a server that filters', { protocolV2: true }, { allowFilter: true }],
  ['a server of protocol version 2', { protocolV2: true }, {}],
  ['a server of protocol version 0', { protocolV2: false }, {}],
])('%s', (_, serverOptions, repoOptions) => {
  let server: GitServer;
  let repo: GitRepo;
  let url: string;
  const filters = 'allowFilter' in repoOptions;

  beforeAll(async () => {
    server = await startGitServer(serverOptions);
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    repo = await server.createRepo(`${randomBytes(6).toString('hex')}.git`, repoOptions);
    url = server.urlOf(repo);
  });

  test('a path costs what is read of it, the whole repository one pack', async () => {
    await repo.write({ ...fleet(50, 4), 'apps/7/notes.txt': noise() });
    const before = { ...server.counts };
    const wanted = { path: 'apps/7', exclude: ['3.yaml'] };
    const checkout = await checkoutOf(url, wanted);
    expect((await checkout.snapshot(wanted, signal)).files.map(({ path }) => path)).toEqual([
      'apps/7/0.yaml',
      'apps/7/1.yaml',
      'apps/7/2.yaml',
    ]);
    expect(server.counts.fetch - before.fetch).toBe(filters ? 2 : 1);
    const partial = server.counts.bytes - before.bytes;
    const whole = await checkoutOf(url, { path: '', exclude: [] }, createGitClient());
    const between = server.counts.bytes;
    expect((await cut(whole, '')).files).toHaveLength(200);
    expect(server.counts.bytes).toBe(between);
    if (filters) expect(partial).toBeLessThan((between - before.bytes - partial) / 8);
  });

  test('three hundred sources of one repository are three requests, or fewer', async () => {
    await repo.write(fleet(300, 2));
    const refs = await git.listRefs(url, anonymous, signal);
    const before = server.counts.fetch;
    const checkout = await git.checkout(url, anonymous, resolveRef(refs, {}), signal, { wanted: { path: 'apps/0', exclude: [] } });
    // As they come when sixteen of them walk at a time.
    const waiting = Array.from({ length: 300 }, (__, index) => `apps/${index}`);
    const walker = async (): Promise<void> => {
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift())
        expect((await cut(checkout, path)).files).toHaveLength(2);
    };
    await Promise.all(Array.from({ length: 16 }, walker));
    expect(server.counts.fetch - before).toBeLessThanOrEqual(filters ? 3 : 1);
  });

  test('a following commit brings what is new', async () => {
    await repo.write(fleet(40, 5));
    await cut(await checkoutOf(url, { path: '', exclude: [] }), '');
    const before = { ...server.counts };
    const changed = noise();
    await repo.write({ 'apps/3/1.yaml': changed });
    const next = await cut(await checkoutOf(url, { path: '', exclude: [] }), '');
    expect(next.files).toHaveLength(200);
    expect(next.files.find(({ path }) => path === 'apps/3/1.yaml')?.content.toString()).toBe(changed);
    expect(server.counts.fetch - before.fetch).toBe(1);
    expect(server.counts.bytes - before.bytes).toBeLessThan(12_000);
  });

  test('a commit that goes back to what was before is whole', async () => {
    const versions = [noise(), noise()];
    for (const version of [0, 1, 0, 1, 1, 0]) {
      await repo.write({ 'a/web.yaml': versions[version] as string, 'b/same.yaml': 'same', 'a/round.yaml': noise() });
      const { files } = await cut(await checkoutOf(url, { path: 'a', exclude: [] }), 'a');
      expect(files.find(({ path }) => path === 'a/web.yaml')?.content.toString()).toBe(versions[version]);
    }
    // Another branch, with nothing in common.
    await repo.write({ 'a/web.yaml': 'new' }, { parent: null });
    expect((await cut(await checkoutOf(url), '')).files).toHaveLength(1);
  });

  test('what was let go is fetched again', async () => {
    const small = createGitClient({ settings: { cacheBytes: 1 } });
    try {
      await repo.write(fleet(10, 5));
      for (let times = 0; times < 3; times += 1) {
        const checkout = await checkoutOf(url, { path: 'apps/1', exclude: [] }, small);
        expect((await cut(checkout, 'apps/1')).files).toHaveLength(5);
        checkout.release();
        expect((await cut(checkout, 'apps')).files).toHaveLength(50);
        await repo.write({ 'apps/2/0.yaml': noise() });
      }
    } finally {
      await small.close();
    }
  });

  test('history brings commits and folders, and stops at what is known', async () => {
    const commits: string[] = [];
    for (let index = 0; index < 8; index += 1) commits.push(await repo.write({ 'a/web.yaml': noise(), [`b/${index}.yaml`]: noise() }));
    const tip = commits.at(-1) as string;
    const deep = await git.history(url, anonymous, { tip, known: [], depth: 4 }, signal);
    expect(walked(deep, tip)).toEqual(commits.slice(4).toReversed());
    expect([...deep.cut]).toEqual([commits[4]]);
    await checkoutOf(url, { path: 'a', exclude: [] });
    // A revert: its folders are those of a commit before the known one.
    const reverted = await repo.write({ 'a/web.yaml': noise() });
    await repo.setRef('refs/heads/main', await repo.git('commit-tree', `${commits[5]}^{tree}`, '-p', reverted, '-m', 'Revert'));
    const back = (await repo.tip('main')) as string;
    const next = await git.history(url, anonymous, { tip: back, known: [tip], depth: 250 }, signal);
    expect(walked(next, back).slice(0, 3)).toEqual([back, reverted, tip]);
  });

  test('objects are given by id, as far as the server gives them', async () => {
    await repo.write({ 'a.yaml': 'a', 'b.yaml': 'b' });
    const oids = await Promise.all(['a', 'b'].map((name) => repo.git('rev-parse', `main:${name}.yaml`)));
    const given = await git.objects(url, anonymous, oids, signal);
    if (serverOptions.protocolV2) expect(oids.map((oid) => given.get(oid)?.data.toString())).toEqual(['a', 'b']);
    else expect(given.size).toBe(0);
    expect((await git.objects(url, anonymous, ['4'.repeat(40)], signal)).size).toBe(0);
  });
});

/** Follows first parents, and wants the folders of each. */
function walked(reader: ObjectReader, tip: string): string[] {
  const commits: string[] = [];
  for (let at: string | undefined = tip; at !== undefined;) {
    const commit = reader.read(at);
    if (commit === undefined) break;
    commits.push(at);
    const { tree, parents } = parseCommitLinks(commit.data);
    const folders = [tree];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const object = reader.read(folder);
      if (object === undefined) throw new Error(`folder ${folder} of ${at} is missing`);
      folders.push(...parseTree(object.data).flatMap(({ kind, oid }) => (kind === 'folder' ? [oid] : [])));
    }
    at = parents[0];
  }
  return commits;
}

describe('credential scopes', () => {
  let server: GitServer;

  beforeAll(async () => {
    server = await startGitServer();
  });
  afterAll(() => server.close());

  test('share objects among the repositories of a host, and with nobody else', async () => {
    const one = await server.createRepo('one.git');
    await one.write({ 'a.yaml': 'a' });
    const fork = await server.createRepo('fork.git');
    await fork.git('fetch', '--quiet', one.directory, 'main:main');
    const wanted = { path: '', exclude: [] };
    const first = await checkoutOf(server.urlOf(one), wanted);
    await cut(first, '');
    const before = server.counts.fetch;
    // The fork has to say for itself that it has the commit.
    const forked = await checkoutOf(server.urlOf(fork), wanted);
    expect(server.counts.fetch - before).toBe(1);
    const blob = await one.git('rev-parse', 'main:a.yaml');
    expect(forked.objects.read(blob)?.data).toBe(first.objects.read(blob)?.data);
    const ref = resolveRef(await git.listRefs(server.urlOf(one), anonymous, signal), {});
    const other = await git.checkout(server.urlOf(one), { id: 'other', username: 'ada' }, ref, signal, { wanted });
    expect(other.objects).not.toBe(first.objects);
    expect(server.counts.fetch - before).toBe(2);
  });

  test('a commit of one repository is not found in another, though it is in memory', async () => {
    const one = await server.createRepo('mine.git');
    const commit = await one.write({ 'a.yaml': 'mine' });
    await checkoutOf(server.urlOf(one));
    const two = await server.createRepo('yours.git');
    await two.write({ 'a.yaml': 'yours' });
    const pinned = { commit, fullRef: undefined, shortRef: undefined };
    await expect(git.checkout(server.urlOf(two), anonymous, pinned, signal)).rejects.toMatchObject({ reason: 'RefNotFound' });
  });
});
