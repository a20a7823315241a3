import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { NotYet, useCluster, waitFor } from '../e2e/cluster.ts';
import { startAlteringProxy } from '../kube/altering-proxy.ts';
import type { AlteringProxy } from '../kube/altering-proxy.ts';
import { clientOf, configMaps } from '../kube/clients.ts';
import { seededRandom } from '../soak.ts';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import type { Resource } from '../../operator/kube/types.ts';
import { createInventory } from '../../operator/live/inventory.ts';
import type { InventoryOptions } from '../../operator/live/inventory.ts';
import { SourceStore } from '../../operator/reconcile/source-store.ts';
import { noDrift } from '../../operator/live/drift/types.ts';
import type { Inventory, MemberChange } from '../../operator/live/types.ts';
import { finish } from '../../operator/render/steps.ts';
import { manifest } from '../plan/made.ts';

const cluster = useCluster();
const set = 'applyset-of-the-inventory-v1';
const marks = { labels: { 'applyset.kubernetes.io/part-of': set }, annotations: { 'plumbline.dev/hash': 'v1:new' } };
const closing: (() => Promise<unknown>)[] = [];
let namespace = '';

beforeAll(async () => {
  namespace = await cluster().namespace('inventory');
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

interface Watched {
  readonly inventory: Inventory;
  readonly proxy: AlteringProxy;
  readonly changes: MemberChange[];
  readonly signal: AbortSignal;
}

async function watched(
  rule: AlteringProxy['rule'] = () => undefined,
  more: Partial<InventoryOptions> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Watched> {
  const proxy = await startAlteringProxy(cluster().admin);
  proxy.rule = rule;
  const client: ConnectedClient = clientOf({ ...proxy.credentials, headers: async () => headers });
  const abort = new AbortController();
  const { signal } = abort;
  const inventory = createInventory({ client, namespaces: [namespace], random: () => 0, signal, ...more });
  const changes: MemberChange[] = [];
  inventory.onChange((change) => changes.push(change));
  closing.push(async () => {
    abort.abort(new Error('the test is over'));
    await client.close();
    await proxy.close();
  });
  return { inventory, proxy, changes, signal };
}

const isWatch = (url: string): boolean => url.includes('watch=1');
const pathOf = ({ group, version, plural }: Resource): string =>
  `${group === '' ? '/api' : `/apis/${group}`}/${version}/namespaces/${namespace}/${plural}`;

/** As the operator applies it. */
async function put(resource: Resource, name: string, body: object): Promise<Json> {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  return await cluster().request.ok('PATCH', `${pathOf(resource)}/${name}?fieldManager=plumbline&force=true`, {
    body: { apiVersion, kind: resource.kind, metadata: { name, ...marks }, ...body },
    contentType: 'application/apply-patch+yaml',
  });
}

test('events that come twice and in any order end in what there is', async () => {
  const random = seededRandom(7);
  const { inventory, signal, proxy } = await watched(({ url }) => (isWatch(url) ? { shuffle: random } : undefined));
  await inventory.need('shop/a', [configMaps], signal);
  for (let round = 0; round < 120; round += 1) {
    const name = `m${Math.floor(random() * 6)}`;
    if (random() < 0.4) await cluster().request.raw('DELETE', `${pathOf(configMaps)}/${name}`);
    else await put(configMaps, name, { data: { round: String(round) } });
  }
  await waitFor('what is known is what there is', async () => {
    const list = await cluster().request.ok('GET', pathOf(configMaps));
    const there = list.items.filter(({ metadata }: Json) => metadata.labels?.['applyset.kubernetes.io/part-of'] === set);
    const real = there.map(({ metadata }: Json) => `${metadata.name} ${metadata.resourceVersion}`).toSorted();
    const known = inventory.membersOf(set).map(({ id, resourceVersion }) => `${id.name} ${resourceVersion}`);
    if (real.join() !== known.toSorted().join()) throw new NotYet({ real, known });
    return real.length > 0;
  });
  expect(proxy.seen.filter(({ url }) => isWatch(url))).toHaveLength(1);
});

test('what went twice stays gone, whichever of its lives is told last', async () => {
  const { metadata } = await put(configMaps, 'twice', {});
  await cluster().request.ok('DELETE', `${pathOf(configMaps)}/twice`);
  const base = Number(metadata.resourceVersion);
  const told = (type: string, after: number): string => {
    const object = { ...metadata, resourceVersion: String(base + after) };
    return `${JSON.stringify({ type, object: { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: object } })}\n`;
  };
  const lines = [told('ADDED', 100), told('DELETED', 120), told('DELETED', 105), told('MODIFIED', 110)];
  let watches = 0;
  const { inventory, signal, changes } = await watched(({ url }) => {
    if (!isWatch(url)) return undefined;
    watches += 1;
    return watches === 1 ? { code: 200, body: lines.join('') } : 'hang';
  });
  await inventory.need('shop/a', [configMaps], signal);
  await waitFor('the events are in', () => watches > 1);
  const ofTwice = changes.filter(({ before, after }) => (before ?? after)?.id.name === 'twice');
  expect(ofTwice.map(({ after }) => after?.resourceVersion)).toEqual([String(base + 100), undefined]);
  expect(inventory.membersOf(set).some(({ id }) => id.name === 'twice')).toBe(false);
});

test('a watch serves all sources, stays for a while after the last, and then ends; what it knew is forgotten', async () => {
  const { inventory, signal, proxy } = await watched(undefined, { lingerMs: 700 });
  await put(configMaps, 'kept', {});
  const watches = (): number => proxy.seen.filter(({ url }) => isWatch(url)).length;
  const isKnown = (): boolean => inventory.membersOf(set).some(({ id }) => id.name === 'kept');
  await Promise.all(['shop/a', 'shop/b'].map((source) => inventory.need(source, [configMaps], signal)));
  await waitFor('it is watched', () => inventory.state().tried && inventory.state().broken.length === 0);
  inventory.release('shop/a');
  inventory.release('shop/b');
  expect(isKnown()).toBe(true);
  await inventory.need('shop/c', [configMaps], signal); // in time: the same watch goes on
  await put(configMaps, 'later', {});
  await waitFor('it tells still', () => inventory.membersOf(set).some(({ id }) => id.name === 'later'));
  expect(watches()).toBe(1);
  inventory.release('shop/c');
  await waitFor('it ends', () => !isKnown());
  await inventory.need('shop/d', [configMaps], signal);
  expect(isKnown()).toBe(true);
});

describe('an API server whose store was put back to an earlier time', () => {
  const ahead = '999999999999999';
  const listOf = (apiVersion: string, kind: string, resourceVersion: string, items: readonly object[]): { code: number; body: object } => ({
    code: 200,
    body: { apiVersion, kind: `${kind}List`, metadata: { resourceVersion }, items },
  });
  const expired = { code: 410, body: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } };

  test('is believed: what it does not have is gone, and what it has is as it says', async () => {
    const real = await put(configMaps, 'restored', { data: { key: 'v' } });
    const ghost = (name: string): Json => ({
      apiVersion: 'meta.k8s.io/v1',
      kind: 'PartialObjectMetadata',
      metadata: { ...real.metadata, name, uid: name, resourceVersion: ahead },
    });
    let lists = 0;
    let watches = 0;
    const { inventory, signal, changes } = await watched(({ url }) => {
      if (isWatch(url)) return (watches += 1) === 1 ? expired : undefined;
      if (!url.includes('/configmaps')) return undefined;
      lists += 1;
      return lists === 1 ? listOf('meta.k8s.io/v1', 'PartialObjectMetadata', ahead, [ghost('ghost'), ghost('restored')]) : undefined;
    });
    await inventory.need('shop/a', [configMaps], signal);
    await waitFor('the ghost is gone', () => changes.some(({ before, after }) => before?.id.name === 'ghost' && after === undefined));
    const restored = inventory.membersOf(set).find(({ id }) => id.name === 'restored');
    expect(restored).toMatchObject({ uid: real.metadata.uid, resourceVersion: real.metadata.resourceVersion });
    // An edit is seen although its version is far below the one from before.
    const edited = await put(configMaps, 'restored', { data: { key: 'w' } });
    await waitFor('the edit is known', () => inventory.find(restored!.id)?.resourceVersion === edited.metadata.resourceVersion);
    await cluster().request.raw('DELETE', `${pathOf(configMaps)}/restored`);
  });

  test('is believed about sources as well', async () => {
    const source = (name: string, resourceVersion: string, path: string): object => ({
      apiVersion: 'plumbline.dev/v1',
      kind: 'GitOpsSource',
      metadata: { name, namespace, uid: name, resourceVersion },
      spec: { path },
    });
    let lists = 0;
    let watches = 0;
    const proxy = await startAlteringProxy(cluster().admin);
    proxy.rule = ({ url }) => {
      if (isWatch(url)) return (watches += 1) === 1 ? expired : 'hang';
      lists += 1;
      return lists === 1
        ? listOf('plumbline.dev/v1', 'GitOpsSource', ahead, [source('a', ahead, 'new'), source('ghost', ahead, 'new')])
        : listOf('plumbline.dev/v1', 'GitOpsSource', '50', [source('a', '40', 'old')]);
    };
    const client = clientOf(proxy.credentials);
    const abort = new AbortController();
    closing.push(async () => {
      abort.abort(new Error('the test is over'));
      await client.close();
      await proxy.close();
    });
    const store = new SourceStore({ client, namespaces: [], random: () => 0, signal: abort.signal, onState: () => {} });
    await store.synced;
    await waitFor('the older list is in', () => store.keys().join() === `${namespace}/a`);
    expect(store.get(`${namespace}/a`)?.spec.path).toBe('old');
  });
});

test('a watch that is broken in one namespace is told, though that of another heals', async () => {
  let refused = 0;
  const { proxy, signal } = await watched(({ url }) => {
    if (url.includes('/namespaces/closed/')) {
      refused += 1;
      return { code: 403, body: { kind: 'Status', code: 403, reason: 'Forbidden', message: 'you may not' } };
    }
    return refused === 0 ? { code: 400, body: { kind: 'Status', code: 400, reason: 'BadRequest', message: 'not yet' } } : undefined;
  });
  const client = clientOf(proxy.credentials);
  closing.push(() => client.close());
  const states: (boolean | undefined)[] = [];
  const inventory = createInventory({
    client,
    namespaces: [namespace, 'closed'],
    random: () => 0,
    signal,
    onWatchState: (_, up) => states.push(up),
  });
  inventory.need('shop/a', [configMaps], signal).catch(() => {}); // its first list never comes
  await waitFor('the other heals', () => states.length >= 3);
  expect(states).toEqual([false, false, false]);
  expect(inventory.state()).toEqual({ tried: true, broken: ['ConfigMap v1: you may not'] });
});

test('a kind that is served again is listed anew before anything is said of it', async () => {
  let lists = 0;
  let watches = 0;
  const notServed = { code: 404, body: { kind: 'Status', code: 404, reason: 'NotFound', message: 'the server could not find it' } };
  let isServed = false;
  const { inventory, signal } = await watched(({ url }) => {
    if (!url.includes('/configmaps')) return undefined;
    if (isWatch(url)) return (watches += 1) === 1 ? notServed : undefined;
    lists += 1;
    return lists === 1 || isServed ? undefined : notServed;
  });
  await put(configMaps, 'survivor', { data: {} });
  await inventory.need('shop/a', [configMaps], signal);
  await waitFor('it is not served', () => inventory.membersOf(set).length === 0 && lists >= 2);
  await expect(inventory.need('shop/a', [configMaps], signal)).rejects.toMatchObject({ reason: 'Conflict' });
  isServed = true;
  const began = performance.now();
  await inventory.need('shop/a', [configMaps], signal);
  expect(inventory.membersOf(set).map(({ id }) => id.name)).toContain('survivor');
  expect(performance.now() - began).toBeLessThan(3_000);
  await cluster().request.raw('DELETE', `${pathOf(configMaps)}/survivor`);
});

test('an aggregated API that is down breaks its own watch alone, and heals once it is served', async () => {
  const { inventory, signal } = await watched();
  const group = 'down.example.com';
  const things: Resource = { ...configMaps, group, version: 'v1', kind: 'Thing', plural: 'things' };
  const services = '/apis/apiregistration.k8s.io/v1/apiservices';
  const service = { namespace, name: 'nobody', port: 443 };
  const spec = { group, version: 'v1', groupPriorityMinimum: 10, versionPriority: 10, insecureSkipTLSVerify: true, service };
  await cluster().request.ok('POST', services, { body: { metadata: { name: `v1.${group}` }, spec } });
  await waitFor('it is registered, and down', async () => (await cluster().request.raw('GET', `/apis/${group}/v1`)).status === 503);
  const both = inventory.need('shop/a', [things, configMaps], signal);
  both.catch(() => {}); // awaited below
  await inventory.need('shop/b', [configMaps], signal);
  await waitFor('it is told as broken', () => inventory.state().broken.join() !== '');
  expect(inventory.state()).toEqual({ broken: [expect.stringMatching(/^Thing.*down\.example\.com\/v1: .*/u)], tried: true });
  await put(configMaps, 'beside', {});
  await waitFor('the other watch goes on', () => inventory.membersOf(set).some(({ id }) => id.name === 'beside'));
  await cluster().request.ok('DELETE', `${services}/v1.${group}`);
  await cluster().request.ok('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: crd(group, 'Thing', 'v1') });
  // Between the two there may be a moment without the kind: then a walk asks again.
  await both.catch(() => {});
  await waitFor('the kind is had', () => inventory.need('shop/a', [things, configMaps], signal).then(() => true), 40_000);
  await waitFor('no watch is broken any more', () => inventory.state().broken.length === 0, 40_000);
}, 60_000);

test('what was labelled before its source was known is looked at once it is, and a foreign set costs nothing', async () => {
  const services: Resource = { ...configMaps, kind: 'Service', plural: 'services' };
  const body = { spec: { ports: [{ port: 80 }], selector: { app: 'early' } } };
  await put(services, 'early', body);
  let isKnown = false;
  const { inventory, signal, proxy } = await watched(undefined, { hasSource: () => isKnown });
  await inventory.need('shop/a', [services], signal);
  const early = () => inventory.membersOf(set).find(({ id }) => id.name === 'early');
  expect(early()).toMatchObject({ drift: undefined });
  isKnown = true;
  const stated = { ...manifest({ ...services, namespace, name: 'early' }, { body }), hash: 'v1:new' };
  finish(inventory.stating(set, [stated], true));
  await waitFor('there is a verdict', () => early()?.drift === noDrift);
  const lists = () => proxy.seen.filter(({ url }) => url.includes('/services') && !isWatch(url)).length;
  expect(lists()).toBe(2);
  finish(inventory.stating(set, [stated], true));
  await put(services, 'early', { spec: { ...body.spec, selector: { app: 'later' } } });
  await waitFor('the watch goes on', () => early()?.drift !== noDrift);
  expect(lists()).toBe(2);
});

test('a pod that finds no node has failed when its time is over, though nothing more is told of it', async () => {
  const pods: Resource = { ...configMaps, kind: 'Pod', plural: 'pods' };
  await put(pods, 'lonely', { spec: { containers: [{ name: 'web', image: 'registry.example.com/web:1' }], schedulerName: 'nobody' } });
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes.' }];
  await cluster().request.ok('PATCH', `${pathOf(pods)}/lonely/status`, { body: { status: { phase: 'Pending', conditions } } });
  const { inventory, signal, changes, proxy } = await watched(undefined, { now: () => Date.now() + 13_000 });
  await inventory.need('shop/a', [pods], signal);
  await waitFor('it has failed', () => inventory.membersOf(set).some(({ health }) => health?.status === 'Failed'));
  expect(changes.map(({ after }) => after?.health?.status)).toEqual(['InProgress', 'Failed']);
  expect(changes.map(({ after }) => after?.resourceVersion)[0]).toBe(changes[1]?.after?.resourceVersion);
  expect(proxy.seen.filter(({ url }) => isWatch(url)).length).toBeLessThanOrEqual(1);
});

test('rights that are withdrawn and given back lose nothing, and what came meanwhile is found', async () => {
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const name = `watcher-${namespace}`;
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'watcher' }];
  await cluster().request.ok('POST', `${rbac}/clusterroles`, { body: { metadata: { name }, rules } });
  await cluster().request.ok('POST', `${rbac}/namespaces/${namespace}/rolebindings`, { body: { metadata: { name }, roleRef, subjects } });
  await put(configMaps, 'watched-by-right', {});
  const { inventory, signal, changes, proxy } = await watched(undefined, {}, { 'impersonate-user': 'watcher' });
  await waitFor('the right is there', () => inventory.need('shop/a', [configMaps], signal).then(() => true));
  const known = (one: string) => inventory.membersOf(set).some(({ id }) => id.name === one);
  await cluster().request.ok('PATCH', `${rbac}/clusterroles/${name}`, { body: { rules: [] } });
  await waitFor('the watch is refused', () => {
    const { broken } = inventory.state();
    // As long as it stands: a way that is cut again and again is never refused.
    if (broken.length === 0) proxy.cut();
    return broken.some((text) => text.includes('forbidden'));
  });
  await put(configMaps, 'made-without-right', {});
  expect([known('watched-by-right'), known('made-without-right')]).toEqual([true, false]);
  await cluster().request.ok('PATCH', `${rbac}/clusterroles/${name}`, { body: { rules } });
  await waitFor('what came meanwhile is known', () => known('made-without-right'), 20_000);
  expect(inventory.state().broken).toEqual([]);
  expect(changes.filter(({ after }) => after === undefined)).toEqual([]);
});

test('a CRD whose stored version changes is neither a drift nor a loss', async () => {
  const { inventory, signal, changes } = await watched();
  const group = 'stored.example.com';
  const lamps: Resource = { ...configMaps, group, version: 'v1', kind: 'Lamp', plural: 'lamps' };
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await cluster().request.ok('POST', crds, { body: crd(group, 'Lamp', 'v1') });
  await waitFor('the kind is served', async () => (await cluster().request.raw('GET', pathOf(lamps))).status === 200);
  const body = { spec: { colour: 'red' } };
  await waitFor('a lamp is there', () => put(lamps, 'a', body));
  await inventory.need('shop/a', [lamps], signal);
  finish(inventory.stating(set, [manifest({ ...lamps, namespace, name: 'a' }, { body })], true));
  const drift = () => inventory.membersOf(set).find(({ id }) => id.name === 'a')?.drift;
  expect(drift()).toBe(noDrift);

  const served = await cluster().request.ok('GET', `${crds}/lamps.${group}`);
  await cluster().request.ok('PUT', `${crds}/lamps.${group}`, { body: { ...served, spec: crd(group, 'Lamp', 'v2').spec } });
  const patch = async (metadata: object): Promise<string> =>
    (await cluster().request.ok('PATCH', `${pathOf(lamps)}/a`, { body: { metadata } })).metadata.resourceVersion;
  await waitFor('the other version is stored', async () => {
    const { status } = await cluster().request.ok('GET', `${crds}/lamps.${group}`);
    return status.storedVersions.includes('v2');
  });
  const version = await patch({ labels: { seen: 'again' } }); // stored anew
  await waitFor('the watch goes on', () => inventory.membersOf(set).some((member) => member.resourceVersion === version), 40_000);
  expect(drift()).toBe(noDrift);
  expect(changes.filter(({ after, before }) => after === undefined && before?.id.name === 'a')).toEqual([]);
}, 60_000);

function crd(group: string, kind: string, stored: 'v1' | 'v2'): Json {
  const plural = `${kind.toLowerCase()}s`;
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const versions = ['v1', 'v2'].map((name) => ({ name, served: true, storage: name === stored, schema }));
  return { metadata: { name: `${plural}.${group}` }, spec: { group, names: { kind, plural }, scope: 'Namespaced', versions } };
}
