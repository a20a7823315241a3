import { describe, expect, test } from '@jest/globals';
import { objectKey } from '../../operator/kube/types.ts';
import type { Member } from '../../operator/live/types.ts';
import { plan, unknownHash } from '../../operator/plan/plan.ts';
import type { Live, PlanInput } from '../../operator/plan/types.ts';
import type { Manifest } from '../../operator/render/types.ts';
import { pathText } from '../../operator/live/drift/path.ts';
import type { Path } from '../../operator/live/drift/path.ts';
import { noDrift } from '../../operator/live/drift/types.ts';
import type { Drift, Finding } from '../../operator/live/drift/types.ts';
import type { DriftPolicy } from '../../operator/plan/correction.ts';
import { isAsWritten } from '../../operator/reconcile/memory.ts';
import type { Memory } from '../../operator/reconcile/types.ts';
import { manifest, member, ours, stranger } from './made.ts';

function planOf(manifests: readonly Manifest[], live: readonly Live[], more: Partial<PlanInput> = {}) {
  const byKey = new Map(live.map((object) => [objectKey(object.id), object]));
  return plan({
    source: 'shop/shop',
    applySet: ours,
    prune: true,
    manifests,
    members: live.filter((object): object is Member => object.partOf === ours && 'drift' in object),
    live: (id) => byKey.get(objectKey(id)),
    sourceOf: (id) => (id === 'applyset-other-v1' ? 'shop/other' : undefined),
    servedNamespaces: [],
    appliedBefore: true,
    appliedHash: () => undefined,
    wasThere: () => false,
    isHanded: () => false,
    isFreed: () => false,
    policy: { mode: 'Correct', ignore: [], heldBack: () => false },
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

describe('where sources of other namespaces are not seen (--namespaces)', () => {
  const served = { servedNamespaces: ['shop', 'web'] };
  const unseen = member({}, { partOf: 'applyset-unseen-v1' });
  const adopts = manifest({}, { annotations: { 'plumbline.dev/adopt': 'true' } });
  test.each<[string, Manifest, Live, string]>([
    ['an object of a source that is not seen is refused', manifest(), unseen, 'faults'],
    ['it is taken over by the word of a person', adopts, unseen, 'changes'],
    ['one of a source that is seen is not', adopts, member({}, { partOf: 'applyset-other-v1' }), 'faults'],
    ['one of a foreign ApplySet is not', adopts, member({}, { partOf: 'applyset-kubectl-v1', ownsLabel: false }), 'faults'],
    ['one that nobody owns is adopted', manifest(), stranger(), 'changes'],
    ['one of ours is changed', manifest(), member(), 'changes'],
  ])('%s', (_name, stated, live, expected) => expect(fate(stated, live, served)).toBe(expected));

  test('the refusal says how to find the owner, and what to do where it is gone', () => {
    const [fault] = planOf([manifest()], [unseen], served).faults;
    expect(fault).toMatchObject({ reason: 'OwnedByOther', message: expect.stringContaining('this operator serves (shop, web)') });
    expect(fault?.remedy).toContain('-l applyset.kubernetes.io/id=applyset-unseen-v1');
    expect(fault?.remedy).toContain('plumbline.dev/adopt: "true"');
  });

  test('what is taken over so is an adoption', () => {
    expect(planOf([adopts], [unseen], served).changes.map(({ adopts: managers }) => managers)).toEqual([['plumbline']]);
  });
});

describe('a finished Job with a time to live that is gone', () => {
  test.each<[string, Manifest, string | undefined, boolean, string]>([
    ['is done while its manifest stays', withTtl('v1:same'), 'v1:same', true, 'leftOut'],
    ['is made again when its manifest changes', withTtl('v1:new'), 'v1:old', true, 'creates'],
    ['counts as unchanged where the applied commit cannot be had', withTtl('v1:new'), unknownHash, true, 'leftOut'],
    ['is made when it is new in git', withTtl('v1:new'), undefined, true, 'creates'],
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

describe('an object that somebody changed', () => {
  const replicas: Path = [{ field: 'spec' }, { field: 'replicas' }];
  const image: Path = [{ field: 'spec' }, { field: 'image' }];
  const of = (path: Path, more: Partial<Finding> = {}): Finding => ({
    path,
    class: 'modified',
    manager: 'kubectl-edit',
    operation: 'Update',
    since: undefined,
    ...more,
  });
  const policy = (more: Partial<DriftPolicy> = {}): DriftPolicy => ({ mode: 'Correct', ignore: [], heldBack: () => false, ...more });
  const told = (drift: Partial<Drift>, how: DriftPolicy): unknown => {
    const { changes, unchanged } = planOf(
      [manifest({}, { hash: 'v1:same' })],
      [member({}, { hash: 'v1:same', drift: { ...noDrift, ...drift } })],
      {
        policy: how,
      },
    );
    const [write] = changes;
    if (write === undefined) return unchanged.length === 1 ? 'unchanged' : 'nothing';
    return { back: write.puts?.back.map(({ path }) => pathText(path)), out: write.leaveOut?.map(pathText) };
  };
  const mark: Path = [{ field: 'metadata' }, { field: 'annotations' }, { field: 'plumbline.dev/hash' }];
  const restart: Path = [{ field: 'spec' }, { field: 'annotations' }, { field: 'kubectl.kubernetes.io/restartedAt' }];
  const ignoreReplicas = [{ paths: ['/spec/replicas'] }];
  test.each<[string, Partial<Drift>, DriftPolicy, unknown]>([
    ['is put back', { fields: [of(replicas)] }, policy(), { back: ['spec.replicas'], out: [] }],
    ['is not put back in Report', { fields: [of(replicas)] }, policy({ mode: 'Report' }), 'unchanged'],
    ['is not put back in Ignore', { fields: [of(replicas)], lost: [image] }, policy({ mode: 'Ignore' }), 'unchanged'],
    ['is not put back where a rule ignores it', { fields: [of(replicas)] }, policy({ ignore: ignoreReplicas }), 'unchanged'],
    [
      'is put back without what a rule ignores',
      { fields: [of(replicas), of(image)] },
      policy({ ignore: ignoreReplicas }),
      { back: ['spec.image'], out: ['spec.replicas'] },
    ],
    ['is not put back while it is fought over', { fields: [of(replicas)] }, policy({ heldBack: () => true }), 'unchanged'],
    [
      'is put back without what is fought over',
      { fields: [of(replicas), of(image)] },
      policy({ heldBack: (_key, { path }) => path === replicas }),
      { back: ['spec.image'], out: ['spec.replicas'] },
    ],
    ['is taken back where it is as stated', { lost: [image] }, policy(), { back: [], out: [] }],
    [
      'is taken back in Report without what differs',
      { fields: [of(replicas)], lost: [image] },
      policy({ mode: 'Report' }),
      { back: [], out: ['spec.replicas'] },
    ],
    [
      'is not taken back in Report where that would reset what differs',
      { fields: [of(replicas, { held: true })], lost: [image] },
      policy({ mode: 'Report' }),
      'unchanged',
    ],
    [
      'is taken back in Report without what only a dry run could say',
      { lost: [image], undecided: [replicas], unheld: [replicas] },
      policy({ mode: 'Report' }),
      { back: [], out: ['spec.replicas'] },
    ],
    [
      'is not taken back in Report where that would reset what is undecided',
      { lost: [image], undecided: [replicas] },
      policy({ mode: 'Report' }),
      'unchanged',
    ],
    ['is left alone where it is a restart, though git states its time', { fields: [of(restart)] }, policy(), 'unchanged'],
    [
      'is put back without undoing a restart',
      { fields: [of(restart), of(image)] },
      policy(),
      { back: ['spec.image'], out: ['spec.annotations["kubectl.kubernetes.io/restartedAt"]'] },
    ],
    [
      'is put back with what a rule ignores and we hold',
      { fields: [of(replicas, { held: true }), of(image)] },
      policy({ ignore: ignoreReplicas }),
      { back: ['spec.image'], out: [] },
    ],
    [
      'is put back without a value that a rule ignores and another holds',
      { fields: [of(image)], undecided: [replicas], unheld: [replicas] },
      policy({ ignore: ignoreReplicas }),
      { back: ['spec.image'], out: ['spec.replicas'] },
    ],
    ['is no reason to write where kubectl only added to it', { extra: [of(image, { class: 'extra' })] }, policy(), 'unchanged'],
  ])('%s', (_name, drift, how, expected) => {
    expect(told(drift, how)).toEqual(expected);
  });

  test.each<[string, Partial<Drift>, Partial<Member> & { hash?: string }, readonly string[] | undefined]>([
    [
      'managedFields cleared',
      { fields: [of(replicas)], lost: [image, mark] },
      { ownsLabel: false, ownsHashAndLabel: false },
      ['spec.replicas'],
    ],
    ['the hash changed by hand', { fields: [of(mark), of(replicas)] }, { hash: 'v1:x', ownsHashAndLabel: false }, ['spec.replicas']],
    ['the label taken over', { lost: [mark] }, { ownsLabel: false, ownsHashAndLabel: false }, []],
    ['not what only drifted', { fields: [of(replicas)] }, {}, undefined],
    ['not another manifest under our own name', { fields: [of(mark, { held: true })] }, { hash: 'v1:x' }, undefined],
    ['not as long as it is not known', { undecided: [[]] }, { ownsLabel: false, ownsHashAndLabel: false }, undefined],
    ['all of it, where our own half-way revision wrote it', { fields: [of(replicas)] }, { hash: 'v1:half' }, []],
  ])('has its ownership taken back in Report: %s', (_name, drift, more, out) => {
    const live = member({}, { hash: 'v1:new', drift: { ...noDrift, ...drift }, ...more });
    const how = policy({ mode: 'Report' });
    const { changes, leftOut, unchanged } = planOf([manifest()], [live], { policy: how, appliedHash: () => 'v1:new' });
    expect(changes.map(({ leaveOut }) => leaveOut?.map(pathText))).toEqual(out === undefined ? [] : [out]);
    expect(changes.length + leftOut.length + unchanged.length).toBe(1);
    // Where nothing is written, it counts as written: else each poll would render anew.
    if (out === undefined && live.drift?.undecided.length === 0) {
      const memory = { expected: new Map([[objectKey(live.id), 'v1:new']]) } as unknown as Memory;
      expect(isAsWritten(memory, live, how)).toBe(true);
    }
  });

  test('is written with the revision that changes it, without what a rule ignores and is not ours', () => {
    for (const mode of ['Correct', 'Report', 'Ignore'] as const) {
      const changed = member({}, { drift: { ...noDrift, fields: [of(replicas)] } });
      const { changes } = planOf([manifest()], [changed], {
        policy: policy({ mode, ignore: ignoreReplicas }),
        appliedHash: () => 'v1:old',
      });
      expect(changes.map(({ leaveOut }) => leaveOut?.map(pathText))).toEqual([['spec.replicas']]);
    }
  });

  test.each<[DriftPolicy['mode'], string]>([
    ['Correct', 'creates'],
    ['Report', 'missing'],
    ['Ignore', 'missing'],
  ])('that is gone, in %s: %s', (mode, expected) => {
    const gone = planOf([manifest()], [], { policy: policy({ mode }), appliedHash: () => 'v1:new' });
    expect([gone.creates.length > 0 && 'creates', gone.missing.length > 0 && 'missing'].filter(Boolean)).toEqual([expected]);
    const isNew = planOf([manifest()], [], { policy: policy({ mode }), appliedHash: () => undefined });
    expect(isNew.creates.length).toBe(1);
  });

  test('that lost our label is told of in Report, and taken back in Correct', () => {
    const stripped = stranger({}, { annotations: { 'plumbline.dev/hash': 'v1:new' } });
    const inMode = (mode: DriftPolicy['mode']) =>
      planOf([manifest()], [stripped], { policy: policy({ mode }), appliedHash: () => 'v1:new' });
    expect([inMode('Report').unlabelled.length, inMode('Report').changes.length]).toEqual([1, 0]);
    expect([inMode('Correct').unlabelled.length, inMode('Correct').changes.length]).toEqual([0, 1]);
  });
});

describe('an object that moves between two sources of a remote (rule 21)', () => {
  test('is not pruned where it leaves, also not let go of', () => {
    for (const prune of [true, false]) {
      const made = planOf([], [member()], { prune, isHanded: () => true });
      expect([made.prune.length, made.letGo.length, made.handed.length]).toEqual([0, 0, 1]);
    }
  });

  test('is taken over where it arrives, once its owner states it no more, and is no adoption', () => {
    const theirs = member({}, { partOf: 'applyset-other-v1' });
    expect(fate(manifest(), theirs)).toBe('faults');
    const { changes } = planOf([manifest()], [theirs], { isFreed: () => true });
    expect(changes).toMatchObject([{ uid: 'uid-a', adopts: undefined }]);
  });
});
