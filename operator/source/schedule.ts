/** When a remote is asked next. Pure. */

/** Doubling from a second up to 30 s or the interval, whichever is longer (rule 31). Milliseconds. */
export function backoffMs(failures: number, intervalMs: number): number {
  return Math.min(1000 * 2 ** Math.min(failures - 1, 30), Math.max(30_000, intervalMs));
}

/** ±10 %, so that remotes that were met together are not asked together for ever. `random` in [0, 1). */
export function jittered(ms: number, random: number): number {
  return ms * (0.9 + 0.2 * random);
}

/** From one answer to the next question. `retryAfterMs` is the server's wish, which counts where it is longer. */
export function pauseMs(options: {
  readonly intervalMs: number;
  readonly failures: number;
  readonly retryAfterMs: number | undefined;
  readonly random: number;
}): number {
  const wait = options.failures === 0 ? options.intervalMs : backoffMs(options.failures, options.intervalMs);
  return Math.max(jittered(wait, options.random), options.retryAfterMs ?? 0);
}

/**
 * The time until the next point of a grid at or after `ms` from now, a second wide for an interval of a minute. Questions to
 * many remotes go out together so: a process that wakes up for each of them needs half as much again. Milliseconds.
 */
export function gathered(now: number, ms: number, intervalMs: number): number {
  const grid = Math.max(1, Math.min(1000, Math.floor(intervalMs / 60)));
  return Math.ceil((now + ms) / grid) * grid - now;
}
