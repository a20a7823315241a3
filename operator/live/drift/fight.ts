/** Pure: when somebody rewrites the same field again and again, who gives in first. We do, ever longer. */

/** What is remembered of one field and one manager that was corrected. Times in milliseconds of one clock. */
export interface Rewrites {
  /** The last ones, oldest first. */
  readonly times: readonly number[];
  /** How often it was slowed down already; 0 is no fight. */
  readonly level: number;
  /** Before this it is not corrected. */
  readonly notBefore: number;
}

/** This many rewrites within `within` are a fight. */
export const fightAfter = 5;
const within = 60_000;
const firstDelay = 2_000;
const longest = 600_000;

/** The same manager wrote the field again after a correction. */
export function rewritten(before: Rewrites | undefined, now: number): Rewrites {
  const known = before !== undefined && !isOver(before, now) ? before : { times: [], level: 0, notBefore: 0 };
  const times = [...known.times.filter((time) => now - time < within), now].slice(-fightAfter);
  const isFight = known.level > 0 || times.length >= fightAfter;
  if (!isFight) return { times, level: 0, notBefore: now };
  const level = known.level + 1;
  return { times, level, notBefore: now + delayOf(level) };
}

/** Whether it goes on: it ends when the field was left alone for twice as long as it was waited, at least a minute. */
export function isFighting(rewrites: Rewrites | undefined, now: number): boolean {
  return rewrites !== undefined && rewrites.level > 0 && !isOver(rewrites, now);
}

/** Nothing of it needs to be remembered any more. */
export function isOver(rewrites: Rewrites, now: number): boolean {
  return overIn(rewrites, now) <= 0;
}

/** Milliseconds until it is over if the field is left alone. */
export function overIn({ times, level }: Rewrites, now: number): number {
  const last = times.at(-1) ?? 0;
  return last + Math.max(within, level === 0 ? 0 : 2 * delayOf(level)) - now;
}

/** Milliseconds until it is corrected again: 2 s doubling to 10 minutes. */
function delayOf(level: number): number {
  return Math.min(longest, firstDelay * 2 ** (level - 1));
}
