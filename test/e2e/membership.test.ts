import { describe, expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { waitFor } from './cluster.ts';
import { type Stage, configMap, useScene, appliedStage } from './scene.ts';
import { conditionOf, getSource, patchSource, waitForCondition, waitUntilApplied } from './sources.ts';

const label = 'applyset.kubernetes.io/part-of';
const kinds = 'applyset.kubernetes.io/contains-group-kinds';
const disabled = '  annotations:\n    plumbline.dev/prune: disabled\n    team: shop\n';

describe('what leaves git', () => {
  const scene = useScene();

  const applied = (files: Readonly<Record<string, string>>, spec = {}): Promise<Stage> => appliedStage(scene(), files, spec);
  const sourceOf = (stage: Stage, name = 'shop'): Promise<Json> => getSource(scene().cluster, stage.namespace, name);
  const isOurs = (object: Json): boolean =>
    object.metadata.labels?.[label] !== undefined ||
    Object.keys(object.metadata.annotations ?? {}).some((key) =>
      ['plumbline.dev/commit', 'plumbline.dev/origin', 'plumbline.dev/hash'].includes(key),
    );

  test('stays with prune: false, without our marks and with all that git stated; prune: true later deletes nothing old', async () => {
    const stage = await applied(
      { 'a.yaml': configMap('a'), 'b.yaml': configMap('b', { key: 'old' }, '  labels: {team: shop}\n') },
      { prune: false },
    );
    const { uid, creationTimestamp } = (await stage.get('configmap', 'b')).metadata;
    await stage.deploy({ 'b.yaml': null });
    const b = await stage.get('configmap', 'b');
    expect(isOurs(b)).toBe(false);
    expect(b).toMatchObject({ metadata: { uid, creationTimestamp, labels: { team: 'shop' } }, data: { key: 'old' } });
    // Taken off by a JSON patch: what git stated is still owned as it was applied.
    const entry = b.metadata.managedFields.find((one: Json) => one.manager === 'plumbline' && one.operation === 'Apply');
    expect(entry.fieldsV1).toEqual({ 'f:data': { 'f:key': {} }, 'f:metadata': { 'f:labels': { 'f:team': {} } } });
    await patchSource(scene().cluster, stage.namespace, 'shop', { spec: { prune: true } });
    await stage.deploy({ 'c.yaml': configMap('c') });
    expect((await stage.get('configmap', 'b')).metadata.uid).toBe(uid);
  });

  test('stays where git said prune: disabled, or somebody says so on the object', async () => {
    const stage = await applied({
      'a.yaml': configMap('a'),
      'b.yaml': configMap('b', {}, disabled),
      'c.yaml': configMap('c'),
      'd.yaml': configMap('d'),
    });
    await stage.kubectl('annotate', 'configmap', 'c', 'plumbline.dev/prune=disabled');
    await stage.deploy({ 'b.yaml': null, 'c.yaml': null, 'd.yaml': null });
    const [b, c, d] = await Promise.all(['b', 'c', 'd'].map((name) => stage.get('configmap', name)));
    expect(d).toBeUndefined();
    expect([isOurs(b), isOurs(c)]).toEqual([false, false]);
    expect(b.metadata.annotations).toEqual({ 'plumbline.dev/prune': 'disabled', team: 'shop' });
    expect(conditionOf(await sourceOf(stage), 'Ready')?.message).toContain('1 pruned, 2 let go');
  });

  test('stays a member while it is ignored, and goes once it is not', async () => {
    const stage = await applied({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    await stage.kubectl('annotate', 'configmap', 'b', 'plumbline.dev/ignore=true');
    await stage.deploy({ 'b.yaml': null });
    expect((await stage.get('configmap', 'b')).metadata.labels[label]).toBeDefined();
    await stage.kubectl('annotate', 'configmap', 'b', 'plumbline.dev/ignore-');
    await stage.deploy({ 'a.yaml': configMap('a', { key: 'next' }) });
    expect(await stage.get('configmap', 'b')).toBeUndefined();
  });

  test('takes nothing along that only carries a copy of the label', async () => {
    const selector = '{ports: [{port: 80}], selector: {app: web}}';
    const stage = await applied({
      'a.yaml': configMap('a'),
      'web.yaml': `apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: ${selector}\n`,
    });
    const id = (await sourceOf(stage)).metadata.labels['applyset.kubernetes.io/id'];
    const slices = await waitFor('the Service has its EndpointSlice, with our label', async () => {
      const { items } = JSON.parse(await stage.kubectl('get', 'endpointslices', '-l', `${label}=${id}`, '-o', 'json'));
      return items.length > 0 && items;
    });
    await stage.kubectl('create', 'configmap', 'copy');
    await stage.kubectl('label', 'configmap', 'copy', `${label}=${id}`);
    // A slice of ours, so that its kind is looked at, and the copies with it.
    const own = 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: own}\naddressType: IPv4\nendpoints: []\n';
    await stage.deploy({ 'own.yaml': own });
    const commit = await stage.deploy({ 'own.yaml': null });
    expect(await stage.get('configmap', 'copy')).toBeDefined();
    expect((await stage.get('endpointslice', slices[0].metadata.name)).metadata.uid).toBe(slices[0].metadata.uid);
    expect(await stage.get('endpointslice', 'own')).toBeUndefined();
    expect((await sourceOf(stage)).status.revision.applied.commit).toBe(commit);
    expect((await sourceOf(stage)).metadata.annotations[kinds].split(',')).not.toContain('EndpointSlice.discovery.k8s.io');
  });

  test('that a finalizer holds is told, tried again, and done when it lets go', async () => {
    const held = configMap('held', {}, '  finalizers: [example.com/hold]\n');
    const stage = await applied({ 'a.yaml': configMap('a'), 'held.yaml': held });
    const first = await stage.repo.tip('main');
    const commit = await stage.repo.write({ 'held.yaml': null });
    await stage.request();
    const source = await waitForCondition(scene().cluster, stage.namespace, 'shop', {
      status: 'False',
      reason: 'PruneWaiting',
      deadlineMs: 40_000,
    });
    expect(conditionOf(source, 'Ready')?.message).toContain(
      `ConfigMap ${stage.namespace}/held: was deleted and is still there, held by example.com/hold`,
    );
    expect(source.status.revision).toMatchObject({ attempted: { commit }, applied: { commit: first } });
    await stage.kubectl('patch', 'configmap', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit, 40_000);
  });
});

describe('the parent of the set', () => {
  const scene = useScene();

  test('lists the kinds and namespaces of its members, before the first and until the last; kubectl finds them by it', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const elsewhere = await cluster.namespace('shop-else');
    await cluster.account(stage.namespace, 'wide', { clusterRole: 'cluster-admin', everywhere: true });
    const account = `apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: ${elsewhere}}\n`;
    await stage.repo.write({ 'a.yaml': configMap('a'), 'account.yaml': account });
    await stage.source({ serviceAccountName: 'wide' });
    const source = await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    const id = source.metadata.labels['applyset.kubernetes.io/id'];
    expect(source.metadata.annotations).toMatchObject({
      [kinds]: 'ConfigMap,ServiceAccount',
      'applyset.kubernetes.io/additional-namespaces': elsewhere,
      'applyset.kubernetes.io/tooling': expect.stringMatching(/^plumbline\/v\d/),
    });
    expect(source.metadata.finalizers).toEqual(['plumbline.dev/source']);
    const listed = await cluster.kubectl('get', 'configmaps,serviceaccounts', '-A', '-l', `${label}=${id}`, '-o', 'name');
    expect(listed.trim().split('\n').toSorted()).toEqual(['configmap/a', 'serviceaccount/web']);
    await stage.deploy({ 'account.yaml': null });
    const narrowed = (await getSource(cluster, stage.namespace, 'shop')).metadata.annotations;
    expect(narrowed[kinds]).toBe('ConfigMap');
    expect(narrowed['applyset.kubernetes.io/additional-namespaces']).toBeUndefined();
    const args = ['apply', '-n', stage.namespace, '--prune', `--applyset=gitopssources.plumbline.dev/shop`, '-f', '-'];
    const refused = await cluster.tryKubectl(args, { stdin: configMap('a'), env: { KUBECTL_APPLYSET: 'true' } });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/plumbline/);
    // Every write of the operator's own is by its own name, and never an apply.
    const managers = JSON.parse(await stage.kubectl('get', 'gos', 'shop', '-o', 'json', '--show-managed-fields')).metadata.managedFields;
    const others = managers.filter((one: Json) => one.manager !== 'kubectl' && one.manager !== 'kubectl-annotate');
    expect(others.map((one: Json) => [one.manager, one.operation, one.subresource]).toSorted()).toEqual([
      ['plumbline-controller', 'Update', undefined],
      ['plumbline-controller', 'Update', 'status'],
    ]);
  });
});
