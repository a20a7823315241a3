/** Long tests: a fixed-seed sample of their cases in every run, all of them in a soak. */

/** Set to 1 by `make soak`. */
export const soakVariable = 'PLUMBLINE_SOAK';

/** Whether this run takes every case. */
export function isSoak(): boolean {
  return process.env[soakVariable] === '1';
}

/** A generator of numbers in [0, 1) that a seed decides (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All cases in a soak; else `count` of them, always the same, in their order. */
export function sampled<T>(cases: readonly T[], count: number, seed = 1, all = isSoak()): readonly T[] {
  if (all || cases.length <= count) return cases;
  const random = seededRandom(seed);
  const drawn = cases.map((_, index) => ({ index, ticket: random() })).toSorted((a, b) => a.ticket - b.ticket);
  const chosen = new Set(drawn.slice(0, count).map(({ index }) => index));
  return cases.filter((_, index) => chosen.has(index));
}
