import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { readCredentials } from '../../operator/source/credentials.ts';
import { makeCertificate } from '../gitserver/index.ts';

const { ca, key } = makeCertificate();

function secret(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
}

function refusal(values: Readonly<Record<string, string>>): PlumblineError {
  try {
    readCredentials(secret(values));
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
    const { id, username, password, bearerToken, ca: authority } = readCredentials(secret(values));
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const read = { username, password, bearerToken, 'ca.crt': authority };
    for (const [name, value] of Object.entries(read)) {
      expect(value).toBe((values as Record<string, string>)[name]?.trimEnd());
    }
  });

  test('a line break at the end of a value is not part of it', () => {
    expect(readCredentials(secret({ bearerToken: 'abc\n' })).bearerToken).toBe('abc');
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
    ['a client certificate', { 'tls.crt': ca, 'tls.key': key }, 'NotSupported', 'tls.crt, tls.key'],
    ['an SSH key', { identity: 'pa55word' }, 'NotSupported', 'identity'],
    ['a GitHub app', { githubAppID: '1', githubAppPrivateKey: 'pa55word' }, 'NotSupported', 'githubAppID, githubAppPrivateKey'],
  ])('%s', (_, values, reason, words) => {
    const error = refusal(values);
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(words);
    expect(JSON.stringify([error.message, error.faults])).not.toContain('pa55word');
    expect(JSON.stringify([error.message, error.faults])).not.toContain('abcdef');
  });
});

describe('the id', () => {
  test('is the same for the same values', () => {
    expect(readCredentials(secret({ username: 'a', password: 'b' })).id).toBe(readCredentials(secret({ password: 'b', username: 'a' })).id);
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
    expect(readCredentials(secret(one as Record<string, string>)).id).not.toBe(readCredentials(secret(other)).id);
  });
});
