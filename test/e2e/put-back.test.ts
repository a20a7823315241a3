import { expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { waitFor } from './cluster.ts';
import { objectPath } from './objects.ts';
import { startOperator } from './operator.ts';
import { waitForEvent } from './refused.ts';
import { type Stage, configMap, deployment, useScene } from './scene.ts';
import { conditionOf, getSource, waitForCondition, waitUntilApplied } from './sources.ts';
import { startWebhook } from './webhook.ts';

const claim =
  'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n';

const scene = useScene({ operator: false });

const edit = (stage: Stage, image: string): Promise<Json> =>
  scene().cluster.request.ok('PATCH', `${objectPath('deployment', 'web', stage.namespace)}?fieldManager=kubectl-edit`, {
    contentType: 'application/strategic-merge-patch+json',
    body: { spec: { template: { spec: { containers: [{ name: 'web', image }] } } } },
  });
const imageOf = async (stage: Stage): Promise<string> => (await stage.get('deployment', 'web')).spec.template.spec.containers[0].image;

const isPutBack = (stage: Stage, when: string): Promise<unknown> =>
  waitFor(`the edit is put back while ${when}`, async () => (await imageOf(stage)) === 'registry.example.com/web:1');

/** What cannot be put back is told once; the rest is put back all the same. */
async function whileRefusedByDryRun(stage: Stage): Promise<void> {
  const { cluster } = scene();
  const webhook = await startWebhook(cluster, {
    namespace: stage.namespace,
    name: 'freeze',
    rule: { apiGroups: [''], resources: ['configmaps'] },
    decide: ({ object, user }) => (user.endsWith(':deployer') && object?.metadata.name === 'a' ? { deny: 'a is frozen' } : {}),
  });
  const refused = { type: 'Ready', status: 'False', reason: 'ObjectRefused' } as const;
  await stage.repo.write({ 'b.yaml': configMap('b').replace('"value"', '5') });
  await stage.request();
  const failed = await waitForCondition(cluster, stage.namespace, 'shop', { ...refused, message: 'b.yaml:1 ConfigMap' });
  await edit(stage, 'registry.example.com/web:by-hand');
  await isPutBack(stage, 'a dry run refuses a newer revision');

  const key = async (): Promise<string> => (await stage.get('configmap', 'a')).data.key;
  await cluster.request.ok('PATCH', `${objectPath('configmap', 'a', stage.namespace)}?fieldManager=kubectl-edit`, {
    body: { data: { key: 'by hand' } },
  });
  const applied = failed.status.revision.applied.commit.slice(0, 7);
  const note = new RegExp(`A newer revision fails and ${applied} runs, .* cannot be put back: .*ConfigMap \\S+/a: .*a is frozen`);
  await waitForEvent(cluster, stage.namespace, 'shop', 'NotPutBack', note);
  // Tried again, and the rest with it.
  await edit(stage, 'registry.example.com/web:by-hand');
  await isPutBack(stage, 'something else cannot be');
  expect(await key()).toBe('by hand');
  await waitForCondition(cluster, stage.namespace, 'shop', { ...refused, message: 'b.yaml:1 ConfigMap' });
  await webhook.remove();
  await stage.request();
  await waitFor('it is put back once it can be', async () => (await key()) === 'new');
  const { items } = await cluster.request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${stage.namespace}/events`);
  const told = items.filter((event: Json) => event.reason === 'NotPutBack');
  expect(told.map((event: Json) => event.series?.count ?? event.deprecatedCount ?? 1)).toEqual([1]);
  await stage.deploy({ 'b.yaml': configMap('b') });
}

/** What is held to be pruned is not made anew; the rest of what runs is. */
async function whilePruneIsHeld(stage: Stage): Promise<void> {
  const { cluster } = scene();
  const held = { type: 'Ready', status: 'False', reason: 'PruneHeld' } as const;
  await stage.repo.write({ 'b.yaml': null, 'data.yaml': null });
  await stage.request();
  await waitForCondition(cluster, stage.namespace, 'shop', held);
  await cluster.request.ok('DELETE', objectPath('configmap', 'b', stage.namespace));
  await cluster.request.ok('DELETE', objectPath('configmap', 'a', stage.namespace));
  await edit(stage, 'registry.example.com/web:by-hand');
  await isPutBack(stage, 'a prune is held');
  await waitFor('what was deleted is back', async () => (await stage.get('configmap', 'a')) !== undefined);
  expect(await stage.get('configmap', 'b')).toBeUndefined();
  await waitForCondition(cluster, stage.namespace, 'shop', held);
  await stage.deploy({ 'b.yaml': configMap('b'), 'data.yaml': claim });
}

test('what runs is put back while a newer revision fails, also after a restart, and the failure stays what is told', async () => {
  const { cluster } = scene();
  const stage = await scene().stage();
  const files = { 'web.yaml': deployment('web'), 'a.yaml': configMap('a'), 'b.yaml': configMap('b') };
  const first = await stage.repo.write(files);
  await stage.source({ interval: '10m', health: { wait: false } });
  const operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
  await waitUntilApplied(cluster, stage.namespace, 'shop', first);
  const broken = await stage.repo.write({ 'a.yaml': configMap('a', { key: 'new' }), 'c.yaml': 'kind: [' });
  await stage.request();
  await waitForCondition(cluster, stage.namespace, 'shop', { type: 'Ready', status: 'False', reason: 'RenderFailed' });
  const source = (): Promise<Json> => getSource(cluster, stage.namespace, 'shop');
  const ready = conditionOf(await source(), 'Ready');
  expect(ready?.message).toContain('Nothing was changed');

  // A retry over what is as it runs writes to none of it, nor to the source.
  const audit = await cluster.audit();
  const failures = async (): Promise<number> =>
    (await operator.metric('plumbline_reconcile_errors_total', { namespace: stage.namespace })) ?? 0;
  const failed = await failures();
  await waitFor('a retry', async () => (await failures()) > failed);
  const writes = (await audit.events()).filter(
    ({ verb, objectRef, userAgent }) =>
      userAgent?.startsWith('plumbline/') === true && !/^(get|list|watch)$/.test(verb) && objectRef?.namespace === stage.namespace,
  );
  expect(writes.filter(({ objectRef }) => ['deployments', 'configmaps'].includes(objectRef?.resource ?? ''))).toEqual([]);

  const before = performance.now();
  await edit(stage, 'registry.example.com/web:by-hand');
  await waitFor('the edit is put back', async () => (await imageOf(stage)) === 'registry.example.com/web:1');
  const corrected = performance.now() - before;
  const { metadata } = await stage.get('configmap', 'b');
  await cluster.request.ok('DELETE', objectPath('configmap', 'b', stage.namespace));
  await waitFor('what was deleted is back', async () => {
    const back = await stage.get('configmap', 'b');
    return back !== undefined && back.metadata.uid !== metadata.uid && back.metadata.annotations['plumbline.dev/commit'] === first;
  });
  expect(corrected).toBeLessThan(1_000);
  const notes = await waitFor('the events', async () => {
    const { items } = await cluster.request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${stage.namespace}/events`);
    const told = items.filter((event: Json) => event.reason === 'DriftCorrected' && event.regarding.kind === 'GitOpsSource');
    return told.length >= 2 ? told.map((event: Json) => event.note) : undefined;
  });
  expect(notes.join('\n')).toMatch(/Deployment \S+\/web: put back .*image \(modified by field manager kubectl-edit\)/);
  expect(notes.join('\n')).toMatch(/ConfigMap \S+\/b: was gone and is made anew/);
  expect((await stage.get('configmap', 'a')).data).toEqual({ key: 'value' });
  const after = await source();
  expect(conditionOf(after, 'Ready')).toMatchObject({ status: 'False', reason: 'RenderFailed', message: ready?.message });
  expect(after.status.revision).toMatchObject({ applied: { commit: first }, attempted: { commit: broken } });
  await operator.stop();

  const path = `/apis/apps/v1/namespaces/${stage.namespace}/controllerrevisions?labelSelector=plumbline.dev/source=shop`;
  const { items } = await cluster.request.ok('GET', path);
  const counts = items.map((record: Json) => [record.data.commit.sha, record.metadata.annotations['plumbline.dev/corrections']]);
  expect(counts).toEqual([[first, '{"kubectl-edit":1,"unknown":1}']]);

  await using _next = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
  await edit(stage, 'registry.example.com/web:by-hand');
  await waitFor('the edit is put back after a restart', async () => (await imageOf(stage)) === 'registry.example.com/web:1');
  expect(conditionOf(await source(), 'Ready')).toMatchObject({ status: 'False', message: ready?.message });
  await cluster.request.ok('DELETE', objectPath('configmap', 'b', stage.namespace));
  await waitFor('what was deleted is back', async () => (await stage.get('configmap', 'b')) !== undefined);

  await stage.deploy({ 'c.yaml': configMap('c'), 'data.yaml': claim });
  await waitForCondition(cluster, stage.namespace, 'shop', { type: 'Ready', status: 'True' });
  expect((await stage.get('configmap', 'a')).data).toEqual({ key: 'new' });

  await whileRefusedByDryRun(stage);
  await whilePruneIsHeld(stage);

  // Git away: what was read of it is still at hand.
  scene().git.fault = { kind: 'refuse' };
  await stage.request();
  await waitForCondition(cluster, stage.namespace, 'shop', { type: 'Ready', status: 'False', reason: 'GitUnreachable' });
  await edit(stage, 'registry.example.com/web:by-hand');
  await waitFor('the edit is put back while git is away', async () => (await imageOf(stage)) === 'registry.example.com/web:1');
});
