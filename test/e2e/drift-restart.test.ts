import { describe, expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { waitFor } from './cluster.ts';
import { startOperator } from './operator.ts';
import { type Stage, configMap, deployment, useScene } from './scene.ts';
import { getSource, waitForCondition, waitUntilApplied } from './sources.ts';

describe('what somebody changes while no operator runs', () => {
  const scene = useScene({ operator: false });
  const labelled = deployment('web').replace('  name: web\n', '  name: web\n  labels: {app: web}\n');

  /** Applied by one operator, then changed by hand; the rest is for the next. */
  async function changed(spec: object): Promise<Stage> {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await stage.repo.write({ 'web.yaml': labelled, 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    await stage.source({ interval: '10m', health: { wait: false }, ...spec });
    const operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    await operator.stop();
    await stage.kubectl('scale', 'deployment/web', '--replicas=2');
    await stage.kubectl('label', 'deployment/web', 'app-');
    await stage.kubectl('patch', 'configmap/a', '-p', '{"data":{"key":"by hand"}}');
    await stage.kubectl('delete', 'configmap/b');
    return stage;
  }

  test('is put back by the next one', async () => {
    const stage = await changed({});
    const { cluster } = scene();
    await using _operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
    await waitFor('all is back', async () => {
      const [web, a, b] = [await stage.get('deployment', 'web'), await stage.get('configmap', 'a'), await stage.get('configmap', 'b')];
      return web.spec.replicas === 0 && web.metadata.labels?.app === 'web' && a.data.key === 'value' && b !== undefined;
    });
    await waitForCondition(cluster, stage.namespace, 'shop', { type: 'Drifted', status: 'False', reason: 'InSync' });
  });

  test('is told by the next one in mode Report, and not touched', async () => {
    const stage = await changed({ drift: { mode: 'Report' } });
    const { cluster } = scene();
    const audit = await cluster.audit();
    await using _operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
    await waitForCondition(cluster, stage.namespace, 'shop', { type: 'Drifted', status: 'True', message: '3 objects differ' });
    const { drift } = (await getSource(cluster, stage.namespace, 'shop')).status;
    expect(drift.map(({ class: of, object, field, manager }: Json) => [of, object.split('/')[1], field, manager])).toEqual([
      ['missing', 'b', undefined, undefined],
      ['removed', 'web', 'metadata.labels.app', undefined],
      ['modified', 'a', 'data.key', 'kubectl-patch'],
      ['modified', 'web', 'spec.replicas', 'kubectl'],
    ]);
    const writes = (await audit.events()).filter(({ verb, objectRef, userAgent, requestURI }) => {
      const isOurs = userAgent?.startsWith('plumbline/') === true && !/^(get|list|watch)$/.test(verb) && !requestURI.includes('dryRun');
      return isOurs && objectRef?.namespace === stage.namespace && ['configmaps', 'deployments'].includes(objectRef.resource ?? '');
    });
    expect(writes.map(({ requestURI }) => requestURI)).toEqual([]);
  });
});
