/** This project's client, in a process of its own: what it takes to read a commit, in time, memory and turns of the event loop. */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTurns } from '../../operator/reconcile/turn.ts';
import { fileObjects } from '../../operator/render/index.ts';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { openPast } from '../../operator/source/history/past.ts';
import { resolveRef } from '../../operator/source/refs.ts';
import { Remotes } from '../../operator/source/remotes.ts';
import type { GitClient } from '../../operator/source/types.ts';

export type OursRequest =
  | { readonly kind: 'cold' | 'warm' | 'refs'; readonly url: string; readonly path: string }
  | { readonly kind: 'past'; readonly url: string; readonly paths: readonly string[] }
  | { readonly kind: 'subscribe'; readonly urls: readonly string[] }
  | { readonly kind: 'cpu' };

export interface Measured {
  readonly ms: number;
  /** The longest that a turn of the event loop computed; on a machine that others use as well the clock says more. */
  readonly blockedMs: number;
  readonly blockedByClockMs: number;
  /** Processor time of the whole process. */
  readonly cpuMs: number;
  /** Over what the process was before it had read anything, at the most: what earlier rounds left behind counts. */
  readonly peakMib: number;
  /** What is kept: the bytes of the files that were read. */
  readonly keptMib: number;
}

const { signal } = new AbortController();
const mebi = 1024 * 1024;
const warm = createGitClient();
const remotes = new Remotes({ client: createGitClient() });

async function read(client: GitClient, url: string, path: string): Promise<number> {
  const wanted = { path, exclude: [] };
  const refs = await client.listRefs(url, anonymous, signal, []);
  const checkout = await client.checkout(url, anonymous, resolveRef(refs, {}), signal, { wanted });
  const { files } = await checkout.snapshot(wanted, signal);
  return files.reduce((sum, { content }) => sum + content.length, 0);
}

/** One round of the loop after the other, from now on. */
function watchLoop(): { readonly stop: () => Pick<Measured, 'blockedMs' | 'blockedByClockMs'> } {
  const cpuNow = (): number => (({ user, system }) => (user + system) / 1_000)(process.threadCpuUsage());
  let [clock, cpu, blockedMs, blockedByClockMs] = [performance.now(), cpuNow(), 0, 0];
  const round = (): void => {
    const [clockBefore, cpuBefore] = [clock, cpu];
    [clock, cpu] = [performance.now(), cpuNow()];
    blockedMs = Math.max(blockedMs, Math.min(cpu - cpuBefore, clock - clockBefore));
    blockedByClockMs = Math.max(blockedByClockMs, clock - clockBefore);
  };
  const timer = setInterval(round, 1);
  return {
    stop() {
      clearInterval(timer);
      round();
      return { blockedMs, blockedByClockMs };
    },
  };
}

let base: number | undefined;

async function measured(work: () => Promise<number>): Promise<Measured> {
  global.gc?.();
  await sleep(20);
  await writeFile('/proc/self/clear_refs', '5');
  base ??= process.memoryUsage.rss();
  const loop = watchLoop();
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  const kept = await work();
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  await sleep(5);
  const longest = loop.stop();
  const high = Number(/^VmHWM:\s+(\d+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? Number.NaN) * 1024;
  return { ms, ...longest, cpuMs: (user + system) / 1_000, peakMib: (high - base) / mebi, keptMib: kept / mebi };
}

export interface PastWalked extends Measured {
  /** Path → the commit that changed it last; what is older than the walk goes is left out. */
  readonly last: readonly (readonly [string, string])[];
}

/** The commit is there, as in a reconcile, before its history is asked for. */
async function walkPast(url: string, paths: readonly string[]): Promise<PastWalked> {
  const client = createGitClient();
  const turns = createTurns();
  const fail = (error: unknown): void => {
    throw error;
  };
  try {
    const refs = await client.listRefs(url, anonymous, signal, []);
    const ref = resolveRef(refs, {});
    const checkout = await client.checkout(url, anonymous, ref, signal);
    const asked = paths.map((path) => ({ id: path, path }));
    let last: (readonly [string, string])[] = [];
    const taken = await measured(async () => {
      const past = openPast({
        old: undefined,
        head: ref.commit,
        atHand: checkout.objects,
        readObjects: fileObjects,
        now: () => performance.now(),
        onFault: fail,
        server: {
          history: (what, until) => client.history(url, anonymous, what, until),
          objects: (oids, until) => client.objects(url, anonymous, oids, until),
          descends: (ancestor, commit, until) => client.descends(url, anonymous, ancestor, commit, until),
        },
      });
      const changes = await past.lastChanges(asked, { signal, run: (work, until) => turns.take(work, turns.place(), until) });
      last = [...changes].flatMap(([path, { commit, exact }]) => (exact ? [[path, commit] as const] : []));
      return 0;
    });
    return { ...taken, last };
  } finally {
    await client.close();
  }
}

async function answer(request: OursRequest): Promise<unknown> {
  switch (request.kind) {
    case 'cold': {
      const client = createGitClient();
      try {
        return await measured(() => read(client, request.url, request.path));
      } finally {
        await client.close();
      }
    }
    case 'warm':
      return measured(() => read(warm, request.url, request.path));
    case 'refs':
      return measured(async () => (await warm.listRefs(request.url, anonymous, signal, [])).refs.size);
    case 'past':
      return walkPast(request.url, request.paths);
    case 'subscribe': {
      let told = 0;
      for (const url of request.urls) {
        remotes.subscribe({ url, credentials: anonymous, ref: {}, intervalMs: 60_000, onObserved: () => (told += 1) });
      }
      while (told < request.urls.length) await sleep(50);
      return told;
    }
    case 'cpu': {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }
  }
}

process.on('message', (message) => {
  const { id, request } = message as { id: number; request: OursRequest };
  answer(request).then(
    (value) => process.connected && process.send?.({ id, value }),
    (error: unknown) => process.connected && process.send?.({ id, error: String(error instanceof Error ? error.stack : error) }),
  );
});
process.once('disconnect', () => {
  void Promise.all([warm.close(), remotes.close()]);
});
