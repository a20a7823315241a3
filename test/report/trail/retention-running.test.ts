import { expect, test } from '@jest/globals';
import { attemptedOfRunning } from '../../../operator/report/trail/attempts.ts';
import { nextSweep, recordOfRunning } from '../../../operator/report/trail/retention.ts';
import type { KeptRecord } from '../../../operator/report/trail/retention.ts';
import { at } from '../outcomes.ts';

const record = (commit: string, minute: number): KeptRecord => ({
  namespace: 'shop',
  name: commit,
  uid: commit,
  sourceUid: '1',
  attempted: at(minute),
  commit,
  createdAt: minute,
  endedAt: undefined,
});

test('the record of what runs is not that of what failed since', () => {
  const records = [record('c', 9), record('a', 1), record('b', 5)];
  expect(recordOfRunning(records, { commit: 'b', time: at(6) })?.name).toBe('b');
  // A commit that changed nothing runs by the record before it.
  expect(recordOfRunning(records, { commit: 'x', time: at(6) })?.name).toBe('b');
  expect(recordOfRunning(records, { commit: 'x', time: at(0) })).toBeUndefined();
});

test('as long as the status tells of its attempt, that is the one', () => {
  const attempt = { number: 1, generation: 1, cause: 'Commit' } as const;
  const revision = { applied: { commit: 'b', time: at(6) } };
  const ran = { ...attempt, commit: 'a', attempted: at(1), applied: at(2), passed: [{ commit: 'b' }] };
  const failed = { ...attempt, commit: 'c', attempted: at(9) };
  expect(attemptedOfRunning({ revision, attempts: [failed, ran] })).toBe(at(1));
  expect(attemptedOfRunning({ revision, attempts: [failed] })).toBeUndefined();
  expect(attemptedOfRunning({ revision, attempts: [failed, { ...ran, silent: true }] })).toBeUndefined();
});

test('records are looked through when the first of those that are left may go, and never while every source is there', () => {
  const ended = (sourceUid: string, endedAt: number | undefined): KeptRecord => ({ ...record(sourceUid, 1), sourceUid, endedAt });
  const next = (records: readonly KeptRecord[], now = 0) => nextSweep(records, (uid) => uid === 'living', 1_000, now);
  expect(next([])).toBeUndefined();
  expect(next([ended('living', undefined), ended('living', 5)])).toBeUndefined();
  expect(next([ended('a', 700), ended('b', 300), ended('living', 5)])).toBe(1_301);
  // What is to be done at once is tried again within the hour, should it fail.
  expect(next([ended('a', undefined)])).toBe(3_600_000);
  expect(next([ended('a', 300), ended('b', 9_000)], 5_000)).toBe(10_001);
  expect(next([ended('a', 300)], 5_000)).toBe(3_605_000);
});
