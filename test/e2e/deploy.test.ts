import { describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { configMap, deployment, useScene } from './scene.ts';
import { conditionOf, getSource, waitForCondition, waitUntilApplied } from './sources.ts';

describe('a deployer repository', () => {
  const scene = useScene();

  test('lands in the cluster, and each object says where it came from', async () => {
    const stage = await scene().stage();
    const commit = await stage.repo.write(
      { 'web.yaml': `${deployment('web')}---\n${configMap('settings')}` },
      { message: 'Deploy the shop' },
    );
    await stage.source();
    const source = await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);

    const web = await stage.get('deployment', 'web');
    expect(web.metadata.annotations).toMatchObject({ 'plumbline.dev/commit': commit, 'plumbline.dev/origin': 'web.yaml:1' });
    expect(web.metadata.labels['applyset.kubernetes.io/part-of']).toBe(source.metadata.labels['applyset.kubernetes.io/id']);
    expect(source.status).toMatchObject({
      revision: { observed: { commit }, attempted: { commit }, applied: { commit } },
      commit: { sha: commit, subject: 'Deploy the shop', author: 'Ada Lovelace <ada@example.com>' },
      objects: { total: 2, failed: 0 },
      display: { revision: `main@${commit.slice(0, 7)}` },
      history: [{ commit, result: 'Applied' }],
    });
    expect(source.status.revision.healthy.commit).toBe(commit);
    expect(conditionOf(source, 'Ready')?.message).toMatch(/^main@\w{7} is applied: 2 objects, 2 created$/);
    expect(conditionOf(source, 'Healthy')).toMatchObject({ status: 'True', reason: 'Healthy', message: 'All 2 objects are healthy.' });
  });

  test('is followed: a change is applied, what leaves git leaves the cluster', async () => {
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    await stage.source();
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    await stage.deploy({ 'a.yaml': configMap('a', { key: 'other' }) });
    expect((await stage.get('configmap', 'a')).data.key).toBe('other');
    await stage.deploy({ 'b.yaml': null });
    await waitFor('b is gone', async () => (await scene().cluster.get('configmap', 'b', stage.namespace)) === undefined);
    expect(await stage.get('configmap', 'a')).toBeDefined();
  });

  test('takes what it deployed along when the source is deleted', async () => {
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('a') });
    await stage.source();
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    await stage.kubectl('delete', 'gos', 'shop', '--timeout=10s');
    expect(await getSource(scene().cluster, stage.namespace, 'shop')).toBeUndefined();
    expect(await scene().cluster.get('configmap', 'a', stage.namespace)).toBeUndefined();
  });
});
