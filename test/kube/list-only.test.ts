import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import { getMetadata } from '../../operator/kube/operations.ts';
import type { Resource } from '../../operator/kube/types.ts';
import { useCluster } from '../e2e/cluster.ts';
import { clientOf, configMaps, credentialsOf, secrets } from './clients.ts';

const cluster = useCluster();
const signal = new AbortController().signal;
const roles: Resource = { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'Role', plural: 'roles', namespaced: true, verbs: [] };
let client: ConnectedClient;
let namespace = '';

beforeAll(async () => {
  namespace = await cluster().namespace();
  client = clientOf(credentialsOf(await cluster().addUser({ name: `lister-of-${namespace}` })));
  const only = ['--verb=list', '--resource=configmaps,roles', '-n', namespace];
  await cluster().kubectl('create', 'role', 'lister', ...only);
  await cluster().kubectl('create', 'rolebinding', 'lister', '--role=lister', `--user=lister-of-${namespace}`, '-n', namespace);
});

afterAll(() => client.close());

describe('one object, where only list is granted,', () => {
  test('is found by its name alone', async () => {
    await cluster().kubectl('create', 'configmap', 'one', '-n', namespace);
    await cluster().kubectl('create', 'configmap', 'one-more', '-n', namespace);
    const found = await getMetadata(client, configMaps, { namespace, name: 'one' }, { signal });
    expect(found).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', namespace, uid: expect.any(String) } });
    expect(await getMetadata(client, configMaps, { namespace, name: 'none' }, { signal })).toBeUndefined();
  });

  test('is found whatever is in its name', async () => {
    const names = ['a,metadata.name=b', 'a=b', String.raw`a\b`, 'a', 'system:odd'];
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`;
    for (const name of names) await cluster().request.ok('POST', path, { body: { metadata: { name }, rules: [] } });
    const found = await Promise.all(names.map((name) => getMetadata(client, roles, { namespace, name }, { signal })));
    expect(found.map((role) => role?.metadata.name)).toEqual(names);
  });

  test('is refused with the verb that was asked for first, where nothing is granted', async () => {
    await expect(getMetadata(client, secrets, { namespace, name: 'one' }, { signal })).rejects.toMatchObject({
      code: 403,
      message: expect.stringContaining('cannot get resource "secrets"'),
    });
  });
});
