import { expect, test } from '@jest/globals';
import { hooksVerdicts } from '../../bench/hooks.ts';

test('every call counts: one in a hundred that takes longer is missed', () => {
  const quick = Array.from({ length: 100 }, () => 300);
  expect(hooksVerdicts({ objects: 1_000, latencies: quick }).map(({ met }) => met)).toEqual([true, true]);
  expect(hooksVerdicts({ objects: 1_000, latencies: [...quick.slice(2), 1_000, 1_500] }).map(({ met }) => met)).toEqual([true, false]);
});
