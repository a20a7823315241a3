import { describe, expect, test } from '@jest/globals';
import { backoffMs, gathered, jittered, pauseMs } from '../../operator/source/schedule.ts';

describe('backoff', () => {
  test.each([
    [1, 60_000, 1000],
    [2, 60_000, 2000],
    [5, 60_000, 16_000],
    [7, 60_000, 60_000],
    [7, 5000, 30_000],
    [100, 5000, 30_000],
    [100, 3_600_000, 3_600_000],
  ])('failure %i of a remote asked every %i ms waits %i ms', (failures, interval, wait) => {
    expect(backoffMs(failures, interval)).toBe(wait);
  });
});

test('jitter stays within a tenth', () => {
  expect(jittered(1000, 0)).toBe(900);
  expect(jittered(1000, 0.5)).toBe(1000);
  expect(jittered(1000, 1)).toBeCloseTo(1100);
});

test("the server's Retry-After counts where it is longer", () => {
  const base = { intervalMs: 60_000, failures: 1, random: 0.5 };
  expect(pauseMs({ ...base, retryAfterMs: 90_000 })).toBe(90_000);
  expect(pauseMs({ ...base, retryAfterMs: 10 })).toBe(1000);
  expect(pauseMs({ ...base, failures: 0, retryAfterMs: undefined })).toBe(60_000);
});

describe('questions to many remotes', () => {
  test.each([
    [10_400, 60_000, 60_000, 60_600],
    [10_400, 54_321, 60_000, 54_600],
    [10_000, 60_000, 60_000, 60_000],
    [10_400, 3_600_000, 3_600_000, 3_600_600],
  ])('at %i, a pause of %i of an interval of %i becomes %i: they go out on full seconds', (now, ms, interval, wait) => {
    expect(gathered(now, ms, interval)).toBe(wait);
  });

  test('wait no sixtieth of their interval longer, and never less', () => {
    for (let ms = 4_500; ms < 5_500; ms += 7) {
      const wait = gathered(1_700_000_000_123, ms, 5_000);
      expect(wait).toBeGreaterThanOrEqual(ms);
      expect(wait - ms).toBeLessThan(84);
    }
  });
});
