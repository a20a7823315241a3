import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { canBeTag, signedText, verifyRevision } from '../../../operator/source/verify/index.ts';
import type { VerifyKeys, VerifyMode } from '../../../operator/source/verify/index.ts';
import type { RefSpec, ResolvedRef } from '../../../operator/source/types.ts';
import { refusalOf, Workplace } from './tools.ts';

// What spec.verify asks of a revision, on a repository in which people sign some of it.

let place: Workplace;
let keys: VerifyKeys;
const now = new Date(Date.now() + 3_600_000);

interface Revision {
  readonly ref: ResolvedRef;
  readonly checkout: Parameters<typeof verifyRevision>[2];
}

let revisions: Readonly<Record<string, Revision>>;

beforeAll(async () => {
  place = await Workplace.open();
  await place.run('git', ['init', '-q', '-b', 'main', place.directory]);
  keys = { asc: [], allowedSigners: `alice@example.com ${await place.sshKey('alice')}\n` };
  const [alice, plain] = [await commit(['-S']), await commit([])];
  const tag = async (name: string, of: string, options: readonly string[]): Promise<Revision> => {
    await git('tag', ...options, name, of);
    const id = (await git('rev-parse', `refs/tags/${name}`)).toString().trim();
    const isObject = id !== of;
    return revision(of, { tag: isObject ? id : undefined, fullRef: `refs/tags/${name}`, shortRef: name });
  };
  revisions = {
    signed: await revision(alice),
    plain: await revision(plain),
    'signed tag of signed': await tag('v1', alice, ['-s', '-m', 'v1']),
    'signed tag of plain': await tag('v2', plain, ['-s', '-m', 'v2']),
    'plain tag of signed': await tag('v3', alice, ['-a', '-m', 'v3']),
    'plain tag of plain': await tag('v4', plain, ['-a', '-m', 'v4']),
    'lightweight tag of signed': await tag('v5', alice, []),
  };
});
afterAll(() => place.close());

