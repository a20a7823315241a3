import { describe, expect, test } from '@jest/globals';
import { objectKey } from '../../operator/kube/types.ts';
import { noDrift } from '../../operator/live/drift/types.ts';
import type { Finding } from '../../operator/live/drift/types.ts';
import type { Member } from '../../operator/live/types.ts';
import { Fights } from '../../operator/reconcile/fights.ts';
import { member } from '../plan/made.ts';

const key = objectKey(member().id);
const finding = (manager = 'hpa', field = 'replicas'): Finding => ({
  path: [{ field: 'spec' }, { field }],
  class: 'modified',
  manager,
  operation: 'Update',
  since: undefined,
});
const clean = member({}, { drift: noDrift });
const drifted = (...fields: Finding[]): Member => member({}, { drift: { ...noDrift, fields } });

/** Somebody writes, we correct, this often, a second apart. */
function rounds(fights: Fights, count: number, from = 0, what = finding()): number {
  let now = from;
  for (let round = 0; round < count; round += 1) {
    fights.note({ before: clean, after: drifted(what) }, now);
    fights.note({ before: drifted(what), after: clean }, now);
    now += 1_000;
  }
  return now;
}

describe('Fights', () => {
  test('the fifth rewrite in a minute is one, of that field and that manager alone', () => {
    const fights = new Fights();
    rounds(fights, 4);
    expect(fights.going(4_000)).toEqual([]);
    rounds(fights, 1, 4_000);
    expect(fights.going(4_000)).toMatchObject([{ key, path: 'spec.replicas', manager: 'hpa' }]);
    expect(fights.wait(key, finding(), 4_500)).toBe(1_500);
    expect(fights.wait(key, finding('kubectl'), 4_500)).toBe(0);
    expect(fights.wait(key, finding('hpa', 'paused'), 4_500)).toBe(0);
  });

  test('a drift that stays is not written again', () => {
    const fights = new Fights();
    for (let time = 0; time < 20; time += 1)
      fights.note({ before: drifted(finding()), after: drifted(finding(), finding('x', 'paused')) }, time);
    expect(fights.wait(key, finding(), 20)).toBe(0);
  });

  test('is not counted again where a dry run had to say that the drift stays', () => {
    const fights = new Fights();
    rounds(fights, 5);
    const open = member({}, { drift: { ...noDrift, undecided: [finding().path] } });
    const stays = drifted(finding());
    for (let time = 5_000; time < 20_000; time += 1_000) {
      fights.note({ before: stays, after: open }, time);
      fights.note({ before: open, after: stays }, time);
    }
    expect(fights.wait(key, finding(), 5_000)).toBe(1_000);
    // But it is where the dry run says so of one that was put right before.
    fights.note({ before: stays, after: clean }, 20_000);
    fights.note({ before: clean, after: open }, 20_000);
    fights.note({ before: open, after: stays }, 20_000);
    expect(fights.wait(key, finding(), 20_000)).toBe(4_000);
  });

  test.each<[string, Record<string, string>]>([
    ['takes our annotations away', {}],
    ['puts old annotations back', { 'plumbline.dev/hash': 'v1:saved-once' }],
  ])('goes on though the rival replaces the object whole and %s', (_what, annotations) => {
    const fights = new Fights();
    const replaced: Member = { ...drifted(finding('kubectl-replace')), annotations, ownsHashAndLabel: false };
    for (let time = 0; time < 12_000; time += 1_000) {
      fights.note({ before: clean, after: replaced }, time);
      fights.note({ before: replaced, after: clean }, time + 10);
    }
    expect(fights.going(12_000)).toMatchObject([{ key, path: 'spec.replicas', manager: 'kubectl-replace' }]);
    expect(fights.wait(key, finding('kubectl-replace'), 12_000)).toBeGreaterThan(100_000);
  });

  test('is counted of an object whose label is taken off, and of none that is made anew, or was out of sight', () => {
    const fights = new Fights();
    const round = (time: number, uid: string, back = uid, drift?: typeof noDrift): void => {
      fights.note({ before: member({}, { drift: noDrift, uid }), after: undefined }, time);
      fights.note({ before: undefined, after: member({}, { drift, uid: back }) }, time + 10);
    };
    for (let time = 0; time < 6_000; time += 1_000) round(time, 'old', 'new');
    for (let time = 0; time < 6_000; time += 1_000) round(time, 'same', 'same', noDrift);
    expect([fights.going(6_000), fights.waitBack(key, 6_000)]).toEqual([[], 0]);
    for (let time = 6_000; time < 12_000; time += 1_000) round(time, 'same');
    expect(fights.going(12_000)).toMatchObject([{ key, path: 'metadata.labels["applyset.kubernetes.io/part-of"]', manager: undefined }]);
    expect(fights.waitBack(key, 12_000)).toBeGreaterThan(1_000);
    expect(fights.endsIn(12_000)).toBe(59_010);
    fights.note({ before: member({}, { drift: noDrift, uid: 'same' }), after: member({}, { hash: 'v1:next', drift: noDrift }) }, 12_000);
    expect(fights.waitBack(key, 12_000)).toBe(0);
  });

  test('ends when git changes the object', () => {
    const fights = new Fights();
    rounds(fights, 6);
    fights.note({ before: clean, after: member({}, { hash: 'v1:next', drift: noDrift }) }, 6_000);
    expect([fights.going(6_000), fights.wait(key, finding(), 6_000)]).toEqual([[], 0]);
  });

  test('holds each field back by its own pause', () => {
    const fights = new Fights();
    const now = rounds(fights, 5) - 1_000;
    rounds(fights, 5, now + 500, finding('m', 'other'));
    const waits = fights.going(now + 4_500).map(({ notBefore, manager }) => [manager, notBefore - now]);
    expect(waits).toEqual([
      ['hpa', fights.wait(key, finding(), now)],
      ['m', 500 + 4_000 + 2_000],
    ]);
  });

  test('ends by itself where the field is left alone: after a minute, or twice the pause', () => {
    const fights = new Fights();
    expect(fights.endsIn(0)).toBeUndefined();
    const last = rounds(fights, 5) - 1_000;
    expect(fights.endsIn(last)).toBe(60_000);
    expect(fights.endsIn(last + 59_999)).toBe(1);
    expect(fights.going(last + 60_000)).toEqual([]);
    expect(fights.endsIn(last + 60_000)).toBeUndefined();
  });

  test('is forgotten once it is over, and a thousand fields at most are counted', () => {
    const fights = new Fights();
    rounds(fights, 6);
    expect(fights.going(5_000_000)).toEqual([]);
    for (let index = 0; index < 1_100; index += 1) rounds(fights, 5, index, finding('m', `f${index}`));
    expect(fights.going(1_100).length).toBeLessThanOrEqual(1_000);
  });
});
