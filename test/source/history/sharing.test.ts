import { expect, test } from '@jest/globals';
import { createHistories } from '../../../operator/source/history/histories.ts';
import type { HistoryServer, PastOptions } from '../../../operator/source/history/past.ts';

/** What is asked for is never read here: these tests are about who shares with whom. */
const server: HistoryServer = {
  history: () => Promise.reject(new Error('not asked')),
  objects: () => Promise.reject(new Error('not asked')),
  descends: () => Promise.reject(new Error('not asked')),
};
const ask = (old: string | undefined, head: string): Pick<PastOptions, 'old' | 'head' | 'atHand' | 'server'> => ({
  old,
  head,
  atHand: { read: () => undefined },
  server,
});

function histories() {
  let now = 0;
  const timers: { readonly due: number; readonly fire: () => void }[] = [];
  const made = createHistories({
    readObjects: () => ({ get: () => undefined, size: 0 }),
    now: () => now,
    onFault: () => {},
    clock: {
      now: () => now,
      after: (ms, fire) => {
        const timer = { due: now + ms, fire };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
    },
  });
  return {
    ...made,
    timers,
    advance(ms: number) {
      now += ms;
      for (const timer of timers.filter(({ due }) => due <= now)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.fire();
      }
    },
  };
}

test('sources of one remote that go from the same commit to the same share a past; others do not', () => {
  const { past } = histories();
  const first = past('https://a', ask('old', 'new'));
  expect(past('https://a', ask('old', 'new'))).toBe(first);
  for (const [remote, old, head] of [
    ['https://b', 'old', 'new'],
    ['https://a', undefined, 'new'],
    ['https://a', 'old', 'newer'],
  ] as const) {
    expect(past(remote, ask(old, head))).not.toBe(first);
  }
});

test('a past is kept while it is asked for, and let go after a minute in which it was not', () => {
  const { past, advance, timers } = histories();
  const first = past('https://a', ask('old', 'new'));
  advance(50_000);
  expect(past('https://a', ask('old', 'new'))).toBe(first);
  advance(50_000);
  expect(past('https://a', ask('old', 'new'))).toBe(first);
  advance(200_000);
  expect(timers).toEqual([]);
  expect(past('https://a', ask('old', 'new'))).not.toBe(first);
});

test('the one that nobody asked for longest goes when there are too many, and nothing runs on after the end', () => {
  const { past, close, timers } = histories();
  const [first, second] = [past('https://a', ask('1', 'new')), past('https://a', ask('2', 'new'))];
  past('https://a', ask('1', 'new'));
  for (let other = 0; other < 31; other += 1) past('https://b', ask(String(other), 'new'));
  expect(past('https://a', ask('1', 'new'))).toBe(first);
  expect(past('https://a', ask('2', 'new'))).not.toBe(second);
  close();
  expect(timers).toEqual([]);
});
