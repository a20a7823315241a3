import { expect, test } from '@jest/globals';
import { createTurning } from '../../../operator/live/health/turning.ts';
import { failed, inProgress } from '../../../operator/live/health/types.ts';
import type { Verdict } from '../../../operator/live/health/types.ts';
import { waitFor } from '../../controlplane/wait-for.ts';

const turned: [string, string | undefined][] = [];
const begin = () => {
  turned.length = 0;
  const ends = new AbortController();
  return { ends, ...createTurning(Date.now, (key, into) => turned.push([key, into.message]), ends.signal) };
};
const waiting = (inMs: number, why: string): Verdict => ({ ...inProgress('waits'), turns: { at: Date.now() + inMs, into: failed(why) } });

test('each verdict turns at its time, the earliest first, whichever was made first', async () => {
  const { note } = begin();
  note('late', waiting(80, 'late'));
  note('soon', waiting(20, 'soon'));
  note('never', inProgress('of no time'));
  await waitFor('both turned', () => turned.length === 2);
  expect(turned).toEqual([
    ['soon', 'soon'],
    ['late', 'late'],
  ]);
});

test('not one that became another, or whose object went, before', async () => {
  const { note } = begin();
  for (const key of ['well', 'gone', 'later']) note(key, waiting(20, 'first'));
  note('well', { status: 'Current' });
  note('gone', undefined);
  note('later', waiting(60, 'second'));
  await waitFor('one turned', () => turned.length > 0);
  expect(turned).toEqual([['later', 'second']]);
});

test('nothing turns after the end', async () => {
  const { note, ends } = begin();
  note('a', waiting(20, 'a'));
  ends.abort();
  note('b', waiting(0, 'b'));
  const { note: other } = createTurning(Date.now, (key) => turned.push([key, 'other']), new AbortController().signal);
  other('c', waiting(60, 'c'));
  await waitFor('what still runs turned', () => turned.length > 0);
  expect(turned).toEqual([['c', 'other']]);
});
