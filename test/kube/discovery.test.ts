import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { KubeClient } from '../../operator/kube/client.ts';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import { Discovery, readGroups } from '../../operator/kube/discovery.ts';
import type { Served } from '../../operator/kube/discovery.ts';
import { createObject, deleteObject } from '../../operator/kube/operations.ts';
import { NotYet } from '../controlplane/wait-for.ts';
import { useCluster, waitFor } from '../e2e/cluster.ts';
import { clientOf, crds, credentialsOf } from './clients.ts';

const cluster = useCluster();
const signal = new AbortController().signal;
const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
let client: ConnectedClient;

beforeAll(() => {
  client = clientOf(credentialsOf(cluster().admin));
});

afterAll(() => client.close());

/** A Discovery whose questions are counted, with a clock that is set by hand. */
function counted(): { discovery: Discovery; questions: () => number; clock: { now: number } } {
  let asked = 0;
  const clock = { now: 0 };
  const counting: KubeClient = {
    ...client,
    request: (request) => {
      asked += 1;
      return client.request(request);
    },
  };
  return { discovery: new Discovery({ client: counting, signal, monotonic: () => clock.now }), questions: () => asked, clock };
}

function crd(group: string, versions: readonly string[], scope = 'Namespaced') {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      names: { kind: 'Widget', plural: 'widgets' },
      scope,
      versions: versions.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: { type: 'object' } },
      })),
    },
  };
}

describe('kinds', () => {
  test('are found with plural, scope and verbs, by two requests', async () => {
    const { discovery, questions } = counted();
    const namespace = { group: '', version: 'v1', kind: 'Namespace' };
    const found = await discovery.resolve([deployment, namespace, { ...deployment, kind: 'Deploymnet' }], signal);
    expect([...found.keys()]).toEqual(['apps/v1/Deployment', '/v1/Namespace']);
    expect(found.get('apps/v1/Deployment')).toEqual({
      ...deployment,
      plural: 'deployments',
      namespaced: true,
      verbs: expect.arrayContaining(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']),
    });
    expect(found.get('/v1/Namespace')).toMatchObject({ plural: 'namespaces', namespaced: false });
    expect(questions()).toBe(2);
  });

  test('that are known are not asked for again, and all who ask at once ask once', async () => {
    const { discovery, questions } = counted();
    await Promise.all(Array.from({ length: 20 }, () => discovery.resolve([deployment], signal)));
    await discovery.resolve([deployment], signal);
    expect(questions()).toBe(2);
    expect(discovery.find(deployment)?.plural).toBe('deployments');
    expect((await discovery.allResources(signal)).length).toBeGreaterThan(50);
    expect(questions()).toBe(2);
  });

  test('that stay unknown are asked for every five seconds at most', async () => {
    const { discovery, questions, clock } = counted();
    const unknown = { group: 'none.example.com', version: 'v1', kind: 'None' };
    for (const [now, expected] of [
      [0, 2],
      [4_999, 2],
      [5_000, 4],
      [9_000, 4],
    ] as const) {
      clock.now = now;
      expect(await discovery.resolve([unknown], signal)).toEqual(new Map());
      expect(questions()).toBe(expected);
    }
    await discovery.resolve([{ ...unknown, kind: 'Another' }], signal);
    expect(questions()).toBe(6);
  });

  test('of a new CRD are found as soon as they are served, and are gone with it', async () => {
    const { discovery } = counted();
    const widget = { group: 'discovery.example.com', version: 'v1', kind: 'Widget' };
    expect(await discovery.resolve([widget], signal)).toEqual(new Map());
    await createObject(client, crds, crd(widget.group, ['v1'], 'Cluster'), { signal });
    const look = async () => {
      discovery.invalidate();
      return (await discovery.resolve([widget], signal)).get('discovery.example.com/v1/Widget');
    };
    expect(await waitFor('the kind is served', look)).toMatchObject({ namespaced: false, plural: 'widgets' });
    await deleteObject(client, crds, { name: `widgets.${widget.group}` }, { signal });
    await waitFor('the kind is gone', async () => (await look()) === undefined);
  });

  test('come in the version that the API server prefers', async () => {
    const { discovery } = counted();
    const group = 'preferred.example.com';
    await createObject(client, crds, crd(group, ['v1alpha1', 'v1', 'v2beta1']), { signal });
    // They come one by one, the preferred one not always first.
    await waitFor('every version is served', async () => {
      discovery.invalidate();
      return (await discovery.allResources(signal)).filter((kind) => kind.group === group).length === 3;
    });
    const found = await discovery.preferred([`Widget.${group}`, 'ConfigMap', 'None.example.com'], signal);
    expect(found.map(({ version, kind }) => `${kind} ${version}`)).toEqual(['Widget v1', 'ConfigMap v1']);
  });
});

test('a group whose server does not answer hides no other', async () => {
  const apiServices = { ...crds, group: 'apiregistration.k8s.io', kind: 'APIService', plural: 'apiservices' };
  const service = { namespace: 'default', name: 'nobody' };
  const spec = {
    group: 'broken.example.com',
    version: 'v1',
    service,
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
  };
  const metadata = { name: 'v1.broken.example.com' };
  await createObject(client, apiServices, { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata, spec }, { signal });
  const { discovery } = counted();
  expect((await discovery.resolve([deployment], signal)).size).toBe(1);
  // The group is listed, as one that does not answer, once the API server has tried.
  await waitFor('the group is known', async () => {
    discovery.invalidate();
    await discovery.allResources(signal);
    const kinds = ['Widget.broken.example.com', 'Widget.other.example.com', 'Deployment.apps'];
    const undecided = discovery.undecided(kinds);
    if (undecided.length === 0) throw new NotYet('no kind is undecided');
    expect(undecided).toEqual(['Widget.broken.example.com']);
    return true;
  });
  await deleteObject(client, apiServices, { name: metadata.name }, { signal });
});

test('of a version that does not answer just now, what was known before stays', () => {
  const resource = (kind: string) => ({ resource: kind.toLowerCase(), responseKind: { kind }, scope: 'Namespaced', verbs: ['get'] });
  const list = (version: object) => [{ items: [{ metadata: { name: 'a' }, versions: [{ version: 'v1', ...version }] }] }];
  const nothing: Served = { byVersion: new Map(), preferred: new Map(), unanswered: new Set() };
  const before = readGroups(list({ resources: [resource('Old'), { resource: 'nameless', responseKind: null }] }), nothing);
  expect([...before.byVersion.keys()]).toEqual(['a/v1/Old']);
  expect([...readGroups(list({ freshness: 'Stale' }), before).byVersion.keys()]).toEqual(['a/v1/Old']);
  expect([...readGroups(list({ freshness: 'Current', resources: [resource('New')] }), before).byVersion.keys()]).toEqual(['a/v1/New']);
});

test('a question that fails is put again by the next', async () => {
  const gone = new AbortController();
  gone.abort(new Error('enough'));
  const { discovery } = counted();
  await expect(discovery.resolve([deployment], gone.signal)).rejects.toThrow('enough');
  expect((await discovery.resolve([deployment], signal)).size).toBe(1);
  let broken = true;
  const failing: KubeClient = {
    ...client,
    request: (request) => (broken ? Promise.reject(new Error('down')) : client.request(request)),
  };
  const second = new Discovery({ client: failing, signal, monotonic: () => 0 });
  await expect(second.resolve([deployment], signal)).rejects.toThrow('down');
  broken = false;
  expect((await second.resolve([deployment], signal)).size).toBe(1);
});
