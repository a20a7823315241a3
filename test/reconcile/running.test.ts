import { describe, expect, test } from '@jest/globals';
import type { GitOpsSource } from '../../operator/api/types.ts';
import { noDrift } from '../../operator/live/drift/types.ts';
import type { Drift } from '../../operator/live/drift/types.ts';
import type { Inventory, Member, MemberChange } from '../../operator/live/types.ts';
import type { DriftPolicy } from '../../operator/plan/correction.ts';
import { isToldSuspended, isWell, reactionTo } from '../../operator/reconcile/member-reaction.ts';
import type { Reaction, ReactionInput } from '../../operator/reconcile/member-reaction.ts';
import { isAnyOff, isOff, restorable, runningOf, withoutLeaving } from '../../operator/reconcile/running.ts';
import type { Memory, Running } from '../../operator/reconcile/types.ts';
import { manifest, member, ours, stranger } from '../plan/made.ts';

const ref = { commit: 'a'.repeat(40), fullRef: 'refs/heads/main', shortRef: 'main' };
const keyOf = (name: string): string => `/ConfigMap/shop/${name}`;
const running: Running = {
  ref,
  hashes: new Map([
    [keyOf('a'), 'v1:old'],
    [keyOf('b'), 'v1:old'],
  ]),
  present: new Set([keyOf('a'), keyOf('b')]),
};
const correct: DriftPolicy = { mode: 'Correct', ignore: [], heldBack: () => false };
const path = [{ field: 'data' }, { field: 'key' }];
const edited: Drift = {
  ...noDrift,
  fields: [{ path, class: 'modified', manager: 'kubectl-edit', operation: 'Update', since: undefined }],
};
const undecided: Drift = { ...noDrift, undecided: [path] };
const as = (drift: Drift | undefined, more: Parameters<typeof member>[1] = {}): Member => member({}, { drift, ...more });

describe('what of the running revision is off while another one fails', () => {
  test.each<[string, Member, boolean, DriftPolicy?]>([
    ['nothing of what is as it was written', as(noDrift), false],
    ['a field that somebody changed', as(edited), true],
    ['what only a dry run can tell', as(undecided), true],
    ['a label or hash that is no longer ours', as(noDrift, { ownsHashAndLabel: false }), true],
    ['not what the newer revision wrote already', as(edited, { hash: 'v1:new' }), false],
    ['not what it does not state', member({ name: 'c' }, { drift: edited }), false],
    ['not what is being deleted', as(edited, { deleting: true }), false],
    ['not what is to be left alone', as(edited, { annotations: { 'plumbline.dev/ignore': 'true' } }), false],
    ['not what is fought over', as(edited), false, { ...correct, heldBack: () => true }],
    ['nothing of which no verdict is known', as(undefined), false],
  ])('%s', (_name, one, isIt, policy = correct) => {
    expect(isOff(running, one, policy)).toBe(isIt);
    expect(isAnyOff(running, [one, member({ name: 'a' }, { drift: noDrift }), member({ name: 'b' }, { drift: noDrift })], policy)).toBe(
      isIt,
    );
  });

  test('and what is gone', () => {
    expect(isAnyOff(running, [member({ name: 'b' }, { drift: noDrift })], correct)).toBe(true);
    expect(isAnyOff({ ...running, present: new Set() }, [], correct)).toBe(false);
  });
});

test.each<[string, ReturnType<typeof member> | ReturnType<typeof stranger> | undefined, boolean, Running | 'NotKnown']>([
  ['a member that carries it', member(), true, running],
  ['a member that carries it, after a restart', member(), true, 'NotKnown'],
  ['what was there and is gone', undefined, true, running],
  ['not what was gone before the process began', undefined, false, { ...running, present: new Set() }],
  ['not what was there as another manifest', undefined, false, { ...running, hashes: new Map([[keyOf('a'), 'v1:other']]) }],
  ['not what the newer revision wrote', member({}, { hash: 'v1:new' }), false, running],
  ['not what is being deleted', member({}, { deleting: true }), false, running],
  ['not what belongs to another source', member({}, { partOf: 'applyset-other-v1' }), false, running],
  ['what only lost our label', stranger({}, { annotations: { 'plumbline.dev/hash': 'v1:old' } }), true, running],
  ['not what was let go of, or is a stranger', stranger(), false, running],
])('may be written: %s', (_name, live, isIt, known) => {
  const stated = [manifest({}, { hash: 'v1:old' })];
  expect(restorable(stated, () => live, known === 'NotKnown' ? undefined : known, ours)).toEqual(isIt ? stated : []);
});

test('what a newer revision removed, or holds until a person lets it go, is not made anew', () => {
  expect([...withoutLeaving(running, new Set([keyOf('b'), keyOf('c')])).present]).toEqual([keyOf('b')]);
});

