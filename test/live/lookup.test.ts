import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { objectKey } from '../../operator/kube/types.ts';
import type { Resource } from '../../operator/kube/types.ts';
import { createLookUps } from '../../operator/live/lookup.ts';
import { useCluster } from '../e2e/cluster.ts';
import { clientOf, configMap, configMaps, credentialsOf, services } from '../kube/clients.ts';

const cluster = useCluster();
const { signal } = new AbortController();
const asked: string[] = [];
let client: ReturnType<typeof clientOf>;
let namespace: string;

beforeAll(async () => {
  client = clientOf(credentialsOf(cluster().admin), { onRequest: (verb) => asked.push(verb) });
  namespace = await cluster().namespace();
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  for (const name of ['one', 'two']) await cluster().request.ok('POST', path, { body: configMap(namespace, name) });
});
afterEach(() => void asked.splice(0));
afterAll(() => client.close());

const idOf = (resource: Resource, name: string) => ({ ...resource, namespace, name });
const begin = (count: number) => {
  const lookUps = createLookUps(client, [namespace], signal);
  return Array.from({ length: count }, (_, index) => lookUps.begin(`flow-${index}`));
};

describe('looking up what watches cannot see', () => {
  test('a few objects are looked up one by one', async () => {
    const [walk] = begin(1);
    const found = await walk?.find(configMaps, [idOf(configMaps, 'one'), idOf(configMaps, 'none')], signal);
    expect([...(found?.keys() ?? [])]).toEqual([objectKey(idOf(configMaps, 'one'))]);
    expect(asked).toEqual(['get', 'get']);
  });

  test('many objects are looked up by one list', async () => {
    const [walk] = begin(1);
    const names = ['one', 'two', 'a', 'b', 'c'];
    const found = await walk?.find(
      configMaps,
      names.map((name) => idOf(configMaps, name)),
      signal,
    );
    expect(found?.size).toBe(2);
    expect(asked).toEqual(['list']);
  });

  test('many walks with one object each share one list a kind, also after each asked for its account', async () => {
    const walks = begin(20);
    await Promise.all(
      walks.map(async (walk) => {
        await walk.get(configMaps, idOf(configMaps, 'one'), signal);
        await Promise.all([configMaps, services].map((resource) => walk.find(resource, [idOf(resource, 'none')], signal)));
      }),
    );
    expect(asked.toSorted()).toEqual(['get', 'list', 'list']);
  });

  test('what was looked up before a walk began does not serve it', async () => {
    const lookUps = createLookUps(client, [namespace], signal);
    const earlier = lookUps.begin('earlier');
    expect(await earlier.get(configMaps, idOf(configMaps, 'late'), signal)).toBeUndefined();
    await cluster().request.ok('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: configMap(namespace, 'late') });
    expect(await lookUps.begin('later').get(configMaps, idOf(configMaps, 'late'), signal)).toBeDefined();
    expect(await earlier.get(configMaps, idOf(configMaps, 'late'), signal)).toBeDefined();
  });
});
