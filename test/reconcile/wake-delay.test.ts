import { describe, expect, test } from '@jest/globals';
import { objectKey } from '../../operator/kube/types.ts';
import { noDrift } from '../../operator/live/drift/types.ts';
import type { Drift } from '../../operator/live/drift/types.ts';
import type { Member, MemberChange } from '../../operator/live/types.ts';
import type { DriftPolicy } from '../../operator/plan/correction.ts';
import { CorrectionPace } from '../../operator/reconcile/correction-pace.ts';
import { nothingToRecheck } from '../../operator/reconcile/entry.ts';
import { reactionTo } from '../../operator/reconcile/member-reaction.ts';
import type { ReactionInput } from '../../operator/reconcile/member-reaction.ts';
import type { Memory } from '../../operator/reconcile/types.ts';
import { delayAfterWalk, delayFor, noteChange } from '../../operator/reconcile/wake-delay.ts';
import { member } from '../plan/made.ts';

const correct: DriftPolicy = { mode: 'Correct', ignore: [], heldBack: () => false };
const names = ['a', 'b'];
const memory = { expected: new Map(names.map((name) => [objectKey(member({ name }).id), 'v1:old'])) } as unknown as Memory;
const known = (policy = correct): ReactionInput => ({ memory, running: undefined, failures: 0, suspended: false, policy });
const path = (key: string) => [{ field: 'data' }, { field: key }];
const undecided = (...keys: string[]): Drift => ({ ...noDrift, undecided: keys.map(path) });
const edited = (key: string): Drift => ({
  ...noDrift,
  fields: [{ path: path(key), class: 'modified', manager: 'kubectl-edit', operation: 'Update', since: undefined }],
});
const as = (drift: Drift, more: Parameters<typeof member>[1] = {}, name = 'a'): Member => member({ name }, { drift, ...more });

/** Delays of changes that come one after the other, 100 ms apart; a fight of any member lasts `fight` ms more. */
function delays(changes: readonly MemberChange[], policy = correct, fight?: number): readonly (number | undefined)[] {
  const pace = new CorrectionPace();
  return changes.map((change, index) => {
    const reaction = reactionTo(change, known(policy));
    return delayFor(reaction, change, { pace, pauseOf: () => fight, pauseBack: () => fight, now: index * 100 });
  });
}
const times = (count: number, change: (index: number) => MemberChange) => Array.from({ length: count }, (_, index) => change(index));
const atOnce = (count: number) => Array.from({ length: count }, () => 0);
const held: DriftPolicy = { ...correct, heldBack: () => true };

describe('a change of a member is put back', () => {
  test.each<[string, readonly MemberChange[], readonly (number | undefined)[], DriftPolicy?, number?]>([
    [
      'at once where another key of a ConfigMap is edited each time',
      times(12, (index) => ({ before: as(noDrift), after: as(undecided(`key-${index}`)) })),
      atOnce(12),
    ],
    [
      'at once where it is another ConfigMap each time',
      times(12, (index) => ({ before: as(noDrift, {}, names[index % 2]), after: as(undecided(`key-${index}`), {}, names[index % 2]) })),
      atOnce(12),
    ],
    [
      'ever later where it is the same key each time',
      times(8, () => ({ before: as(noDrift), after: as(undecided('key')) })),
      [0, 0, 0, 0, 0, 1_000, 2_000, 4_000],
    ],
    ['at once where a field is edited', times(12, () => ({ before: as(noDrift), after: as(edited('key')) })), atOnce(12)],
    [
      'ever later where only its status moves',
      times(7, () => ({ before: as(edited('key')), after: as(structuredClone(edited('key'))) })),
      [0, 0, 0, 0, 0, 1_000, 2_000],
    ],
    ['ever later where it goes each time', times(6, () => ({ before: as(noDrift), after: undefined })), [0, 0, 0, 0, 0, 1_000]],
    ['when the fight allows', [{ before: as(noDrift), after: as(edited('key')) }], [7_000], held, 7_000],
    [
      'when the fight allows where our annotations went as well',
      [{ before: as(noDrift), after: as(edited('key'), { ownsHashAndLabel: false }) }],
      [7_000],
      held,
      7_000,
    ],
    ['when the fight over its label allows', [{ before: as(noDrift), after: undefined }], [7_000], correct, 7_000],
    ['never where it is as it was written', [{ before: as(edited('key')), after: as(noDrift) }], [undefined]],
  ])('%s', (_name, changes, expected, ...[policy, fight]) => {
    expect(delays(changes, policy, fight)).toEqual(expected);
  });
});

describe('what changed while its source walked is put back', () => {
  interface Case {
    readonly changes: readonly MemberChange[];
    /** As it is after the walk. */
    readonly now?: Member | undefined;
    readonly well?: boolean;
    readonly parent?: boolean;
    readonly policy?: DriftPolicy;
    readonly fight?: number;
    /** So often before. */
    readonly before?: number;
  }
  const edit: MemberChange = { before: as(noDrift), after: as(edited('key')) };
  const status: MemberChange = { before: as(edited('key')), after: as(structuredClone(edited('key'))) };
  const undecidedNow: MemberChange = { before: as(noDrift), after: as(undecided('key')) };

  test.each<[string, Case, number | undefined]>([
    ['never where nothing changed', { changes: [], well: false }, undefined],
    ['never where the walk has put it back', { changes: [edit], now: as(noDrift), well: true }, undefined],
    ['at once after an edit, however many there were before', { changes: [edit], now: edit.after, before: 9 }, 0],
    ['at once where a key is to be looked at', { changes: [undecidedNow], now: undecidedNow.after }, 0],
    ['later where that key was so again and again', { changes: [undecidedNow], now: undecidedNow.after, before: 6 }, 2_000],
    ['later where only the status of what cannot be put back moves', { changes: [status], now: status.after, before: 6 }, 2_000],
    ['at once where it is gone', { changes: [{ before: as(noDrift), after: undefined }] }, 0],
    [
      'never where it is gone and was not to be there',
      { changes: [{ before: as(noDrift, {}, 'c'), after: undefined }], well: true },
      undefined,
    ],
    ['when the fight allows that the walk left it to', { changes: [edit], now: edit.after, well: true, policy: held, fight: 4_000 }, 4_000],
    ['when the fight allows that a walk for something else left it to', { changes: [], well: true, policy: held, fight: 4_000 }, 4_000],
    ['sooner where something else is to be put back', { changes: [edit], now: edit.after, fight: 4_000 }, 0],
    ['never for a fight that is only told', { changes: [], well: true, policy: { ...held, mode: 'Report' }, fight: 4_000 }, undefined],
    ['at once where the source itself was touched', { changes: [], parent: true, well: false }, 0],
    ['never where the source was touched and is whole', { changes: [], parent: true, well: true }, undefined],
  ])('%s', (_name, { changes, now, well = false, parent = false, policy, fight, before = 0 }, expected) => {
    const pace = new CorrectionPace();
    const key = objectKey(member().id);
    for (let count = 0; count < before; count += 1) pace.next([key], 0);
    for (let count = 0; count < before; count += 1) pace.next([`${key} data.key`], 0);
    const recheck = nothingToRecheck();
    recheck.parent = parent;
    for (const change of changes) noteChange(recheck, change);
    const input = { pauseOf: () => fight, pauseBack: () => fight, pauseOfAny: () => fight, now: 0 };
    expect(delayAfterWalk({ ...known(policy), recheck, pace }, { find: () => now }, () => well, input)).toBe(expected);
  });
});
