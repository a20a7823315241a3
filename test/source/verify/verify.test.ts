import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readVerifyKeys, verifyCommit, verifyTag } from '../../../operator/source/verify/index.ts';
import type { Verified, VerifyKeys } from '../../../operator/source/verify/index.ts';
import { objectId, reasonOf, refusalOf, Workplace } from './tools.ts';

let place: Workplace;
let keys: VerifyKeys;
let fingerprint: string;
/** Later than anything that is signed here. */
const now = new Date(Date.now() + 3_600_000);

/** A repository in which people sign; git itself is asked whether it trusts them. */
beforeAll(async () => {
  place = await Workplace.open();
  await place.run('git', ['init', '-q', '-b', 'main', place.directory]);
  const [alice, ca] = [await place.sshKey('alice'), await place.sshKey('ca')];
  await place.sshKey('mallory');
  await place.sshKey('carol');
  await place.run('ssh-keygen', ['-q', '-s', place.path('ca'), '-I', 'carol-laptop', '-n', 'carol@example.com', place.path('carol.pub')]);
  fingerprint = await place.gpgKey('bob@example.com');
  await place.gpgKey('eve@example.com');
  const list = `alice@example.com namespaces="git" ${alice}\n*@example.com cert-authority ${ca}\n`;
  await git(['config', 'gpg.ssh.allowedSignersFile', await place.write('allowed', list)]);
  keys = { asc: [{ name: 'bob.asc', text: await place.gpgExport('bob@example.com') }], allowedSigners: list };
});
afterAll(() => place.close());

