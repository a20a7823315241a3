import { describe, expect, test } from '@jest/globals';
import { useCluster, waitFor } from './cluster.ts';
import { metricValue } from './operator.ts';

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
    await cluster().restartApiServer('SIGKILL');
    expect(await cluster().request.get(`/api/v1/namespaces/${namespace}`)).toBeDefined();
    await cluster().stopApiServer('SIGKILL');
    await expect(cluster().request.get('/version')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await cluster().startApiServer();
    expect(await cluster().request.get('/version')).toBeDefined();
  });
});

describe('metricValue', () => {
  const text = '# HELP a b\nq_total 3\nobjects{source="a",state="x"} 1\nobjects{source="b",state="x"} 2.5\n';
  test.each([
    ['q_total', {}, 3],
    ['objects', { source: 'b' }, 2.5],
    ['objects', { state: 'x', source: 'a' }, 1],
    ['objects', { source: 'c' }, undefined],
    ['absent', {}, undefined],
  ])('%s %j is %s', (name, labels, value) => {
    expect(metricValue(text, name, labels)).toBe(value);
  });
});
