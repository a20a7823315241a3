import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { introduce } from '../../operator/source/introduction.ts';
import { defaultLimits } from '../../operator/source/limits.ts';
import { fetchPack, lsRefs } from '../../operator/source/protocol.ts';
import { streamService } from '../../operator/source/stream-service.ts';
import type { GitStream } from '../../operator/source/stream-service.ts';
import { startGitServer } from '../gitserver/index.ts';
import { gitEnvironment } from '../gitserver/git.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';

const signal = new AbortController().signal;
const { refsBytes } = defaultLimits;
let server: GitServer;
let repo: GitRepo;
let first: string;
let second: string;

beforeAll(async () => {
  server = await startGitServer();
  repo = await server.createRepo('shop.git');
  first = await repo.write({ 'web.yaml': 'v: 1\n' });
  second = await repo.write({ 'web.yaml': 'v: 2\n' });
});
afterAll(() => server.close());

/** git-upload-pack itself, its output cut into pieces of `size` bytes. */
function uploadPack(version: 0 | 2, size: number, directory = repo.directory): GitStream {
  const env = { ...gitEnvironment(directory), ...(version === 2 ? { GIT_PROTOCOL: 'version=2' } : {}) };
  const child = spawn('git', ['upload-pack', directory], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => (words += chunk.toString()));
  const ended = new Promise<number>((resolve) => {
    child.once('close', (status) => resolve(status ?? 1));
  });
  const pieces = (async function* () {
    for await (const chunk of child.stdout) {
      for (let at = 0; at < (chunk as Buffer).length; at += size) yield (chunk as Buffer).subarray(at, at + size);
    }
  })();
  return {
    get alive() {
      return child.exitCode === null;
    },
    next: async () => (await pieces.next()).value as Buffer | undefined,
    write: async (bytes) => void child.stdin.write(bytes),
    end: (last) => void child.stdin.end(last),
    ending: async () => ({ status: await ended, words }),
    close: (clean) => void (clean ? child.stdin.end() : child.kill()),
  };
}

async function bytesOf(pack: AsyncIterable<Buffer> | undefined): Promise<number> {
  let bytes = 0;
  for await (const chunk of pack ?? []) bytes += chunk.length;
  return bytes;
}

test.each<[0 | 2, number, number]>([
  [2, 1, 1],
  [2, 7, 1],
  [2, 100_000, 1],
  // One stream for the introduction and the first question, one for each further one.
  [0, 1, 2],
  [0, 100_000, 2],
])('version %i in pieces of %i bytes takes %i streams', async (version, size, expected) => {
  let streams = 0;
  const service = streamService('here', async () => ((streams += 1), uploadPack(version, size)), 5_000);
  const introduction = await introduce(service, refsBytes, signal);
  expect(introduction.version).toBe(version);
  expect(await lsRefs(service, introduction, ['refs/tags/'], refsBytes, signal)).toMatchObject({
    head: second,
    headRef: 'refs/heads/main',
  });
  for (const wants of [[second], [second]]) {
    const answer = await fetchPack(service, introduction, { wants, depth: 1 }, signal);
    expect(await bytesOf(answer?.pack)).toBeGreaterThan(100);
    expect([...(answer?.cut ?? [])]).toEqual([second]);
  }
  expect(streams).toBe(expected);
  await service.close();
});

test('questions at the same time do not disturb each other', async () => {
  let streams = 0;
  const service = streamService('here', async () => ((streams += 1), uploadPack(2, 11)), 5_000);
  const introduction = await introduce(service, refsBytes, signal);
  const ask = async (want: string): Promise<number> =>
    bytesOf((await fetchPack(service, introduction, { wants: [want], depth: 1 }, signal))?.pack);
  const [one, other] = await Promise.all([ask(first), ask(second)]);
  expect([await ask(first), await ask(second)]).toEqual([one, other]);
  expect(streams).toBe(2);
  await service.close();
});

test('a server that speaks another version than before is told', async () => {
  const versions: (0 | 2)[] = [2, 0];
  const service = streamService('here', async () => uploadPack(versions.shift() ?? 0, 1000), 0);
  const introduction = await introduce(service, refsBytes, signal);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(lsRefs(service, introduction, [], refsBytes, signal)).rejects.toThrow('another version of the protocol');
  await service.close();
});

test('a repository that is not there is told with its words', async () => {
  const service = streamService('ssh://here/x', async () => uploadPack(0, 1000, '/nowhere/at/all'), 5_000);
  const failed = introduce(service, refsBytes, signal);
  await expect(failed).rejects.toThrow(
    'there is no repository at ssh://here/x, or it is hidden from this key (git-upload-pack ended with status 128)',
  );
  await expect(failed).rejects.toThrow(PlumblineError);
  await service.close();
});
