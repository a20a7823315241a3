import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import {
  applyObject,
  createObject,
  deleteObject,
  getMetadata,
  getObject,
  jsonPatch,
  listAll,
  listMetadata,
  listPages,
  mergePatch,
  replaceObject,
} from '../../operator/kube/operations.ts';
import type { KubeObject } from '../../operator/kube/types.ts';
import { useCluster } from '../e2e/cluster.ts';
import { startAlteringProxy } from './altering-proxy.ts';
import { clientOf, configMap, configMaps, credentialsOf, deployments, namespaces, secrets } from './clients.ts';

const cluster = useCluster();
const signal = new AbortController().signal;
const other = '8f1e3f0c-0000-4000-8000-000000000000';
let client: ConnectedClient;
let namespace = '';

beforeAll(async () => {
  client = clientOf(credentialsOf(cluster().admin));
  namespace = await cluster().namespace();
});

afterAll(() => client.close());

const apply = (name: string, data?: Record<string, unknown>, more = {}) =>
  applyObject(client, configMaps, configMap(namespace, name, data), { signal, ...more });

function managers(object: KubeObject | undefined): string[] {
  return (object?.metadata.managedFields ?? []).map((entry) => `${entry.manager} ${entry.operation}`);
}

describe('an apply', () => {
  test('says whether the object is new, and answers with metadata alone', async () => {
    const first = await apply('new');
    expect(first).toMatchObject({
      created: true,
      warnings: [],
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'new', namespace } },
    });
    expect(first.object).not.toHaveProperty('data');
    expect(managers(first.object)).toEqual(['plumbline Apply']);
    const again = await apply('new');
    expect(again.created).toBe(false);
    expect(again.object.metadata.resourceVersion).toBe(first.object.metadata.resourceVersion);
  });

  test('answers with the whole object where that is asked for', async () => {
    expect((await apply('full', { a: '1' }, { full: true })).object).toMatchObject({ kind: 'ConfigMap', data: { a: '1' } });
  });

  test('takes fields from others by default, and does not when told so', async () => {
    await apply('forced', { a: '1' }, { fieldManager: 'rival' });
    await expect(apply('forced', { a: '2' }, { force: false })).rejects.toMatchObject({ code: 409 });
    await apply('forced', { a: '2' });
    expect(await getObject(client, configMaps, { namespace, name: 'forced' }, { signal })).toMatchObject({ data: { a: '2' } });
  });

  test('as a dry run writes nothing', async () => {
    expect((await apply('dry', {}, { dryRun: true })).created).toBe(true);
    expect(await getMetadata(client, configMaps, { namespace, name: 'dry' }, { signal })).toBeUndefined();
  });

  test('with a uid does not raise what is gone, and does not touch another', async () => {
    const object = configMap(namespace, 'with-uid');
    const withUid = { ...object, metadata: { ...object.metadata, uid: other } };
    await expect(applyObject(client, configMaps, withUid, { signal })).rejects.toMatchObject({ code: 409 });
    await apply('with-uid');
    await expect(applyObject(client, configMaps, withUid, { signal })).rejects.toMatchObject({ code: 422 });
  });

  test('passes on deprecations', async () => {
    const endpoints = { ...configMaps, kind: 'Endpoints', plural: 'endpoints' };
    const object = { apiVersion: 'v1', kind: 'Endpoints', metadata: { namespace, name: 'old' } };
    expect((await applyObject(client, endpoints, object, { signal })).warnings).toEqual([expect.stringContaining('deprecated')]);
  });
});

describe('a delete', () => {
  test('that leaves nothing is true, one that a finalizer holds is false', async () => {
    await apply('gone');
    expect(await deleteObject(client, configMaps, { namespace, name: 'gone' }, { signal })).toBe(true);
    const held = configMap(namespace, 'held');
    await createObject(client, configMaps, { ...held, metadata: { ...held.metadata, finalizers: ['example.com/hold'] } }, { signal });
    expect(await deleteObject(client, configMaps, { namespace, name: 'held' }, { signal })).toBe(false);
    expect((await getMetadata(client, configMaps, { namespace, name: 'held' }, { signal }))?.metadata.deletionTimestamp).toBeDefined();
    await mergePatch(client, configMaps, { namespace, name: 'held' }, { metadata: { finalizers: null } }, { signal });
  });

  test('minds its preconditions, also as a dry run', async () => {
    const { object } = await apply('minded');
    const id = { namespace, name: 'minded' };
    const { uid, resourceVersion } = object.metadata;
    await expect(deleteObject(client, configMaps, id, { uid: other, dryRun: true, signal })).rejects.toMatchObject({ code: 409 });
    await expect(deleteObject(client, configMaps, id, { uid, resourceVersion: '1', signal })).rejects.toMatchObject({ code: 409 });
    await deleteObject(client, configMaps, id, { uid, resourceVersion, dryRun: true, signal });
    expect(await getMetadata(client, configMaps, id, { signal })).toBeDefined();
    await deleteObject(client, configMaps, id, { uid, resourceVersion, signal });
    await expect(deleteObject(client, configMaps, id, { uid, signal })).rejects.toMatchObject({ code: 404 });
  });

  test('of a Job takes its pods along', async () => {
    const jobs = { ...configMaps, group: 'batch', kind: 'Job', plural: 'jobs' };
    const spec = { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'b' }] } } };
    await createObject(client, jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace, name: 'job' }, spec }, { signal });
    await deleteObject(client, jobs, { namespace, name: 'job' }, { signal });
    const pods = { ...configMaps, kind: 'Pod', plural: 'pods' };
    const left = await listAll(client, pods, { namespace, labelSelector: 'job-name=job', signal });
    expect(left.items.filter((pod) => !pod.metadata.ownerReferences)).toEqual([]);
  });
});

