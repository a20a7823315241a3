import { describe, expect, test } from '@jest/globals';
import { useCluster, waitFor } from './cluster.ts';
import { applySource, sourcePath, waitForCondition } from './sources.ts';

describe('a cluster lent to a test file', () => {
  const cluster = useCluster();

  test('gives each test a namespace of its own, with its default account', async () => {
    const [one, other] = await Promise.all([cluster().namespace(), cluster().namespace('shop')]);
    expect(one).not.toBe(other);
    expect(other).toMatch(/^shop-/);
    expect(await cluster().kubectl('get', 'serviceaccount', '-n', one, '-o', 'name')).toBe('serviceaccount/default\n');
  });

  test('knows the GitOpsSource CRD', async () => {
    expect(await cluster().kubectl('get', 'crd', '-o', 'name')).toContain('gitopssources.plumbline.dev');
  });

  test('rolls a Deployment out as far as pods without a node', async () => {
    const namespace = await cluster().namespace();
    await cluster().kubectl('create', 'deployment', 'web', '--image=web:1', '-n', namespace);
    const pods = await waitFor('the pod is made', async () => {
      const { items } = await cluster().request.ok('GET', `/api/v1/namespaces/${namespace}/pods`);
      return items.length > 0 && items;
    });
    expect(pods[0].status.phase).toBe('Pending');
  });

  test('holds an account to what RBAC gives it', async () => {
    const namespace = await cluster().namespace();
    const user = await cluster().account(namespace, 'deployer', { clusterRole: 'view' });
    expect(user).toBe(`system:serviceaccount:${namespace}:deployer`);
    const token = JSON.parse(await cluster().accountKubeconfig(namespace, 'deployer')).users[0].user.token;
    const may = await cluster().tryKubectl(['auth', 'can-i', 'get', 'pods', '-n', namespace, '--token', token, '--as', user]);
    expect(may.stdout).toBe('yes\n');
    const mayNot = await cluster().tryKubectl(['auth', 'can-i', 'create', 'pods', '-n', namespace, '--as', user]);
    expect(mayNot).toMatchObject({ code: 1, stdout: 'no\n' });
  });

  test('tells every request since a moment, in order', async () => {
    const namespace = await cluster().namespace();
    const audit = await cluster().audit();
    await cluster().kubectl('create', 'configmap', 'seen', '-n', namespace);
    await cluster().request.get(`/api/v1/namespaces/${namespace}/configmaps/absent`);
    const events = (await audit.events()).filter((event) => event.objectRef?.namespace === namespace && event.user.username === 'admin');
    expect(events.map((event) => [event.verb, event.objectRef?.name, event.responseStatus?.code])).toEqual([
      ['create', 'seen', 201],
      ['get', 'absent', 404],
    ]);
  });

  test('keeps what it has when its API server is killed and started again', async () => {
    const namespace = await cluster().namespace();
    await cluster().stopApiServer('SIGKILL');
    await expect(cluster().request.get('/version')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await cluster().startApiServer();
    expect(await cluster().request.get(`/api/v1/namespaces/${namespace}`)).toBeDefined();
  });
});

describe('sources in a cluster', () => {
  const cluster = useCluster();
  const spec = { url: 'https://git.example.com/acme/deployer.git' };

  test('are applied, and refused with what the API server says', async () => {
    const namespace = await cluster().namespace();
    const source = await applySource(cluster(), { namespace, name: 'shop', spec, annotations: { note: 'mine' } });
    expect(source.metadata).toMatchObject({ name: 'shop', namespace, annotations: { note: 'mine' } });
    const wrong = applySource(cluster(), { namespace, name: 'wrong', spec: { url: 'ftp://git.example.com/x' } });
    await expect(wrong).rejects.toThrow(/gitopssources\/wrong.*spec\.url/s);
  });

  test('are waited for until the condition speaks of the present generation', async () => {
    const namespace = await cluster().namespace();
    const { metadata } = await applySource(cluster(), { namespace, name: 'shop', spec });
    const ready = { type: 'Ready', status: 'True', reason: 'Applied', message: 'all in', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const tell = (observedGeneration: number): Promise<unknown> =>
      cluster().request.ok('PATCH', `${sourcePath(namespace, 'shop')}/status`, {
        body: { status: { conditions: [{ ...ready, observedGeneration }] } },
      });
    await tell(metadata.generation - 1);
    await expect(waitForCondition(cluster(), namespace, 'shop', { status: 'True', deadlineMs: 300 })).rejects.toThrow(
      /shop is Ready=True: not within 300 ms; .*all in/s,
    );
    const waiting = waitForCondition(cluster(), namespace, 'shop', { status: 'True', reason: 'Applied', message: /in$/ });
    await tell(metadata.generation);
    expect((await waiting).metadata.name).toBe('shop');
  });
});

describe('a cluster that was given back', () => {
  describe('by one who leaves a mess', () => {
    const cluster = useCluster();
    test('a source with a finalizer, a CRD and a webhook', async () => {
      const { request } = cluster();
      const namespace = await cluster().namespace('mess');
      await applySource(cluster(), { namespace, name: 'left', spec: { url: 'https://git.example.com/x.git' } });
      await request.ok('PATCH', sourcePath(namespace, 'left'), { body: { metadata: { finalizers: ['plumbline.dev/source'] } } });
      const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }];
      const clientConfig = { url: 'https://127.0.0.1:1/' };
      const webhook = { name: 'mess.example.com', rules, clientConfig, sideEffects: 'None', admissionReviewVersions: ['v1'] };
      const body = { metadata: { name: 'mess' }, webhooks: [webhook] };
      await request.ok('POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', { body });
      const schema = { openAPIV3Schema: { type: 'object' } };
      const names = { plural: 'messes', singular: 'mess', kind: 'Mess', listKind: 'MessList' };
      const versions = [{ name: 'v1', served: true, storage: true, schema }];
      const crd = { metadata: { name: 'messes.example.com' }, spec: { group: 'example.com', scope: 'Namespaced', names, versions } };
      await request.ok('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: crd });
    });
  });

  describe('is clean for the next', () => {
    const cluster = useCluster();
    test('nothing that could meddle is left', async () => {
      const { request } = cluster();
      expect((await request.ok('GET', '/apis/plumbline.dev/v1/gitopssources')).items).toEqual([]);
      expect((await request.ok('GET', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations')).items).toEqual([]);
      await waitFor(
        'the CRD is gone',
        async () => (await request.get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/messes.example.com')) === undefined,
      );
    });
  });

  describe('is without the GitOpsSource CRD where that is asked for', () => {
    const cluster = useCluster({ crd: false });
    test('it does not even know the GitOpsSource CRD', async () => {
      expect(await cluster().kubectl('get', 'crd', 'gitopssources.plumbline.dev', '--ignore-not-found', '-o', 'name')).toBe('');
    });
  });
});
