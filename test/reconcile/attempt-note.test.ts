import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { attemptNote } from '../../operator/reconcile/attempt-note.ts';
import type { AttemptNote } from '../../operator/reconcile/attempt-note.ts';
import type { RevisionSeen } from '../../operator/report/types.ts';

const seen: RevisionSeen = {
  ref: { commit: 'a'.repeat(40), fullRef: 'refs/heads/main', shortRef: 'main' },
  time: '2026-01-01T00:00:00Z',
  commit: undefined,
};
let told: string[];
let isStorm: boolean;
let note: AttemptNote;

beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  isStorm = false;
  const tell = (what: string) => (): Promise<void> => {
    told.push(what);
    return Promise.resolve();
  };
  note = attemptNote({ attempt: tell('attempt'), progress: tell('progress'), isStorm: () => isStorm });
});

afterEach(() => {
  jest.useRealTimers();
});

test('over a running revision an attempt is noted at once', async () => {
  await note.noteAttempt(seen, true);
  expect(told).toEqual(['attempt']);
});

test('a first revision is noted once it takes longer than a second', async () => {
  await note.noteAttempt(seen, false);
  jest.advanceTimersByTime(999);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual(['progress']);
});

test('nothing is noted once the outcome is told', async () => {
  await note.noteAttempt(seen, false);
  await note.end();
  jest.advanceTimersByTime(60_000);
  expect(told).toEqual([]);
});

test('nor while sources wait for each other, and the last of them are given three seconds to end', async () => {
  isStorm = true;
  await note.noteAttempt(seen, false);
  jest.advanceTimersByTime(10_500);
  isStorm = false;
  jest.advanceTimersByTime(3_400);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(100);
  expect(told).toEqual(['progress']);
});

test('so is one that began in a storm and is alone after a second', async () => {
  isStorm = true;
  await note.noteAttempt(seen, false);
  isStorm = false;
  jest.advanceTimersByTime(3_999);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual(['progress']);
});
