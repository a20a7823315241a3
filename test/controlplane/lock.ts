/** A lock between processes: a file that names its holder, refreshed while it is held. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called once when another process holds the lock. */
  readonly onWait?: (pid: number) => void;
  /** A lock that was not refreshed for so long is nobody's, whoever has its pid now. Default 60,000. */
  readonly staleMs?: number;
}

const refreshMs = 2_000;
const pollMs = 200;

/** Runs `work` while no other process holds the lock at `path`; a lock whose holder is gone is taken over. */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  await acquire(path, options);
  const refresh = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined); // gone when the cache is cleaned meanwhile: nothing left to hold
  }, refreshMs);
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    await rm(path, { force: true });
  }
}

async function acquire(path: string, options: LockOptions): Promise<void> {
  // Written aside and linked, so that nobody ever reads a lock without its pid.
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, `${process.pid}\n`);
  try {
    for (let told = false; ;) {
      options.signal?.throwIfAborted();
      if (await linked(own, path)) return;
      const holder = await liveHolder(path, options.staleMs ?? 60_000);
      if (holder === undefined) {
        await takeAway(path, options.staleMs ?? 60_000);
        continue;
      }
      if (!told) options.onWait?.(holder);
      told = true;
      await delay(pollMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  } finally {
    await rm(own, { force: true });
  }
}

async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The pid that holds the lock; undefined when there is none or it is stale. */
async function liveHolder(path: string, staleMs: number): Promise<number | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    const pid = Number(text.trim());
    return Date.now() - mtimeMs <= staleMs && isAlive(pid) ? pid : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes a stale lock; of several that try at once, one does, so that none removes the lock of the next holder. */
async function takeAway(path: string, staleMs: number): Promise<void> {
  const guard = `${path}.takeover`;
  try {
    await writeFile(guard, '', { flag: 'wx' });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const age = await stat(guard).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > 10_000) await rm(guard, { force: true });
    await delay(pollMs);
    return;
  }
  try {
    if ((await liveHolder(path, staleMs)) === undefined) await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  } finally {
    await rm(guard, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM'; // there, and another user's
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
