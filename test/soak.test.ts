import { expect, test } from '@jest/globals';
import { sampled, seededRandom } from './soak.ts';

const cases = Array.from({ length: 200 }, (_, index) => index);

test('a sample is always the same, in order, and another with another seed', () => {
  const sample = sampled(cases, 12, 1, false);
  expect(sample).toHaveLength(12);
  expect(sample).toEqual(sampled(cases, 12, 1, false));
  expect(sample).toEqual(sample.toSorted((a, b) => a - b));
  expect(sample).not.toEqual(sampled(cases, 12, 2, false));
});

test('a soak takes all, and so does a sample of few', () => {
  expect(sampled(cases, 12, 1, true)).toEqual(cases);
  expect(sampled([1, 2], 12, 1, false)).toEqual([1, 2]);
});

test('the generator spreads evenly over [0, 1)', () => {
  const random = seededRandom(7);
  const drawn = Array.from({ length: 10_000 }, () => random());
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...drawn)).toBeLessThan(1);
  const tenths = drawn.reduce<number[]>(
    (counts, value) => counts.with(Math.floor(value * 10), (counts[Math.floor(value * 10)] ?? 0) + 1),
    Array(10).fill(0),
  );
  for (const count of tenths) expect(count).toBeGreaterThan(900);
});