function git(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Buffer> {
  return place.run('git', args, undefined, env);
}

/** The configuration that signs with a key: an SSH key by its file, else the OpenPGP key. */
function signer(name: string): string[] {
  const isSsh = !name.includes('@');
  return ['-c', `gpg.format=${isSsh ? 'ssh' : 'openpgp'}`, '-c', `user.signingKey=${isSsh ? place.path(`${name}.pub`) : name}`];
}

async function commit(
  name: string,
  message = 'A commit',
  env?: NodeJS.ProcessEnv,
): Promise<{ readonly sha: string; readonly raw: Buffer }> {
  await git([...signer(name), 'commit', '-q', '--allow-empty', '-S', '-m', message], env);
  return head();
}

async function head(): Promise<{ readonly sha: string; readonly raw: Buffer }> {
  const sha = (await git(['rev-parse', 'HEAD'])).toString().trim();
  return { sha, raw: await git(['cat-file', 'commit', sha]) };
}

async function tag(
  name: string,
  by: string,
): Promise<{ readonly sha: string; readonly raw: Buffer; readonly name: string; readonly commit: string }> {
  await git([...signer(by), 'tag', '-f', '-s', '-m', 'A release', name]);
  const sha = (await git(['rev-parse', `refs/tags/${name}`])).toString().trim();
  return { sha, raw: await git(['cat-file', 'tag', sha]), name, commit: (await git(['rev-parse', `${name}^{}`])).toString().trim() };
}

async function isTrustedByGit(verb: 'verify-commit' | 'verify-tag', name: string): Promise<boolean> {
  return (await place.try('git', [verb, name])).status === 0;
}

describe('what git trusts is trusted', () => {
  const expected = (name: string): Verified =>
    ({
      alice: { kind: 'SSH', signer: 'alice@example.com', key: expect.stringMatching(/^SHA256:/) as unknown as string },
      'carol-cert': { kind: 'SSH', signer: 'carol@example.com', key: expect.stringMatching(/^SHA256:/) as unknown as string },
      'bob@example.com': { kind: 'OpenPGP', signer: 'bob <bob@example.com>', key: fingerprint },
    })[name] as Verified;

  test.each(['alice', 'carol-cert', 'bob@example.com'])('by %s', async (name) => {
    const signedCommit = await commit(name, 'Été\n\n-----BEGIN SSH SIGNATURE-----\nnot one\n');
    expect(await isTrustedByGit('verify-commit', signedCommit.sha)).toBe(true);
    expect(await verifyCommit(signedCommit, keys, now)).toEqual(expected(name));
    const signedTag = await tag('v1.0.0', name);
    expect(await isTrustedByGit('verify-tag', 'v1.0.0')).toBe(true);
    expect(await verifyTag(signedTag, keys, now)).toEqual(expected(name));
  });
});

test.each(['mallory', 'eve@example.com'])('by %s, nothing is', async (name) => {
  const signedCommit = await commit(name);
  // The keyring that gpg signs from is also the one that it trusts here, so only SSH can be asked.
  if (name === 'mallory') expect(await isTrustedByGit('verify-commit', signedCommit.sha)).toBe(false);
  const error = await refusalOf(() => verifyCommit(signedCommit, keys, now));
  expect(error.reason).toBe('SignatureUntrusted');
  expect(error.message).toMatch(new RegExp(`^commit ${signedCommit.sha.slice(0, 7)} is signed with (SSH|OpenPGP) key \\S+, which no `));
  const signedTag = await tag('v2.0.0', name);
  const refused = await refusalOf(() => verifyTag(signedTag, keys, now));
  expect([refused.reason, refused.message]).toEqual(['SignatureUntrusted', expect.stringMatching(/^tag v2\.0\.0 is signed with /)]);
});

test('a commit that merges a signed tag is judged by its own signature', async () => {
  await git(['checkout', '-q', '-b', 'side']);
  await commit('alice', 'On the side');
  await tag('side-1', 'alice');
  await git(['checkout', '-q', 'main']);
  await git([...signer('bob@example.com'), 'merge', '-q', '--no-ff', '-S', '-m', 'Merge', 'side-1']);
  const merged = await head();
  expect(merged.raw.includes('\nmergetag ')).toBe(true);
  expect((await verifyCommit(merged, keys, now)).kind).toBe('OpenPGP');
});

test('what is not signed is told as that', async () => {
  await git(['commit', '-q', '--allow-empty', '-m', 'Plain']);
  const plain = await head();
  expect(await refusalOf(() => verifyCommit(plain, keys, now))).toMatchObject({
    reason: 'SignatureMissing',
    message: `commit ${plain.sha.slice(0, 7)} is not signed`,
  });
  await git(['tag', '-a', '-m', 'Plain', 'plain']);
  const raw = await git(['cat-file', 'tag', 'plain']);
  const error = await refusalOf(() => verifyTag({ sha: objectId('tag', raw), raw, name: 'plain', commit: plain.sha }, keys, now));
  expect([error.reason, error.message]).toEqual(['SignatureMissing', 'tag plain is not signed']);
});

test('a signed tag is not taken for another, nor for another commit', async () => {
  const signedTag = await tag('v3.0.0', 'alice');
  const other = (await commit('alice')).sha;
  const moved = await refusalOf(() => verifyTag({ ...signedTag, commit: other }, keys, now));
  expect([moved.reason, moved.message]).toEqual([
    'SignatureInvalid',
    `tag v3.0.0 was signed for commit ${signedTag.commit.slice(0, 7)}, not for commit ${other.slice(0, 7)}`,
  ]);
  const renamed = await refusalOf(() => verifyTag({ ...signedTag, name: 'v4.0.0' }, keys, now));
  expect([renamed.reason, renamed.message]).toEqual(['SignatureInvalid', 'tag v4.0.0 was signed under another name, "v3.0.0"']);
});

test('bytes that are not those of the object id are refused, however well they are signed', async () => {
  const [one, two] = [await commit('alice', 'One'), await commit('alice', 'Two')];
  const error = await refusalOf(() => verifyCommit({ sha: one.sha, raw: two.raw }, keys, now));
  expect([error.reason, error.message]).toEqual(['SignatureInvalid', expect.stringContaining('is not what its object id says')]);
});

test('a signature of one commit is none of another', async () => {
  const [one, two] = [await commit('bob@example.com', 'One'), await commit('bob@example.com', 'Two')];
  const raw = Buffer.from(
    two.raw.toString('latin1').replace(/gpgsig [^]*?-----END.*\n/, /gpgsig [^]*?-----END.*\n/.exec(one.raw.toString('latin1'))?.[0] ?? ''),
    'latin1',
  );
  expect(await reasonOf(() => verifyCommit({ sha: objectId('commit', raw), raw }, keys, now))).toBe('SignatureInvalid');
});

test('an SSH key is judged at the time of the commit, so that an old one can be deployed again', async () => {
  const limited = { ...keys, allowedSigners: keys.allowedSigners?.replace('namespaces="git"', 'valid-before="20240101Z"') };
  const before = await commit('alice', 'Before', { GIT_COMMITTER_DATE: '2023-12-31T23:59:59Z' });
  const after = await commit('alice', 'After', { GIT_COMMITTER_DATE: '2024-01-01T00:00:01Z' });
  expect((await verifyCommit(before, limited, now)).signer).toBe('alice@example.com');
  expect(await reasonOf(() => verifyCommit(after, limited, now))).toBe('SignatureExpired');
});

test('an empty line behind the armour, as some forges write, does no harm', async () => {
  const { raw } = await commit('bob@example.com');
  const forge = Buffer.from(
    raw.toString('latin1').replace(' -----END PGP SIGNATURE-----\n', ' -----END PGP SIGNATURE-----\n \n'),
    'latin1',
  );
  expect((await verifyCommit({ sha: objectId('commit', forge), raw: forge }, keys, now)).key).toBe(fingerprint);
});

test('X.509 is told as what is not verified here', async () => {
  const raw = Buffer.from(
    'tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ngpgsig -----BEGIN SIGNED MESSAGE-----\n AAAA\n -----END SIGNED MESSAGE-----\n\nx\n',
  );
  const error = await refusalOf(() => verifyCommit({ sha: objectId('commit', raw), raw }, keys, now));
  expect([error.reason, error.message]).toEqual(['SignatureUntrusted', expect.stringContaining('X.509')]);
});

describe('the Secret', () => {
  const encode = (text: string): string => Buffer.from(text).toString('base64');

  test('gives its *.asc by name and its allowed_signers', () => {
    expect(readVerifyKeys({ 'b.asc': encode('B'), 'a.asc': encode('A'), allowed_signers: encode('x'), password: encode('p') })).toEqual({
      asc: [
        { name: 'a.asc', text: 'A' },
        { name: 'b.asc', text: 'B' },
      ],
      allowedSigners: 'x',
    });
    expect(readVerifyKeys({ allowed_signers: '' })).toEqual({ asc: [], allowedSigners: '' });
  });

  test('without either is refused', async () => {
    expect(await reasonOf(() => readVerifyKeys({ password: encode('p') }))).toBe('VerifyKeysInvalid');
  });
});
