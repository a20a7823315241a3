import { describe, expect, test } from '@jest/globals';
import { objectKey } from '../../operator/kube/types.ts';
import type { Member } from '../../operator/live/types.ts';
import { plan } from '../../operator/plan/plan.ts';
import type { Live, PlanInput } from '../../operator/plan/types.ts';
import type { Manifest } from '../../operator/render/types.ts';
import { manifest, member, ours, stranger } from './made.ts';

function planOf(manifests: readonly Manifest[], live: readonly Live[], more: Partial<PlanInput> = {}) {
  const byKey = new Map(live.map((object) => [objectKey(object.id), object]));
  return plan({
    source: 'shop/shop',
    applySet: ours,
    prune: true,
    manifests,
    members: live.filter((object) => object.partOf === ours),
    live: (id) => byKey.get(objectKey(id)),
    sourceOf: (id) => (id === 'applyset-other-v1' ? 'shop/other' : undefined),
    appliedBefore: true,
    appliedHash: () => undefined,
    ...more,
  });
}

/** What becomes of the one manifest. */
function fate(stated: Manifest, live: Live | undefined, more: Partial<PlanInput> = {}): string {
  const made = planOf([stated], live === undefined ? [] : [live], more);
  const { creates, changes, unchanged, leftOut, faults, terminating } = made;
  const counts = { creates, changes, unchanged, leftOut, faults, terminating };
  return Object.entries(counts)
    .filter(([, list]) => list.length > 0)
    .map(([name]) => name)
    .join();
}

const job = { group: 'batch', kind: 'Job' };
const withTtl = (hash: string) => manifest(job, { hash, body: { spec: { ttlSecondsAfterFinished: 60 } } });

describe('a stated object', () => {
  test.each<[string, Manifest, Live | undefined, string]>([
    ['that is not there is created', manifest(), undefined, 'creates'],
    ['whose member has another hash is changed', manifest(), member(), 'changes'],
    ['whose member has its hash is not written', manifest(), member({}, { hash: 'v1:new' }), 'unchanged'],
    ['whose managedFields were cleared is applied again', manifest(), member({}, { hash: 'v1:new', ownsHashAndLabel: false }), 'changes'],
    ['that nobody owns is adopted', manifest(), stranger(), 'changes'],
    ['that is being deleted is waited for', manifest(), member({}, { deleting: true }), 'terminating'],
    ['of another source is refused', manifest(), member({}, { partOf: 'applyset-other-v1' }), 'faults'],
    ['of a foreign ApplySet is refused', manifest(), member({}, { partOf: 'applyset-kubectl-v1', ownsLabel: false }), 'faults'],
    ['labelled by a source that is gone binds nobody', manifest(), member({}, { partOf: 'applyset-gone-v1' }), 'changes'],
    ['marked by Helm is refused', manifest(), stranger({}, { mark: { tool: 'Helm', owner: 'release a/b', detach: 'Do so.' } }), 'faults'],
    ['ignored in git is left out', manifest({}, { annotations: { 'plumbline.dev/ignore': 'true' } }), undefined, 'leftOut'],
    ['ignored in the cluster is left out', manifest(), member({}, { annotations: { 'plumbline.dev/ignore': 'true' } }), 'leftOut'],
    [
      'IfNotPresent that is not there is created',
      manifest({}, { annotations: { 'plumbline.dev/apply': 'IfNotPresent' } }),
      undefined,
      'creates',
    ],
    [
      'IfNotPresent that is there is left out',
      manifest({}, { annotations: { 'plumbline.dev/apply': 'IfNotPresent' } }),
      stranger(),
      'leftOut',
    ],
  ])('%s', (_name, stated, live, expected) => {
    expect(fate(stated, live)).toBe(expected);
  });

  test('that is changed carries the uid of what is live, one that is created none', () => {
    const { creates, changes } = planOf([manifest(), manifest({ name: 'b' })], [member()]);
    expect(changes.map((write) => write.uid)).toEqual(['uid-a']);
    expect(creates.map((write) => write.uid)).toEqual([undefined]);
  });

  test('that nobody owned tells its managers, a member tells none', () => {
    const { changes } = planOf([manifest(), manifest({ name: 'b' })], [stranger(), member({ name: 'b' })]);
    expect(changes.map((write) => write.adopts)).toEqual([['kubectl-create'], undefined]);
  });

  test('that only lost its label is taken back, not adopted', () => {
    const { changes } = planOf([manifest()], [stranger({}, { annotations: { 'plumbline.dev/hash': 'v1:old' } })]);
    expect(changes.map((write) => write.adopts)).toEqual([undefined]);
  });

  test('of another source names it, for an event there', () => {
    const { faults, contested } = planOf([manifest()], [member({}, { partOf: 'applyset-other-v1' })]);
    expect(faults).toMatchObject([{ reason: 'OwnedByOther', object: 'ConfigMap shop/a', place: { file: 'web.yaml', line: 3 } }]);
    expect([...contested.keys()]).toEqual(['shop/other']);
  });
});

