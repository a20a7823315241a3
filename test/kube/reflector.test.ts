import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import { applyObject, createObject, deleteObject, mergePatch } from '../../operator/kube/operations.ts';
import { reflect } from '../../operator/kube/reflector.ts';
import type { ReflectOptions, Reflector } from '../../operator/kube/reflector.ts';
import type { KubeObject, Resource } from '../../operator/kube/types.ts';
import { useCluster, waitFor } from '../e2e/cluster.ts';
import { startAlteringProxy } from './altering-proxy.ts';
import type { AlteringProxy, Verdict } from './altering-proxy.ts';
import { clientOf, configMap, configMaps, crds, credentialsOf } from './clients.ts';

const cluster = useCluster();
const signal = new AbortController().signal;
const cleanups: (() => Promise<void>)[] = [];
let direct: ConnectedClient;
let namespace = '';

beforeAll(async () => {
  direct = clientOf(credentialsOf(cluster().admin));
  namespace = await cluster().namespace();
});

afterAll(() => direct.close());

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** What a reflector told, and what there is as it told it. */
interface Told {
  readonly reflector: Reflector;
  readonly proxy: AlteringProxy;
  readonly abort: AbortController;
  readonly log: string[];
  readonly known: Map<string, KubeObject>;
  readonly states: (readonly [up: boolean, code: number | undefined])[];
  names(): string[];
  count(kind: 'list' | 'watch'): number;
}

/** Follows ConfigMaps with the label `follow` through a proxy, unless told otherwise. */
async function follow(
  more: Partial<ReflectOptions> = {},
  rule?: AlteringProxy['rule'],
  before: (name: string) => void = () => {},
): Promise<Told> {
  const proxy = await startAlteringProxy(cluster().admin);
  if (rule !== undefined) proxy.rule = rule;
  const client = clientOf(proxy.credentials);
  const abort = new AbortController();
  const log: string[] = [];
  const known = new Map<string, KubeObject>();
  const states: [boolean, number | undefined][] = [];
  const reflector = reflect({
    client,
    resource: configMaps,
    namespace,
    labelSelector: 'follow',
    metadataOnly: true,
    signal: abort.signal,
    random: () => 0,
    ...more,
    handler: {
      replace(objects) {
        log.push(`replace ${objects.length}`);
        known.clear();
        for (const object of objects) known.set(object.metadata.name, object);
      },
      upsert(object) {
        log.push(`upsert ${object.metadata.name}`);
        before(object.metadata.name);
        known.set(object.metadata.name, object);
      },
      remove(object) {
        log.push(`remove ${object.metadata.name}`);
        known.delete(object.metadata.name);
      },
      state: (up, error) => void states.push([up, (error as { code?: number } | undefined)?.code]),
    },
  });
  cleanups.push(async () => {
    abort.abort(new Error('the test is over'));
    await reflector.done;
    await client.close();
    await proxy.close();
  });
  return {
    reflector,
    proxy,
    abort,
    log,
    known,
    states,
    names: () => [...known.keys()].sort(),
    count: (kind) => proxy.seen.filter(({ url }) => url.includes('watch=1') === (kind === 'watch')).length,
  };
}

async function put(name: string, labels: Readonly<Record<string, string>> = { follow: 'yes' }): Promise<void> {
  const object = configMap(namespace, name, { a: 'b' });
  await applyObject(direct, configMaps, { ...object, metadata: { ...object.metadata, labels } }, { signal });
}

const drop = (name: string) => deleteObject(direct, configMaps, { namespace, name }, { signal });

/** Only the first so many watches (or lists) are answered thus. */
function first(count: number, kind: 'list' | 'watch', verdict: Verdict): AlteringProxy['rule'] {
  let left = count;
  return ({ url }) => (url.includes('watch=1') === (kind === 'watch') && left-- > 0 ? verdict : undefined);
}

const failure = (code: number, reason: string) => ({ code, body: { kind: 'Status', status: 'Failure', code, reason, message: reason } });
const errorEvent = (code: number, reason: string) => ({
  code: 200,
  body: `${JSON.stringify({ type: 'ERROR', object: failure(code, reason).body })}\n`,
});

