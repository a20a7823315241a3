import { describe, expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { waitFor } from './cluster.ts';
import { startOperator } from './operator.ts';
import { type Stage, configMap, useScene, appliedStage } from './scene.ts';
import { conditionOf, getSource, patchSource, waitForCondition } from './sources.ts';

const label = 'applyset.kubernetes.io/part-of';

describe('deleting a source', () => {
  const scene = useScene();

  const applied = (files: Readonly<Record<string, string>>, spec = {}): Promise<Stage> => appliedStage(scene(), files, spec);
  const get = (stage: Stage, name: string): Promise<Json> => stage.get('configmap', name);
  const begin = (stage: Stage) => stage.kubectl('delete', 'gos', 'shop', '--wait=false');
  const gone = (stage: Stage) =>
    waitFor('the source is gone', async () => (await getSource(scene().cluster, stage.namespace, 'shop')) === undefined, 15_000);
  const isFree = (object: Json): boolean =>
    object.metadata.labels?.[label] === undefined && object.metadata.annotations?.['plumbline.dev/hash'] === undefined;

  test('prunes every member, most of many included, but for what says prune: disabled', async () => {
    const many = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`c${index}.yaml`, configMap(`c${index}`)]));
    const stage = await applied({ ...many, 'kept.yaml': configMap('kept', {}, '  annotations: {plumbline.dev/prune: disabled}\n') });
    await begin(stage);
    await gone(stage);
    expect(await get(stage, 'c0')).toBeUndefined();
    expect(isFree(await get(stage, 'kept'))).toBe(true);
  });

  test.each([
    ['deletionPolicy: Orphan', { deletionPolicy: 'Orphan' }],
    ['prune: false', { prune: false }],
    ['suspend: true', { suspend: true }],
  ])('with %s lets every member go', async (_, spec) => {
    const stage = await applied({ 'a.yaml': configMap('a') });
    const { uid } = (await get(stage, 'a')).metadata;
    await patchSource(scene().cluster, stage.namespace, 'shop', { spec });
    await begin(stage);
    await gone(stage);
    const a = await get(stage, 'a');
    expect(a).toMatchObject({ metadata: { uid }, data: { key: 'value' } });
    expect(isFree(a)).toBe(true);
    // Another source may have it now, uid and all.
    await stage.source({}, 'heir');
    await waitForCondition(scene().cluster, stage.namespace, 'heir', { status: 'True' });
    expect((await get(stage, 'a')).metadata.uid).toBe(uid);
  });

  test('whose account lacks the right keeps it and says how to free it; the right prunes', async () => {
    const stage = await applied({ 'a.yaml': configMap('a') });
    await stage.kubectl('delete', 'rolebinding', '--all');
    await begin(stage);
    const source = await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'False', reason: 'Forbidden' });
    const message = conditionOf(source, 'Ready')?.message ?? '';
    expect(message).toContain(`ServiceAccount ${stage.namespace}/deployer may not: delete configmaps in namespace ${stage.namespace}`);
    expect(message).toMatch(/kubectl create role \S+ -n \S+ --verb=delete --resource=configmaps/);
    expect(message).toContain('"deletionPolicy":"Orphan"');
    expect(await get(stage, 'a')).toBeDefined();
    await stage.kubectl('create', 'rolebinding', 'again', '--clusterrole=cluster-admin', `--serviceaccount=${stage.namespace}:deployer`);
    await gone(stage);
    expect(await get(stage, 'a')).toBeUndefined();
  });

  test.each([
    ['lacks every right', (stage: Stage) => stage.kubectl('delete', 'rolebinding', '--all'), 'Forbidden'],
    ['is gone', (stage: Stage) => stage.kubectl('delete', 'serviceaccount', 'deployer'), 'ServiceAccountNotFound'],
  ])('whose account %s is freed by the printed command', async (_, harm, reason) => {
    const stage = await applied({ 'a.yaml': configMap('a') });
    const { uid } = (await get(stage, 'a')).metadata;
    await harm(stage);
    await begin(stage);
    const source = await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'False', reason });
    const [, command = '', patch = ''] = /kubectl (patch .*? -p) '(\{.*?\})'/.exec(conditionOf(source, 'Ready')?.message ?? '') ?? [];
    await scene().cluster.kubectl(...command.split(' '), patch);
    await gone(stage);
    const a = await get(stage, 'a');
    expect(a).toMatchObject({ metadata: { uid }, data: { key: 'value' } });
    const events = await waitFor('an event says what stays', async () => {
      const { items } = JSON.parse(await stage.kubectl('get', 'events', '-o', 'json'));
      return items.find((one: Json) => one.reason === 'LeftBehind');
    });
    expect(events.message).toContain(`ConfigMap ${stage.namespace}/a stays in the cluster: its label and annotations stay on them`);
    // What was left labelled binds nobody: the label has no living parent.
    await scene().cluster.tryKubectl(['create', 'serviceaccount', 'deployer', '-n', stage.namespace]);
    await scene().cluster.tryKubectl([
      'create',
      'rolebinding',
      'again',
      '-n',
      stage.namespace,
      '--clusterrole=cluster-admin',
      `--serviceaccount=${stage.namespace}:deployer`,
    ]);
    await stage.source({}, 'heir');
    await waitForCondition(scene().cluster, stage.namespace, 'heir', { status: 'True' });
    expect((await get(stage, 'a')).metadata.uid).toBe(uid);
  });

  test('ends two that state each other, and what they deployed', async () => {
    const stage = await scene().stage();
    const stated = (name: string, path: string): string =>
      JSON.stringify({
        apiVersion: 'plumbline.dev/v1',
        kind: 'GitOpsSource',
        metadata: { name },
        spec: { url: stage.url, path, interval: '5s', serviceAccountName: 'deployer' },
      });
    await stage.repo.write({
      'one/two.yaml': stated('two', './two'),
      'one/a.yaml': configMap('a'),
      'two/one.yaml': stated('one', './one'),
      'two/b.yaml': configMap('b'),
    });
    await stage.source({ path: './one' }, 'one');
    await waitForCondition(scene().cluster, stage.namespace, 'one', { status: 'True' });
    await waitForCondition(scene().cluster, stage.namespace, 'two', { status: 'True' });
    await stage.kubectl('delete', 'gos', 'one', '--wait=false');
    for (const name of ['one', 'two']) {
      await waitFor('the source is gone', async () => (await getSource(scene().cluster, stage.namespace, name)) === undefined, 15_000);
    }
    expect(await get(stage, 'a')).toBeUndefined();
    expect(await get(stage, 'b')).toBeUndefined();
  });

  test('with its whole namespace ends, whatever goes first', async () => {
    const stage = await applied({ 'a.yaml': configMap('a') });
    await scene().cluster.kubectl('delete', 'namespace', stage.namespace, '--wait=false');
    await waitFor('the namespace is gone', async () => (await scene().cluster.get('namespace', stage.namespace)) === undefined, 30_000);
  });
});

