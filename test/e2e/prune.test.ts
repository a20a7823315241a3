import { describe, expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { waitFor } from './cluster.ts';
import type { KnownKind } from './objects.ts';
import { type Stage, configMap, deployment, useScene } from './scene.ts';
import { conditionOf, getSource, patchSource, waitForCondition, waitUntilApplied } from './sources.ts';

const claim =
  'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n';
const namespaceFile = (name: string): string => `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}}\n`;
const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: foreign}\nspec: {containers: [{name: a, image: a}]}\n';

function crd(plural: string, kind: string, group: string): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${plural}.${group}}
spec:
  group: ${group}
  scope: Namespaced
  names: {plural: ${plural}, kind: ${kind}}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`;
}

describe('what would be pruned and should not be at once', () => {
  const scene = useScene();

  /** A stage with these files applied; the account may do everything everywhere. */
  async function applied(files: Readonly<Record<string, string>>, spec = {}): Promise<Stage> {
    const stage = await scene().stage();
    await scene().cluster.account(stage.namespace, 'wide', { clusterRole: 'cluster-admin', everywhere: true });
    const commit = await stage.repo.write(files);
    await stage.source({ serviceAccountName: 'wide', ...spec });
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    return stage;
  }
  async function push(stage: Stage, files: Parameters<Stage['repo']['write']>[0]): Promise<string> {
    const commit = await stage.repo.write(files);
    await stage.request();
    return commit;
  }
  const held = (stage: Stage, message?: string | RegExp): Promise<Json> =>
    waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'False', reason: 'PruneHeld', ...(message && { message }) });
  const exists = async (stage: Stage, kind: KnownKind, name: string): Promise<boolean> => (await stage.get(kind, name)) !== undefined;
  const readyMessage = (source: Json): string => conditionOf(source, 'Ready')?.message ?? '';
  /** Types the command of the message into a shell, so to speak. */
  async function runPrinted(source: Json): Promise<void> {
    const [, command = ''] = /(kubectl annotate .*?plumbline\.dev\/allow-prune=[0-9a-f]{40})/.exec(readyMessage(source)) ?? [];
    await scene().cluster.kubectl(...command.split(' ').slice(1));
  }
  const allowance = async (stage: Stage): Promise<string | undefined> =>
    (await getSource(scene().cluster, stage.namespace, 'shop')).metadata.annotations['plumbline.dev/allow-prune'];

  test('everything: nothing goes until the printed command is run; it lets go once', async () => {
    const stage = await applied({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    const first = await stage.repo.tip('main');
    const commit = await push(stage, { 'a.yaml': null, 'b.yaml': null, 'README.md': 'empty\n' });
    const source = await held(stage);
    expect(readyMessage(source)).toContain('nothing is pruned, since the revision states no object, and 2 would go.');
    expect(readyMessage(source)).toContain(`Would go: ConfigMap ${stage.namespace}/a, ConfigMap ${stage.namespace}/b.`);
    expect(source.status.revision).toMatchObject({ observed: { commit }, attempted: { commit }, applied: { commit: first } });
    expect(conditionOf(source, 'Reconciling')).toMatchObject({ status: 'True', reason: 'Held' });
    expect(await exists(stage, 'configmap', 'a')).toBe(true);
    await runPrinted(source);
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    expect(await exists(stage, 'configmap', 'a')).toBe(false);
    expect(await exists(stage, 'configmap', 'b')).toBe(false);
    await waitFor('the annotation is taken off', async () => (await allowance(stage)) === undefined);
  });

  test('more than three quarters of ten: what is new comes in all the same, and mending git heals', async () => {
    const files = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`c${index}.yaml`, configMap(`c${index}`)]));
    const stage = await applied(files);
    const gone = Object.fromEntries(
      Object.keys(files)
        .slice(0, 8)
        .map((file) => [file, null]),
    );
    await push(stage, { ...gone, 'new.yaml': configMap('new') });
    const source = await held(stage, 'nothing is pruned, since 8 of 10 objects would go');
    expect(readyMessage(source)).toContain('1 object was written; main@');
    expect(await exists(stage, 'configmap', 'new')).toBe(true);
    expect(await exists(stage, 'configmap', 'c0')).toBe(true);
    // What is new does not count among the ten when it is tried again.
    await stage.request();
    await waitFor('it was tried again', async () => {
      const { metadata, status } = await getSource(scene().cluster, stage.namespace, 'shop');
      return status.lastHandledReconcileAt === metadata.annotations['plumbline.dev/requestedAt'];
    });
    await held(stage, 'nothing is pruned, since 8 of 10 objects would go');
    expect(await exists(stage, 'configmap', 'c0')).toBe(true);
    await stage.deploy({ 'c0.yaml': files['c0.yaml'] ?? '' });
    expect(await exists(stage, 'configmap', 'c1')).toBe(false);
    expect(await exists(stage, 'configmap', 'c0')).toBe(true);
  });

  test('a wrong path: held at that generation, whoever allowed the commit before; the right path heals', async () => {
    const files = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`prod/c${index}.yaml`, configMap(`c${index}`)]));
    const stage = await applied({ ...files, 'test/c0.yaml': configMap('c0') }, { path: './prod' });
    const { uid } = (await stage.get('configmap', 'c9')).metadata;
    const commit = (await stage.repo.tip('main')) ?? '';
    // Said too early, it lets nothing go.
    await stage.kubectl('annotate', 'gos', 'shop', `plumbline.dev/allow-prune=${commit}`);
    await waitFor('the annotation is taken off as stale', async () => (await allowance(stage)) === undefined);
    await patchSource(scene().cluster, stage.namespace, 'shop', {
      metadata: { annotations: { 'plumbline.dev/allow-prune': commit } },
      spec: { path: './test' },
    });
    const source = await held(stage, '9 of 10 objects would go');
    await waitFor('the annotation is taken off as stale', async () => (await allowance(stage)) === undefined);
    // Said of this generation, and then the spec is another one.
    await patchSource(scene().cluster, stage.namespace, 'shop', {
      metadata: { annotations: { 'plumbline.dev/allow-prune': commit } },
      spec: { exclude: ['none/**'] },
    });
    await waitFor('the annotation is taken off as stale', async () => (await allowance(stage)) === undefined);
    await held(stage);
    expect(source.status.revision.applied.commit).toBe(commit);
    await patchSource(scene().cluster, stage.namespace, 'shop', { spec: { path: './prod' } });
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    expect((await stage.get('configmap', 'c9')).metadata.uid).toBe(uid);
    // A commit that touches nothing under the path only moves the revision.
    const renders = (): Promise<number | undefined> =>
      scene().operator.metric('plumbline_reconcile_duration_seconds_count', { namespace: stage.namespace, phase: 'render' });
    const rendered = await renders();
    expect(rendered).toBeGreaterThan(0);
    expect(await stage.deploy({ 'README.md': 'nothing of prod\n' })).not.toBe(commit);
    expect(await renders()).toBe(rendered);
  });

  test('storage, with everything that would go beside it', async () => {
    const stage = await applied({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b'), 'data.yaml': claim }, { health: { wait: false } });
    const commit = await push(stage, { 'data.yaml': null, 'b.yaml': null });
    const source = await held(stage, `PersistentVolumeClaim ${stage.namespace}/data holds data`);
    expect(await exists(stage, 'persistentvolumeclaim', 'data')).toBe(true);
    expect(await exists(stage, 'configmap', 'b')).toBe(true);
    // It says the same after a restart of the attempt, and the remote's next commit is not let go by an old word.
    const next = await push(stage, { 'a.yaml': configMap('a', { key: 'next' }) });
    // Not before: as long as the earlier commit is the one held, the word is for it.
    await held(stage, next);
    await stage.kubectl('annotate', 'gos', 'shop', `plumbline.dev/allow-prune=${commit}`);
    await held(stage, next);
    await waitFor('the annotation is taken off as stale', async () => (await allowance(stage)) === undefined);
    expect(await exists(stage, 'persistentvolumeclaim', 'data')).toBe(true);
    expect(source.status.revision.applied.commit).not.toBe(next);
  });

  test('a CRD with objects of others, until these are gone', async () => {
    const group = `g${Date.now()}.example.com`;
    const stage = await applied({ 'a.yaml': configMap('a'), 'crd.yaml': crd('shops', 'Shop', group) });
    const shop = `/apis/${group}/v1/namespaces/${stage.namespace}/shops`;
    const body = { apiVersion: `${group}/v1`, kind: 'Shop', metadata: { name: 'main' } };
    await waitFor('the kind is served', async () => (await scene().cluster.request.raw('POST', shop, { body })).status === 201);
    const commit = await push(stage, { 'crd.yaml': null });
    await held(stage, `CustomResourceDefinition shops.${group} still has Shop ${stage.namespace}/main`);
    await scene().cluster.request.ok('DELETE', `${shop}/main`);
    await stage.request();
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    expect(await scene().cluster.get('crd', `shops.${group}`)).toBeUndefined();
  });

  test('a namespace with storage, or with a Pod that is nobody of ours; Pods of our own Deployment do not hold it', async () => {
    const stage = await scene().stage();
    const [mine, theirs, store] = ['mine', 'theirs', 'store'].map((name) => `${stage.namespace}-${name}`) as [string, string, string];
    await scene().cluster.account(stage.namespace, 'wide', { clusterRole: 'cluster-admin', everywhere: true });
    const web = deployment('web').replace('replicas: 0', 'replicas: 1').replace('name: web\nspec', `name: web\n  namespace: ${mine}\nspec`);
    await stage.repo.write({
      'a.yaml': configMap('a'),
      'mine.yaml': namespaceFile(mine),
      'theirs.yaml': namespaceFile(theirs),
      'store.yaml': namespaceFile(store),
      'web.yaml': web,
    });
    await stage.source({ serviceAccountName: 'wide', health: { wait: false } });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    await waitFor('the Deployment has a Pod', async () => (await scene().cluster.kubectl('get', 'pods', '-n', mine, '-o', 'name')) !== '');
    await waitFor('the namespace takes Pods', () => scene().cluster.request.get(`/api/v1/namespaces/${theirs}/serviceaccounts/default`));
    await scene().cluster.tryKubectl(['apply', '-n', theirs, '-f', '-'], { stdin: pod });
    await scene().cluster.tryKubectl(['apply', '-n', store, '-f', '-'], { stdin: claim });
    const commit = await push(stage, { 'mine.yaml': null, 'web.yaml': null, 'theirs.yaml': null, 'store.yaml': null });
    const source = await held(stage, `Namespace ${theirs} still holds Pod ${theirs}/foreign`);
    expect(readyMessage(source)).toContain(`Namespace ${store} still holds PersistentVolumeClaim ${store}/data`);
    expect(readyMessage(source)).not.toContain(`Namespace ${mine} still holds`);
    await runPrinted(source);
    // Without a kubelet a Pod's deletion ends by force alone.
    await waitFor('the Deployment is gone', async () => (await scene().cluster.get('deployment', 'web', mine)) === undefined);
    await scene().cluster.kubectl('delete', 'pods', '--all', '--force', '-n', theirs);
    await waitFor(
      'the namespaces go',
      async () => {
        await scene().cluster.tryKubectl(['delete', 'pods', '--all', '--force', '-n', mine]);
        return (await scene().cluster.tryKubectl(['get', 'ns', mine, theirs, store])).stdout === '';
      },
      30_000,
    );
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit, 40_000);
  });
});