describe('what is followed', () => {
  test('comes as a list, then as it happens, metadata only and saying what it is', async () => {
    await put('there');
    const told = await follow();
    await told.reflector.synced;
    expect(told.log).toEqual([`replace ${told.known.size}`]);
    expect(told.known.get('there')).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(told.known.get('there')).not.toHaveProperty('data');
    await put('later');
    await waitFor('the new one is told', () => told.known.has('later'));
    expect(told.known.get('later')).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    await drop('later');
    await waitFor('its end is told', () => !told.known.has('later'));
    expect(told.log.slice(1)).toEqual(['upsert later', 'remove later']);
    expect(told.states).toEqual([[true, undefined]]);
  });

  test('comes whole where that is asked for', async () => {
    await put('whole');
    const told = await follow({ metadataOnly: false, fieldSelector: 'metadata.name=whole' });
    await told.reflector.synced;
    expect([...told.known.values()]).toEqual([expect.objectContaining({ kind: 'ConfigMap', data: { a: 'b' } })]);
  });

  test('comes page by page where that is asked for, and at the end which objects there are', async () => {
    const names = Array.from({ length: 201 }, (_, index) => `paged-${index}`);
    await Promise.all(names.map((name) => put(name, { paged: 'yes' })));
    const client = clientOf(credentialsOf(cluster().admin));
    const abort = new AbortController();
    const pages: (readonly KubeObject[])[] = [];
    const lists: (readonly KubeObject[])[] = [];
    const reflector = reflect({
      client,
      resource: configMaps,
      namespace,
      labelSelector: 'paged',
      metadataOnly: false,
      signal: abort.signal,
      random: () => 0,
      handler: {
        page: (objects) => void pages.push(objects),
        replace: (objects) => void lists.push(objects),
        upsert: () => {},
        remove: () => {},
        state: () => {},
      },
    });
    await reflector.synced;
    abort.abort();
    await reflector.done;
    await client.close();
    expect(pages.map((page) => page.length)).toEqual([200, 1]);
    expect(pages[0]?.[0]).toMatchObject({ kind: 'ConfigMap', data: { a: 'b' } });
    expect(lists.map((list) => list.length)).toEqual([201]);
    expect(Object.keys(lists[0]?.[0] ?? {})).toEqual(['apiVersion', 'kind', 'metadata']);
    expect(Object.keys(lists[0]?.[0]?.metadata ?? {})).toEqual(['name', 'namespace', 'resourceVersion']);
  });

  test('leaves when it loses its label, though it is still there', async () => {
    await put('unlabelled');
    const told = await follow();
    await told.reflector.synced;
    await mergePatch(direct, configMaps, { namespace, name: 'unlabelled' }, { metadata: { labels: { follow: null } } }, { signal });
    await waitFor('it left', () => told.log.includes('remove unlabelled'));
  });
});

describe('a connection', () => {
  test('that is cut goes on from where it was, without a list, and nothing is lost', async () => {
    const told = await follow();
    await told.reflector.synced;
    await put('before-cut');
    await waitFor('it is told', () => told.known.has('before-cut'));
    for (let round = 0; round < 3; round += 1) {
      told.proxy.cut();
      await put(`cut-${round}`);
      await drop(`cut-${round}`);
    }
    await waitFor('all is told', () => told.log.includes('remove cut-2'));
    expect(told.log.filter((line) => line.includes('cut-'))).toEqual(
      [0, 1, 2].flatMap((round) => [`upsert cut-${round}`, `remove cut-${round}`]),
    );
    expect(told.count('list')).toBe(1);
  });

  test('that is refused for a while is told as down once, then goes on without a list', async () => {
    const told = await follow();
    await told.reflector.synced;
    await waitFor('the watch stands', () => told.states.length === 1);
    await told.proxy.refuse();
    await put('while-refused');
    await waitFor('it is told as down', () => told.states.length === 2);
    await told.proxy.open();
    await waitFor('it goes on', () => told.known.has('while-refused'));
    expect(told.states).toEqual([
      [true, undefined],
      [false, 0],
      [true, undefined],
    ]);
    expect(told.count('list')).toBe(1);
  });

  test('that falls silent is noticed and goes on, and does not count as down', async () => {
    const told = await follow({ idleMs: 500 });
    await told.reflector.synced;
    await waitFor('the watch stands', () => told.states.length === 1);
    told.proxy.silence();
    await put('in-silence');
    await waitFor('it goes on', () => told.known.has('in-silence'));
    expect(told.states).toEqual([[true, undefined]]);
    expect(told.count('list')).toBe(1);
  });
});

test('an event that its handler throws at is told again, and what comes after it comes after it', async () => {
  let throws = 2;
  const told = await follow({}, undefined, (name) => {
    if (name === 'awkward' && (throws -= 1) >= 0) throw new Error('a fault of the handler');
  });
  await told.reflector.synced;
  await waitFor('the watch stands', () => told.states.length === 1);
  await put('awkward');
  await put('after-awkward');
  await waitFor('both are known', () => told.known.has('awkward') && told.known.has('after-awkward'));
  expect(told.log.filter((line) => line.endsWith('awkward'))).toEqual([...Array(3).fill('upsert awkward'), 'upsert after-awkward']);
  expect(told.count('list')).toBe(1);
  await waitFor('the watch stands again', () => told.states.at(-1)?.[0] === true);
});

