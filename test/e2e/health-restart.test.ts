import { describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { startOperator } from './operator.ts';
import { podsWith, ready, reportPods, web } from './pods.ts';
import { configMap, useScene } from './scene.ts';
import { conditionOf, getSource, patchSource, waitForCondition } from './sources.ts';

describe('health and a restart', () => {
  const scene = useScene({ operator: false });

  test('every verdict is known from the first lists, without any write; also of sources that do not walk', async () => {
    const { cluster } = scene();
    const stages = [
      await scene().stage(),
      await scene().stage(),
      await scene().stage(),
      await scene().stage(),
      await scene().stage(),
    ] as const;
    const [well, ill, resting, failing, mended] = stages;
    await mended.repo.write({ 'a.yaml': configMap('a') });
    await well.repo.write({ 'a.yaml': configMap('a') });
    await ill.repo.write({ 'web.yaml': web(1), 'a.yaml': configMap('a') });
    await resting.repo.write({ 'web.yaml': web(1) });
    const runs = await failing.repo.write({ 'web.yaml': web(0, 'registry.example.com/web:7@sha256:0123') });
    await using first = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
    await well.source();
    await ill.source({ health: { wait: true, timeout: '2s' } });
    await resting.source({ health: { wait: false } });
    await failing.source();
    await mended.source();
    await waitForCondition(cluster, well.namespace, 'shop', { status: 'True' });
    await waitForCondition(cluster, failing.namespace, 'shop', { status: 'True' });
    await waitForCondition(cluster, mended.namespace, 'shop', { status: 'True' });
    for (const stage of [failing, mended]) {
      await stage.repo.write({ 'web.yaml': 'no: object' });
      await stage.request();
      await waitForCondition(cluster, stage.namespace, 'shop', { status: 'False', reason: 'RenderFailed' });
    }
    await mended.repo.write({ 'web.yaml': web(1) });
    await mended.request();
    await waitForCondition(cluster, ill.namespace, 'shop', {
      status: 'False',
      reason: 'HealthTimeout',
      message: 'it has no node yet',
      deadlineMs: 25_000,
    });
    for (const { namespace } of [resting, mended]) {
      await waitForCondition(cluster, namespace, 'shop', { type: 'Healthy', status: 'False', message: 'it has no node yet' });
    }
    await patchSource(cluster, resting.namespace, 'shop', { spec: { suspend: true } });
    await waitForCondition(cluster, resting.namespace, 'shop', { type: 'Reconciling', status: 'False', reason: 'Suspended' });
    const statuses = () => Promise.all(stages.map(async ({ namespace }) => (await getSource(cluster, namespace, 'shop')).status));
    await first.stop();
    const before = await statuses();

    const audit = await cluster.audit();
    await using second = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
    const ours = async () => (await audit.events()).filter(({ userAgent }) => userAgent?.startsWith('plumbline/') === true);
    await waitFor(
      'the pods are looked into again',
      async () => {
        const looked = (await ours()).filter(({ verb, objectRef }) => verb === 'watch' && objectRef?.resource === 'pods');
        return [ill, resting, mended].every(({ namespace }) => looked.some(({ objectRef }) => objectRef?.namespace === namespace));
      },
      25_000,
    );
    await waitFor(
      'everything was told',
      async () => (await second.metric('plumbline_condition', { namespace: well.namespace, type: 'Healthy' })) === 1,
    );
    expect(await statuses()).toEqual(before);
    const writes = (await ours()).filter(({ verb }) => !['get', 'list', 'watch'].includes(verb));
    expect(writes.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);

    // What runs, and from which commit, is told by the new leader of those that it does not get as far as to render.
    const { applied } = before[2].revision;
    await waitFor('what the suspended one runs is told', async () => {
      const labels = { namespace: resting.namespace, workload: 'web', image: 'registry.example.com/web:1', commit: applied.commit };
      return (await second.metric('plumbline_deployment_info', labels)) === 1;
    });
    await waitFor('what the failing one runs is told', async () => {
      const labels = { namespace: failing.namespace, image: 'registry.example.com/web:7', digest: 'sha256:0123', commit: runs };
      return (await second.metric('plumbline_deployment_info', labels)) === 1;
    });

    for (const { namespace } of [ill, resting, mended]) {
      await reportPods(cluster, namespace, await podsWith(cluster, namespace, 'registry.example.com/web:1', 1), ready);
      const source = await waitForCondition(cluster, namespace, 'shop', { type: 'Healthy', status: 'True' });
      expect(source.status.revision.healthy.commit).toBe(source.status.revision.applied.commit);
      expect(conditionOf(source, 'Ready')).toMatchObject({ status: 'True', reason: 'Applied' });
    }

    // What the leader before saw begin counts with the one that sees its end.
    const { namespace } = mended;
    await waitFor('it is told', async () => (await second.metric('plumbline_time_to_restore_seconds_count', { namespace })) === 1);
    expect(await second.metric('plumbline_lead_time_seconds_count', { namespace })).toBe(1);
    expect(await second.metric('plumbline_deployments_total', { namespace, result: 'success' })).toBe(1);
    expect((await getSource(cluster, namespace, 'shop')).status.delivery).toBeUndefined();
  });
});
