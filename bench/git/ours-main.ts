/** This project's client, in a process of its own: what it takes to read a commit, in time, memory and turns of the event loop. */
import { readFile, writeFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { resolveRef } from '../../operator/source/refs.ts';
import { Remotes } from '../../operator/source/remotes.ts';
import type { GitClient } from '../../operator/source/types.ts';

export type OursRequest =
  | { readonly kind: 'cold' | 'warm' | 'refs'; readonly url: string; readonly path: string }
  | { readonly kind: 'history'; readonly url: string; readonly depth: number }
  | { readonly kind: 'subscribe'; readonly urls: readonly string[] }
  | { readonly kind: 'cpu' };

export interface Measured {
  readonly ms: number;
  /** The longest that a turn of the event loop took. */
  readonly blockedMs: number;
  /** Over what it was before, at the most. */
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

async function measured(work: () => Promise<number>): Promise<Measured> {
  global.gc?.();
  await sleep(20);
  await writeFile('/proc/self/clear_refs', '5');
  const before = process.memoryUsage.rss();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const begun = performance.now();
  const kept = await work();
  const ms = performance.now() - begun;
  await sleep(5);
  delay.disable();
  const high = Number(/^VmHWM:\s+(\d+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? Number.NaN) * 1024;
  return { ms, blockedMs: delay.max / 1e6, peakMib: (high - before) / mebi, keptMib: kept / mebi };
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
    case 'history': {
      const client = createGitClient();
      try {
        const tip = (await client.listRefs(request.url, anonymous, signal, [])).head ?? '';
        return await measured(async () => {
          const history = await client.history(request.url, anonymous, { tip, known: [], depth: request.depth }, signal);
          return history.read(tip)?.data.length ?? Number.NaN;
        });
      } finally {
        await client.close();
      }
    }
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
