import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { readCredentials } from '../../operator/source/credentials.ts';
import { maskOf } from '../../operator/source/mask.ts';
import type { Credentials } from '../../operator/source/types.ts';
import { makeCertificate, makeSshKey } from '../gitserver/index.ts';

const { ca, cert, key } = makeCertificate({ purpose: 'client' });
const stranger = makeCertificate({ purpose: 'client' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const appKey = rsa.export({ type: 'pkcs1', format: 'pem' }).toString();
const https = new URL('https://git.example.com/shop.git');
const http = new URL('http://git.example.com/shop.git');
const ssh = new URL('ssh://git@git.example.com/shop.git');
const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8xq2bRyYJ0oXo0V1mTmLpZPz2jE3bJvYz9yq7V1m8M';
const knownHosts = `git.example.com ${hostKey}\n`;
let identity: string;
let locked: string;

beforeAll(async () => {
  identity = (await makeSshKey()).private;
  locked = (await makeSshKey('ed25519', 'pa55word', ['-a', '1'])).private;
});

function app(): Record<string, string> {
  return { githubAppID: '1', githubAppInstallationID: '2', githubAppPrivateKey: appKey };
}

function encrypted(of: KeyObject): string {
  return of.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'pa55word' }).toString();
}

function secret(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
}

