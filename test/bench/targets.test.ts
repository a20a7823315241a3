import { describe, expect, test } from '@jest/globals';
import { median, paceOf, verdicts } from '../../bench/targets.ts';
import type { Measured } from '../../bench/targets.ts';

const operator = { startup: 0.3, seconds: 5.5, git: 0.5, net: 5, calls: [] };
const idle = { seconds: 60, calls: [], lsRefs: 1, cpuPercent: 0.2, rssMib: 90 };
const scrape = {
  sources: 1_000,
  series: 30_000,
  bytes: 5_000_000,
  milliseconds: 100,
  longestBlock: 15,
  longestByClock: 80,
  longestUnscraped: 40,
};
const good: Measured = { sources: 10, bare: [{ seconds: 4.5 }], operator: [operator], idle, scrape };
const missed = (measured: Measured): readonly string[] =>
  verdicts(measured).flatMap((one) => (one.met ? [] : [one.what.split(':')[0] ?? '']));

describe('what must be reached', () => {
  test.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[7], 7],
  ])('the median of %j is %d', (values, middle) => {
    expect(median(values)).toBe(middle);
  });

  test('the pace is that of the medians, git taken off', () => {
    const bare = [{ seconds: 4 }, { seconds: 5 }, { seconds: 9 }];
    const runs = [5, 10, 6].map((net) => ({ ...operator, net }));
    expect(paceOf({ bare, operator: runs })).toBeCloseTo(83.3, 1);
  });

  test('a good run meets everything', () => {
    expect(missed(good)).toEqual([]);
  });

  test.each([
    ['too slow', { ...good, operator: [{ ...operator, net: 6 }] }],
    [
      'a call too many in any round',
      { ...good, operator: [{ ...operator, calls: [{ verb: 'get', resource: 'pods', count: 1, allowed: 0 }] }, operator] },
    ],
    ['a call while idle', { ...good, idle: { ...idle, calls: [{ verb: 'list', resource: 'pods', count: 1, allowed: 0 }] } }],
    ['the remote asked twice', { ...good, idle: { ...idle, lsRefs: 2 } }],
    ['the remote not asked', { ...good, idle: { ...idle, lsRefs: 0 } }],
    ['CPU', { ...good, idle: { ...idle, cpuPercent: 1 } }],
    ['a block', { ...good, scrape: { ...scrape, longestBlock: 50 } }],
    ['memory', { ...good, idle: { ...idle, rssMib: 150 } }],
  ])('missed: %s', (_what, measured) => {
    expect(missed(measured)).toHaveLength(1);
  });
});
