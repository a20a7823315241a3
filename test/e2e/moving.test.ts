import { describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { conditionOf, getSource, patchSource, waitForCondition, waitUntilApplied } from './sources.ts';

describe('an object that moves to another source of the same remote, in one commit', () => {
  const scene = useScene();
  const uidOf = async (stage: Stage, name: string): Promise<string> => (await stage.get('configmap', name)).metadata.uid;
  const partOf = async (stage: Stage, name: string): Promise<string> =>
    (await stage.get('configmap', name)).metadata.labels['applyset.kubernetes.io/part-of'];
  const exists = async (stage: Stage, name: string) => (await stage.get('configmap', name)) !== undefined;

  async function two(): Promise<Stage> {
    const stage = await scene().stage();
    const files = { 'a/one.yaml': configMap('one'), 'a/two.yaml': configMap('two'), 'b/three.yaml': configMap('three') };
    const commit = await stage.repo.write(files);
    await stage.source({ path: 'a', interval: '10m' }, 'a');
    await stage.source({ path: 'b', interval: '10m' }, 'b');
    for (const name of ['a', 'b']) await waitUntilApplied(scene().cluster, stage.namespace, name, commit);
    return stage;
  }
  const move = { 'a/one.yaml': null, 'b/one.yaml': configMap('one') };

  test.each([
    ['the old owner', 'a', 'b'],
    ['the new owner', 'b', 'a'],
  ])('keeps its uid when %s walks first', async (_name, first, second) => {
    const stage = await two();
    const { cluster } = scene();
    const [uid, other] = [await uidOf(stage, 'one'), await partOf(stage, 'three')];
    const suspend = (name: string, suspended: boolean) => patchSource(cluster, stage.namespace, name, { spec: { suspend: suspended } });
    await suspend(second, true);
    await waitForCondition(cluster, stage.namespace, second, { type: 'Reconciling', status: 'False', reason: 'Suspended' });
    const commit = await stage.repo.write(move);
    await stage.request(first);
    await waitUntilApplied(cluster, stage.namespace, first, commit);
    expect(await uidOf(stage, 'one')).toBe(uid);
    await suspend(second, false);
    await waitUntilApplied(cluster, stage.namespace, second, commit);
    expect([await uidOf(stage, 'one'), await partOf(stage, 'one')]).toEqual([uid, other]);
    for (const name of ['a', 'b']) expect(conditionOf(await getSource(cluster, stage.namespace, name), 'Ready')?.status).toBe('True');
  });

  test('stays while the other has not written it, and goes once that stops to state it', async () => {
    const stage = await two();
    const { cluster } = scene();
    const old = await partOf(stage, 'one');
    await patchSource(cluster, stage.namespace, 'b', { spec: { suspend: true } });
    await waitForCondition(cluster, stage.namespace, 'b', { type: 'Reconciling', status: 'False', reason: 'Suspended' });
    const commit = await stage.repo.write(move);
    await stage.request('a');
    await waitUntilApplied(cluster, stage.namespace, 'a', commit);
    expect(await partOf(stage, 'one')).toBe(old);
    const next = await stage.repo.write({ 'b/one.yaml': null });
    await stage.request('a');
    await waitUntilApplied(cluster, stage.namespace, 'a', next);
    await waitFor('it is pruned', async () => !(await exists(stage, 'one')));
  });

  test('stays while the other one cannot be rendered, and moves once that is mended', async () => {
    const stage = await two();
    const { cluster } = scene();
    const [uid, old, other] = [await uidOf(stage, 'one'), await partOf(stage, 'one'), await partOf(stage, 'three')];
    const broken = await stage.repo.write({ ...move, 'b/typo.yaml': 'kind: [ConfigMap\n' });
    await stage.request('a');
    await stage.request('b');
    await waitUntilApplied(cluster, stage.namespace, 'a', broken);
    await waitForCondition(cluster, stage.namespace, 'b', { status: 'False', reason: 'RenderFailed' });
    expect([await uidOf(stage, 'one'), await partOf(stage, 'one')]).toEqual([uid, old]);
    const mended = await stage.repo.write({ 'b/typo.yaml': null });
    await stage.request('b');
    await waitUntilApplied(cluster, stage.namespace, 'b', mended);
    expect([await uidOf(stage, 'one'), await partOf(stage, 'one')]).toEqual([uid, other]);
  });

  test('a source that is split in two keeps every uid', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const commit = await stage.repo.write({ 'all/x/one.yaml': configMap('one'), 'all/y/two.yaml': configMap('two') });
    await stage.source({ path: 'all', interval: '10m' }, 'x');
    await waitUntilApplied(cluster, stage.namespace, 'x', commit);
    const uids = [await uidOf(stage, 'one'), await uidOf(stage, 'two')];
    // The new one first: it waits until the old one states its part no more.
    await stage.source({ path: 'all/y', interval: '10m' }, 'y');
    await waitForCondition(cluster, stage.namespace, 'y', { status: 'False', reason: 'OwnedByOther' });
    await patchSource(cluster, stage.namespace, 'x', { spec: { path: 'all/x' } });
    for (const name of ['x', 'y']) await waitUntilApplied(cluster, stage.namespace, name, commit, 40_000);
    expect([await uidOf(stage, 'one'), await uidOf(stage, 'two')]).toEqual(uids);
    expect(await partOf(stage, 'one')).not.toBe(await partOf(stage, 'two'));
  });
});
