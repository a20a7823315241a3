import { rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { resolveRef } from '../../operator/source/refs.ts';
import type { Checkout, Credentials, GitClient, RefSpec } from '../../operator/source/types.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';
import { cut } from './cut.ts';
import { failure } from './failure.ts';

const signal = new AbortController().signal;
let git: GitClient;
/** For servers that are not well. */
let impatient: GitClient;

beforeAll(() => {
  git = createGitClient();
  impatient = createGitClient({ timeouts: { idleMs: 400, connectMs: 1000 } });
});
afterAll(() => Promise.all([git.close(), impatient.close()]));

async function checkoutOf(url: string, spec: RefSpec, credentials: Credentials = anonymous, client = git): Promise<Checkout> {
  const refs = await client.listRefs(url, credentials, signal, ['refs/tags/', 'refs/pull/']);
  return client.checkout(url, credentials, resolveRef(refs, spec), signal);
}

describe.each([
  ['a server of protocol version 2', { protocolV2: true }, {}],
  ['a server that can filter', { protocolV2: true }, { allowFilter: true }],
  ['a server of protocol version 0', { protocolV2: false }, {}],
])('%s', (_, serverOptions, repoOptions) => {
  let server: GitServer;
  let repo: GitRepo;
  let url: string;

  beforeAll(async () => {
    server = await startGitServer(serverOptions);
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    repo = await server.createRepo(`${randomBytes(6).toString('hex')}.git`, repoOptions);
    url = server.urlOf(repo);
  });

  test('gives the commit of a branch, a tag, a range, a ref and HEAD', async () => {
    const first = await repo.write(
      { 'prod/web.yaml': 'v: 1\n' },
      { message: 'First\n\nwith a body', date: new Date('2026-01-02T03:04:05Z') },
    );
    await repo.tag('v1.0.0', first, 'an annotated tag');
    await repo.tag('light', first);
    const second = await repo.write({ 'prod/web.yaml': 'v: 2\n' }, { message: 'Second', author: 'Grace Hopper <grace@example.com>' });
    await repo.setRef('refs/pull/3/head', first);
    const read = async (spec: RefSpec): Promise<string[]> => {
      const checkout = await checkoutOf(url, spec);
      return [checkout.commit.sha, ...(await cut(checkout, 'prod')).files.map(({ content }) => content.toString())];
    };
    expect(await read({ branch: 'main' })).toEqual([second, 'v: 2\n']);
    expect(await read({})).toEqual([second, 'v: 2\n']);
    expect(await read({ tag: 'v1.0.0' })).toEqual([first, 'v: 1\n']);
    expect(await read({ tag: 'light' })).toEqual([first, 'v: 1\n']);
    expect(await read({ semver: '1.x' })).toEqual([first, 'v: 1\n']);
    expect(await read({ name: 'refs/pull/3/head' })).toEqual([first, 'v: 1\n']);
    expect((await checkoutOf(url, { tag: 'light' })).commit).toEqual({
      sha: first,
      subject: 'First',
      author: 'Ada Lovelace <ada@example.com>',
      time: '2026-01-02T03:04:05Z',
    });
    expect((await checkoutOf(url, {})).commit).toMatchObject({ subject: 'Second', author: 'Grace Hopper <grace@example.com>' });
  });

  test('gives the ids that git itself gives', async () => {
    await repo.write({ 'prod/web.yaml': 'v: 1\n', 'prod/ünï code.yaml': 'v: 2\n', 'README.md': 'hello' });
    const snapshot = await cut(await checkoutOf(url, {}), 'prod');
    expect(snapshot.tree).toBe(await repo.git('rev-parse', 'main:prod'));
    for (const { path, oid } of snapshot.files) expect(oid).toBe(await repo.git('rev-parse', `main:${path}`));
    expect(snapshot.files.map(({ path }) => path)).toEqual(['prod/web.yaml', 'prod/ünï code.yaml']);
  });

  test('reads manifests and nothing hidden', async () => {
    await repo.write({
      'a.yaml': 'a',
      'b.yml': 'b',
      'c.json': '{}',
      'd.txt': 'd',
      'e.YAML': 'e',
      '.hidden.yaml': 'h',
      '.github/workflow.yaml': 'h',
      'x/.y/z.yaml': 'h',
      'k/Kustomization': 'k',
      'k/kustomization.yaml': 'k',
      'chart/Chart.yaml': 'c',
      'same/a.yaml': 'a',
      'empty.yaml': '',
    });
    const { files } = await cut(await checkoutOf(url, {}), '');
    expect(files.map(({ path, content }) => `${path}=${content.toString()}`)).toEqual([
      'a.yaml=a',
      'b.yml=b',
      'c.json={}',
      'chart/Chart.yaml=c',
      'empty.yaml=',
      'k/Kustomization=k',
      'k/kustomization.yaml=k',
      'same/a.yaml=a',
    ]);
  });

  test('names submodules, LFS pointers, large files and symlinks that lead nowhere good where manifests are read', async () => {
    await repo.write({
      'prod/web.yaml': 'web',
      'prod/outside.yaml': { symlink: '../../etc/passwd' },
      'prod/up': { symlink: '../..' },
      'prod/absolute': { symlink: '/etc' },
      'prod/circle': { symlink: '../prod' },
      'prod/self.yaml': { symlink: 'self.yaml' },
      'prod/gone.yaml': { symlink: 'nowhere.yaml' },
      'prod/README': { symlink: '../base/README.md' },
      'prod/dangling': { symlink: 'nowhere' },
      'prod/vendor': { submodule: '1'.repeat(40) },
      'prod/lfs.yaml': `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 1\n`,
      'prod/zeros.yaml': Buffer.alloc(11 * 1024 * 1024),
      'base/README.md': 'hello',
    });
    const checkout = await checkoutOf(url, {});
    const error = await failure(cut(checkout, 'prod'));
    expect(error.faults.map(({ reason, place }) => `${reason} ${place?.file}`)).toEqual([
      'RepositoryRefused prod/absolute',
      'RepositoryRefused prod/circle',
      'RepositoryRefused prod/gone.yaml',
      'RepositoryRefused prod/lfs.yaml',
      'RepositoryRefused prod/outside.yaml',
      'RepositoryRefused prod/self.yaml',
      'RepositoryRefused prod/up',
      'RepositoryRefused prod/vendor',
      'RepositoryTooLarge prod/zeros.yaml',
    ]);
    expect(error.message).toContain('prod/zeros.yaml: the file is 11 MiB, over the limit of 10 MiB');
    expect((await cut(checkout, 'base')).files).toEqual([]);
  });

  test('follows symlinks within the repository', async () => {
    await repo.write({
      'prod/web.yaml': 'web',
      'prod/base': { symlink: '../shared/v1/../base' },
      'prod/db.yaml': { symlink: '../.hidden/db.yaml' },
      'prod/chain.yaml': { symlink: 'hop.yaml' },
      'prod/hop.yaml': { symlink: './base/a.yaml' },
      'shared/v1/x.txt': 'x',
      'shared/base/a.yaml': 'a',
      'shared/base/deep/b.yaml': 'b',
      '.hidden/db.yaml': 'db',
      current: { symlink: 'prod' },
    });
    const checkout = await checkoutOf(url, {});
    const expected = ['base/a.yaml=a', 'base/deep/b.yaml=b', 'chain.yaml=a', 'db.yaml=db', 'hop.yaml=a', 'web.yaml=web'];
    for (const path of ['prod', 'current']) {
      const { files } = await cut(checkout, path);
      expect(files.map((file) => `${file.path}=${file.content.toString()}`)).toEqual(expected.map((file) => `${path}/${file}`));
    }
    const before = (await cut(checkout, 'prod')).tree;
    await repo.write({ 'shared/base/a.yaml': 'a, changed' });
    const after = await cut(await checkoutOf(url, {}), 'prod');
    expect(after.tree).not.toBe(before);
    expect(after.files[0]?.content.toString()).toBe('a, changed');
  });

  test('an empty repository, a missing branch and a missing path are told', async () => {
    expect((await failure(checkoutOf(url, { branch: 'main' }))).reason).toBe('EmptyRepository');
    await repo.write({ 'prod/web.yaml': 'web' });
    expect((await failure(checkoutOf(url, { branch: 'prod' }))).reason).toBe('RefNotFound');
    const checkout = await checkoutOf(url, {});
    expect((await failure(cut(checkout, 'staging'))).reason).toBe('PathNotFound');
  });

  test('a commit that is not there is told', async () => {
    await repo.write({ 'web.yaml': 'web' });
    const error = await failure(checkoutOf(url, { commit: '4'.repeat(40) }));
    expect(error.reason).toBe('RefNotFound');
    expect(error.message).toContain('4'.repeat(40));
  });
});

describe('history', () => {
  let server: GitServer;

  beforeAll(async () => {
    server = await startGitServer();
  });
  afterAll(() => server.close());

  test('an older commit can be asked for by its id', async () => {
    const repo = await server.createRepo('older.git');
    const first = await repo.write({ 'web.yaml': '1' });
    await repo.write({ 'web.yaml': '2' });
    expect((await cut(await checkoutOf(server.urlOf(repo), { commit: first }), '')).files[0]?.content.toString()).toBe('1');
  });

  test.each([[true], [false]])('a push is told from a force-push (filter: %s)', async (allowFilter) => {
    const repo = await server.createRepo(`history-${allowFilter}.git`, { allowFilter });
    const url = server.urlOf(repo);
    const first = await repo.write({ 'web.yaml': '1' });
    const second = await repo.write({ 'web.yaml': '2' });
    const third = await repo.write({ 'web.yaml': '3' });
    const amended = await repo.write({ 'web.yaml': '3, amended' }, { parent: second });
    const rewritten = await repo.write({ 'web.yaml': '4' }, { parent: null });
    const descends = (from: string, to: string): Promise<boolean | undefined> => git.descends(url, anonymous, from, to, signal);
    expect(await descends(first, third)).toBe(true);
    expect(await descends(second, amended)).toBe(true);
    expect(await descends(third, third)).toBe(true);
    expect(await descends(third, amended)).toBe(false);
    expect(await descends(third, rewritten)).toBe(false);
    expect(await descends(third, first)).toBe(false);
    expect(await descends('4'.repeat(40), third)).toBe(false);
    const shares = (before: string, now: string): Promise<boolean | undefined> => git.sharesHistory(url, anonymous, before, now, signal);
    expect(await shares(third, amended)).toBe(true);
    expect(await shares(third, first)).toBe(true);
    expect(await shares(third, rewritten)).toBe(false);
    expect(await shares('4'.repeat(40), third)).toBeUndefined();
  });

  test('another repository in the place of one is told from a force-push that the server has tidied up', async () => {
    const url = `${server.url}/replaced.git`;
    const shares = (before: string, now: string): Promise<boolean | undefined> => git.sharesHistory(url, anonymous, before, now, signal);
    const begin = async (text: string): Promise<GitRepo> => {
      const repo = await server.createRepo('replaced.git', { allowFilter: true });
      await repo.write({ 'web.yaml': text });
      return repo;
    };
    const read = async (commit: string): Promise<string | undefined> =>
      (await cut(await checkoutOf(url, { commit }), '')).files[0]?.content.toString();
    const repo = await begin('1');
    const kept = (await repo.tip('main')) ?? '';
    const dropped = await repo.write({ 'web.yaml': '2' });
    expect(await read(dropped)).toBe('2');
    const forced = await repo.write({ 'web.yaml': '3' }, { parent: kept });
    await repo.git('reflog', 'expire', '--expire=now', '--all');
    await repo.git('gc', '--quiet', '--prune=now');
    expect(await read(forced)).toBe('3');
    expect(await shares(dropped, forced)).toBe(true);
    await rm(repo.directory, { recursive: true });
    const other = (await (await begin('4')).tip('main')) ?? '';
    expect(await read(other)).toBe('4');
    expect(await git.descends(url, anonymous, forced, other, signal)).toBe(false);
    expect(await shares(forced, other)).toBe(false);
  });

  test('a merge is no force-push', async () => {
    const repo = await server.createRepo('merge.git');
    const base = await repo.write({ 'web.yaml': '1' });
    const left = await repo.write({ 'web.yaml': '2' });
    const right = await repo.write({ 'api.yaml': '1' }, { branch: 'side', parent: base });
    const tree = await repo.git('rev-parse', `${left}^{tree}`);
    const merge = await repo.git('commit-tree', tree, '-p', right, '-p', left, '-m', 'Merge');
    await repo.setRef('refs/heads/main', merge);
    expect(await git.descends(server.urlOf(repo), anonymous, left, merge, signal)).toBe(true);
    expect(await git.descends(server.urlOf(repo), anonymous, base, merge, signal)).toBe(true);
  });
});

describe('a server that is not well', () => {
  let server: GitServer;
  let url: string;

  beforeAll(async () => {
    server = await startGitServer();
    const repo = await server.createRepo('shop.git');
    await repo.write({ 'web.yaml': '1' });
    url = server.urlOf(repo);
  });
  afterAll(() => server.close());
  afterEach(() => {
    server.fault = undefined;
    server.faultFor = undefined;
  });

  test.each<[NonNullable<GitServer['fault']>, string, string | RegExp]>([
    [{ kind: 'status', status: 401 }, 'AuthenticationFailed', 'asks for credentials'],
    [{ kind: 'status', status: 403 }, 'AuthenticationFailed', '403'],
    [{ kind: 'status', status: 404 }, 'RepositoryNotFound', 'no repository'],
    [{ kind: 'status', status: 500, body: '<h1>Oops</h1>' }, 'GitError', 'answers 500: Oops'],
    [{ kind: 'status', status: 500, body: 'secret', headers: { 'content-type': 'application/json' } }, 'GitError', /answers 500(?!: )/],
    [{ kind: 'status', status: 503, headers: { 'retry-after': '7' } }, 'GitError', 'answers 503'],
    [{ kind: 'html' }, 'GitError', /text\/html; charset=utf-8 instead of git, a page for people \(a login\?\)(?!.*Welcome)/],
    [{ kind: 'hang' }, 'GitTimeout', 'said nothing for 0.4 s'],
    [{ kind: 'stall' }, 'GitTimeout', /(said nothing|its introduction) for 0\.4 s$/],
    [{ kind: 'refuse' }, 'GitUnreachable', 'cut off'],
    [{ kind: 'redirect', location: 'http://elsewhere.example.com{url}' }, 'GitError', 'redirects to http://elsewhere.example.com'],
    [{ kind: 'redirect', location: '{url}' }, 'GitError', 'redirects without end'],
  ])('%j', async (fault, reason, words) => {
    server.fault = fault;
    for (const work of [
      impatient.listRefs(url, anonymous, signal),
      impatient.checkout(url, anonymous, { commit: '1'.repeat(40), fullRef: 'refs/heads/main', shortRef: 'main' }, signal),
    ]) {
      const error = await failure(work);
      expect(error.reason).toBe(reason);
      expect(error.message).toMatch(words);
      if (fault.kind === 'status' && fault.status === 503) expect(error.retryAfterMs).toBe(7000);
    }
    server.fault = undefined;
    expect((await checkoutOf(url, {})).commit.subject).toBe('Change manifests');
  });

  test('one that fails only when the commit is asked for', async () => {
    const repo = await server.createRepo('hangs.git');
    await repo.write({ 'web.yaml': '1' });
    const refs = await impatient.listRefs(server.urlOf(repo), anonymous, signal);
    server.fault = { kind: 'hang' };
    server.faultFor = (request) => request.method === 'POST';
    expect((await failure(impatient.checkout(server.urlOf(repo), anonymous, resolveRef(refs, {}), signal))).reason).toBe('GitTimeout');
  });

  test('a redirect on the same host is followed', async () => {
    server.fault = { kind: 'redirect', location: '/shop.git/info/refs?service=git-upload-pack' };
    server.faultFor = (request) => request.url?.startsWith('/old.git/') === true;
    expect((await checkoutOf(`${server.url}/old.git`, {})).commit.subject).toBe('Change manifests');
  });

  test('a repository that is renamed while it is followed is found where it is now', async () => {
    const repo = await server.createRepo('before.git');
    await repo.write({ 'web.yaml': '1' });
    const before = server.urlOf(repo);
    await checkoutOf(before, {});
    const next = await repo.write({ 'web.yaml': '2' });
    await rename(repo.directory, join(server.root, 'after.git'));
    server.fault = { kind: 'redirect', location: '/after.git/info/refs?service=git-upload-pack' };
    server.faultFor = (request) => request.method === 'GET' && request.url?.startsWith('/before.git/') === true;
    const checkout = await checkoutOf(before, {});
    expect([checkout.commit.sha, (await cut(checkout, '')).files[0]?.content.toString()]).toEqual([next, '2']);
    expect(git.movedTo(before, anonymous)).toBe(`${server.url}/after.git`);
    // Another way to write the same is no move.
    server.fault = { kind: 'redirect', location: '/after.git/info/refs?service=git-upload-pack' };
    server.faultFor = (request) => request.url?.startsWith('/after/') === true;
    await checkoutOf(`${server.url}/after`, {});
    expect(git.movedTo(`${server.url}/after`, anonymous)).toBeUndefined();
    expect(git.movedTo(url, anonymous)).toBeUndefined();
  });

  test('no such repository', async () => {
    expect((await failure(git.listRefs(`${server.url}/nope.git`, anonymous, signal))).reason).toBe('RepositoryNotFound');
  });

  test('no such host', async () => {
    expect((await failure(git.listRefs('http://no-such-host.invalid/x.git', anonymous, signal))).reason).toBe('GitUnreachable');
  });

  test('nobody at the port', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const error = await failure(git.listRefs(`http://127.0.0.1:${port}/x.git`, anonymous, signal));
    expect([error.reason, error.message]).toEqual([
      'GitUnreachable',
      `http://127.0.0.1:${port}/x.git cannot be reached: connection refused`,
    ]);
  });

  test('what is given up ends at once, with the reason it was given up for', async () => {
    server.fault = { kind: 'hang' };
    const slow = createGitClient();
    try {
      const controller = new AbortController();
      const ref = { commit: '1'.repeat(40), fullRef: undefined, shortRef: undefined };
      const waiting = [slow.listRefs(url, anonymous, controller.signal), slow.checkout(url, anonymous, ref, controller.signal)];
      const reason = new Error('no longer needed');
      controller.abort(reason);
      expect(await Promise.allSettled(waiting)).toEqual([
        { status: 'rejected', reason },
        { status: 'rejected', reason },
      ]);
    } finally {
      await slow.close();
    }
  });
});
