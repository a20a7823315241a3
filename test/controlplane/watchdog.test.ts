import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from '@jest/globals';
import { waitFor } from './wait-for.ts';
import { startWatchdog } from './watchdog.ts';

const sleepers = new Set<number>();

function startSleeper(): number {
  const { pid } = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  if (pid === undefined) throw new Error('sleep could not be started');
  sleepers.add(pid);
  return pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // nobody has this pid
  }
}

afterEach(() => {
  for (const pid of sleepers) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  sleepers.clear();
});

test('close kills what is guarded and removes what it was told, and nothing else', async () => {
  const base = await mkdtemp(join(tmpdir(), 'plumbline-watchdog-'));
  const [doomed, kept] = [join(base, 'with a space'), join(base, 'kept')];
  await Promise.all([mkdir(doomed), mkdir(kept)]);
  await writeFile(join(doomed, 'file'), '');
  const [one, other, free] = [startSleeper(), startSleeper(), startSleeper()];
  const watchdog = startWatchdog();
  watchdog.guard(one);
  watchdog.guard(free);
  watchdog.guard(other);
  watchdog.gone(free);
  watchdog.remove(doomed);
  await watchdog.close();
  await waitFor('the guarded ones are gone', () => !isAlive(one) && !isAlive(other));
  expect(isAlive(free)).toBe(true);
  expect([existsSync(doomed), existsSync(kept)]).toEqual([false, true]);
  const last = startWatchdog();
  last.remove(base);
  await last.close();
  expect(existsSync(base)).toBe(false);
});

test.each(['relative/path', '/', '/tmp/two\nlines'])('refuses to remove %j', (dir) => {
  const watchdog = startWatchdog();
  expect(() => watchdog.remove(dir)).toThrow('no folder to remove');
  return watchdog.close();
});

test.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)(
  'nothing stays behind when the process that asked for it dies by %s',
  async (signal) => {
    const script = `
    import { spawn } from 'node:child_process';
    import { mkdtempSync } from 'node:fs';
    import { startWatchdog } from ${JSON.stringify(join(import.meta.dirname, 'watchdog.ts'))};
    const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    const watchdog = startWatchdog();
    const dir = mkdtempSync(${JSON.stringify(join(tmpdir(), 'plumbline-watchdog-'))});
    watchdog.guard(child.pid);
    watchdog.remove(dir);
    console.log(JSON.stringify({ pid: child.pid, dir }));
  `;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve) => createInterface({ input: parent.stdout }).once('line', resolve));
    const { pid, dir } = JSON.parse(line) as { pid: number; dir: string };
    sleepers.add(pid);
    expect([isAlive(pid), existsSync(dir)]).toEqual([true, true]);
    parent.kill(signal);
    await waitFor('the child and its folder are gone', () => !isAlive(pid) && !existsSync(dir));
  },
);
