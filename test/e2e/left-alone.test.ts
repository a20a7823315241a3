import { describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import type { KnownKind } from './objects.ts';
import { type Operator, startOperator } from './operator.ts';
import { heal, refusalOf, running, writesAs } from './refused.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { waitUntilApplied } from './sources.ts';

const keyOf = async (stage: Stage, name: string): Promise<string> => (await stage.get('configmap', name)).data.key;
const annotated = (name: string, key: string, annotation: string) => configMap(name, { key }, `  annotations: {${annotation}}\n`);

describe('an object that is to be left alone', () => {
  const scene = useScene();
  const exists = async (stage: Stage, kind: KnownKind, name: string) => (await stage.get(kind, name)) !== undefined;

  test('by ignore in git is neither applied nor pruned', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'a.yaml': configMap('a', { key: 'one' }), 'b.yaml': configMap('b') });
    await stage.deploy({ 'a.yaml': annotated('a', 'two', 'plumbline.dev/ignore: "true"'), 'b.yaml': configMap('b', { key: 'two' }) });
    expect([await keyOf(stage, 'a'), await keyOf(stage, 'b')]).toEqual(['one', 'two']);
    await stage.deploy({ 'a.yaml': configMap('a', { key: 'three' }) });
    expect(await keyOf(stage, 'a')).toBe('three');
  });

  test('by ignore on the live object is neither applied nor pruned, and caught up with once that is taken off', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'a.yaml': configMap('a', { key: 'one' }), 'b.yaml': configMap('b'), 'c.yaml': configMap('c') });
    await stage.kubectl('annotate', 'configmap', 'a', 'b', 'plumbline.dev/ignore=true');
    await stage.deploy({ 'a.yaml': configMap('a', { key: 'two' }), 'b.yaml': null });
    expect(await keyOf(stage, 'a')).toBe('one');
    expect(await exists(stage, 'configmap', 'b')).toBe(true);
    await stage.kubectl('annotate', 'configmap', 'a', 'plumbline.dev/ignore-');
    await waitFor('a is caught up with', async () => (await keyOf(stage, 'a')) === 'two', 3_000);
  });

  test('once it is there (IfNotPresent) is created, never changed, and made again when it is gone', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const once = 'plumbline.dev/apply: IfNotPresent';
    await running(cluster, stage, { 'a.yaml': annotated('a', 'one', once), 'b.yaml': configMap('b') });
    expect(await keyOf(stage, 'a')).toBe('one');
    await stage.deploy({ 'a.yaml': annotated('a', 'two', once) });
    expect(await keyOf(stage, 'a')).toBe('one');
    await stage.kubectl('delete', 'configmap', 'a');
    await waitFor('a is there again', async () => (await exists(stage, 'configmap', 'a')) && (await keyOf(stage, 'a')) === 'two', 3_000);
  });
});

describe('an object that is being deleted', () => {
  const scene = useScene();

  test('is told, the rest is applied, and it is made anew when it is gone', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const held = configMap('a', { key: 'one' }, '  finalizers: [example.com/hold]\n');
    await running(cluster, stage, { 'a.yaml': held, 'b.yaml': configMap('b') });
    const { uid } = (await stage.get('configmap', 'a')).metadata;
    await stage.kubectl('delete', 'configmap', 'a', '--wait=false');
    const commit = await stage.repo.write({ 'a.yaml': held.replace('one', 'two'), 'b.yaml': configMap('b', { key: 'two' }) });
    await stage.request();
    const { message } = await refusalOf(cluster, stage, 'ObjectTerminating', commit);
    expect(message).toContain(`a.yaml:1 ConfigMap ${stage.namespace}/a: is being deleted; it is made anew when it is gone.`);
    expect([await keyOf(stage, 'a'), await keyOf(stage, 'b')]).toEqual(['one', 'two']);
    await stage.kubectl('patch', 'configmap', 'a', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 5_000);
    expect(await keyOf(stage, 'a')).toBe('two');
    expect((await stage.get('configmap', 'a')).metadata.uid).not.toBe(uid);
    await stage.kubectl('patch', 'configmap', 'a', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
  });
});

