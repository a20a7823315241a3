import { describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { conditionOf, getSource, waitForCondition, waitUntilApplied } from './sources.ts';
import { heal, pushRefused, refusalOf, running, waitForEvent } from './refused.ts';
import { type Stage, configMap, useScene } from './scene.ts';

const partOf = 'applyset.kubernetes.io/part-of';

describe('an object that belongs to somebody else', () => {
  const scene = useScene();
  const uidOf = async (stage: Stage, name: string): Promise<string> => (await stage.get('configmap', name)).metadata.uid;
  const keyOf = async (stage: Stage, name: string): Promise<string> => (await stage.get('configmap', name)).data.key;

  test('stays with its source: the other is told the owner, the owner gets an event and stays Ready', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'mine/a.yaml': configMap('a'), 'theirs/a.yaml': configMap('a', { key: 'theirs' }) }, { path: 'mine' });
    const uid = await uidOf(stage, 'a');
    await stage.source({ path: 'theirs' }, 'rival');
    const commit = (await stage.repo.tip('main')) ?? '';
    const { message } = await refusalOf(cluster, stage, 'OwnedByOther', commit, 'rival');
    expect(message).toContain(`theirs/a.yaml:1 ConfigMap ${stage.namespace}/a refused: belongs to GitOpsSource ${stage.namespace}/shop.`);
    expect(message).toContain(`Nothing was changed. Take the manifest out of this source or out of ${stage.namespace}/shop.`);
    await waitForEvent(
      cluster,
      stage.namespace,
      'shop',
      'Contested',
      `GitOpsSource ${stage.namespace}/rival also states ConfigMap ${stage.namespace}/a`,
    );
    expect(conditionOf(await getSource(cluster, stage.namespace, 'shop'), 'Ready')).toMatchObject({ status: 'True' });
    expect([await uidOf(stage, 'a'), await keyOf(stage, 'a')]).toEqual([uid, 'value']);
    const mended = await stage.repo.write({ 'theirs/a.yaml': null, 'theirs/b.yaml': configMap('b') });
    await waitUntilApplied(cluster, stage.namespace, 'rival', mended);
  });

  test('that two new sources want at once goes to the older one', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const commit = await stage.repo.write({ 'one/a.yaml': configMap('a', { key: 'one' }), 'two/a.yaml': configMap('a', { key: 'two' }) });
    // By name the second would come first: the time decides, and within one second the name.
    await stage.source({ path: 'one', suspend: true }, 'b-older');
    const { creationTimestamp } = (await getSource(cluster, stage.namespace, 'b-older')).metadata;
    await waitFor('the next second', () => Date.now() >= Date.parse(creationTimestamp) + 1_000);
    await stage.source({ path: 'two', suspend: true }, 'a-younger');
    await Promise.all([stage.source({ path: 'two' }, 'a-younger'), stage.source({ path: 'one' }, 'b-older')]);
    await waitUntilApplied(cluster, stage.namespace, 'b-older', commit);
    const { message } = await refusalOf(cluster, stage, 'OwnedByOther', commit, 'a-younger');
    expect(message).toContain(`GitOpsSource ${stage.namespace}/b-older`);
    expect(await keyOf(stage, 'a')).toBe('one');
  });

  test("that is a member of kubectl's ApplySet is refused and the set is named", async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const file = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: stage.namespace }, data: { key: 'kubectl' } };
    const { code, stderr } = await cluster.tryKubectl(
      ['apply', '--prune', `--applyset=configmaps/shop-set`, '-n', stage.namespace, '-f', '-'],
      { stdin: JSON.stringify(file), env: { KUBECTL_APPLYSET: 'true' } },
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const id = await stage.kubectl('get', 'configmap', 'a', '-o', `jsonpath={.metadata.labels.applyset\\.kubernetes\\.io/part-of}`);
    await running(cluster, stage, { 'b.yaml': configMap('b') });
    const { commit, message } = await pushRefused(cluster, stage, { 'a.yaml': configMap('a') }, 'OwnedByOther');
    expect(message).toContain(`a.yaml:1 ConfigMap ${stage.namespace}/a refused: belongs to ApplySet ${id}, which is no GitOpsSource.`);
    expect(message).toContain('kubectl get -A');
    expect(await keyOf(stage, 'a')).toBe('kubectl');
    await stage.kubectl('label', 'configmap', 'a', `${partOf}-`);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test('by the label of a source that is no more, and our own proof, binds nobody', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const commit = await running(cluster, stage, { 'a.yaml': configMap('a') });
    const uid = await uidOf(stage, 'a');
    // A source that ends without taking its labels off: as after its finalizer was removed by hand.
    const orphaned = `apiVersion: v1
kind: ConfigMap
metadata: {name: b, labels: {${partOf}: applyset-of-a-source-that-is-gone-v1}}
data: {key: before}
`;
    const applied = await cluster.tryKubectl(['apply', '--server-side', '--field-manager=plumbline', '-n', stage.namespace, '-f', '-'], {
      stdin: orphaned,
    });
    expect(applied).toMatchObject({ code: 0 });
    const orphan = await uidOf(stage, 'b');
    expect(await stage.deploy({ 'b.yaml': configMap('b') })).not.toBe(commit);
    expect([await uidOf(stage, 'a'), await uidOf(stage, 'b'), await keyOf(stage, 'b')]).toEqual([uid, orphan, 'value']);
    await waitForEvent(
      cluster,
      stage.namespace,
      'shop',
      'Adopted',
      `ConfigMap ${stage.namespace}/b belonged to no source and is taken over`,
    );
  });

  test('by a label that our Apply entry does not own is foreign', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await stage.kubectl('create', 'configmap', 'b', '--from-literal=key=before');
    await stage.kubectl('label', 'configmap', 'b', `${partOf}=applyset-of-somebody-v1`);
    await running(cluster, stage, { 'a.yaml': configMap('a') });
    const { message } = await pushRefused(cluster, stage, { 'b.yaml': configMap('b') }, 'OwnedByOther');
    expect(message).toContain('belongs to ApplySet applyset-of-somebody-v1, which is no GitOpsSource.');
    expect(await keyOf(stage, 'b')).toBe('before');
    await heal(stage, { 'b.yaml': null });
  });

  test.each([
    [
      'Flux',
      'label',
      'kustomize.toolkit.fluxcd.io/name=shop',
      'is managed by Flux (Kustomization flux-system/shop)',
      'Suspend that Kustomization',
    ],
    [
      'Argo CD',
      'annotate',
      'argocd.argoproj.io/tracking-id=shop:/ConfigMap:x/a',
      'is managed by Argo CD (Application shop)',
      'Delete that Application without cascade',
    ],
    ['Helm', 'annotate', 'meta.helm.sh/release-name=shop', 'is managed by Helm (release default/shop)', 'helm.sh/resource-policy=keep'],
  ])('by the mark of %s is refused with how to detach it there', async (_tool, verb, mark, told, remedy) => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await stage.kubectl('create', 'configmap', 'a', '--from-literal=key=before');
    await stage.kubectl(verb, 'configmap', 'a', mark);
    await running(cluster, stage, { 'b.yaml': configMap('b') });
    const { message } = await pushRefused(cluster, stage, { 'a.yaml': configMap('a') }, 'OwnedByOther');
    expect(message).toContain(`a.yaml:1 ConfigMap ${stage.namespace}/a refused: ${told}.`);
    expect(message).toContain(remedy);
    expect(await keyOf(stage, 'a')).toBe('before');
    await stage.kubectl(verb, 'configmap', 'a', `${mark.split('=')[0]}-`);
    await stage.request();
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    expect(await keyOf(stage, 'a')).toBe('value');
  });

  test('to nobody is adopted, with an event that names its managers so far', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await stage.kubectl('create', 'configmap', 'a', '--from-literal=key=before');
    const uid = await uidOf(stage, 'a');
    await running(cluster, stage, { 'a.yaml': configMap('a') });
    expect([await uidOf(stage, 'a'), await keyOf(stage, 'a')]).toEqual([uid, 'value']);
    await waitForEvent(
      cluster,
      stage.namespace,
      'shop',
      'Adopted',
      `ConfigMap ${stage.namespace}/a belonged to no source and is taken over; its field managers so far: kubectl-create`,
    );
    await heal(stage, { 'a.yaml': configMap('a', { key: 'later' }) });
  });
});
