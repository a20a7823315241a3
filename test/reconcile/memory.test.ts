import { expect, test } from '@jest/globals';
import type { GitOpsSource } from '../../operator/api/types.ts';
import { noDrift } from '../../operator/live/drift/types.ts';
import type { Drift } from '../../operator/live/drift/types.ts';
import type { Member } from '../../operator/live/types.ts';
import type { DriftPolicy } from '../../operator/plan/correction.ts';
import { applySetId, parentMetadata, setOf } from '../../operator/plan/applyset.ts';
import { isCurrent } from '../../operator/reconcile/memory.ts';
import type { Memory, Walk } from '../../operator/reconcile/types.ts';
import type { Snapshot } from '../../operator/source/types.ts';
import { member, ours } from '../plan/made.ts';

const keyOf = (name: string): string => `/ConfigMap/shop/${name}`;
const memory: Memory = {
  commit: 'a'.repeat(40),
  path: 'prod',
  tree: 'tree',
  exclude: '',
  generation: 3,
  expected: new Map([
    [keyOf('a'), 'v1:old'],
    [keyOf('b'), 'v1:old'],
    [keyOf('once'), undefined], // IfNotPresent: presence is enough
  ]),
  hashes: new Map(),
  origins: new Map(),
  handed: [],
  gone: new Map(),
  total: 3,
};
const correct: DriftPolicy = { mode: 'Correct', ignore: [], heldBack: () => false };
const as = (name: string, more: Parameters<typeof member>[1] = {}): Member => member({ name }, { drift: noDrift, ...more });
const [a, b, once] = [as('a'), as('b'), as('once', { hash: 'v1:other' })];
const edited: Drift = {
  ...noDrift,
  fields: [{ path: [{ field: 'data' }], class: 'modified', manager: 'kubectl-edit', operation: 'Update', since: undefined }],
};
const { labels, annotations } = parentMetadata(applySetId({ namespace: 'shop', name: 'shop' }), setOf([a.id], 'shop'), 'plumbline/1');
const parent = { namespace: 'shop', name: 'shop', generation: 3, finalizers: ['plumbline.dev/source'], labels, annotations };

interface Case {
  readonly memory?: Partial<Memory> | 'none';
  readonly snapshot?: Partial<Snapshot>;
  readonly metadata?: object;
  readonly members?: readonly Member[];
  readonly policy?: Partial<DriftPolicy>;
}

/** As it is where a commit touches nothing of the source, but for what the case says. */
function currentIn(one: Case): boolean {
  const self = {
    memory: one.memory === 'none' ? undefined : { ...memory, ...one.memory },
    source: { metadata: { ...parent, ...one.metadata } } as unknown as GitOpsSource,
    applySet: ours,
    env: { inventory: { membersOf: () => one.members ?? [a, b, once] } },
    policy: { ...correct, ...one.policy },
  } as unknown as Walk;
  return isCurrent(self, { commit: { sha: 'b'.repeat(40) }, path: 'prod', tree: 'tree', ...one.snapshot } as Snapshot);
}

// Rule 8.
test.each<[string, Case, boolean]>([
  ['another commit of the same tree', {}, true],
  ['nothing remembered: after a restart or a failure', { memory: 'none' }, false],
  ['another tree', { snapshot: { tree: 'other' } }, false],
  ['another path of the same tree', { snapshot: { path: 'test' } }, false],
  ['another spec', { metadata: { generation: 4 } }, false],
  ['a member that is gone', { members: [a, once] }, false],
  ['a member that is gone of which presence is enough', { members: [a, b] }, false],
  ['a stranger among the members', { members: [a, b, once, as('extra', { hash: 'v1:other' })] }, true],
  ['a member with another hash', { members: [as('a', { hash: 'v1:new' }), b, once] }, false],
  ['a member whose label and hash are no longer ours', { members: [as('a', { ownsHashAndLabel: false }), b, once] }, false],
  ['the same where drift is only told', { members: [as('a', { ownsHashAndLabel: false }), b, once], policy: { mode: 'Report' } }, true],
  ['a member that is being deleted', { members: [as('a', { deleting: true }), b, once] }, false],
  ['a member that somebody edited', { members: [as('a', { drift: edited }), b, once] }, false],
  ['an edit where drift is only told', { members: [as('a', { drift: edited }), b, once], policy: { mode: 'Report' } }, true],
  ['an edit that is fought over', { members: [as('a', { drift: edited }), b, once], policy: { heldBack: () => true } }, true],
  [
    'a member of which only a dry run can tell',
    { members: [as('a', { drift: { ...noDrift, undecided: [[{ field: 'data' }]] } }), b, once] },
    false,
  ],
  ['a member to be left alone', { members: [as('a', { hash: 'v1:new', annotations: { 'plumbline.dev/ignore': 'true' } }), b, once] }, true],
  ['a member handed over that is still ours', { memory: { handed: [keyOf('b')] } }, false],
  ['one handed over that another source has written', { memory: { handed: [keyOf('moved')] } }, true],
  ['a source without its finalizer', { metadata: { finalizers: [] } }, false],
  ['a source that no longer says which kinds it has', { metadata: { annotations: {} } }, false],
])('render and plan are skipped: %s', (_name, one, isIt) => {
  expect(currentIn(one)).toBe(isIt);
});
