import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createGarbageCollection } from '../../operator/reconcile/garbage.ts';

let collections: number;
let stop: AbortController;
let changed: () => void;

beforeEach(() => {
  jest.useFakeTimers();
  collections = 0;
  stop = new AbortController();
  changed = createGarbageCollection({ collect: () => (collections += 1), signal: stop.signal });
});

afterEach(() => {
  jest.useRealTimers();
});

function change(count: number): void {
  for (let index = 0; index < count; index += 1) changed();
}

test('what a thousand changes left is collected once nothing changed for ten seconds', () => {
  change(1_000);
  jest.advanceTimersByTime(9_000);
  change(1);
  jest.advanceTimersByTime(9_999);
  expect(collections).toBe(0);
  jest.advanceTimersByTime(1);
  expect(collections).toBe(1);
  jest.advanceTimersByTime(3_600_000);
  expect(collections).toBe(1);
});

test('fewer are not worth it, and count with those that come later', () => {
  change(999);
  jest.advanceTimersByTime(3_600_000);
  expect(collections).toBe(0);
  change(1);
  jest.advanceTimersByTime(10_000);
  expect(collections).toBe(1);
  change(999);
  jest.advanceTimersByTime(10_000);
  expect(collections).toBe(1);
});

test('nothing is collected after the end', () => {
  change(1_000);
  stop.abort();
  change(1_000);
  jest.advanceTimersByTime(60_000);
  expect(collections).toBe(0);
});

test('a process that cannot collect by itself does nothing', () => {
  const none = createGarbageCollection({ collect: undefined, signal: stop.signal });
  for (let index = 0; index < 2_000; index += 1) none();
  expect(jest.getTimerCount()).toBe(0);
});