test('all of it is told again when it is asked for, and that is no failure', async () => {
  const told = await follow();
  await told.reflector.synced;
  await waitFor('the watch stands', () => told.states.length === 1);
  told.reflector.relist();
  await waitFor('it lists anew', () => told.log.filter((line) => line.startsWith('replace')).length === 2);
  await put('after-the-list');
  await waitFor('it goes on', () => told.known.has('after-the-list'));
  expect([told.states, told.count('list')]).toEqual([[[true, undefined]], 2]);
});

describe('an answer', () => {
  test.each([
    ['410 when it is opened', failure(410, 'Expired')],
    ['410 as an event', errorEvent(410, 'Expired')],
  ])('%s lists anew at once', async (_what, verdict) => {
    const told = await follow({}, first(1, 'watch', verdict));
    await told.reflector.synced;
    await waitFor('the watch stands', () => told.count('watch') === 2);
    expect(told.count('list')).toBe(2);
    expect(told.states.filter(([up]) => !up)).toEqual([]);
  });

  test.each([
    ['429', failure(429, 'TooManyRequests')],
    ['503', failure(503, 'ServiceUnavailable')],
    ['500', failure(500, 'InternalError')],
    ['403', failure(403, 'Forbidden')],
    ['an error as an event', errorEvent(500, 'InternalError')],
    ['nothing at all', { code: 200, body: '' }],
    ['a line that is no JSON', { code: 200, body: 'oops\n' }],
  ])('%s to a watch is survived without a list', async (what, verdict) => {
    const name = `watch-${what.replaceAll(' ', '-').toLowerCase()}`;
    const told = await follow({}, first(2, 'watch', verdict));
    await told.reflector.synced;
    await put(name);
    await waitFor('it goes on', () => told.known.has(name));
    expect(told.count('list')).toBe(1);
  });

  test.each([
    // The client itself tries five times what may heal within a second.
    ['429', 7, failure(429, 'TooManyRequests'), 429],
    ['403', 2, failure(403, 'Forbidden'), 403],
    ['a cut', 7, 'cut' as const, 0],
  ])('%s to a list is survived, and told as down until it is in', async (_what, times, verdict, code) => {
    const told = await follow({}, first(times, 'list', verdict));
    await told.reflector.synced;
    await waitFor('the watch stands', () => told.states.at(-1)?.[0] === true);
    expect(told.states).toEqual([
      [false, code],
      [true, undefined],
    ]);
  });

  test('that no watch is to be had from a version lists anew in the end', async () => {
    const told = await follow({}, first(3, 'watch', failure(504, 'Timeout')));
    await waitFor('it lists anew', () => told.count('list') === 2);
    await waitFor('the watch stands', () => told.states.at(-1)?.[0] === true);
  });
});

test('a CRD that goes and comes again is survived', async () => {
  const group = 'reflector.example.com';
  const widgets: Resource = { ...configMaps, group, version: 'v1', kind: 'Widget', plural: 'widgets' };
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }];
  const spec = { group, names: { kind: 'Widget', plural: 'widgets' }, scope: 'Namespaced', versions };
  const crd = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `widgets.${group}` }, spec };
  const make = async (name: string): Promise<void> => {
    await waitFor('the CRD is there', () => createObject(direct, crds, crd, { signal }));
    const widget = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { namespace, name } };
    await waitFor('a widget is there', () => createObject(direct, widgets, widget, { signal }));
  };
  await make('first');
  const told = await follow({ resource: widgets, labelSelector: undefined });
  await told.reflector.synced;
  expect(told.names()).toEqual(['first']);
  await deleteObject(direct, crds, { name: `widgets.${group}` }, { signal });
  await waitFor('nothing is there any more, and it is down', () => told.known.size === 0 && told.states.at(-1)?.[0] === false);
  expect(told.states.at(-1)).toEqual([false, 404]);
  await make('second');
  await waitFor('it goes on', () => told.names().join() === 'second', 40_000);
});

test('an API server that is killed and comes again is survived', async () => {
  const told = await follow();
  await told.reflector.synced;
  await cluster().restartApiServer('SIGKILL');
  await put('after-restart');
  await waitFor('it goes on', () => told.known.has('after-restart'), 40_000);
  expect(told.states.at(-1)).toEqual([true, undefined]);
});

describe('the end', () => {
  test('comes with the signal', async () => {
    const told = await follow();
    await told.reflector.synced;
    told.abort.abort(new Error('enough'));
    await told.reflector.done;
    const { length } = told.log;
    await put('after-the-end');
    expect(told.log).toHaveLength(length);
  });

  test('before the first list rejects with the signal’s reason', async () => {
    const told = await follow({}, () => 'hang');
    const synced = expect(told.reflector.synced).rejects.toThrow('enough');
    told.abort.abort(new Error('enough'));
    await synced;
    await told.reflector.done;
  });
});
