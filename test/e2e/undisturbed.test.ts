/** What others do to a source, its members or its kinds at a bad moment: nothing is lost, nothing gets stuck, nothing spins. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { writesTo } from './audit.ts';
import { waitFor } from './cluster.ts';
import { type Operator, startOperator } from './operator.ts';
import { type ApiProxy, startProxy } from './proxy.ts';
import { configMap, useScene } from './scene.ts';
import { conditionOf, getSource, patchSource, sourcePath, waitForCondition, waitUntilApplied } from './sources.ts';

const kinds = 'applyset.kubernetes.io/contains-group-kinds';

describe('a source', () => {
  const scene = useScene();

  /** A kind in two versions that no other test has. */
  function lamps(name: string) {
    const { request } = scene().cluster;
    const group = `${name}.example.com`;
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const crd = (oldIsServed: boolean) => ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `lamps.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind: 'Lamp', plural: 'lamps', singular: 'lamp', listKind: 'LampList' },
        versions: [
          { name: 'v1', served: true, storage: true, schema },
          { name: 'v1beta1', served: oldIsServed, storage: false, schema },
        ],
      },
    });
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/lamps.${group}?fieldManager=test&force=true`;
    return {
      group,
      serve: (oldIsServed: boolean) => request.ok('PATCH', path, { body: crd(oldIsServed), contentType: 'application/apply-patch+yaml' }),
      lamp: (api: string, object: string) => `apiVersion: ${group}/${api}\nkind: Lamp\nmetadata: {name: ${object}}\n`,
    };
  }

  test('that is replaced without its finalizer and annotations gets them back, so that its deletion still prunes', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await stage.repo.write({ 'a.yaml': configMap('a') });
    await stage.source();
    const source = await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    const { resourceVersion } = await getSource(cluster, stage.namespace, 'shop').then((now) => now.metadata);
    const body = { ...source, metadata: { name: 'shop', namespace: stage.namespace, resourceVersion } };
    await cluster.request.ok('PUT', sourcePath(stage.namespace, 'shop'), { body });
    await waitFor('the parent is whole again', async () => {
      const { metadata } = await getSource(cluster, stage.namespace, 'shop');
      return metadata.finalizers?.includes('plumbline.dev/source') === true && metadata.annotations?.[kinds] === 'ConfigMap';
    });
    await stage.kubectl('delete', 'gos', 'shop', '--timeout=10s');
    expect(await cluster.get('configmap', 'a', stage.namespace)).toBeUndefined();
  });

  test('keeps sight of its members when another version of their kind is served no more', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const { group, serve, lamp } = lamps(stage.namespace);
    await serve(true);
    await waitFor('both versions are served', () => cluster.request.get(`/apis/${group}/v1beta1/namespaces/${stage.namespace}/lamps`));
    const commit = await stage.repo.write({
      'new/a.yaml': lamp('v1', 'a'),
      'new/b.yaml': configMap('b'),
      'new/d.yaml': lamp('v1beta1', 'd'),
      'old/c.yaml': lamp('v1beta1', 'c'),
    });
    await stage.source({ path: 'new' });
    await stage.source({ path: 'old' }, 'old');
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    await waitUntilApplied(cluster, stage.namespace, 'old', commit);

    const audit = await cluster.audit();
    await stage.deploy({ 'new/d.yaml': lamp('v1', 'd') });
    await serve(false);
    await waitFor(
      'the watch of the old version is told that it is served no more',
      async () =>
        (await audit.events()).some((event) => event.requestURI.includes(`/${group}/v1beta1/`) && event.responseStatus?.code === 404),
      60_000,
    );
    await stage.deploy({ 'new/b.yaml': configMap('b', { key: 'other' }) });
    expect((await getSource(cluster, stage.namespace, 'shop')).metadata.annotations[kinds]).toBe(`ConfigMap,Lamp.${group}`);
    // Two versions at once are no reason to write; one that moved is written once, to be known by its new version.
    const writes = writesTo(await audit.events(), stage, 'lamps').filter((text) => !text.includes('dryRun'));
    expect(writes).toEqual([expect.stringMatching(/^patch \S+\/v1\/\S+\/lamps\/d\?/)]);
    await stage.deploy({ 'new/a.yaml': null });
    expect((await cluster.tryKubectl(['get', `lamps.${group}`, 'a', '-n', stage.namespace])).code).toBe(1);
  }, 120_000);

  test('of a kind that went since it was last asked for says so, and goes on once the kind is back', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const { group, serve, lamp } = lamps(stage.namespace);
    await serve(true);
    const served = `/apis/${group}/v1/namespaces/${stage.namespace}/lamps`;
    await waitFor('the kind is served', () => cluster.request.get(served));
    const commit = await stage.repo.write({ 'a.yaml': lamp('v1', 'a') });
    await stage.source({}, 'first');
    await waitUntilApplied(cluster, stage.namespace, 'first', commit);
    await stage.kubectl('delete', 'gos', 'first', '--timeout=10s');
    await cluster.kubectl('delete', 'crd', `lamps.${group}`, '--timeout=20s');
    await waitFor('the kind is gone', async () => (await cluster.request.raw('GET', served)).status === 404);
    await stage.source();
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'False', reason: 'UnknownKind', message: 'there is no kind Lamp' });
    const watchUp = (): Promise<number | undefined> => scene().operator.metric('plumbline_watch_up', { kind: 'Lamp', group });
    // The watch of the first source may still be there, and wanted by this one: then it is told as broken.
    await waitFor('no watch of it stands', async () => (await watchUp()) !== 1);
    await serve(true);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  }, 60_000);

  test('whose status cannot be written is tried again ever more slowly', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic';
    const name = `no-status-${stage.namespace}`;
    await cluster.request.ok('POST', `${policies}ies`, {
      body: {
        metadata: { name },
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': stage.namespace } },
            resourceRules: [
              { apiGroups: ['plumbline.dev'], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['gitopssources/status'] },
            ],
          },
          validations: [{ expression: 'false', message: 'no status here' }],
        },
      },
    });
    await cluster.request.ok('POST', `${policies}ybindings`, {
      body: { metadata: { name }, spec: { policyName: name, validationActions: ['Deny'] } },
    });
    await stage.source({ suspend: true }, 'probe');
    const probe = `${sourcePath(stage.namespace, 'probe')}/status?dryRun=All`;
    await waitFor('the policy holds', async () => (await cluster.request.raw('PATCH', probe, { body: { status: {} } })).status === 422);
    await stage.repo.write({ 'a.yaml': configMap('a') });
    const audit = await cluster.audit();
    await stage.source();
    const refusals = async (): Promise<number[]> =>
      (await audit.events())
        .filter(
          ({ objectRef, responseStatus }) =>
            objectRef?.name === 'shop' && objectRef.subresource === 'status' && responseStatus?.code === 422,
        )
        .map((event) => Date.parse(event.requestReceivedTimestamp));
    const times = await waitFor('four refusals', async () => {
      const told = await refusals();
      return told.length >= 4 && told;
    });
    expect((times[3] ?? 0) - (times[2] ?? 0)).toBeGreaterThan(3_000);
    await cluster.request.ok('DELETE', `${policies}ybindings/${name}`);
    await cluster.request.ok('DELETE', `${policies}ies/${name}`);
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True', deadlineMs: 40_000 });
  }, 90_000);
});

