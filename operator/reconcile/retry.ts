/** Pure: when a failed walk is tried again (rule 31). Nothing is given up. */
import type { PlumblineError } from '../errors.ts';

const firstDelay = 1_000;
const leastCap = 30_000;
/** A conflict is planned again at once this many times in a row, then like any failure. */
const immediateConflicts = 3;

/**
 * Milliseconds until the next attempt: 1 s doubling to 30 s or `intervalMs`, whichever is longer, never before a
 * server's Retry-After, never after what the error itself allows. `failures` counts failed attempts in a row, this one included; `random` in [0, 1) takes up to
 * a tenth off, so that sources that failed together do not come back together.
 */
export function retryDelay(error: PlumblineError, failures: number, intervalMs: number, random: number): number {
  if (isImmediate(error, failures)) return 0;
  const delay = Math.max(backOff(failures, intervalMs, random), error.retryAfterMs ?? 0);
  return Math.min(delay, error.retryWithinMs ?? Number.POSITIVE_INFINITY);
}

/** The same for what is no failure, but has to be tried again. */
export function backOff(times: number, intervalMs: number, random: number): number {
  const cap = Math.max(leastCap, intervalMs);
  const doubled = firstDelay * 2 ** Math.min(times - 1, 30);
  return Math.round(Math.min(doubled, cap) * (1 - random / 10));
}

/** Whether the next attempt follows at once, so that this failure is nothing that a person has to know of. */
export function isImmediate(error: PlumblineError, failures: number): boolean {
  return error.reason === 'Conflict' && failures <= immediateConflicts;
}