describe('a Job with a time to live', () => {
  const scene = useScene({ operator: false });
  const job = (image: string) =>
    `apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec:\n  ttlSecondsAfterFinished: 600\n  suspend: true\n  template:\n    spec: {restartPolicy: Never, containers: [{name: migrate, image: "migrate:${image}"}]}\n`;

  test('that is gone is done: not made again, also after a restart, until its manifest changes', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const hasJob = async () => (await cluster.get('job', 'migrate', stage.namespace)) !== undefined;
    const start = (): Promise<Operator> => startOperator({ kubeconfigPath: cluster.kubeconfigPath });
    const audit = await cluster.audit();
    const jobWrites = async () =>
      writesAs(await audit.events(), `system:serviceaccount:${stage.namespace}:deployer`).filter(
        (event) => event.objectRef?.resource === 'jobs',
      ).length;
    {
      await using _operator = await start();
      await running(cluster, stage, { 'job.yaml': job('1'), 'a.yaml': configMap('a') });
      expect(await hasJob()).toBe(true);
      await stage.kubectl('delete', 'job', 'migrate');
      await stage.deploy({ 'a.yaml': configMap('a', { key: 'two' }) });
      expect(await hasJob()).toBe(false);
    }
    await using _operator = await start();
    await stage.deploy({ 'a.yaml': configMap('a', { key: 'three' }) });
    expect(await hasJob()).toBe(false);
    expect(await jobWrites()).toBe(1);
    await stage.deploy({ 'job.yaml': job('2') });
    expect(await hasJob()).toBe(true);
    expect(await jobWrites()).toBe(2);
  });
});

describe('what cannot be tried before the rest of its revision is in', () => {
  const scene = useScene();

  const crd = (plural: string, more = '') =>
    `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: ${plural}.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {plural: ${plural}, singular: ${plural}1, kind: K${plural}}\n  versions:\n    - name: v1\n      served: true\n      storage: true\n      schema:\n        openAPIV3Schema:\n          type: object\n          properties:\n            spec: {type: object, properties: {size: {type: integer, maximum: 9}${more}}}\n`;
  const instance = (plural: string, spec: string) =>
    `apiVersion: example.com/v1\nkind: K${plural}\nmetadata: {name: main}\nspec: {${spec}}\n`;

  test('objects in a new namespace, and instances of a new CRD, land in one revision; both change in a later one', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await cluster.account(stage.namespace, 'everywhere', { clusterRole: 'cluster-admin', everywhere: true });
    const plural = `w${stage.namespace.replace(/\W/g, '')}`;
    const own = `${stage.namespace}-own`;
    const namespace = `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${own}}\n`;
    await running(cluster, stage, { 'a.yaml': configMap('a') }, { serviceAccountName: 'everywhere' });
    await stage.deploy({
      'all.yaml': [instance(plural, 'size: 1'), configMap('b', {}, `  namespace: ${own}\n`), namespace, crd(plural)].join('---\n'),
    });
    const get = (path: string) => stage.kubectl('get', `${plural}.example.com`, 'main', '-o', `jsonpath={${path}}`);
    expect(await get('.spec.size')).toBe('1');
    expect(await cluster.get('configmap', 'b', own)).toBeDefined();
    await stage.deploy({
      'all.yaml': [instance(plural, 'size: 2, color: red'), namespace, crd(plural, ', color: {type: string}')].join('---\n'),
    });
    expect([await get('.spec.size'), await get('.spec.color')]).toEqual(['2', 'red']);
    expect(await cluster.get('configmap', 'b', own)).toBeUndefined();
    // The CRD is in by now; an instance that it refuses is told, and the old one keeps what it was.
    const commit = await stage.repo.write({ 'all.yaml': [instance(plural, 'size: 10'), namespace, crd(plural)].join('---\n') });
    await stage.request();
    const { message } = await refusalOf(cluster, stage, 'ObjectRefused', commit);
    expect(message).toContain(`all.yaml:1 K${plural} ${stage.namespace}/main refused: spec.size: Invalid value: 10`);
    expect(await get('.spec.size')).toBe('2');
    await heal(stage, { 'all.yaml': [instance(plural, 'size: 3'), namespace, crd(plural)].join('---\n') });
    expect(await get('.spec.size')).toBe('3');
    await stage.kubectl('delete', 'gos', 'shop', '--timeout=20s');
    await waitForGone(cluster, plural);
  });

  async function waitForGone(cluster: ReturnType<typeof scene>['cluster'], plural: string): Promise<void> {
    await waitFor('the CRD is gone', async () => (await cluster.get('crd', `${plural}.example.com`)) === undefined);
  }
});
