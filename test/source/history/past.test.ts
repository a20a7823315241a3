import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fileObjects } from '../../../operator/render/index.ts';
import { anonymous } from '../../../operator/source/credentials.ts';
import { createGitClient } from '../../../operator/source/git-client.ts';
import { openPast } from '../../../operator/source/history/past.ts';
import type { Asking, Past } from '../../../operator/source/history/past.ts';
import type { Checkout, GitClient, ResolvedRef } from '../../../operator/source/types.ts';
import { git } from '../../gitserver/git.ts';
import { startGitServer } from '../../gitserver/index.ts';
import type { Content, GitRepo, GitServer } from '../../gitserver/index.ts';
import { waitFor } from '../../controlplane/wait-for.ts';
import { finish } from './histories.ts';

const map = (name: string, value: number): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {v: "${value}"}\n`;
const asking: Asking = { signal: new AbortController().signal, run: async (work) => finish(work) };
const single = (path: string) => ({ id: path, path });
const part = (path: string, name: string) => ({ id: name, path, object: ` /ConfigMap ${name}` });

/** A server, a repository in it, and a client whose memory is its own. */
interface Place {
  readonly server: GitServer;
  readonly repo: GitRepo;
  readonly client: GitClient;
  /** Opens the past of the tip, as a source does that applied `old` before. */
  past(old: string | undefined): Promise<Past & { readonly faults: readonly string[] }>;
}

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function place(options: { readonly allowFilter?: boolean; readonly protocolV2?: boolean } = {}): Promise<Place> {
  const { allowFilter = true, protocolV2 = true } = options;
  const server = await startGitServer({ protocolV2 });
  const repo = await server.createRepo('shop.git', { allowFilter });
  const client = createGitClient();
  opened.push(client, server);
  return { server, repo, client, past: (old) => pastOf({ server, repo, client }, old) };
}

async function checkoutOf({ server, repo, client }: Omit<Place, 'past'>): Promise<Checkout> {
  const commit = (await repo.tip('main')) ?? '';
  const ref: ResolvedRef = { commit, fullRef: 'refs/heads/main', shortRef: 'main' };
  const wanted = { path: '', exclude: [] };
  const checkout = await client.checkout(server.urlOf(repo), anonymous, ref, asking.signal, { wanted });
  await checkout.snapshot(wanted, asking.signal);
  return checkout;
}

async function pastOf(
  from: Omit<Place, 'past'>,
  old: string | undefined,
  slowMs = 0,
  now = () => performance.now(),
): Promise<Past & { readonly faults: readonly string[] }> {
  const { server, repo, client } = from;
  const url = server.urlOf(repo);
  const checkout = await checkoutOf(from);
  const faults: string[] = [];
  const past = openPast({
    old,
    head: checkout.commit.sha,
    atHand: checkout.objects,
    readObjects: fileObjects,
    now,
    onFault: ({ reason }) => faults.push(reason),
    server: {
      history: async (asked, signal) => {
        await sleep(slowMs);
        return client.history(url, anonymous, asked, signal);
      },
      objects: async (oids, signal) => {
        await sleep(slowMs);
        return client.objects(url, anonymous, oids, signal);
      },
      descends: (ancestor, commit, signal) => client.descends(url, anonymous, ancestor, commit, signal),
    },
  });
  return { ...past, faults };
}

/** Commits, each with what it changes; gives their ids. */
async function grow(repo: GitRepo, count: number, change: (index: number) => Record<string, Content>): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) ids.push(await repo.write(change(index)));
  return ids;
}

const log = async (repo: GitRepo, ...args: readonly string[]): Promise<string[]> =>
  (await repo.git('log', '--format=%H', ...args)).split('\n').filter(Boolean);

describe('between two revisions', () => {
  let here: Place;
  beforeEach(async () => {
    here = await place();
  });

  test('one commit over what is in memory costs no request', async () => {
    const { repo, server } = here;
    const [old = ''] = await grow(repo, 1, () => ({ 'a.yaml': map('a', 0), 'both.yaml': `${map('b', 0)}---\n${map('c', 0)}` }));
    await here.past(undefined);
    const head = await repo.write({ 'a.yaml': map('a', 1), 'both.yaml': `${map('b', 1)}---\n${map('c', 0)}` });
    const past = await here.past(old);
    const before = server.counts.all;
    past.prepare(asking);
    expect(await past.incoming(asking)).toMatchObject({ relation: 'Forward', count: 1, more: false, commits: [{ sha: head }] });
    const changes = await past.lastChanges([single('a.yaml'), part('both.yaml', 'b'), part('both.yaml', 'c')], asking);
    expect(Object.fromEntries(changes)).toEqual({
      'a.yaml': { commit: head, exact: true },
      b: { commit: head, exact: true },
      c: { commit: old, exact: true },
    });
    expect(server.counts.all).toBe(before);
    expect(await past.before(asking)).toEqual(new Set([old]));
  });

  test('what is not in memory is fetched once, whoever asks', async () => {
    const { repo, server } = here;
    const ids = await grow(repo, 30, (index) => ({
      [`file-${index % 7}.yaml`]: map('x', index),
      'both.yaml': `${map('often', index)}---\n${map('seldom', Math.floor(index / 8))}`,
    }));
    const side = await repo.write({ 'side.yaml': map('side', 1) }, { branch: 'side', parent: ids[25] ?? '' });
    const tree = await repo.git('merge-tree', '--write-tree', 'main', side);
    const merged = await repo.git('commit-tree', tree, '-p', 'main', '-p', side, '-m', 'Merge');
    await repo.setRef('refs/heads/main', merged);
    const old = ids[20] ?? '';
    const past = await here.past(old);
    const before = server.counts.fetch;
    past.prepare(asking);
    const told = await Promise.all(Array.from({ length: 20 }, () => past.incoming(asking)));
    const expected = await log(repo, `${old}..${merged}`);
    for (const one of told) expect(one.commits.map(({ sha }) => sha)).toEqual(expected);
    expect(told[0]).toMatchObject({ relation: 'Forward', count: expected.length, more: false });
    expect(server.counts.fetch).toBe(before + 1);

    const files = ['side.yaml', ...Array.from({ length: 7 }, (_, index) => `file-${index}.yaml`)];
    const asked = [...files.map(single), part('both.yaml', 'often'), part('both.yaml', 'seldom')];
    const all = await Promise.all(Array.from({ length: 20 }, () => past.lastChanges(asked, asking)));
    const last = new Map<string, unknown>();
    for (const file of files) last.set(file, { commit: (await log(repo, '-1', merged, '--', file))[0], exact: true });
    last.set('often', { commit: ids[29], exact: true }).set('seldom', { commit: ids[24], exact: true });
    for (const changes of all) expect(changes).toEqual(last);
    expect(past.faults).toEqual([]);
    expect(past.commit(ids[24] ?? '')).toMatchObject({ author: 'Ada Lovelace <ada@example.com>', parents: [ids[23]] });
  });

  test('a force-push is told from where both parted, a rollback as what it is', async () => {
    const { repo } = here;
    const ids = await grow(repo, 6, (index) => ({ 'a.yaml': map('a', index) }));
    await here.past(undefined);
    const forced = await repo.write({ 'a.yaml': map('a', 100) }, { parent: ids[2] ?? '' });
    const past = await here.past(ids[5]);
    expect(await past.incoming(asking)).toMatchObject({ relation: 'Rewritten', base: ids[2], count: 1, commits: [{ sha: forced }] });
    await repo.setRef('refs/heads/main', ids[1] ?? '');
    const back = await here.past(ids[5]);
    expect(await back.incoming(asking)).toEqual({ relation: 'Rollback', commits: [], count: 0, more: false });
    const orphan = await repo.write({ 'a.yaml': map('a', 7) }, { parent: null });
    const alone = await here.past(ids[5]);
    expect(await alone.incoming(asking)).toMatchObject({ relation: 'Unrelated', count: 1, commits: [{ sha: orphan }] });
    expect(await alone.lastChanges([single('a.yaml')], asking)).toEqual(new Map([['a.yaml', { commit: orphan, exact: true }]]));
  });

  test('a server that went away, or hangs, leaves a bound', async () => {
    const { repo, server } = here;
    const ids = await grow(repo, 5, (index) => ({ 'a.yaml': map('a', 0), 'b.yaml': map('b', index) }));
    const past = await here.past(ids[0]);
    server.fault = { kind: 'refuse' };
    expect(await past.incoming(asking)).toMatchObject({ relation: 'Unknown', count: 1, more: true, commits: [{ sha: ids[4] }] });
    expect(await past.lastChanges([single('a.yaml')], asking)).toEqual(new Map([['a.yaml', { commit: ids[4], exact: false }]]));
    expect(past.faults).toContain('GitUnreachable');
    server.fault = undefined;
    const other = await pastOf(here, undefined);
    server.fault = { kind: 'hang' };
    const began = performance.now();
    expect(await other.lastChanges([single('a.yaml')], asking)).toEqual(new Map([['a.yaml', { commit: ids[4], exact: false }]]));
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('a first revision waits for a slow server no longer than a second; the rest comes behind it, for who asks next', async () => {
    const { repo, server } = here;
    const ids = await grow(repo, 5, (index) => ({ 'a.yaml': map('a', 0), 'b.yaml': map('b', index) }));
    const slowMs = 1_500;
    const past = await pastOf(here, undefined, slowMs);
    const began = performance.now();
    past.prepare(asking);
    expect(await past.lastChanges([single('a.yaml')], asking)).toEqual(new Map([['a.yaml', { commit: ids[4], exact: false }]]));
    expect(performance.now() - began).toBeLessThan(slowMs + 5_000);
    const asked = server.counts.fetch;
    await waitFor('the rest is fetched', () => server.counts.fetch > asked);
    // By the same past, and by that of the next revision, which finds it in memory.
    for (const one of [past, await here.past(undefined)])
      expect((await one.lastChanges([single('a.yaml')], asking)).get('a.yaml')).toEqual({ commit: ids[0], exact: true });
  });

  test('the second of a first revision is one for all that it waits for', async () => {
    const { repo } = here;
    const ids = await grow(repo, 4, (index) => ({ 'both.yaml': `${map('often', index)}---\n${map('seldom', 0)}` }));
    const parts = [part('both.yaml', 'often'), part('both.yaml', 'seldom')];
    // Each answer is there within a second; all of them are not.
    const past = await pastOf(here, undefined, 700);
    const changes = await past.lastChanges(parts, asking);
    expect(changes.get('seldom')).toEqual({ commit: ids[3], exact: false });
  });

  test('a push of 60 commits is listed whole by a server that cannot filter, whether or not what was before is in memory', async () => {
    const other = await place({ allowFilter: false });
    const [old = ''] = await grow(other.repo, 1, () => ({ 'a.yaml': map('a', 0) }));
    await other.past(undefined);
    const script: string[] = [];
    for (let index = 1; index <= 60; index += 1) {
      const content = map('a', index);
      script.push('commit refs/heads/main', `committer A <a@example.com> ${1_900_000_000 + index} +0000`, 'data 1', 'x');
      script.push(...(index === 1 ? [`from ${old}`] : []), 'M 100644 inline a.yaml', `data ${content.length}`, content);
    }
    await git(other.repo.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], `${script.join('\n')}\n`);
    const fresh = createGitClient();
    opened.push(fresh);
    for (const client of [other.client, fresh]) {
      const past = await pastOf({ ...other, client }, old);
      const { relation, count, more, commits } = await past.incoming(asking);
      expect([relation, count, more, commits.length]).toEqual(['Forward', 60, false, 60]);
    }
  });

  test('who asks and goes ends by its signal', async () => {
    const { repo, server } = here;
    await grow(repo, 3, (index) => ({ 'a.yaml': map('a', index) }));
    const past = await here.past(undefined);
    server.fault = { kind: 'hang' };
    const gone = new AbortController();
    const asked = past.lastChanges([single('b.yaml')], { ...asking, signal: gone.signal });
    gone.abort(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
  });
});

describe.each([
  ['a server that filters', {}, 250, true],
  ['a server that cannot filter', { allowFilter: false }, 50, true],
  ['a server before protocol version 2', { protocolV2: false }, 250, false],
  ['one that cannot filter either', { protocolV2: false, allowFilter: false }, 50, false],
])('the first revision from %s', (_, options, depth, byId) => {
  test(`is walked over ${depth} commits; what is older is told by a bound`, async () => {
    const here = await place(options);
    const { repo } = here;
    const ids = await grow(repo, 1, () => ({ 'old.yaml': map('old', 0), 'new.yaml': map('new', 0) }));
    const script: string[] = [];
    for (let index = 1; index < 300; index += 1) {
      const content = `${map('often', index)}---\n${map('seldom', Math.floor(index / 100))}`;
      const from = index === 1 ? [`from ${ids[0]}`] : [];
      script.push('commit refs/heads/main', `committer A <a@example.com> ${1_900_000_000 + index} +0000`, 'data 1', 'x', ...from);
      script.push(`M 100644 inline both.yaml`, `data ${content.length}`, content);
      if (index === 150) script.push('M 100644 inline new.yaml', 'data 2', 'x', '');
    }
    await git(repo.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], `${script.join('\n')}\n`);
    // Of a server that takes no time: the depth alone bounds the walk.
    const past = await pastOf(here, undefined, 0, () => 0);
    past.prepare(asking);
    expect(await past.incoming(asking)).toMatchObject({ relation: 'First', count: 1, more: true });
    const asked = [single('old.yaml'), single('new.yaml'), part('both.yaml', 'often'), part('both.yaml', 'seldom')];
    const changes = await past.lastChanges(asked, asking);
    const [tip, ...older] = await log(repo, 'main');
    expect(changes.get('old.yaml')).toEqual({ commit: older[depth - 2], exact: false });
    const newer = { commit: (await log(repo, '-1', 'main', '--', 'new.yaml'))[0], exact: true };
    expect(changes.get('new.yaml')).toEqual(depth > 150 ? newer : changes.get('old.yaml'));
    // Versions of a file are asked for by their ids, which an old server does not give.
    const seldom = depth > 100 ? { commit: older[98], exact: true } : changes.get('old.yaml');
    expect(changes.get('often')).toEqual({ commit: tip, exact: byId });
    expect(changes.get('seldom')).toEqual(byId ? seldom : { commit: tip, exact: false });
    expect(past.faults).toEqual([]);
  });
});
