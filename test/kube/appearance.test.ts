import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { awaitAppearance } from '../../operator/kube/appearance.ts';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import { createObject } from '../../operator/kube/operations.ts';
import { useCluster } from '../e2e/cluster.ts';
import { clientOf, configMap, configMaps, credentialsOf, namespaces, secrets } from './clients.ts';

const cluster = useCluster();
const signal = new AbortController().signal;
let client: ConnectedClient;
let namespace = '';

beforeAll(async () => {
  client = clientOf(credentialsOf(cluster().admin));
  namespace = await cluster().namespace();
});

afterAll(() => client.close());

test('a Secret that appears is noticed, another one is not', async () => {
  let appeared = false;
  const wanted = awaitAppearance(client, secrets, { namespace, name: 'wanted' }, signal).then(() => (appeared = true));
  await createObject(client, secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'another' } }, { signal });
  expect(appeared).toBe(false);
  await createObject(client, secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'wanted' } }, { signal });
  await wanted;
});

test('what is there already is noticed, cluster-wide kinds included', async () => {
  await createObject(client, configMaps, configMap(namespace, 'there'), { signal });
  await awaitAppearance(client, configMaps, { namespace, name: 'there' }, signal);
  await awaitAppearance(client, namespaces, { name: namespace }, signal);
});

test('waiting ends with the signal', async () => {
  const abort = new AbortController();
  const wanted = awaitAppearance(client, secrets, { namespace, name: 'never' }, abort.signal);
  const ended = expect(wanted).rejects.toThrow('enough');
  abort.abort(new Error('enough'));
  await ended;
  await expect(awaitAppearance(client, secrets, { namespace, name: 'never' }, abort.signal)).rejects.toThrow('enough');
});
