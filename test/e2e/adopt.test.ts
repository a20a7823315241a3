import { describe, expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { waitFor } from './cluster.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { getSource, patchSource, waitForCondition, waitUntilApplied } from './sources.ts';

function web(replicas: number, extra = ''): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "registry.example.com/web:1"${extra}}]
`;
}

const env = ', env: [{name: OLD, value: "1"}]';
const adopt = (file: string): string =>
  file.replace('{name: web, labels', '{name: web, annotations: {plumbline.dev/adopt: "true"}, labels');

describe('an object that somebody else applied', () => {
  const scene = useScene();
  const get = (stage: Stage): Promise<Json> => stage.get('deployment', 'web');
  const entries = (object: Json): readonly string[] =>
    object.metadata.managedFields.map(({ manager, operation, subresource }: Json) =>
      [manager, operation, subresource].filter(Boolean).join('/'),
    );
  const container = (object: Json): Json => object.spec.template.spec.containers[0];
  const apply = async (stage: Stage, text: string, ...args: string[]): Promise<void> => {
    const { code, stderr } = await scene().cluster.tryKubectl(['apply', '-n', stage.namespace, '-f', '-', ...args], { stdin: text });
    expect({ code, stderr }).toMatchObject({ code: 0 });
  };
  const notes = async (stage: Stage, reason: string): Promise<readonly string[]> => {
    const { items } = await scene().cluster.request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${stage.namespace}/events`);
    return items.filter((event: Json) => event.reason === reason).map(({ note }: Json) => note);
  };
  async function adopted(stage: Stage, file: string): Promise<Json> {
    const commit = await stage.repo.write({ 'web.yaml': file });
    await stage.source({ health: { wait: false } });
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    return get(stage);
  }

  test.each<[string, readonly string[], string]>([
    ['kubectl apply', [], 'kubectl-client-side-apply'],
    ['kubectl apply --server-side', ['--server-side'], 'kubectl'],
  ])('by %s is taken over: what git does not state goes, uid and spec stay', async (_name, args, manager) => {
    const stage = await scene().stage();
    await apply(stage, web(2).replace('labels: {app: web}}\nspec', 'labels: {app: web, old: "1"}}\nspec'), ...args);
    const before = await get(stage);
    const after = await adopted(stage, web(2));
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.spec).toEqual(before.spec);
    expect(after.metadata.labels.old).toBeUndefined();
    expect(after.metadata.annotations['kubectl.kubernetes.io/last-applied-configuration']).toBeUndefined();
    expect(entries(after)).toContain('plumbline/Apply');
    expect(entries(after).filter((entry) => entry.startsWith(manager))).toEqual([]);
    await waitFor('its managers so far are told', async () => (await notes(stage, 'Adopted')).some((note) => note.includes(manager)));
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Drifted', status: 'False' });
  });

  test('a field of it that git does not state goes with the first apply; what others hold stays theirs', async () => {
    const stage = await scene().stage();
    await apply(stage, web(1, env));
    await stage.kubectl('set', 'env', 'deployment/web', 'MINE=1');
    const { uid } = (await get(stage)).metadata;
    const after = await adopted(stage, web(1));
    expect(after.metadata.uid).toBe(uid);
    expect(container(after).env).toEqual([{ name: 'MINE', value: '1' }]);
    const { drift, objects } = (
      await waitFor('what kubectl added is told', async () => {
        const source = await getSource(scene().cluster, stage.namespace, 'shop');
        return source.status.drift?.length > 0 && source;
      })
    ).status;
    expect(drift).toMatchObject([{ class: 'extra', manager: 'kubectl-set' }]);
    expect(objects.drifted).toBe(0);
  });

  test('and whose records were cleared is handed over whole', async () => {
    const stage = await scene().stage();
    await apply(stage, web(1, env));
    await stage.kubectl('patch', 'deployment/web', '--type=merge', '-p', '{"metadata":{"managedFields":[{}]}}');
    const { apiVersion, kind, spec } = await get(stage);
    const path = `/apis/apps/v1/namespaces/${stage.namespace}/deployments/web?fieldManager=kubectl&force=true`;
    const body = { apiVersion, kind, metadata: { name: 'web', annotations: { some: 'thing' } }, spec: { replicas: spec.replicas } };
    await scene().cluster.request.ok('PATCH', path, { body, contentType: 'application/apply-patch+yaml' });
    expect(entries(await get(stage))).toContain('before-first-apply/Update');
    const after = await adopted(stage, web(1));
    expect(container(after).env).toBeUndefined();
    expect(entries(after)).not.toContain('before-first-apply/Update');
  });

  test.each<[string, string, Json, Json, 'Apply' | 'Update']>([
    [
      'Flux',
      'kustomize-controller',
      { 'kustomize.toolkit.fluxcd.io/name': 'shop', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' },
      {},
      'Apply',
    ],
    ['Argo CD', 'argocd-controller', { 'argocd.argoproj.io/instance': 'shop' }, {}, 'Apply'],
    ['Helm', 'helm', {}, { 'meta.helm.sh/release-name': 'web', 'meta.helm.sh/release-namespace': 'shop' }, 'Update'],
  ])('by %s is refused, and taken over where the manifest says so', async (tool, manager, labels, annotations, operation) => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const { metadata, spec } = await (async () => {
      await apply(stage, web(1, env), '--dry-run=client');
      return {
        metadata: { name: 'web', namespace: stage.namespace, labels: { app: 'web', ...labels }, annotations },
        spec: {
          replicas: 1,
          selector: { matchLabels: { app: 'web' } },
          template: {
            metadata: { labels: { app: 'web' } },
            spec: { containers: [{ name: 'web', image: 'registry.example.com/web:1', env: [{ name: 'OLD', value: '1' }] }] },
          },
        },
      };
    })();
    const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec };
    const root = `/apis/apps/v1/namespaces/${stage.namespace}/deployments`;
    if (operation === 'Update') await cluster.request.ok('POST', `${root}?fieldManager=${manager}`, { body });
    else await cluster.request.ok('PATCH', `${root}/web?fieldManager=${manager}`, { body, contentType: 'application/apply-patch+yaml' });
    const { uid } = (await get(stage)).metadata;
    await stage.repo.write({ 'web.yaml': web(1) });
    await stage.source({ health: { wait: false } });
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'False', reason: 'OwnedByOther', message: `is managed by ${tool}` });
    const commit = await stage.repo.write({ 'web.yaml': adopt(web(1)) });
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    const after = await get(stage);
    expect(after.metadata.uid).toBe(uid);
    expect(container(after).env).toBeUndefined();
    for (const name of Object.keys(labels)) expect(after.metadata.labels[name]).toBeUndefined();
    for (const name of Object.keys(annotations)) expect(after.metadata.annotations[name]).toBeUndefined();
    expect(entries(after).some((entry) => entry.startsWith(manager))).toBe(false);
  });

  test('by an entry in another version of its kind is renamed, and what git does not state goes', async () => {
    const stage = await scene().stage();
    const { request } = scene().cluster;
    const root = `/apis/autoscaling/v1/namespaces/${stage.namespace}/horizontalpodautoscalers`;
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    const body = {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web', labels: { old: '1' } },
      spec: { minReplicas: 2, maxReplicas: 3, scaleTargetRef: target },
    };
    await request.ok('POST', `${root}?fieldManager=kubectl-client-side-apply`, { body });
    const uid = (await request.get(`${root}/web`)).metadata.uid;
    const file = `apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {maxReplicas: 3, scaleTargetRef: ${JSON.stringify(target)}}\n`;
    const commit = await stage.repo.write({ 'hpa.yaml': file });
    await stage.source({ health: { wait: false } });
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    const after = JSON.parse(await stage.kubectl('get', 'hpa/web', '-o', 'json', '--show-managed-fields'));
    expect(after.metadata.uid).toBe(uid);
    expect(after.metadata.labels.old).toBeUndefined();
    expect(after.spec.minReplicas).toBe(1);
  });

  test('of a renamed source keeps its uid: the new one takes over what the old one let go', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const commit = await stage.repo.write({ 'a.yaml': configMap('a') });
    await stage.source({ health: { wait: false } }, 'old');
    await waitUntilApplied(cluster, stage.namespace, 'old', commit);
    const { uid } = (await stage.get('configmap', 'a')).metadata;
    await stage.source({ health: { wait: false } }, 'new');
    await waitForCondition(cluster, stage.namespace, 'new', { status: 'False', reason: 'OwnedByOther' });
    await patchSource(cluster, stage.namespace, 'old', { spec: { deletionPolicy: 'Orphan' } });
    await stage.kubectl('delete', 'gos', 'old', '--timeout=20s');
    await waitUntilApplied(cluster, stage.namespace, 'new', commit, 40_000);
    expect((await stage.get('configmap', 'a')).metadata.uid).toBe(uid);
  });
});