describe('deleting a source while an aggregated API is down', () => {
  const scene = useScene();

  test('waits for its kinds, of which nobody can say whether members are left', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('a') });
    await stage.source();
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    const name = 'v1.down.example.com';
    const spec = {
      group: 'down.example.com',
      version: 'v1',
      service: { namespace: 'default', name: 'nobody' },
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
    };
    await cluster.request.ok('POST', '/apis/apiregistration.k8s.io/v1/apiservices', { body: { metadata: { name }, spec } });
    // As a revision left it that had such an object.
    const kinds = 'applyset.kubernetes.io/contains-group-kinds=ConfigMap,Gadget.idle.example.com,Widget.down.example.com';
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const idle = {
      group: 'idle.example.com',
      names: { kind: 'Gadget', plural: 'gadgets' },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: false, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    };
    await cluster.request.ok('POST', crds, { body: { metadata: { name: 'gadgets.idle.example.com' }, spec: idle } });
    await waitFor('the API server knows that the group does not answer', async () => {
      const headers = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };
      const { items } = await cluster.request.ok('GET', '/apis', { headers });
      return items.some((group: Json) => group.metadata.name === 'down.example.com');
    });
    await scene().operator.stop();
    await stage.kubectl('annotate', 'gos', 'shop', kinds, '--overwrite');
    await stage.kubectl('delete', 'gos', 'shop', '--wait=false');
    await using operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
    const source = await waitForCondition(cluster, stage.namespace, 'shop', { status: 'False', reason: 'ApiServerUnavailable' });
    expect(conditionOf(source, 'Ready')?.message).toContain('Widget.down.example.com does not answer');
    expect(conditionOf(source, 'Ready')?.message).toContain('"deletionPolicy":"Orphan"');
    await cluster.request.ok('DELETE', `/apis/apiregistration.k8s.io/v1/apiservices/${name}`);
    const message = 'does not serve Gadget.idle.example.com, though the CRD is there';
    await waitForCondition(cluster, stage.namespace, 'shop', {
      status: 'False',
      reason: 'ApiServerUnavailable',
      message,
      deadlineMs: 40_000,
    });
    await cluster.request.ok('DELETE', `${crds}/gadgets.idle.example.com`);
    await waitFor('the source is gone', async () => (await getSource(cluster, stage.namespace, 'shop')) === undefined, 40_000);
    await operator.stop();
  });
});

describe('deleting the GitOpsSource CRD', () => {
  const scene = useScene();

  test('leaves everything that sources deployed as it is', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('a') });
    await stage.source();
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    const before = await stage.get('configmap', 'a');
    await cluster.kubectl('delete', 'crd', 'gitopssources.plumbline.dev', '--timeout=20s');
    const after = await stage.get('configmap', 'a');
    expect(after).toEqual(before);
  });
});
