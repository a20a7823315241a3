import { expect, test } from '@jest/globals';
import { dropCondition, findCondition, isTrue, setCondition } from '../../operator/api/conditions.ts';
import type { ConditionState } from '../../operator/api/conditions.ts';
import type { Condition } from '../../operator/api/types.ts';

const before = '2026-01-01T00:00:00Z';
const now = '2026-01-02T00:00:00Z';
const ready: Condition = {
  type: 'Ready',
  status: 'True',
  observedGeneration: 1,
  lastTransitionTime: before,
  reason: 'Applied',
  message: 'main@4f2a9c1 is applied.',
};
const stalled: Condition = { ...ready, type: 'Stalled', status: 'False' };
const same: ConditionState = { type: 'Ready', status: 'True', reason: 'Applied', message: ready.message, observedGeneration: 1 };

test.each<readonly [string, Partial<ConditionState>, string]>([
  ['another status', { status: 'False' }, now],
  ['from True to Unknown', { status: 'Unknown' }, now],
  ['another reason', { reason: 'AppliedAgain' }, before],
  ['another message', { message: 'main@77e0d2b is applied.' }, before],
  ['another generation', { observedGeneration: 2 }, before],
])('%s: the last transition was at the right time', (_what, change, time) => {
  const state = { ...same, ...change };
  expect(setCondition([stalled, ready], state, now)).toEqual([stalled, { ...state, lastTransitionTime: time }]);
});

test('nothing new gives the same list, so that nothing is written', () => {
  const conditions = [ready, stalled];
  expect(setCondition(conditions, same, now)).toBe(conditions);
});

test('a first condition is added at the end', () => {
  expect(setCondition(undefined, same, now)).toEqual([{ ...ready, lastTransitionTime: now }]);
  expect(setCondition([stalled], same, now)).toEqual([stalled, { ...ready, lastTransitionTime: now }]);
});

test('a condition of somebody else stays', () => {
  const other = { ...ready, type: 'example.com/Approved' };
  expect(setCondition([other], { ...same, status: 'False' }, now)[0]).toBe(other);
});

test('a message is never longer than the schema allows', () => {
  for (const message of ['x'.repeat(40_000), '😀'.repeat(20_000), `x${'😀'.repeat(20_000)}`]) {
    const written = setCondition([], { ...same, message }, now)[0]?.message ?? '';
    expect(written.length).toBeLessThanOrEqual(32_768);
    expect(written.isWellFormed()).toBe(true);
    expect(written.endsWith(' …')).toBe(true);
  }
});

test('a condition is found and dropped by its type', () => {
  expect(findCondition([ready, stalled], 'Stalled')).toBe(stalled);
  expect(findCondition(undefined, 'Ready')).toBeUndefined();
  expect(isTrue([ready, stalled], 'Ready')).toBe(true);
  expect(isTrue([ready, stalled], 'Stalled')).toBe(false);
  expect(isTrue([ready], 'Healthy')).toBe(false);
  expect(dropCondition([ready, stalled], 'Stalled')).toEqual([ready]);
  const conditions = [ready];
  expect(dropCondition(conditions, 'Drifted')).toBe(conditions);
});
