import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../../operator/errors.ts';
import { fingerprint, judgeHostKey, knownKeyTypes, parseKnownHosts } from '../../../operator/source/ssh/known-hosts.ts';
import { makeSshKey } from '../../gitserver/index.ts';
import type { SshKey } from '../../gitserver/index.ts';
import { runText } from '../../spawner/index.ts';

const blob = (type: string, filling: string): Buffer => {
  const part = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  return Buffer.concat([part(Buffer.from(type)), part(Buffer.from(filling))]);
};
const a = blob('ssh-ed25519', 'the key called a');
const b = blob('ssh-ed25519', 'the key called b');
const rsa = blob('ssh-rsa', 'the key called rsa');
const line = (names: string, key: Buffer, type = 'ssh-ed25519'): string => `${names} ${type} ${key.toString('base64')}`;
const judge = (text: string, host: string, key: Buffer, port = 22): string => judgeHostKey(parseKnownHosts(text), host, port, key).kind;

describe('what a line says of a host', () => {
  test.each<[string, string, string, number, string]>([
    ['its name', line('git.example.com', a), 'git.example.com', 22, 'known'],
    ['another name', line('git.example.org', a), 'git.example.com', 22, 'unknown'],
    ['another key', line('git.example.com', b), 'git.example.com', 22, 'changed'],
    ['a key of another type', line('git.example.com', rsa, 'ssh-rsa'), 'git.example.com', 22, 'changed'],
    ['one of several names', line('a,git.example.com,b', a), 'git.example.com', 22, 'known'],
    ['in other letters', line('GIT.Example.com', a), 'git.EXAMPLE.com', 22, 'known'],
    ['a comment after the key', `${line('git.example.com', a)} ada@example.com`, 'git.example.com', 22, 'known'],
    ['tabs and blanks', ` ${line('git.example.com', a).replaceAll(' ', '\t ')}\r`, 'git.example.com', 22, 'known'],
    ['a pattern', line('*.example.com', a), 'git.example.com', 22, 'known'],
    ['a pattern of everything', line('*', a), 'git.example.com', 22, 'known'],
    ['a pattern of one sign', line('gi?.example.com', a), 'git.example.com', 22, 'known'],
    ['a pattern of one sign too many', line('git?.example.com', a), 'git.example.com', 22, 'unknown'],
    ['a pattern with many stars', line('*a*a*a*a*a*b', a), 'a'.repeat(200), 22, 'unknown'],
    ['a pattern but for the host', line('*.example.com,!git.example.com', a), 'git.example.com', 22, 'unknown'],
    ['a pattern but for the host, said first', line('!git.*,*.example.com', a), 'git.example.com', 22, 'unknown'],
    ['a pattern but for others', line('*.example.com,!www.*', a), 'git.example.com', 22, 'known'],
    ['nothing but an exception', line('!www.example.com', a), 'git.example.com', 22, 'unknown'],
    ['a name and port', line('[git.example.com]:2222', a), 'git.example.com', 2222, 'known'],
    ['a name and another port', line('[git.example.com]:2222', a), 'git.example.com', 2223, 'unknown'],
    ['a name and port, for the usual port', line('[git.example.com]:2222', a), 'git.example.com', 22, 'unknown'],
    ['a name without port, for a port', line('git.example.com', a), 'git.example.com', 2222, 'known'],
    ['an address', line('10.0.0.1', a), '10.0.0.1', 22, 'known'],
    ['an IPv6 address and port', line('[fd00::1]:2222', a), 'fd00::1', 2222, 'known'],
    ['the key twice, once another', `${line('git.example.com', b)}\n${line('git.example.com', a)}`, 'git.example.com', 22, 'known'],
    ['that it is revoked', `@revoked ${line('git.example.com', a)}`, 'git.example.com', 22, 'revoked'],
    ['that it is revoked and known', `${line('git.example.com', a)}\n@revoked ${line('*', a)}`, 'git.example.com', 22, 'revoked'],
    ['that another key is revoked', `${line('git.example.com', a)}\n@revoked ${line('*', b)}`, 'git.example.com', 22, 'known'],
    ['that it is revoked elsewhere', `${line('git.example.com', a)}\n@revoked ${line('www', a)}`, 'git.example.com', 22, 'known'],
    ['its authority', `@cert-authority ${line('*.example.com', a)}`, 'git.example.com', 22, 'authority'],
    ['its authority and its key', `@cert-authority ${line('*', b)}\n${line('git.example.com', a)}`, 'git.example.com', 22, 'known'],
    ['nothing', '# git.example.com\n\n', 'git.example.com', 22, 'unknown'],
  ])('%s', (_, text, host, port, expected) => expect(judge(text, host, a, port)).toBe(expected));

  test('the types by which it is known, each once', () => {
    const hosts = parseKnownHosts([line('h', rsa, 'ssh-rsa'), line('h', a), line('h', b), `@revoked ${line('h', a)}`].join('\n'));
    expect(knownKeyTypes(hosts, 'h', 22)).toEqual(['ssh-rsa', 'ssh-ed25519']);
  });
});

