import { expect, test } from '@jest/globals';
import { notedWith, toldAfter, toldOf } from '../../operator/notify/told.ts';
import { at, entry, first, second, third } from './made.ts';

const applied = entry('Webhook', 'Applied', { message: 'main is applied' });
const healthy = entry('Webhook', 'Healthy', { time: at(1) });
const commit = { sha: first, state: 'Success', target: 'x' } as const;
const told = { to: 'Webhook', type: 'Applied', commit: first, time: at(0), result: 'Delivered' } as const;

test('what was told leaves what waits, and is noted without its text', () => {
  const after = toldAfter({ commit, pending: [applied, healthy] }, [{ entry: applied, result: 'Delivered' }]);
  expect(after).toEqual({ commit, pending: [healthy], told: [told] });
  expect(toldAfter(after, [{ entry: healthy, result: 'Dropped' }])).toEqual({
    commit,
    told: [told, { to: 'Webhook', type: 'Healthy', commit: first, time: at(1), result: 'Dropped' }],
  });
});

test('the last twenty are noted', () => {
  const many = Array.from(
    { length: 30 },
    (_, index) => ({ entry: entry('Webhook', 'Drifted', { time: at(index) }), result: 'Delivered' }) as const,
  );
  expect(toldAfter(undefined, many).told?.map(({ time }) => time)).toEqual(Array.from({ length: 20 }, (_, index) => at(index + 10)));
});

test('a record is about its commit, and those to which its revision moved since', () => {
  const of = (sha: string, second_: number) => ({ ...told, commit: sha, time: at(second_) });
  const attempt = { number: 1, commit: first, generation: 1, cause: 'Commit', attempted: at(0), passed: [{ commit: second }] } as const;
  const status = { attempts: [attempt], notify: { told: [of(first, 0), of(second, 1), of(third, 2)] } };
  expect(toldOf(status, first).map(({ time }) => time)).toEqual([at(0), at(1)]);
  expect(toldOf(status, third)).toEqual([{ to: 'Webhook', type: 'Applied', time: at(2), result: 'Delivered' }]);
  expect(toldOf(undefined, first)).toEqual([]);
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