test('a create gives a name where none is stated', async () => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, generateName: 'given-' } };
  const made = await createObject(client, configMaps, object, { dryRun: true, signal });
  expect(made.metadata.name).toMatch(/^given-.+/);
});

test('a replace is guarded by resourceVersion', async () => {
  const object = (await apply('replaced', { a: '1' }, { full: true })).object;
  await replaceObject(client, configMaps, { ...object, data: { a: '2' } }, { fieldManager: 'other', signal });
  await expect(replaceObject(client, configMaps, { ...object, data: { a: '3' } }, { signal })).rejects.toMatchObject({ code: 409 });
});

test('patches are written under the manager that is named, and to the subresource', async () => {
  const id = { namespace, name: 'patched' };
  await apply('patched');
  await mergePatch(client, configMaps, id, { metadata: { labels: { a: 'b' } } }, { fieldManager: 'plumbline-controller', signal });
  const patched = await jsonPatch(client, configMaps, id, [{ op: 'remove', path: '/metadata/labels/a' }], { signal });
  expect(patched.metadata.labels).toBeUndefined();
  await expect(jsonPatch(client, configMaps, id, [{ op: 'remove', path: '/metadata/labels/a' }], { signal })).rejects.toMatchObject({
    code: 422,
  });
  const web = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: 'web' },
    spec: {
      replicas: 0,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'd' }] } },
    },
  };
  await applyObject(client, deployments, web, { signal });
  const status = { status: { collisionCount: 7 } }; // nothing that the Deployment's controller may have written before
  const options = { subresource: 'status', fieldManager: 'plumbline-controller', signal };
  const live = await mergePatch(client, deployments, { namespace, name: 'web' }, status, options);
  expect(live.metadata.managedFields?.find((entry) => entry.manager === 'plumbline-controller')).toMatchObject({ subresource: 'status' });
});

test('metadata of a Secret comes without its data, and what is absent is undefined', async () => {
  await createObject(
    client,
    secrets,
    { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 's' }, data: { a: 'c2VjcmV0' } },
    { signal },
  );
  const found = await getMetadata(client, secrets, { namespace, name: 's' }, { signal });
  expect(found).toMatchObject({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } });
  expect(found).not.toHaveProperty('data');
  expect(await getObject(client, secrets, { namespace, name: 'none' }, { signal })).toBeUndefined();
  expect((await getMetadata(client, namespaces, { name: namespace }, { signal }))?.kind).toBe('Namespace');
});

describe('a list', () => {
  const count = 1_203;
  let many = '';

  beforeAll(async () => {
    many = await cluster().namespace('many');
    const names = Array.from({ length: count }, (_, index) => `m${index}`);
    await Promise.all(names.map((name) => createObject(client, configMaps, labelled(name), { signal })));
  });

  function labelled(name: string) {
    const object = configMap(many, name);
    return { ...object, metadata: { ...object.metadata, labels: { many: 'yes' } } };
  }

  test('comes by pages of 500, metadata only, each object saying what it is', async () => {
    const sizes: number[] = [];
    for await (const page of listPages(client, configMaps, { namespace: many, labelSelector: 'many', signal })) {
      sizes.push(page.items.length);
      expect(page.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
      expect(page.items[0]).not.toHaveProperty('data');
    }
    expect(sizes).toEqual([500, 500, 203]);
  });

  test('of whole objects is had by asking for them', async () => {
    const { items } = await listAll(client, configMaps, {
      namespace: many,
      fieldSelector: 'metadata.name=m1',
      accept: 'application/json',
      signal,
    });
    expect(items).toEqual([expect.objectContaining({ kind: 'ConfigMap', data: { a: '1' } })]);
  });

  test('ends with the resourceVersion of the list', async () => {
    const objects = listMetadata(client, configMaps, { namespace: many, signal });
    let step = await objects.next();
    let seen = 0;
    for (; step.done !== true; step = await objects.next()) seen += 1;
    expect(seen).toBeGreaterThanOrEqual(count);
    expect(step.value).toMatch(/^[0-9]+$/);
  });

  test('that the server forgot halfway starts over, and in the end does without pages', async () => {
    const proxy = await startAlteringProxy(cluster().admin);
    const behind = clientOf(proxy.credentials);
    const expired = { code: 410, body: { kind: 'Status', code: 410, reason: 'Expired', message: 'continue token expired' } };
    let forgot = 0;
    proxy.rule = ({ url }) => (url.includes('continue=') && ++forgot <= 2 ? expired : undefined);
    const { items } = await listAll(behind, configMaps, { namespace: many, labelSelector: 'many', signal });
    expect(new Set(items.map((item) => item.metadata.name)).size).toBe(count);
    expect(items).toHaveLength(count);
    proxy.rule = ({ url }) => (url.includes('continue=') ? expired : undefined);
    expect((await listAll(behind, configMaps, { namespace: many, labelSelector: 'many', signal })).items).toHaveLength(count);
    await behind.close();
    await proxy.close();
  });
});