function refusal(values: Readonly<Record<string, string>>, url = https): PlumblineError {
  try {
    readCredentials(secret(values), url);
  } catch (error) {
    if (error instanceof PlumblineError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('what a Secret may hold', () => {
  test.each([
    ['username and password', { username: 'ada', password: 'pa55' }],
    ['a username alone', { username: 'token' }],
    ['a bearer token', { bearerToken: 'abc' }],
    ['an authority alone', { 'ca.crt': ca }],
    ['an authority and a password', { 'ca.crt': ca, username: 'ada', password: 'pa55' }],
    ['keys of somebody else beside ours', { username: 'ada', password: 'pa55', note: 'x' }],
  ])('%s', (_, values) => {
    const { id, username, password, bearerToken, ca: authority } = readCredentials(secret(values), https);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const read = { username, password, bearerToken, 'ca.crt': authority };
    for (const [name, value] of Object.entries(read)) {
      expect(value).toBe((values as Record<string, string>)[name]?.trimEnd());
    }
  });

  test('a line break at the end of a value is not part of it', () => {
    expect(readCredentials(secret({ bearerToken: 'abc\n' }), https).bearerToken).toBe('abc');
  });
});

describe('what a Secret may not hold', () => {
  test.each([
    ['nothing that is known', { user: 'ada' }, 'SecretInvalid', 'username'],
    ['a password without username', { password: 'pa55word' }, 'SecretInvalid', 'password is set without username'],
    ['an empty value', { username: 'ada', password: '' }, 'SecretInvalid', 'password is empty'],
    ['two ways at once', { username: 'ada', password: 'pa55word', bearerToken: 'abcdef' }, 'SecretInvalid', 'both'],
    ['a line break within a token', { bearerToken: 'abc\r\nx-evil: 1' }, 'SecretInvalid', 'control character'],
    ['a colon in the username', { username: 'ada:pa55word' }, 'SecretInvalid', 'colon'],
    ['an authority that is no PEM', { 'ca.crt': 'pa55word' }, 'SecretInvalid', 'no PEM'],
    ['an authority that is a key', { 'ca.crt': key }, 'SecretInvalid', 'no PEM'],
    ['an authority that is broken', { 'ca.crt': ca.replace(/\n[A-Za-z0-9+/]{10}/, '\n') }, 'SecretInvalid', 'does not parse'],
    ['a certificate without key', { 'tls.crt': cert }, 'SecretInvalid', 'tls.crt is set without tls.key'],
    ['a key without certificate', { 'tls.key': key }, 'SecretInvalid', 'tls.key is set without tls.crt'],
    [
      'a certificate and the key of another',
      { 'tls.crt': cert, 'tls.key': stranger.key },
      'SecretInvalid',
      'is not the key of the certificate',
    ],
    ['a certificate and no key', { 'tls.crt': cert, 'tls.key': 'pa55word' }, 'SecretInvalid', 'tls.key holds no PEM'],
    ['a certificate and an encrypted key', { 'tls.crt': cert, 'tls.key': encrypted(rsa) }, 'SecretInvalid', 'tls.key is encrypted'],
    ['an SSH key', { identity: 'pa55word' }, 'SecretInvalid', 'identity is for ssh URLs, and spec.url is https://'],
    ['half a GitHub App', { githubAppID: '1', githubAppPrivateKey: 'pa55word' }, 'SecretInvalid', 'githubAppInstallationID is missing'],
    ['a GitHub App with no key', { ...app(), githubAppPrivateKey: 'pa55word' }, 'SecretInvalid', 'githubAppPrivateKey holds no PEM'],
    ['a GitHub App with an elliptic key', { ...app(), githubAppPrivateKey: key }, 'SecretInvalid', 'is no RSA key'],
    ['a GitHub App with a name for a number', { ...app(), githubAppInstallationID: 'acme' }, 'SecretInvalid', 'is no number'],
    ['a GitHub App with a path for an id', { ...app(), githubAppID: '../1' }, 'SecretInvalid', 'githubAppID is no id'],
    ['a GitHub App at no URL', { ...app(), githubAppBaseURL: 'github.example.com' }, 'SecretInvalid', 'is no http(s) URL'],
    ['a GitHub App at a URL with a login', { ...app(), githubAppBaseURL: 'https://a:pa55word@h' }, 'SecretInvalid', 'is no http(s) URL'],
    [
      'a GitHub App and a password',
      { ...app(), username: 'ada', password: 'pa55word' },
      'SecretInvalid',
      'username, password is set beside',
    ],
  ])('%s', (_, values, reason, words) => {
    const error = refusal(values);
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(words);
    expect(JSON.stringify([error.message, error.faults])).not.toContain('pa55word');
    expect(JSON.stringify([error.message, error.faults])).not.toContain('abcdef');
  });
});

test.each([
  ['a client certificate over http', { 'tls.crt': cert, 'tls.key': key }, 'tls.crt, tls.key is for https URLs'],
  ['known_hosts over http', { known_hosts: knownHosts }, 'known_hosts is for ssh URLs, and spec.url is http://'],
])('%s', (_, values, words) => expect(refusal(values, http).message).toContain(words));

describe('for ssh', () => {
  test('a key and the keys of the host are taken', () => {
    const { ssh: read, username, password } = readCredentials(secret({ identity, known_hosts: knownHosts, 'identity.pub': 'x' }), ssh);
    expect(read).toEqual({ identity, knownHosts: knownHosts.trimEnd(), passphrase: undefined });
    expect([username, password]).toEqual([undefined, undefined]);
  });

  test('a passphrase too, for a key that is encrypted', () => {
    const { ssh: read } = readCredentials(secret({ identity: locked, known_hosts: knownHosts, password: 'pa55word' }), ssh);
    expect(read?.passphrase).toBe('pa55word');
  });

  test.each<[string, () => Readonly<Record<string, string>>, string]>([
    ['no key', () => ({ known_hosts: knownHosts }), 'identity is missing'],
    ['no known_hosts', () => ({ identity }), 'known_hosts is missing'],
    [
      'a known_hosts of others',
      () => ({ identity, known_hosts: `other.example.com ${hostKey}` }),
      'known_hosts does not name git.example.com',
    ],
    ['an authority alone', () => ({ identity, known_hosts: `@cert-authority * ${hostKey}` }), 'only by @cert-authority'],
    ['a known_hosts that is none', () => ({ identity, known_hosts: 'pa55word' }), 'known_hosts line 1'],
    ['an encrypted key without passphrase', () => ({ identity: locked, known_hosts: knownHosts }), 'identity is encrypted, and password'],
    ['a passphrase for nothing', () => ({ identity, known_hosts: knownHosts, password: 'pa55word' }), 'identity is not encrypted'],
    ['a username', () => ({ identity, known_hosts: knownHosts, username: 'ada' }), 'the user is part of it'],
    ['a token', () => ({ identity, known_hosts: knownHosts, bearerToken: 'pa55word' }), 'bearerToken is for https URLs'],
    [
      'a GitHub App',
      () => ({ ...app(), identity, known_hosts: knownHosts }),
      'githubAppID, githubAppInstallationID, githubAppPrivateKey is for https',
    ],
    ['a public key', () => ({ identity: hostKey, known_hosts: knownHosts }), 'identity is no private key'],
  ])('%s is refused', (_, make, words) => {
    const values = make();
    const error = refusal(values, ssh);
    expect([error.reason, error.message]).toEqual(['SecretInvalid', expect.stringContaining(words)]);
    expect(JSON.stringify([error.message, error.faults])).not.toContain('pa55word');
  });

  test('what has to be run to know the host is told with its port', () => {
    const error = refusal({ identity }, new URL('ssh://git@git.example.com:2222/x'));
    expect(error.faults[0]?.remedy).toContain('ssh-keyscan -p 2222 git.example.com');
  });
});

describe('for mutual TLS and GitHub Apps', () => {
  test('a certificate and its key are taken', () => {
    expect(readCredentials(secret({ 'tls.crt': cert, 'tls.key': key }), https).certificate).toEqual({
      cert: cert.trimEnd(),
      key: key.trimEnd(),
    });
  });

  test.each([
    [undefined, 'https://api.github.com'],
    ['https://github.example.com/api/v3/', 'https://github.example.com/api/v3'],
  ])('an App at %s is taken', (githubAppBaseURL, baseUrl) => {
    const values = { ...app(), ...(githubAppBaseURL === undefined ? {} : { githubAppBaseURL }) };
    expect(readCredentials(secret(values), https).githubApp).toEqual({
      appId: '1',
      installationId: '2',
      privateKey: appKey.trimEnd(),
      baseUrl,
    });
  });
});

test('every value is masked, also line by line and as it goes over the wire', () => {
  const basic = Buffer.from('ada:pa55word').toString('base64');
  const all: Credentials = {
    id: 'x',
    username: 'ada',
    password: 'pa55word',
    bearerToken: 't0ken',
    certificate: { cert, key },
    ssh: { identity, passphrase: 'open sesame', knownHosts },
    githubApp: { appId: '1', installationId: '2', privateKey: appKey, baseUrl: 'https://h' },
  };
  const lines = [key, identity, appKey].flatMap((pem) => pem.split('\n').filter((line) => line.length >= 16 && !line.startsWith('-----')));
  const said = maskOf(all)(['you sent', basic, 'pa55word', 't0ken', 'open sesame', ...lines].join(' '));
  expect(said).toBe(`you sent${' ***'.repeat(4 + lines.length)}`);
});

describe('the id', () => {
  test('is the same for the same values', () => {
    expect(readCredentials(secret({ username: 'a', password: 'b' }), https).id).toBe(
      readCredentials(secret({ password: 'b', username: 'a' }), https).id,
    );
  });

  test.each([
    [
      { username: 'ab', password: 'c' },
      { username: 'a', password: 'bc' },
    ],
    [{ username: 'a' }, { bearerToken: 'a' }],
    [
      { username: 'a', password: 'b' },
      { username: 'a', password: 'b', 'ca.crt': ca },
    ],
  ])('tells %j from %j', (one, other) => {
    expect(readCredentials(secret(one as Record<string, string>), https).id).not.toBe(readCredentials(secret(other), https).id);
  });
});
