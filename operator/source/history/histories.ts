/** The pasts that were asked for last: sources of one remote that go from the same commit to the same share one. */
import type { Clock } from '../remote.ts';
import { openPast } from './past.ts';
import type { Past, PastOptions } from './past.ts';

/** Of all remotes together; a busy repository has one for each commit from which its sources come. */
const maxKept = 32;
/** What nobody asked for so long is let go, with the commits that it holds in memory. Milliseconds. */
const idleMs = 60_000;

export interface Histories {
  /** `remote`: what tells remotes apart, credentials included. */
  past(remote: string, ask: Pick<PastOptions, 'old' | 'head' | 'atHand' | 'server'>): Past;
  close(): void;
}

/** Keeps them while they are asked for. */
export function createHistories(options: Omit<PastOptions, 'old' | 'head' | 'atHand' | 'server'> & { readonly clock: Clock }): Histories {
  /** Longest unused first. */
  const kept = new Map<string, { readonly past: Past; usedAt: number }>();
  let stopSweeping: (() => void) | undefined;
  const sweep = (): void => {
    stopSweeping = undefined;
    const before = options.clock.now() - idleMs;
    for (const [key, { usedAt }] of kept) if (usedAt <= before) kept.delete(key);
    sweepLater();
  };
  const sweepLater = (): void => {
    if (kept.size > 0) stopSweeping ??= options.clock.after(idleMs, sweep);
  };
  return {
    past(remote, ask) {
      const key = `${remote} ${ask.old ?? ''} ${ask.head}`;
      const past = kept.get(key)?.past ?? openPast({ ...options, ...ask });
      kept.delete(key);
      kept.set(key, { past, usedAt: options.clock.now() });
      const [oldest] = kept.keys();
      if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
      sweepLater();
      return past;
    },
    close() {
      stopSweeping?.();
      kept.clear();
    },
  };
}
