import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { StatusError } from '../../operator/source/http-errors.ts';
import { readCredentials } from '../../operator/source/credentials.ts';
import { defaultLimits } from '../../operator/source/limits.ts';
import { Transports } from '../../operator/source/transports.ts';
import type { RemoteRefs } from '../../operator/source/types.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitServer } from '../gitserver/index.ts';
import { fetchRefs } from './ask.ts';
import { startForge } from './forge.ts';
import type { Forge } from './forge.ts';
import { failure } from './failure.ts';

const signal = new AbortController().signal;
let forge: Forge;
let server: GitServer;
let url: string;
let transports: Transports;
/** Pauses that were waited for, milliseconds. */
let waits: number[];
let now: number;

beforeEach(async () => {
  forge = await startForge();
  // The repository lets in whoever has the token that was given last.
  const auth = {
    username: 'x-access-token',
    get password() {
      return forge.tokens.at(-1) ?? 'none yet';
    },
  };
  server = await startGitServer({ auth });
  const repo = await server.createRepo('shop.git');
  await repo.write({ 'web.yaml': '1' });
  url = server.urlOf(repo);
  now = Date.now();
  waits = [];
  transports = new Transports({
    now: () => now,
    // What is waited for has passed.
    after: (ms, then) => {
      waits.push(ms);
      now += ms;
      setImmediate(then);
      return () => undefined;
    },
  });
});
afterEach(async () => {
  await transports.close();
  await server.close();
  await forge.close();
});

function poll(changed: Readonly<Record<string, string>> = {}, until = signal): Promise<RemoteRefs> {
  const secret = {
    githubAppID: forge.appId,
    githubAppInstallationID: forge.installationId,
    githubAppPrivateKey: forge.privateKey,
    githubAppBaseURL: `${forge.url}/`,
    ...changed,
  };
  const data = Object.fromEntries(Object.entries(secret).map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
  const credentials = readCredentials(data, new URL(url));
  return fetchRefs({ url, credentials, timeouts: { connectMs: 1000, idleMs: 2000 }, limits: defaultLimits, transports }, [], until);
}

function failed(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it worked',
    (error: unknown) => error,
  );
}

test('a token is asked for once, and is the password', async () => {
  for (let at = 0; at < 3; at += 1) expect((await poll()).head).toHaveLength(40);
  expect(forge.tokens).toHaveLength(1);
});

test('many who ask at once ask for one token', async () => {
  await Promise.all(Array.from({ length: 4 }, () => poll()));
  expect(forge.tokens).toHaveLength(1);
});

test('it is renewed before it ends', async () => {
  await poll();
  now += 50 * 60_000;
  await poll();
  expect(forge.tokens).toHaveLength(1);
  now += 6 * 60_000;
  forge.aheadMs = now - Date.now();
  await poll();
  expect(forge.tokens).toHaveLength(2);
});

test('while a new one cannot be had the old one is used as long as it is good', async () => {
  await poll();
  forge.status = 500;
  now += 56 * 60_000;
  expect((await poll()).head).toHaveLength(40);
  now += 5 * 60_000;
  expect((await failure(poll())).message).toContain('answers 500 when asked for a token');
});

test.each([
  [429, '7'],
  [403, '7'],
  [503, '7'],
])('a host that answers %i asks to be left alone, and is', async (status, seconds) => {
  forge.status = status;
  forge.headers = { 'retry-after': seconds };
  const error = await failure(poll());
  expect([error.reason, error.retryAfterMs]).toEqual(['GitError', 7000]);
  expect(error).not.toBeInstanceOf(StatusError);
  forge.status = undefined;
  expect((await poll()).head).toHaveLength(40);
  expect(waits).toEqual([7000]);
  forge.headers = { 'retry-after': '100' };
  forge.status = status;
  now += 56 * 60_000;
  expect((await poll()).head).toHaveLength(40);
  now += 6 * 60_000;
  await failure(poll());
  const { asked } = forge;
  const told = await failure(poll());
  expect([told.reason, forge.asked]).toEqual(['GitError', asked]);
  expect(told.message).toMatch(/asks to be left alone .*another \d+ s$/);
});

test('whoever waits for a token that another asked for leaves with its own signal', async () => {
  forge.hangs = true;
  const [first, second] = [new AbortController(), new AbortController()];
  const polls = [failed(poll({}, first.signal)), failed(poll({}, second.signal))];
  while (forge.asked === 0) await sleep(5);
  second.abort(new Error('mine'));
  expect(await polls[1]).toBe(second.signal.reason);
  first.abort(new Error('the first'));
  expect(await polls[0]).toBe(first.signal.reason);
});

test('one that the git server refuses is not used again', async () => {
  await poll();
  forge.tokens.push('another that somebody else was given');
  expect((await failure(poll())).reason).toBe('AuthenticationFailed');
  expect((await poll()).head).toHaveLength(40);
});

test.each<[string, () => Readonly<Record<string, string>>, string]>([
  ['another installation', () => ({ githubAppInstallationID: '679' }), 'knows no installation 679 of GitHub App 12345 (404)'],
  ['another App', () => ({ githubAppID: '12346' }), 'refuses GitHub App 12346 with this private key (401): Integration not found'],
  [
    'another key',
    () => ({
      githubAppPrivateKey: generateKeyPairSync('rsa', { modulusLength: 2048 })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    }),
    'refuses GitHub App 12345 with this private key (401)',
  ],
])('%s is told', async (_, changed, words) => {
  const error = await failure(poll(changed()));
  expect([error.reason, error.message]).toEqual(['AuthenticationFailed', expect.stringContaining(words)]);
});

test.each([
  [700_000, 'the clock here is 700 s behind its own'],
  [-700_000, 'the clock here is 700 s before its own'],
])('a clock that is wrong by %i ms is told', async (ahead, words) => {
  forge.aheadMs = ahead;
  const error = await failure(poll());
  expect(error.reason).toBe('AuthenticationFailed');
  expect(error.message).toMatch(new RegExp(words.replace('700', '(699|700|701)')));
});

test.each([
  [403, 'AuthenticationFailed', 'gives GitHub App 12345 no token for installation 678 (403)'],
  [302, 'GitError', 'answers 302'],
  [200, 'GitError', 'answers 200'],
])('an answer %i is told, and nothing that was sent', async (status, reason, words) => {
  forge.status = status;
  const error = await failure(poll());
  expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(words)]);
  expect(error.message).toContain('no, said Bearer ***');
});

test('a forge that is not there is told', async () => {
  await forge.close();
  const error = await failure(poll());
  expect([error.reason, error.message]).toEqual(['GitUnreachable', `${forge.url} cannot be reached: connection refused`]);
});
