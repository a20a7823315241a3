import { expect, test } from '@jest/globals';
import { attemptedOfRunning } from '../../../operator/report/trail/attempts.ts';
import { recordOfRunning } from '../../../operator/report/trail/retention.ts';
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
