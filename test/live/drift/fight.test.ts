import { describe, expect, test } from '@jest/globals';
import { isFighting, isOver, rewritten } from '../../../operator/live/drift/fight.ts';
import type { Rewrites } from '../../../operator/live/drift/fight.ts';

function after(...times: number[]): Rewrites {
  let rewrites: Rewrites | undefined;
  for (const time of times) rewrites = rewritten(rewrites, time);
  return rewrites as Rewrites;
}

describe('a fight', () => {
  test('is five rewrites in a minute', () => {
    expect(isFighting(after(0, 1_000, 2_000, 3_000), 3_000)).toBe(false);
    expect(isFighting(after(0, 1_000, 2_000, 3_000, 4_000), 4_000)).toBe(true);
    expect(isFighting(after(0, 20_000, 40_000, 59_000, 61_000), 61_000)).toBe(false);
    expect(isFighting(undefined, 0)).toBe(false);
  });

  test('is not slowed down before, then doubling up to ten minutes', () => {
    let rewrites = after(0, 1, 2, 3);
    expect(rewrites.notBefore).toBe(3);
    const waits: number[] = [];
    let now = 4;
    for (let index = 0; index < 12; index += 1) {
      rewrites = rewritten(rewrites, now);
      waits.push(rewrites.notBefore - now);
      now = rewrites.notBefore + 1;
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600].map((seconds) => seconds * 1_000));
  });

  test('ends when the field is left alone, and begins anew', () => {
    const fight = after(0, 1, 2, 3, 4, 5);
    expect(isOver(fight, 60_004)).toBe(false);
    expect(isOver(fight, 60_005)).toBe(true);
    expect(rewritten(fight, 60_005)).toEqual({ times: [60_005], level: 0, notBefore: 60_005 });
  });
});