describe('between the operator and the API server', () => {
  const scene = useScene({ operator: false });
  let proxy: ApiProxy;
  let operator: Operator;
  beforeAll(async () => {
    proxy = await startProxy(scene().cluster, 'undisturbed');
    operator = await startOperator({ kubeconfigPath: proxy.kubeconfigPath });
  }, 30_000);
  afterEach(() => {
    proxy.hook = undefined;
  });
  afterAll(async () => {
    await operator.stop();
    await proxy.close();
  }, 30_000);

  test('a note of progress that is late never covers the outcome', async () => {
    const stage = await scene().stage();
    let sent = 0;
    let answered = 0;
    proxy.hook = async ({ method, url }, when) => {
      if (method !== 'PATCH') return undefined;
      if (when === 'before' && url.includes('/configmaps/a')) await sleep(1_500);
      if (!url.includes('/gitopssources/shop/status')) return undefined;
      if (when === 'after') answered += 1;
      else if ((sent += 1) === 1) await sleep(2_500);
      return undefined;
    };
    await stage.repo.write({ 'a.yaml': configMap('a') });
    await stage.source();
    await waitFor('both were answered', () => answered === 2);
    const source = await getSource(scene().cluster, stage.namespace, 'shop');
    expect(conditionOf(source, 'Ready')).toMatchObject({ status: 'True' });
    expect(conditionOf(source, 'Reconciling')).toMatchObject({ status: 'False' });
  }, 30_000);

  test('a member that says prune: disabled at the last moment stays, and nothing waits for it', async () => {
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    await stage.source();
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    let marked = false;
    proxy.hook = async ({ method, url }, when) => {
      if (method !== 'DELETE' || url.includes('dryRun') || when !== 'before' || marked) return undefined;
      marked = true;
      await stage.kubectl('annotate', 'configmap', 'b', 'plumbline.dev/prune=disabled');
      return undefined;
    };
    await stage.deploy({ 'b.yaml': null });
    expect(marked).toBe(true);
    const b = await stage.get('configmap', 'b');
    expect(b.metadata.deletionTimestamp).toBeUndefined();
  }, 40_000);

  test('patches only what is there: a spec that is patched while a walk ends is walked', async () => {
    const stage = await scene().stage();
    await stage.repo.write({ 'one/a.yaml': configMap('a'), 'two/b.yaml': configMap('b') });
    await stage.source({ path: 'one' });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    let edited = false;
    proxy.hook = async ({ method, url }, when) => {
      if (edited || method !== 'PATCH' || !url.includes('/status') || when !== 'before') return undefined;
      edited = true;
      await patchSource(scene().cluster, stage.namespace, 'shop', { spec: { path: 'two' } });
      return undefined;
    };
    await stage.repo.write({ 'one/a.yaml': configMap('a', { key: 'other' }) });
    await stage.request();
    await waitFor('b is there', async () => (await scene().cluster.get('configmap', 'b', stage.namespace)) !== undefined);
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
  }, 40_000);
});
