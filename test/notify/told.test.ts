import { describe, expect, test } from '@jest/globals';
import { notedKeys, notedWith, toldAfter, toldKey, toldOf } from '../../operator/notify/told.ts';
import { at, entry, first, second, third } from './made.ts';

const applied = entry('Webhook', 'Applied', { message: 'main is applied' });
const healthy = entry('Webhook', 'Healthy', { time: at(1) });
const commit = { sha: first, state: 'Success', target: 'x' } as const;
const told = { to: 'Webhook', type: 'Applied', commit: first, time: at(0), result: 'Delivered' } as const;

const never = (): boolean => false;

test('what was told leaves what waits, and is noted without its text', () => {
  const after = toldAfter({ commit, pending: [applied, healthy] }, [{ entry: applied, result: 'Delivered' }], never);
  expect(after).toEqual({ commit, pending: [healthy], told: [told] });
  expect(toldAfter(after, [{ entry: healthy, result: 'Dropped' }], never)).toEqual({
    commit,
    told: [told, { to: 'Webhook', type: 'Healthy', commit: first, time: at(1), result: 'Dropped' }],
  });
});

const settledDrift = (count: number, from = 0) =>
  Array.from(
    { length: count },
    (_, index) => ({ entry: entry('Webhook', 'Drifted', { time: at(from + index) }), result: 'Delivered' }) as const,
  );

test('of what stands in records the last twenty stay to be looked at; what does not stays until it does', () => {
  const times = (from: number, count: number) => Array.from({ length: count }, (_, index) => at(from + index));
  expect(toldAfter(undefined, settledDrift(30), () => true).told?.map(({ time }) => time)).toEqual(times(10, 20));
  expect(toldAfter(undefined, settledDrift(30), never).told?.map(({ time }) => time)).toEqual(times(0, 30));
  const noted = (one: { readonly time: string }): boolean => one.time < at(5);
  expect(toldAfter(undefined, settledDrift(30), noted).told?.map(({ time }) => time)).toEqual(times(5, 25));
});

test('however much drift is told of a revision that waits for its record, that it was applied stays', () => {
  let notify = toldAfter({ pending: [applied] }, [{ entry: applied, result: 'Delivered' }], never);
  for (let round = 0; round < 10; round += 1) notify = toldAfter(notify, settledDrift(24, 1 + round * 24), never);
  expect(notify.told).toHaveLength(64);
  expect(notify.told?.[0]).toEqual(told);
  expect(notify.told?.at(-1)?.time).toBe(at(240));
  // So it does in the annotation of the record, which takes fewer, in one step or in many.
  const { commit: _commit, ...one } = told;
  const drift = (second_: number) => ({ ...one, type: 'Drifted', time: at(second_) }) as const;
  const many = [one, ...Array.from({ length: 60 }, (_, index) => drift(index + 1))];
  const whole = notedWith(undefined, many) ?? '';
  expect(JSON.parse(whole)).toEqual([one, ...many.slice(-23)]);
  expect(notedWith(whole, many)).toBeUndefined();
  let text: string | undefined;
  for (let index = 0; index < many.length; index += 7) text = notedWith(text, many.slice(Math.max(0, index - 20), index + 7)) ?? text;
  expect(text).toBe(whole);
});

test('what was told of a revision whose record is to come is needed in the status; of any other it is not', () => {
  const attempt = (commit_: string, more = {}) =>
    ({ number: 1, commit: commit_, generation: 1, cause: 'Commit', attempted: commit_, ...more }) as const;
  const of = (sha: string) => ({ ...told, commit: sha });
  const attempts = [attempt(first), attempt(second, { passed: [{ commit: 'moved' }] }), attempt('quiet', { silent: true })];
  const status = { attempts, notify: { told: [first, second, third, 'moved', 'quiet'].map(of) } };
  expect(notedKeys(status, ({ commit: sha }) => sha === first)).toEqual(new Set([first, third, 'quiet'].map((sha) => toldKey(of(sha)))));
});

describe('what was told stands in the record', () => {
  const of = (sha: string, second_: number, type: 'Applied' | 'Failed' = 'Applied') => ({ ...told, type, commit: sha, time: at(second_) });
  const record = (commit_: string, second_: number) => ({ commit: commit_, attempted: at(second_) });
  const attempt = (commit_: string, second_: number, more = {}) =>
    ({ number: 1, generation: 1, cause: 'Commit', ...record(commit_, second_), ...more }) as const;
  type Row = readonly [
    string,
    Parameters<typeof toldOf>[0],
    Parameters<typeof toldOf>[1],
    readonly (readonly [number, readonly number[]])[],
  ];
  const times = (...seconds: readonly number[]) => seconds;
  const rows: readonly Row[] = [
    ['of its commit', [record(first, 0)], { notify: { told: [of(first, 0), of(third, 2)] } }, [[0, times(0)]]],
    [
      'of the revision that has moved on to that commit',
      [record(first, 0)],
      { attempts: [attempt(first, 0, { passed: [{ commit: second }] })], notify: { told: [of(first, 0), of(second, 1), of(third, 2)] } },
      [[0, times(0, 1)]],
    ],
    [
      'of each time that a commit was brought in, also what is told of it once another one is tried',
      [record(first, 0), record(second, 10), record(first, 20)],
      { notify: { told: [of(first, 1), of(second, 11), of(first, 12, 'Failed'), of(first, 21)] } },
      [
        [0, times(1, 12)],
        [1, times(11)],
        [2, times(21)],
      ],
    ],
    [
      'in whichever order they are read',
      [record(first, 20), record(first, 0)],
      { notify: { told: [of(first, 1), of(first, 21)] } },
      [
        [1, times(1)],
        [0, times(21)],
      ],
    ],
    [
      'of a try anew only once that has one',
      [record(first, 0)],
      { attempts: [attempt(first, 20), attempt(first, 0)], notify: { told: [of(first, 1), of(first, 21)] } },
      [[0, times(1)]],
    ],
    ['of none where its record is gone', [record(first, 20)], { notify: { told: [of(first, 1)] } }, []],
    ['of none where nothing was told', [record(first, 20)], undefined, []],
  ];
  test.each(rows)('%s', (_, records, status, expected) => {
    const found = [...toldOf(records, status)].map(([one, noted]) => [records.indexOf(one), noted.map(({ time }) => time)]);
    expect(found).toEqual(expected.map(([index, seconds]) => [index, seconds.map(at)]));
    for (const noted of toldOf(records, status).values()) expect(noted[0]).not.toHaveProperty('commit');
  });
});

test('an annotation gains what is new, each once; nothing is written where nothing is', () => {
  const { commit: _commit, ...one } = told;
  const other = { ...one, type: 'Healthy' } as const;
  const text = notedWith(undefined, [one]);
  expect(text).toBe(JSON.stringify([one]));
  expect(notedWith(text, [one])).toBeUndefined();
  expect(JSON.parse(notedWith(text, [one, other]) ?? '')).toEqual([one, other]);
  expect(JSON.parse(notedWith('{nonsense', [one]) ?? '')).toEqual([one]);
  expect(JSON.parse(notedWith('[1, null, {"to": 1}]', [one]) ?? '')).toEqual([one]);
});
