import { describe, expect, test } from '@jest/globals';
import { atText, ranAt } from '../../operator/cli/at.ts';
import type { RanAt } from '../../operator/cli/at.ts';
import type { SourceTrail } from '../../operator/cli/told.ts';
import { at, sha } from '../report/outcomes.ts';
import { attempt, record, source, trail } from './made.ts';

const passed = [{ commit: sha('ccc'), subject: 'Aside', author: 'Grace', time: at(15) }];
const failures = [{ time: at(21), reason: 'ObjectRefused', message: 'no' }];
const broken = { applied: undefined, healthy: undefined, failures, from: sha('ccc') };

/** aaa at 1, bbb at 11, ccc (changed nothing) at 15, ddd fails from 20 on, eee at 31, of which fff (nothing) at 33 stands in status. */
const whole = trail(
  source([attempt(4, 'eee', 30, { passed: [{ commit: sha('fff'), time: at(33) }] })]),
  record(attempt(1, 'aaa', 0)),
  record(attempt(2, 'bbb', 10, { from: sha('aaa') })),
  record(attempt(3, 'ddd', 20, { ...broken, commits: passed })),
);

function ran(of: SourceTrail, minute: number): RanAt | undefined {
  return ranAt([of], Date.parse(at(minute)))[0];
}

describe('what a source ran', () => {
  test.each<[number, string | undefined, Partial<RanAt>]>([
    [0, undefined, { note: 'nothing was applied yet', trying: { commit: sha('aaa') } }],
    [1, 'aaa', { since: at(1), health: 'NotYet', record: 'shop-1-aaa0000', author: 'Ada Lovelace <ada@example.com>' }],
    [2, 'aaa', { since: at(1), health: 'Healthy' }],
    [10, 'aaa', { trying: { commit: sha('bbb') } }],
    [14, 'bbb', { since: at(11), ref: 'main' }],
    [15, 'ccc', { since: at(15), subject: 'Aside' }],
    [20, 'ccc', { trying: { commit: sha('ddd') } }],
    [25, 'ccc', { trying: { commit: sha('ddd'), reason: 'ObjectRefused' } }],
    [31, 'eee', { health: 'NotYet' }],
    [99, 'fff', { since: at(33), health: 'Healthy' }],
  ])('in minute %i: %s', (minute, short, more) => {
    expect(ran(whole, minute)).toMatchObject({ source: 'shop/shop', ...(short === undefined ? {} : { commit: sha(short) }), ...more });
    if (short === undefined) expect(ran(whole, minute)?.commit).toBeUndefined();
  });

  test('is not told of one that was not there yet', () => {
    expect(ranAt([whole], Date.parse(at(0)) - 1)).toEqual([]);
  });

  test('before its oldest record is what that says ran before, and unknown where that does not say since when', () => {
    const cut = trail(source([]), record(attempt(7, 'ggg', 40, { from: sha('fff') })));
    expect(ran(cut, 39)).toMatchObject({ note: `its trail begins at ${at(40)}` });
    expect(ran(cut, 39)?.commit).toBeUndefined();
    expect(ran(cut, 40)).toMatchObject({ commit: sha('fff'), note: 'since before its trail begins' });
  });

  test('may be one of the commits that changed nothing and are not listed any more', () => {
    const busy = { from: sha('bbb'), commits: passed, moreCommits: 5 };
    const of = trail(source([]), record(attempt(2, 'bbb', 10)), record(attempt(3, 'ddd', 20, busy)));
    expect(ran(of, 13)).toMatchObject({ commit: sha('bbb'), note: 'or one of 5 commits after it, which changed nothing' });
    expect(ran(of, 16)?.note).toBeUndefined();
  });

  test('is told of one that is gone, until it went', () => {
    const gone = trail(undefined, record(attempt(1, 'aaa', 0), { 'plumbline.dev/source-ended': at(50) }));
    expect(ran(gone, 49)).toMatchObject({ commit: sha('aaa'), gone: true });
    expect(ran(gone, 50)).toBeUndefined();
    const unknown = trail(undefined, record(attempt(1, 'aaa', 0)));
    expect(ran(unknown, 99)?.note).toBe('the source is gone; since when is not recorded');
  });
});

test('prints a table with the zone, and says where nothing is known', () => {
  const moment = { at: Date.parse(at(25)), text: '2026-11-24 04:25:00 +01:00 (Europe/Berlin)' };
  expect(atText(ranAt([whole], moment.at), moment, 'shop', 'Europe/Berlin')).toBe(
    `At 2026-11-24 04:25:00 +01:00 (Europe/Berlin):
SOURCE      REVISION       SINCE                        HEALTHY   AUTHOR   SUBJECT   NOTE
shop/shop   main@ccc0000   2026-11-24 04:15:00 +01:00   -         Grace    Aside     ddd0000 failed (ObjectRefused)
`,
  );
  expect(atText([], moment, 'shop', 'UTC')).toContain('No source of namespace shop is known to have run anything.\n');
});
