import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import ssh2 from 'ssh2';
import { PlumblineError } from '../../../operator/errors.ts';
import { inspectIdentity, unlockIdentity } from '../../../operator/source/ssh/identity.ts';
import { sshTarget } from '../../../operator/source/ssh/target.ts';
import { makeSshKey } from '../../gitserver/index.ts';

async function refusal(work: () => unknown): Promise<PlumblineError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof PlumblineError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

/** The public half of what was opened, as ssh-keygen writes it. */
function publicOf(text: string): string {
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error) throw parsed;
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  return `${key?.type} ${key?.getPublicSSH().toString('base64')}`;
}

describe('a key of ssh-keygen', () => {
  test.each<[string, Parameters<typeof makeSshKey>]>([
    ['plain', ['ed25519']],
    ['encrypted', ['ed25519', 'open sesame ä']],
    ['of one round', ['ed25519', 'open sesame', ['-a', '1']]],
    ...['aes192-ctr', 'aes128-ctr', 'aes256-cbc', 'aes192-cbc', 'aes128-cbc'].map((cipher): [string, Parameters<typeof makeSshKey>] => [
      cipher,
      ['ed25519', 'open sesame', ['-Z', cipher, '-a', '2']],
    ]),
    ['of RSA, encrypted', ['rsa', 'open sesame', ['-b', '2048', '-a', '2']]],
    ['of RSA in PEM, encrypted', ['rsa', 'open sesame', ['-b', '2048', '-m', 'PEM']]],
    ['of ecdsa, encrypted', ['ecdsa', 'open sesame', ['-a', '2']]],
  ])('%s is opened, by its passphrase alone', async (_, args) => {
    const key = await makeSshKey(...args);
    const passphrase = args[1];
    expect(inspectIdentity(key.private)).toEqual({ encrypted: passphrase !== undefined });
    expect(publicOf(await unlockIdentity(key.private, passphrase))).toBe(key.public);
    if (passphrase === undefined) return;
    expect((await refusal(() => unlockIdentity(key.private, `${passphrase}x`))).message).toContain('password does not open identity');
    expect((await refusal(() => unlockIdentity(key.private, undefined))).message).toContain('is not set');
  });

  test('is opened without holding anything else up', async () => {
    const key = await makeSshKey('ed25519', 'open sesame', ['-a', '24']);
    let turns = 0;
    let turn = setImmediate(function next() {
      turns++;
      turn = setImmediate(next);
    });
    try {
      expect(publicOf(await unlockIdentity(key.private, 'open sesame'))).toBe(key.public);
    } finally {
      clearImmediate(turn);
    }
    // On this thread it would be some 500 ms of computing, between two turns.
    expect(turns).toBeGreaterThan(20);
  });
});

describe('what is refused', () => {
  const pkcs8 = (type: 'ed25519'): string => generateKeyPairSync(type).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  test.each<[string, () => string | Promise<string>, string]>([
    ['nothing', () => '', 'no private key'],
    ['a public key', async () => (await makeSshKey()).public, 'no private key'],
    [
      'a public key in PEM',
      () => createPublicKey(pkcs8('ed25519')).export({ type: 'spki', format: 'pem' }).toString(),
      'says that it is public',
    ],
    ['a key cut in half', async () => (await makeSshKey()).private.replace(/\n.*\n-----END/, '\n-----END'), 'does not parse'],
    ['an ed25519 key in PKCS #8', () => pkcs8('ed25519'), 'PKCS #8'],
    [
      'an encrypted key in PKCS #8',
      async () => (await makeSshKey('rsa', 'sesame', ['-b', '2048', '-m', 'PKCS8'])).private,
      'whose cost of opening is not bounded',
    ],
    ['a DSA key', () => '-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n', 'DSA'],
    ['a PuTTY key', () => 'PuTTY-User-Key-File-3: ssh-ed25519\n', 'no private key'],
  ])('%s', async (_, make, words) => {
    const text = await make();
    const error = await refusal(() => inspectIdentity(text));
    expect([error.reason, error.message]).toEqual(['SecretInvalid', expect.stringContaining(words)]);
    for (const part of text.split('\n').filter((one) => one.length > 20 && !one.startsWith('-----')))
      expect(error.message).not.toContain(part);
  });

  test('a key that takes too many rounds to open', async () => {
    const { private: text } = await makeSshKey('ed25519', 'sesame', ['-a', '2']);
    const bytes = Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64');
    const at = bytes.indexOf(Buffer.from([0, 0, 0, 16])) + 20;
    expect(bytes.readUInt32BE(at)).toBe(2);
    bytes.writeUInt32BE(2 ** 31, at);
    const hostile = `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
    expect((await refusal(() => unlockIdentity(hostile, 'sesame'))).message).toContain('over 256 rounds');
  });
});

test.each([
  [
    'ssh://git@git.example.com/acme/shop.git',
    { host: 'git.example.com', port: 22, user: 'git', command: "git-upload-pack '/acme/shop.git'" },
  ],
  ['ssh://GIT.example.com:2222/x/', { host: 'git.example.com', port: 2222, user: 'git', command: "git-upload-pack '/x'" }],
  ['ssh://a%40b@[fd00::1]/~ada/shop', { host: 'fd00::1', port: 22, user: 'a@b', command: "git-upload-pack '~ada/shop'" }],
  ["ssh://git@h/it's;rm%20-rf%20!", { host: 'h', port: 22, user: 'git', command: "git-upload-pack '/it'\\''s;rm -rf '\\!''" }],
])('%s', (url, target) => expect(sshTarget(new URL(url))).toEqual(target));
