import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { resolveRef } from '../../operator/source/refs.ts';
import type { Checkout, GitClient, RefSpec, ResolvedRef } from '../../operator/source/types.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';

// Signatures are over the bytes of a commit or a tag: these must come as git itself prints them.

const signal = new AbortController().signal;
let git: GitClient;

beforeAll(() => {
  git = createGitClient();
});
afterAll(() => git.close());

describe.each([
  ['protocol version 2', true],
  ['protocol version 0', false],
])('%s', (_, protocolV2) => {
  let server: GitServer;
  let repo: GitRepo;
  let url: string;

  beforeAll(async () => {
    server = await startGitServer({ protocolV2 });
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    repo = await server.createRepo(`${randomBytes(6).toString('hex')}.git`);
    url = server.urlOf(repo);
  });

  async function resolved(spec: RefSpec): Promise<ResolvedRef> {
    return resolveRef(await git.listRefs(url, anonymous, signal, ['refs/tags/']), spec);
  }

  async function checkoutOf(spec: RefSpec): Promise<Checkout> {
    return git.checkout(url, anonymous, await resolved(spec), signal);
  }

  test('the bytes of commit and tag', async () => {
    const commit = await repo.write({ 'web.yaml': 'v: 1\n' }, { message: 'Été\n' });
    await repo.tag('v1.0.0', commit, 'an annotated tag');
    await repo.tag('light', commit);
    await repo.git('tag', '-a', '-m', 'of a tag', 'nested', 'v1.0.0');
    const printed = async (type: string, name: string): Promise<string> => `${await repo.git('cat-file', type, name)}\n`;
    const signed = async (spec: RefSpec): Promise<(string | undefined)[]> => {
      const { signed: bytes } = await checkoutOf(spec);
      return [bytes.commit.toString(), bytes.tag?.toString()];
    };
    const raw = await printed('commit', commit);
    expect(await signed({ branch: 'main' })).toEqual([raw, undefined]);
    expect(await signed({ tag: 'light' })).toEqual([raw, undefined]);
    expect(await signed({ tag: 'v1.0.0' })).toEqual([raw, await printed('tag', 'v1.0.0')]);
    expect(await signed({ tag: 'nested' })).toEqual([raw, await printed('tag', 'nested')]);
    expect((await checkoutOf({ tag: 'nested' })).commit.sha).toBe(commit);
  });

  test('a tag that leads elsewhere than the server said is refused', async () => {
    const [one, two] = [await repo.write({ 'web.yaml': '1' }), await repo.write({ 'web.yaml': '2' })];
    await repo.tag('v1', one, 'One');
    const lie = { ...(await resolved({ tag: 'v1' })), commit: two };
    const error = await git.checkout(url, anonymous, lie, signal).then(
      () => undefined,
      (thrown: unknown) => thrown as PlumblineError,
    );
    expect([error?.reason, error?.message]).toEqual(['GitError', expect.stringContaining(`leads to ${two}, and it leads to ${one}`)]);
  });
});
