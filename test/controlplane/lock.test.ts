import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { withLock } from './lock.ts';

let dir = '';
let lock = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-lock-'));
  lock = join(dir, 'lock');
});

afterEach(() => rm(dir, { recursive: true }));

/** A pid that was somebody's, and is nobody's now. */
async function deadPid(): Promise<number> {
  const child = spawn('true', { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid ?? 0;
}

test('one holds it at a time, all get their turn, and nothing is left', async () => {
  let inside = 0;
  let most = 0;
  const work = async (turn: number): Promise<number> => {
    most = Math.max(most, ++inside);
    await new Promise(setImmediate);
    inside--;
    return turn;
  };
  expect(await Promise.all([1, 2, 3, 4].map((turn) => withLock(lock, () => work(turn))))).toEqual([1, 2, 3, 4]);
  expect(most).toBe(1);
  expect(await readdir(dir)).toEqual([]);
});

test('names its holder, and tells who is waited for', async () => {
  const waitedFor: number[] = [];
  await withLock(lock, async () => {
    expect(await readFile(lock, 'utf8')).toBe(`${process.pid}\n`);
    const second = withLock(lock, async () => 'second', { onWait: (pid) => waitedFor.push(pid), signal: AbortSignal.timeout(100) });
    await expect(second).rejects.toThrow('aborted');
  });
  expect(waitedFor).toEqual([process.pid]);
});

test('is given back when the work fails', async () => {
  const failing = withLock(lock, async () => {
    throw new Error('no space left');
  });
  await expect(failing).rejects.toThrow('no space left');
  expect(await withLock(lock, async () => 'next')).toBe('next');
});

test.each([
  ['whose holder is dead', async () => writeFile(lock, `${await deadPid()}\n`)],
  ['that holds no pid', () => writeFile(lock, '')],
  [
    'that was not refreshed for long, whoever has its pid now',
    async () => {
      await writeFile(lock, `${process.pid}\n`);
      await utimes(lock, new Date(Date.now() - 120_000), new Date(Date.now() - 120_000));
    },
  ],
])('a lock %s is taken over, by one of those that want it', async (_, leave) => {
  await leave();
  let inside = 0;
  const work = async (): Promise<void> => {
    expect(++inside).toBe(1);
    await new Promise(setImmediate);
    inside--;
  };
  await Promise.all([withLock(lock, work), withLock(lock, work), withLock(lock, work)]);
  expect(await readdir(dir)).toEqual([]);
});
