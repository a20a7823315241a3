import { readdirSync, readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import type { GitClientOptions } from '../../operator/source/git-client.ts';
import type { GitClient, ResolvedRef } from '../../operator/source/types.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';

const mebi = 1024 * 1024;
const signal = new AbortController().signal;
let server: GitServer;
let small: GitRepo;
let smallRef: ResolvedRef;
const clients: GitClient[] = [];

beforeAll(async () => {
  server = await startGitServer();
  small = await server.createRepo('small.git');
  smallRef = refTo(await small.write({ 'web.yaml': 'web' }));
});
afterEach(async () => {
  server.fault = undefined;
  server.faultFor = undefined;
  for (const made of clients.splice(0)) await made.close();
});
afterAll(() => server.close());

function client(options: GitClientOptions = {}): GitClient {
  const made = createGitClient(options);
  clients.push(made);
  return made;
}

function refTo(commit: string): ResolvedRef {
  return { commit, fullRef: 'refs/heads/main', shortRef: 'main' };
}

async function failure(work: Promise<unknown>): Promise<PlumblineError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PlumblineError) return error;
    throw error;
  }
  throw new Error('it worked');
}

/** Git children of this process. */
function children(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
        return Number(parent) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--git-child');
      } catch (error) {
        // It ended while it was looked at.
        if (typeof error === 'object' && error !== null && 'code' in error) return false;
        throw error;
      }
    });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('the process that reads git', () => {
  test('is there only from the first commit on, and goes with its client', async () => {
    const git = client();
    await git.listRefs(server.urlOf(small), anonymous, signal);
    expect(children()).toEqual([]);
    await git.checkout(server.urlOf(small), anonymous, smallRef, signal);
    expect(children()).toHaveLength(1);
    await git.close();
    await until(() => children().length === 0);
  });

  test('sees nothing of the environment of the operator', async () => {
    process.env['PLUMBLINE_TEST_SECRET'] = 'pa55word';
    const git = client({ child: { env: { NODE_EXTRA_CA_CERTS: '' } } });
    await git.checkout(server.urlOf(small), anonymous, smallRef, signal);
    const environment = readFileSync(`/proc/${children()[0]}/environ`, 'utf8');
    delete process.env['PLUMBLINE_TEST_SECRET'];
    expect(environment).not.toContain('pa55word');
    expect(environment).not.toContain('PATH=');
  });

  test('is replaced when it dies', async () => {
    const git = client();
    server.fault = { kind: 'hang' };
    const hanging = failure(git.checkout(server.urlOf(small), anonymous, smallRef, signal));
    await until(() => children().length === 1);
    process.kill(children()[0] ?? 0, 'SIGKILL');
    const error = await hanging;
    expect([error.reason, error.message]).toEqual(['InternalError', 'the process that reads git ended (SIGKILL)']);
    server.fault = undefined;
    expect((await git.checkout(server.urlOf(small), anonymous, smallRef, signal)).commit.sha).toBe(smallRef.commit);
  });

  test('does not let one who was beside another answer for its death', async () => {
    const git = client();
    server.fault = { kind: 'hang' };
    const before = server.counts.all;
    const both = [1, 2].map(() => git.checkout(server.urlOf(small), anonymous, smallRef, signal));
    await until(() => server.counts.all === before + 2);
    server.fault = undefined;
    process.kill(children()[0] ?? 0, 'SIGKILL');
    for (const work of both) expect((await work).commit.sha).toBe(smallRef.commit);
  });

  test('gives up a commit that takes for ever, and what is beside it goes on', async () => {
    const stuck = await server.createRepo('stuck.git');
    const ref = refTo(await stuck.write({ 'web.yaml': 'web' }));
    server.fault = { kind: 'hang' };
    server.faultFor = (request) => request.url?.startsWith('/stuck.git') === true;
    const git = client({ deadlineMs: 5000 });
    const stuckWork = failure(git.checkout(server.urlOf(stuck), anonymous, ref, signal));
    expect((await git.checkout(server.urlOf(small), anonymous, smallRef, signal)).commit.sha).toBe(smallRef.commit);
    const error = await stuckWork;
    expect([error.reason, error.message]).toEqual(['GitTimeout', 'reading the commit took over 5 s']);
    expect((await git.checkout(server.urlOf(small), anonymous, smallRef, signal)).commit.sha).toBe(smallRef.commit);
  });

  test('is killed when it takes too much memory, and the repository is told to be too large', async () => {
    const heavy = await server.createRepo('heavy.git');
    // Looking for deltas would take git longer than all the rest.
    await heavy.config('pack.window', '0');
    const zeros = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`${index}.yaml`, Buffer.alloc(2 * mebi, index)]));
    const ref = refTo(await heavy.write(zeros));
    const git = client({ child: { residentBytes: 150 * mebi } });
    const error = await failure(git.checkout(server.urlOf(heavy), anonymous, ref, signal));
    expect(error.reason).toBe('RepositoryTooLarge');
    expect((await git.checkout(server.urlOf(small), anonymous, smallRef, signal)).commit.sha).toBe(smallRef.commit);
  });

  test.each<[string, number, (size: number) => Buffer]>([
    ['zeros', 200, (size) => Buffer.alloc(size)],
    ['noise', 60, (size) => randomBytes(size)],
  ])('names a file of %s of %i MiB, and nobody holds it', async (what, size, make) => {
    const repo = await server.createRepo(`${what}.git`);
    // Noise is stored as it is, or the test would wait for git.
    if (what === 'noise') await repo.config('core.compression', '0');
    const ref = refTo(await repo.write({ 'prod/web.yaml': 'web', 'prod/dump.sql': make(size * mebi), 'staging/web.yaml': 'web' }));
    const git = client();
    await git.checkout(server.urlOf(small), anonymous, smallRef, signal);
    const [pid] = children();
    const before = process.memoryUsage.rss();
    let grown = 0;
    let child = 0;
    const watch = setInterval(() => {
      grown = Math.max(grown, process.memoryUsage.rss() - before);
      child = Math.max(child, Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
    }, 20);
    const checkout = await git.checkout(server.urlOf(repo), anonymous, ref, signal).finally(() => clearInterval(watch));
    const error = await failure(Promise.resolve().then(() => checkout.snapshot('prod', [])));
    expect(error.faults).toMatchObject([{ reason: 'RepositoryTooLarge', place: { file: 'prod/dump.sql' } }]);
    expect(error.message).toBe(`prod/dump.sql: the file is ${size} MiB, over the limit of 10 MiB`);
    expect(checkout.snapshot('staging', []).files).toHaveLength(1);
    expect(checkout.snapshot('prod', ['*.sql']).files).toHaveLength(1);
    expect(grown / mebi).toBeLessThan(50);
    expect(child).toBeLessThan(300);
  });
});

test('ten thousand files are there in seconds', async () => {
  const repo = await server.createRepo('many.git');
  const files = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, index) => [`apps/${index % 100}/${index}.yaml`, `kind: ConfigMap\nn: ${index}\n`]),
  );
  const ref = refTo(await repo.write(files));
  const checkout = await client().checkout(server.urlOf(repo), anonymous, ref, signal);
  expect(checkout.snapshot('', []).files).toHaveLength(10_000);
  expect(checkout.snapshot('apps/7', []).files).toHaveLength(100);
}, 20_000);