describe('a finished Job with a time to live that is gone', () => {
  test.each<[string, Manifest, string | undefined, boolean, string]>([
    ['is done while its manifest stays', withTtl('v1:same'), 'v1:same', true, 'leftOut'],
    ['is made again when its manifest changes', withTtl('v1:new'), 'v1:old', true, 'creates'],
    ['counts as unchanged where the applied commit cannot be had', withTtl('v1:new'), undefined, true, 'leftOut'],
    ['is made by the first revision', withTtl('v1:new'), undefined, false, 'creates'],
    ['without a time to live is missing and made again', manifest(job), 'v1:new', true, 'creates'],
  ])('%s', (_name, stated, before, appliedBefore, expected) => {
    expect(fate(stated, undefined, { appliedBefore, appliedHash: () => before })).toBe(expected);
  });
});

describe('a member that leaves git', () => {
  const owner = { apiVersion: 'v1', kind: 'Service', name: 'web', uid: 'u', controller: true };
  test.each<[string, Member, Partial<PlanInput>, string]>([
    ['is pruned', member(), {}, 'prune'],
    ['is let go with prune: false', member(), { prune: false }, 'letGo'],
    ['is let go with prune: disabled on it', member({}, { annotations: { 'plumbline.dev/prune': 'disabled' } }), {}, 'letGo'],
    ['is kept while it is ignored', member({}, { annotations: { 'plumbline.dev/ignore': 'true' } }), {}, ''],
    ['is kept when a controller made it and copied the label', member({}, { controllerOwner: owner }), {}, ''],
    ['is kept without proof: our entry does not own the label', member({}, { ownsLabel: false }), {}, ''],
  ])('%s', (_name, live, more, expected) => {
    const { prune, letGo } = planOf([], [live], more);
    expect([prune.length > 0 && 'prune', letGo.length > 0 && 'letGo'].filter(Boolean).join()).toBe(expected);
  });

  test('and one that moved to another apiVersion is the same object', () => {
    const stated = manifest({ group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' });
    const live = member({ group: 'autoscaling', version: 'v1', kind: 'HorizontalPodAutoscaler' }, { hash: 'v1:new' });
    const { prune, unchanged } = planOf([stated], [live]);
    expect([prune.length, unchanged.length]).toEqual([0, 1]);
  });
});

describe('a dry run', () => {
  test.each<[string, readonly Manifest[], readonly Live[], boolean, boolean]>([
    ['is not needed by a first revision that only creates', [manifest()], [], false, false],
    ['comes first when a first revision meets what is there', [manifest()], [stranger()], false, true],
    ['comes first over a running revision', [manifest()], [], true, true],
    ['comes first when anything is pruned', [], [member()], false, true],
  ])('%s', (_name, manifests, live, appliedBefore, expected) => {
    expect(planOf(manifests, live, { appliedBefore }).dryRun).toBe(expected);
  });
});