function git(...args: readonly string[]): Promise<Buffer> {
  return place.run('git', ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${place.path('alice.pub')}`, ...args]);
}

async function commit(options: readonly string[]): Promise<string> {
  await git('commit', '-q', '--allow-empty', '-m', 'Change', ...options);
  return (await git('rev-parse', 'HEAD')).toString().trim();
}

async function revision(sha: string, ref: Partial<ResolvedRef> = { fullRef: 'refs/heads/main', shortRef: 'main' }): Promise<Revision> {
  const tag = ref.tag === undefined ? undefined : await git('cat-file', 'tag', ref.tag);
  return {
    ref: { commit: sha, fullRef: undefined, shortRef: undefined, ...ref },
    checkout: { commit: { sha, subject: '', author: '', time: '' }, signed: { commit: await git('cat-file', 'commit', sha), tag } },
  };
}

function verify(name: string, mode: VerifyMode, by: VerifyKeys = keys): ReturnType<typeof verifyRevision> {
  const { ref, checkout } = revisions[name] as Revision;
  return verifyRevision(mode, ref, checkout, by, now);
}

describe('what is signed as the mode asks', () => {
  test.each<[VerifyMode, string, RegExp]>([
    ['HEAD', 'signed', /^commit [0-9a-f]{7}$/],
    ['HEAD', 'plain tag of signed', /^commit [0-9a-f]{7}$/],
    ['HEAD', 'lightweight tag of signed', /^commit [0-9a-f]{7}$/],
    ['Tag', 'signed tag of signed', /^tag v1$/],
    ['Tag', 'signed tag of plain', /^tag v2$/],
    ['TagAndHEAD', 'signed tag of signed', /^tag v1, commit [0-9a-f]{7}$/],
  ])('%s: %s', async (mode, name, whats) => {
    const signed = await verify(name, mode);
    expect(signed.map(({ what }) => what).join(', ')).toMatch(whats);
    expect(signed.map(({ by }) => `${by.kind} ${by.signer}`)).toEqual(signed.map(() => 'SSH alice@example.com'));
  });
});

describe('what is not', () => {
  test.each<[VerifyMode, string, readonly RegExp[]]>([
    ['HEAD', 'plain', [/^commit [0-9a-f]{7} is not signed$/]],
    ['HEAD', 'signed tag of plain', [/^commit [0-9a-f]{7} is not signed$/]],
    ['Tag', 'plain tag of signed', [/^tag v3 is not signed$/]],
    ['Tag', 'lightweight tag of signed', [/^tag v5 is a lightweight tag, which cannot carry a signature$/]],
    ['TagAndHEAD', 'signed tag of plain', [/^commit [0-9a-f]{7} is not signed$/]],
    ['TagAndHEAD', 'plain tag of signed', [/^tag v3 is not signed$/]],
    ['TagAndHEAD', 'plain tag of plain', [/^tag v4 is not signed$/, /^commit [0-9a-f]{7} is not signed$/]],
  ])('%s: %s, and all of it is told', async (mode, name, messages) => {
    const error = await refusalOf(() => verify(name, mode));
    expect(error.faults.map(({ reason }) => reason)).toEqual(messages.map(() => 'SignatureMissing'));
    for (const [index, message] of messages.entries()) expect(error.faults[index]?.message).toMatch(message);
  });

  // What ran before a restart: which tag it was is not remembered, and nothing is wrong with that tag.
  test('a commit that is known by its id alone is told as such, and nobody is sent to make a tag', async () => {
    const { ref, checkout } = revisions['lightweight tag of signed'] as Revision;
    const alone = { commit: ref.commit, fullRef: undefined, shortRef: undefined };
    const { faults } = await refusalOf(() => verifyRevision('Tag', alone, checkout, keys, now));
    expect(faults).toMatchObject([
      {
        reason: 'SignatureMissing',
        message: `commit ${ref.commit.slice(0, 7)} was reached by its id alone, so that the signature of the tag that once led to it cannot be verified`,
        remedy: expect.stringContaining('Nothing needs to be done'),
      },
    ]);
  });

  test('a lightweight tag is told how to be made anew', async () => {
    const { faults } = await refusalOf(() => verify('lightweight tag of signed', 'Tag'));
    expect(faults[0]?.remedy).toMatch(/^Make it anew as a signed tag \(git tag -s -f v5 [0-9a-f]{7}\) and push it\.$/);
  });

  test('a broken Secret is told once', async () => {
    const { faults } = await refusalOf(() => verify('signed tag of signed', 'TagAndHEAD', { asc: [], allowedSigners: 'alice' }));
    expect(faults.map(({ reason }) => reason)).toEqual(['VerifyKeysInvalid']);
  });

  test('the bytes of another tag are those of none', async () => {
    const [one, two] = [revisions['signed tag of signed'] as Revision, revisions['signed tag of plain'] as Revision];
    const error = await refusalOf(() => verifyRevision('Tag', one.ref, { ...one.checkout, signed: two.checkout.signed }, keys, now));
    expect(error.reason).toBe('SignatureInvalid');
  });
});

test.each<[RefSpec, boolean]>([
  [{}, false],
  [{ branch: 'v1' }, false],
  [{ commit: 'a'.repeat(40) }, false],
  [{ name: 'refs/heads/refs/tags/v1' }, false],
  [{ name: 'refs/tags/v1' }, true],
  [{ tag: 'v1' }, true],
  [{ semver: '1.x' }, true],
])('%j can be a tag: %j', (spec, can) => {
  expect(canBeTag(spec)).toBe(can);
});

test('is told as a sentence', () => {
  const by = { kind: 'SSH', signer: 'alice@example.com', key: 'SHA256:abc' } as const;
  expect(signedText([{ what: 'tag v1', by }])).toBe('Tag v1 is signed by alice@example.com with SSH key SHA256:abc.');
  expect(
    signedText([
      { what: 'tag v1', by },
      { what: 'commit 4f2a9c1', by: { kind: 'OpenPGP', signer: 'Ada <ada@example.com>', key: '0123' } },
    ]),
  ).toBe(
    'Tag v1 is signed by alice@example.com with SSH key SHA256:abc; commit 4f2a9c1 is signed by Ada <ada@example.com> with OpenPGP key 0123.',
  );
});