test('of an applied revision, what is to be there runs', () => {
  const { hashes } = running;
  expect(runningOf({ hashes, expected: new Map([[keyOf('a'), undefined]]) }, ref)).toEqual({ ref, hashes, present: new Set([keyOf('a')]) });
});

describe('a change of a member', () => {
  const memory = { expected: new Map([[keyOf('a'), 'v1:old']]) } as unknown as Memory;
  const applied: ReactionInput = { memory, running, failures: 0, suspended: false, policy: correct };
  const failing: ReactionInput = { memory: undefined, running, failures: 2, suspended: false, policy: correct };
  const edit: MemberChange = { before: as(noDrift), after: as(edited) };
  const doubt: MemberChange = { before: as(noDrift), after: as(undecided) };
  const otherDoubt: MemberChange = { before: as(noDrift), after: as(undecided, { hash: 'v1:new' }) };
  const report: DriftPolicy = { ...correct, mode: 'Report' };
  const gone: MemberChange = { before: as(noDrift), after: undefined };
  const unlabelled: MemberChange = { before: as(noDrift), after: as(noDrift, { partOf: 'applyset-other-v1' }) };

  test.each<[string, MemberChange, ReactionInput, Reaction]>([
    ['that is an edit is put back at once', edit, applied, 'changed'],
    ['that a dry run decides is not for ever at once', { before: as(noDrift), after: as(undecided) }, applied, 'paced'],
    ['that leaves it as it was written matters to a fight only', { before: as(edited), after: as(noDrift) }, applied, 'fought'],
    ['that removes it wakes the source', gone, applied, 'gone'],
    ['that removes what nobody expects does not', { before: member({ name: 'c' }), after: undefined }, applied, 'nothing'],
    ['that takes it away is looked up where the source is suspended', gone, { ...applied, suspended: true }, 'lookUp'],
    ['that a dry run decides is asked about where the source is suspended', doubt, { ...applied, suspended: true }, 'paced'],
    ['that nobody decides of another manifest', otherDoubt, { ...applied, suspended: true }, 'nothing'],
    ['that a dry run decides, and nothing runs yet', doubt, { ...applied, running: undefined, suspended: true }, 'nothing'],
    ['that a dry run decides is asked about in Report while a revision fails', doubt, { ...failing, policy: report }, 'paced'],
    [
      'that a dry run decides is nothing in Ignore while a revision fails',
      doubt,
      { ...failing, policy: { ...correct, mode: 'Ignore' } },
      'nothing',
    ],
    ['of a suspended source is told only', edit, { ...applied, suspended: true }, 'nothing'],
    ['while a revision fails is put back as well', edit, failing, 'changed'],
    ['while it fails, and the running one is not known', edit, { ...failing, running: undefined }, 'nothing'],
    ['before anything failed is the walk’s to see', edit, { ...failing, failures: 0 }, 'nothing'],
    ['while it fails and nothing is to be corrected', edit, { ...failing, policy: { ...correct, mode: 'Report' } }, 'nothing'],
    [
      'of what the failing one wrote is left alone',
      { before: as(noDrift, { hash: 'v1:new' }), after: as(edited, { hash: 'v1:new' }) },
      failing,
      'fought',
    ],
    ['that removes it while a revision fails', gone, failing, 'gone'],
    ['that takes its label while a revision fails', unlabelled, failing, 'gone'],
  ])('%s', (_name, change, input, reaction) => {
    expect(reactionTo(change, input)).toBe(reaction);
  });
});

test.each<[string, boolean, DriftPolicy['mode'], number, Drift, boolean]>([
  ['is not well as long as a dry run has something to tell, suspended or not', true, 'Correct', 0, undecided, false],
  ['is well with what is told and not put back', true, 'Correct', 0, edited, true],
  ['is not well in Report while a revision fails and a dry run has something to tell', false, 'Report', 1, undecided, false],
  ['is well in Report while a revision fails, whatever is told', false, 'Report', 1, edited, true],
])('a source %s', (_name, suspend, mode, failures, drift, expected) => {
  const source = { metadata: { namespace: 'shop', name: 'shop' }, spec: { suspend } } as unknown as GitOpsSource;
  const inventory = { membersOf: () => [as(drift)] } as unknown as Inventory;
  expect(isWell({ memory: undefined, running, failures }, source, inventory, { ...correct, mode })).toBe(expected);
});

test.each([
  ['Suspended', 2, true],
  ['Suspended', 1, false],
  ['Succeeded', 2, false],
])('the outcome of a suspended source is told once: %s of generation %s', (reason, observedGeneration, expected) => {
  const conditions = [{ type: 'Reconciling', status: 'False', reason, message: '', observedGeneration, lastTransitionTime: '' }];
  expect(isToldSuspended({ metadata: { generation: 2 }, status: { conditions } } as unknown as GitOpsSource)).toBe(expected);
});
