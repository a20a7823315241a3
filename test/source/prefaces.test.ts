/** What a server says before a pack: it is bounded, and has an end, whoever asks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import type { GitClient } from '../../operator/source/types.ts';
import { line } from '../../operator/source/pktline.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitServer } from '../gitserver/index.ts';
import { startMeddler } from './meddler.ts';
import type { Meddler } from './meddler.ts';

const { signal } = new AbortController();
const wanted = { path: '', exclude: [] };
let server: GitServer;
let meddler: Meddler;
let client: GitClient;
let commit: string;

beforeAll(async () => {
  server = await startGitServer();
  meddler = await startMeddler(server.url);
  commit = await (await server.createRepo('shop.git')).write({ 'web.yaml': 'web\n' });
});
afterEach(async () => {
  meddler.meddle = undefined;
  await client.close();
});
afterAll(() => Promise.all([meddler.close(), server.close()]));

/** One pack at a time: who holds the turn holds up everybody. */
async function read(): Promise<string> {
  const ref = { commit, fullRef: undefined, shortRef: undefined };
  try {
    const checkout = await client.checkout(`${meddler.url}/shop.git`, anonymous, ref, signal, { wanted });
    return `${(await checkout.snapshot(wanted, signal)).files.length} files`;
  } catch (error) {
    if (error instanceof PlumblineError) return `${error.reason}: ${error.message}`;
    throw error;
  }
}

async function* dripping(first: Buffer, drop: Buffer): AsyncGenerator<Buffer> {
  yield first;
  for (;;) {
    await sleep(50);
    yield drop;
  }
}

describe('the introduction', () => {
  // A commit that is pinned is not polled for: its fetch makes the introduction itself.
  test('of a server that drips it is given up, and the turn with it', async () => {
    client = createGitClient({ timeouts: { idleMs: 3_000 }, concurrency: 1 });
    meddler.meddle = (body, post) => (post ? [body] : dripping(body.subarray(0, -4), line('x')));
    expect(await read()).toMatch(/^GitTimeout: .* sent only \d+ bytes of its introduction for 3 s$/);
    meddler.meddle = undefined;
    expect(await read()).toBe('1 files');
  });

  test('of a server that sends it fast and for ever is given up at its deadline', async () => {
    client = createGitClient({ deadlineMs: 5_000, concurrency: 1 });
    meddler.meddle = (body, post) => (post ? [body] : dripping(body.subarray(0, -4), line('x'.repeat(500))));
    expect(await read()).toMatch(/^GitTimeout: .* was not done after 5 s$/);
    meddler.meddle = undefined;
    expect(await read()).toBe('1 files');
  });
});

describe('what comes before the pack', () => {
  const section = line('shallow-info');
  const cut = (index: number): Buffer => line(`shallow ${index.toString(16).padStart(40, '0')}`);
  /** As fast as they are taken, and for ever. */
  async function* endless(make: (index: number) => Buffer): AsyncGenerator<Buffer> {
    yield section;
    for (let index = 0; ; index += 1000) yield Buffer.concat(Array.from({ length: 1000 }, (_, more) => make(index + more)));
  }

  test.each<[string, () => AsyncGenerator<Buffer>, RegExp]>([
    ['commits at which it stops, for ever', () => endless(cut), /^RepositoryTooLarge: it stops at over 50000 commits$/],
    ['the same one for ever', () => endless(() => cut(7)), /^RepositoryTooLarge: what it says before its pack is over 4 MiB$/],
    ['lines of anything', () => endless(() => line('y'.repeat(3000))), /^RepositoryTooLarge: what it says before its pack is over 4 MiB$/],
    ['what is no commit', () => endless(() => line(`shallow ${'z'.repeat(40)}`)), /^GitError: .*it answers shallow zzz/],
    ['a line now and then', () => dripping(section, line('ack')), /^GitTimeout: .* sent only \d+ bytes of a pack for 3 s$/],
  ])('%s', async (_, body, words) => {
    client = createGitClient({ timeouts: { idleMs: 3_000 }, concurrency: 1 });
    meddler.meddle = (answer, post) => (post ? body() : [answer]);
    expect(await read()).toMatch(words);
    meddler.meddle = undefined;
    expect(await read()).toBe('1 files');
  });
});
