import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { finalizer } from '../../operator/api/names.ts';
import type { GitOpsSource } from '../../operator/api/types.ts';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import { releaseSource } from '../../operator/reconcile/finalize.ts';
import { useCluster } from '../e2e/cluster.ts';
import { clientOf, credentialsOf } from '../kube/clients.ts';

const cluster = useCluster();
const { signal } = new AbortController();
const another = 'test.example.com/hold';
let client: ConnectedClient;

beforeAll(() => {
  client = clientOf(credentialsOf(cluster().admin));
});
afterAll(() => client.close());

test('the finalizer goes though the source was written meanwhile, and takes nobody else’s along', async () => {
  const namespace = await cluster().namespace('release');
  const all = `/apis/plumbline.dev/v1/namespaces/${namespace}/gitopssources`;
  const path = `${all}/shop`;
  const spec = { url: 'https://git.example.com/shop.git' };
  const body = { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata: { name: 'shop', finalizers: [finalizer] }, spec };
  const known = (await cluster().request.ok('POST', all, { body })) as GitOpsSource;
  // What the store does not know yet: a note, and somebody's own finalizer.
  const metadata = { annotations: { 'test.example.com/note': 'x' }, finalizers: [finalizer, another] };
  await cluster().request.ok('PATCH', path, { body: { metadata } });
  await cluster().request.ok('DELETE', path);

  await releaseSource({ client }, { ...known, metadata: { ...known.metadata, uid: randomUUID() } }, signal);
  expect((await cluster().request.get(path)).metadata.finalizers).toEqual([finalizer, another]); // one of its name that came later
  await releaseSource({ client }, known, signal);
  expect((await cluster().request.get(path)).metadata.finalizers).toEqual([another]);
  await cluster().request.ok('PATCH', path, { body: { metadata: { finalizers: null } } });
  expect(await cluster().request.get(path)).toBeUndefined();
  await releaseSource({ client }, known, signal); // gone already
});
