import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { pushRefused, refusalOf, running, waitForEvent, writesAs } from './refused.ts';
import { configMap, deployment, useScene } from './scene.ts';
import { getSource, waitForCondition, waitUntilApplied } from './sources.ts';
import { startWebhook } from './webhook.ts';

const configMaps = { apiGroups: [''], resources: ['configmaps'] };

describe('an admission webhook', () => {
  const scene = useScene();
  const account = (namespace: string) => `system:serviceaccount:${namespace}:deployer`;

  test('that does not answer is named; the source goes on once it does', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'a.yaml': configMap('a') });
    const webhook = await startWebhook(cluster, { namespace: stage.namespace, name: 'guard', rule: configMaps, decide: () => ({}) });
    await webhook.stop();
    const { commit, message } = await pushRefused(cluster, stage, { 'a.yaml': configMap('a', { key: 'other' }) }, 'WebhookUnavailable');
    expect(message).toContain(`a.yaml:1 ConfigMap ${stage.namespace}/a: admission webhook guard.example.com does not answer: `);
    expect(message).toContain('connection refused');
    expect(message).toContain('Mend the webhook that the message names; the source goes on by itself.');
    await cluster.kubectl('delete', 'validatingwebhookconfiguration', `${stage.namespace}-guard`);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test('that denies is quoted, also for a delete; nothing changes', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    const webhook = await startWebhook(cluster, {
      namespace: stage.namespace,
      name: 'policy',
      rule: configMaps,
      decide: ({ operation }) => ({ deny: operation === 'DELETE' ? 'b is still needed' : 'the team label is missing' }),
    });
    const { commit, message } = await pushRefused(
      cluster,
      stage,
      { 'a.yaml': configMap('a', { key: 'other' }), 'b.yaml': null },
      'ObjectRefused',
    );
    expect(message).toContain(
      `a.yaml:1 ConfigMap ${stage.namespace}/a refused: admission webhook "policy.example.com" denied the request: the team label is missing`,
    );
    expect(message).toContain(
      `ConfigMap ${stage.namespace}/b refused: admission webhook "policy.example.com" denied the request: b is still needed`,
    );
    await webhook.remove();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test('that lets only a part in: what is half in stays, and what others change of the rest is put back while the revision fails', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(
      cluster,
      stage,
      { 'a.yaml': configMap('a'), 'b.yaml': configMap('b'), 'c.yaml': configMap('c') },
      { interval: '10m', health: { wait: false } },
    );
    const get = async (name: string) => await cluster.request.ok('GET', `/api/v1/namespaces/${stage.namespace}/configmaps/${name}`);
    const drift = (status: 'True' | 'False', message: string | RegExp) =>
      waitForCondition(cluster, stage.namespace, 'shop', { type: 'Drifted', status, message });
    const webhook = await startWebhook(cluster, {
      namespace: stage.namespace,
      name: 'late',
      rule: { apiGroups: [''], resources: ['configmaps'] },
      decide: ({ object, dryRun }) => (object?.metadata?.name === 'b' && !dryRun ? { deny: 'not today' } : {}),
    });
    const next = { 'a.yaml': configMap('a', { key: 'next' }), 'b.yaml': configMap('b', { key: 'next' }) };
    const commit = await stage.repo.write(next);
    await stage.request();
    await refusalOf(cluster, stage, 'ObjectRefused', commit);
    const half = await get('a');
    expect([half.data.key, (await get('b')).data.key]).toEqual(['next', 'value']);
    const refused = (): number => webhook.reviews.filter(({ dryRun, object }) => !dryRun && object?.metadata?.name === 'b').length;
    const before = refused();
    await waitFor('it was tried once more', () => refused() > before, 15_000);
    expect((await get('a')).metadata.resourceVersion).toBe(half.metadata.resourceVersion);
    await drift('False', '');
    await webhook.remove();
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);

    await pushRefused(cluster, stage, { 'b.yaml': configMap('b').replace('"value"', '5') }, 'ObjectRefused');
    await stage.kubectl('patch', 'configmap/c', '-p', '{"data":{"key":"by hand"}}');
    await waitFor('it is put back', async () => (await get('c')).data.key === 'value');
    await waitForCondition(cluster, stage.namespace, 'shop', { type: 'Ready', status: 'False', reason: 'ObjectRefused' });
    await stage.deploy({ 'b.yaml': configMap('b') });
    await drift('False', '');
  });

  test('that warns is heard, but never about a Secret, which it may quote', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const webhook = await startWebhook(cluster, {
      namespace: stage.namespace,
      name: 'adviser',
      rule: { apiGroups: [''], resources: ['configmaps', 'secrets'] },
      decide: ({ object }) => ({ warnings: [`${object.kind} holds ${object.data.key}`] }),
    });
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {key: hush-hush}\n';
    await running(cluster, stage, { 'a.yaml': configMap('a', { key: 'plain' }), 's.yaml': secret });
    const note = await waitFor('an event has the warnings', async () => {
      const { items } = JSON.parse(await stage.kubectl('get', 'events.events.k8s.io', '-o', 'json'));
      return items.find((one: { reason: string }) => one.reason === 'ApiServerWarning')?.note;
    });
    expect(note).toContain(`ConfigMap ${stage.namespace}/a: ConfigMap holds plain`);
    expect(note).toContain(`Secret ${stage.namespace}/s: the API server has warnings about it`);
    expect(note).not.toContain(Buffer.from('hush-hush').toString('base64'));
    await webhook.remove();
  });

  test('lets somebody make an object between look-up and apply: it is taken over, and that is told', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'a.yaml': configMap('a') });
    let made: Promise<unknown> | undefined;
    const webhook = await startWebhook(cluster, {
      namespace: stage.namespace,
      name: 'rival',
      rule: configMaps,
      decide: async ({ dryRun, object, user }) => {
        if (dryRun && object?.metadata.name === 'late' && user === account(stage.namespace)) {
          await (made ??= stage.kubectl('create', 'configmap', 'late', '--from-literal=theirs=1'));
        }
        return {};
      },
    });
    await stage.deploy({ 'late.yaml': configMap('late') });
    const note = await waitFor('an event says that it was adopted', async () => {
      const { items } = JSON.parse(await stage.kubectl('get', 'events.events.k8s.io', '-o', 'json'));
      return items.find((one: { reason: string; note: string }) => one.reason === 'Adopted' && one.note.includes('late'))?.note;
    });
    expect(note).toContain('kubectl-create');
    await webhook.remove();
  });

  test('that takes no part in dry runs has a reason of its own', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'a.yaml': configMap('a') });
    const webhook = await startWebhook(cluster, {
      namespace: stage.namespace,
      name: 'ledger',
      rule: configMaps,
      decide: ({ dryRun }) => (dryRun ? { deny: 'I do not support dry run' } : {}),
    });
    const { commit, message } = await pushRefused(cluster, stage, { 'a.yaml': configMap('a', { key: 'other' }) }, 'WebhookRefusesDryRun');
    expect(message).toContain(
      `a.yaml:1 ConfigMap ${stage.namespace}/a refused: admission webhook ledger.example.com does not take part in a dry run`,
    );
    expect(message).toContain('Give the webhook sideEffects: None or NoneOnDryRun.');
    await webhook.remove();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test('that rewrites an image and injects a sidecar causes no loop', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const webhook = await startWebhook(cluster, {
      namespace: stage.namespace,
      name: 'mesh',
      mutating: true,
      rule: { apiGroups: ['apps'], resources: ['deployments'] },
      decide: ({ object, operation }) => {
        const containers = object?.spec?.template?.spec?.containers ?? [];
        if (operation === 'DELETE') return {};
        const at = '/spec/template/spec/containers';
        const inject = containers.length > 1 ? [] : [{ op: 'add', path: `${at}/-`, value: { name: 'mesh', image: 'mesh:1' } }];
        return { patch: [{ op: 'replace', path: `${at}/0/image`, value: 'mirror.example.com/web:1' }, ...inject] };
      },
    });
    const first = await running(cluster, stage, { 'web.yaml': deployment('web') });
    const images = () => stage.kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[*].image}');
    expect(await images()).toBe('mirror.example.com/web:1 mesh:1');
    const audit = await cluster.audit();
    const polled = (await getSource(cluster, stage.namespace, 'shop')).status.lastHandledReconcileAt;
    await stage.request();
    await waitFor('the request is handled', async () => {
      const { status } = await getSource(cluster, stage.namespace, 'shop');
      return status.lastHandledReconcileAt !== polled && status.revision.applied.commit === first;
    });
    expect(writesAs(await audit.events(), account(stage.namespace))).toEqual([]);
    await stage.deploy({ 'settings.yaml': configMap('settings') });
    expect(writesAs(await audit.events(), account(stage.namespace)).map((event) => event.objectRef?.name)).toEqual(['settings']);
    expect(await images()).toBe('mirror.example.com/web:1 mesh:1');
    await webhook.remove();
  });

  test('that gives time: an object replaced between plan and apply is planned anew, never taken for the old one', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'a.yaml': configMap('a') });
    const { uid } = (await stage.get('configmap', 'a')).metadata;
    let replaced = false;
    const webhook = await startWebhook(cluster, {
      namespace: stage.namespace,
      name: 'slow',
      rule: configMaps,
      decide: async ({ dryRun, user, operation }) => {
        if (replaced || !dryRun || operation !== 'UPDATE' || user !== account(stage.namespace)) return {};
        replaced = true;
        const path = `/api/v1/namespaces/${stage.namespace}/configmaps`;
        await cluster.request.ok('DELETE', `${path}/a`);
        await cluster.request.ok('POST', path, { body: { metadata: { name: 'a' }, data: { made: 'by hand' } } });
        await setImmediate();
        return {};
      },
    });
    const audit = await cluster.audit();
    await stage.deploy({ 'a.yaml': configMap('a', { key: 'other' }) });
    expect(replaced).toBe(true);
    const now = await stage.get('configmap', 'a');
    expect(now.metadata.uid).not.toBe(uid);
    expect(now.data).toMatchObject({ key: 'other' });
    const codes = (await audit.events())
      .filter(
        ({ objectRef, verb, requestURI, impersonatedUser }) =>
          objectRef?.name === 'a' && verb === 'patch' && impersonatedUser && !requestURI.includes('dryRun'),
      )
      .map((event) => event.responseStatus?.code);
    expect(codes.at(-1)).toBe(200);
    // Only a second plan finds an object without owner.
    await waitForEvent(cluster, stage.namespace, 'shop', 'Adopted', `ConfigMap ${stage.namespace}/a`);
    expect(codes.slice(0, -1).every((code) => code === 409 || code === 422)).toBe(true);
    await webhook.remove();
  });
});
