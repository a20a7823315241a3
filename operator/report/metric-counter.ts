/**
 * What is counted, and how it is told when it is new. Prometheus sees only how a counter grows from one scrape to the next: what
 * it first sees at 1 did not grow, and increase() says 0 for ever. So a new counter is told at 0 before it is told as it is.
 */
import type { Exemplar, HistogramValue } from './metric-format.ts';

/** Since when something counts, and how often it was told at 0 instead. */
interface New {
  /** Seconds since the epoch. */
  readonly createdAt: number;
  zeros: number;
}

export interface Counter extends New {
  count: number;
}

export interface Histogram extends New {
  readonly counts: number[];
  sum: number;
  readonly exemplars: (Exemplar | undefined)[];
}

/** Who asks for a scrape, and when. */
export interface Scraper {
  /** It keeps what it is told, and asks again: not a person who wants the numbers of now. */
  readonly isPrometheus: boolean;
  /** Seconds since the epoch. */
  readonly at: number;
}

/** Two, since two who scrape at the same interval do so in turns; and of one alone a scrape may fail. */
const zeroScrapes = 2;
/** What nobody has asked for in so long is not new: who begins to scrape then must not take it for what happened since. Seconds. */
const newFor = 600;

const empty: HistogramValue = { counts: [], sum: 0 };

export function newCounter(now: number): Counter {
  return { count: 0, createdAt: now, zeros: 0 };
}

export function newHistogram(buckets: readonly number[], now: number): Histogram {
  return { counts: Array.from({ length: buckets.length + 1 }, () => 0), sum: 0, createdAt: now, zeros: 0, exemplars: [] };
}

/** Counts one more under `key`. `now`: seconds since the epoch. */
export function countIn<Key>(counters: Map<Key, Counter>, key: Key, now: number): void {
  const counter = counters.get(key) ?? newCounter(now);
  counters.set(key, counter);
  counter.count += 1;
}

/** Takes in one value. */
export function observe(histogram: Histogram, buckets: readonly number[], value: number, exemplar?: Exemplar): void {
  const found = buckets.findIndex((bound) => value <= bound);
  const index = found < 0 ? buckets.length : found;
  histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
  histogram.sum += value;
  if (exemplar !== undefined) histogram.exemplars[index] = exemplar;
}

/** The count that this scrape tells. */
export function countFor(counter: Counter, scraper: Scraper): number {
  return isToldAtZero(counter, scraper) ? 0 : counter.count;
}

/** The histogram that this scrape tells. */
export function histogramFor(histogram: Histogram, scraper: Scraper): HistogramValue {
  return isToldAtZero(histogram, scraper) ? empty : histogram;
}

function isToldAtZero(one: New, { isPrometheus, at }: Scraper): boolean {
  if (!isPrometheus || one.zeros >= zeroScrapes) return false;
  one.zeros = Math.abs(at - one.createdAt) > newFor ? zeroScrapes : one.zeros + 1;
  return Math.abs(at - one.createdAt) <= newFor;
}