test.each([
  ['a marker that is none', `@trusted ${line('h', a)}`, 'line 1 has a marker'],
  ['a line without a key', '\nh ssh-ed25519', 'line 2 lacks a part'],
  ['a key of protocol 1', 'h 1024 35 12345678901234567890', 'SSH protocol 1'],
  ['a key that is no base64', 'h ssh-ed25519 $$$$', 'key that does not parse'],
  ['a key of another type', line('h', a, 'ssh-rsa'), 'not of the type it names'],
  ['a key that is cut off', `h ssh-ed25519 ${a.subarray(0, 9).toString('base64')}`, 'not of the type it names'],
  ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----\nabc', 'line 1'],
  ['a hashed name that is none', line('|1|abc|def', a), 'hashed host name'],
  ['a hashed name of another kind', line('|2|AAAA|AAAAAAAAAAAAAAAAAAAAAAAAAAA=', a), 'hashed host name'],
  ['too many lines', '#\n'.repeat(30_000), 'over 20000 lines'],
  ['too many names', line('a,'.repeat(2_000), a), 'too many hosts'],
])('%s is refused in words', (_, text, words) => {
  expect(() => parseKnownHosts(text)).toThrow(PlumblineError);
  expect(() => parseKnownHosts(text)).toThrow(words);
});

/** Its exit status. */
async function keygen(...args: readonly string[]): Promise<number> {
  return (await runText('ssh-keygen', args, { env: process.env, timeoutMs: 30_000 })).code;
}

describe('against ssh-keygen', () => {
  let key: SshKey;

  beforeAll(async () => {
    key = await makeSshKey();
  });

  test('fingerprints are the same', () => {
    expect(fingerprint(Buffer.from(key.public.split(' ')[1] ?? '', 'base64'))).toBe(key.fingerprint);
  });

  // ssh-keygen -H hashes names, ssh-keygen -F finds a host by its name; both are the reference.
  test('the same hosts are found, plain and hashed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'known-hosts-'));
    try {
      const file = join(folder, 'known_hosts');
      const names = ['git.example.com', '[git.example.com]:2222', '*.example.org', '*.net,!git.net', '10.0.0.?', 'a,b,c'];
      await writeFile(file, names.map((name) => `${name} ${key.public}\n`).join(''));
      const hosts = ['git.example.com', '[git.example.com]:2222', '[git.example.com]:2223', 'x.example.org', 'example.org'].concat([
        'git.net',
        'www.net',
        '10.0.0.1',
        '10.0.0.11',
        'b',
        'd',
      ]);
      for (const hashed of [false, true]) {
        if (hashed) await keygen('-H', '-f', file);
        const text = await readFile(file, 'utf8');
        expect(text.includes('|1|')).toBe(hashed);
        for (const host of hosts) {
          const found = (await keygen('-F', host, '-f', file)) === 0;
          const [, name = host, port = '22'] = /^\[(.*)\]:(\d+)$/.exec(host) ?? [];
          // A port of its own falls back to the plain name when ssh connects; ssh-keygen looks for exactly what it is told.
          const exact = parseKnownHosts(text).filter(() => port === '22' || found);
          expect([
            host,
            hashed,
            judgeHostKey(exact, name, Number(port), Buffer.from(key.public.split(' ')[1] ?? '', 'base64')).kind,
          ]).toEqual([host, hashed, found ? 'known' : 'unknown']);
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

test('whatever is in it, it is read or refused in words, in short time', () => {
  const pieces = [
    line('git.example.com', a),
    line('|1|AAAA|AAAAAAAAAAAAAAAAAAAAAAAAAAA=', a),
    '@revoked',
    '@cert-authority',
    '\n',
    ' ',
    '*',
    '!',
    ',',
    '|',
    '[h]:1',
    '#',
  ];
  let state = 7;
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % below;
  };
  for (let round = 0; round < 3_000; round += 1) {
    let text = Array.from({ length: next(8) }, () => pieces[next(pieces.length)]).join('');
    if (next(3) === 0)
      text = text.slice(0, next(text.length + 1)) + randomBytes(next(6)).toString('latin1') + text.slice(next(text.length + 1));
    try {
      judgeHostKey(parseKnownHosts(text), 'git.example.com', 22, a);
    } catch (error) {
      if (!(error instanceof PlumblineError)) throw new Error(JSON.stringify(text), { cause: error });
      expect(error.reason).toBe('SecretInvalid');
    }
  }
});
