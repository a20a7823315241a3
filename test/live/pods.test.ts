import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import { createPodReader } from '../../operator/live/pods.ts';
import type { PodReader } from '../../operator/live/pods.ts';
import type { Json } from '../controlplane/request.ts';
import { useCluster, waitFor } from '../e2e/cluster.ts';
import { startAlteringProxy } from '../kube/altering-proxy.ts';
import { clientOf, credentialsOf } from '../kube/clients.ts';

const cluster = useCluster();
let client: ConnectedClient;
let namespace = '';
let ends: AbortController;
let changed: string[];
let reader: PodReader;
/** How the watches of pods stood, in their order. */
let states: (readonly [namespace: string, up: boolean | undefined])[];

beforeAll(() => {
  client = clientOf(credentialsOf(cluster().admin));
});
const others: (() => Promise<void>)[] = [];
afterAll(() => Promise.all([client.close(), ...others.map((close) => close())]));

/** Pods are made by hand, so no controller may put them right. */
async function begin(of = client): Promise<void> {
  namespace = await cluster().namespace('pods');
  ends = new AbortController();
  changed = [];
  states = [];
  reader = createPodReader({
    client: of,
    random: () => 0,
    signal: ends.signal,
    onChange: (key) => changed.push(key),
    onState: (where, up) => states.push([where, up]),
  });
}
afterEach(() => ends.abort());

const api = () => `/api/v1/namespaces/${namespace}`;

async function pod(name: string, owner: object | undefined, labels: Record<string, string> = { app: 'web' }): Promise<void> {
  const metadata = { name, labels, ...(owner && { ownerReferences: [owner] }) };
  const spec = { containers: [{ name: 'web', image: 'registry.example.com/web:2' }] };
  await cluster().request.ok('POST', `${api()}/pods`, { body: { metadata, spec } });
}

/** As its kubelet would. */
async function report(name: string, state: object): Promise<void> {
  const containerStatuses = [{ name: 'web', image: '', imageID: '', ready: false, restartCount: 0, ...state }];
  const status = { phase: 'Running', containerStatuses, conditions: [{ type: 'Ready', status: 'False' }] };
  await cluster().request.ok('PATCH', `${api()}/pods/${name}/status`, { body: { status }, contentType: 'application/merge-patch+json' });
}

const crashing = (restartCount = 1) => ({
  state: { waiting: { reason: 'CrashLoopBackOff' } },
  lastState: { terminated: { exitCode: 3 } },
  restartCount,
});

/** An owner whose pods no controller puts right, nor lets go of: any object can be one. */
async function ownerOf(name: string): Promise<{ uid: string; reference: object }> {
  const made: Json = await cluster().request.ok('POST', `${api()}/configmaps`, { body: { metadata: { name } } });
  const { uid } = made.metadata;
  return { uid, reference: { apiVersion: 'v1', kind: 'ConfigMap', name, uid, controller: true } };
}

function look(key: string, name: string, uid: string, app = 'web'): void {
  reader.look({ key, namespace, name, uid, selector: { matchLabels: { app } } });
}

const textIs = (key: string, text: string | undefined | RegExp) =>
  waitFor(`${key} says ${text}`, async () => {
    const told = reader.textOf(key);
    return text instanceof RegExp ? text.test(told ?? '') : told === text;
  });

describe('pods that are looked into', () => {
  test('tell why their workload fails, and no more once they are well', async () => {
    await begin();
    const { uid, reference } = await ownerOf('web');
    await pod('web-0', reference);
    await report('web-0', crashing(2));
    look('web', 'web', uid);
    await textIs('web', 'pod web-0: container web crashes again and again (CrashLoopBackOff): it ended with exit code 3, 2 restarts');
    await report('web-0', crashing(3));
    await textIs('web', /3 restarts/);
    const body = { status: { conditions: [{ type: 'Ready', status: 'True' }] } };
    await cluster().request.ok('PATCH', `${api()}/pods/web-0/status`, { body, contentType: 'application/strategic-merge-patch+json' });
    await textIs('web', '');
    expect(reader.size()).toEqual({ namespaces: 1, pods: 0 });
    expect(new Set(changed)).toEqual(new Set(['web']));
  });

  test('are those of the selector and of the owner, both', async () => {
    await begin();
    const [mine, other] = [await ownerOf('mine'), await ownerOf('other')];
    await pod('of-mine', mine.reference);
    await pod('of-other', other.reference);
    await pod('of-nobody', undefined);
    await pod('unselected', mine.reference, { app: 'else' });
    for (const name of ['of-mine', 'of-other', 'of-nobody', 'unselected']) await report(name, crashing());
    look('mine', 'mine', mine.uid);
    await textIs('mine', /^pod of-mine: /);
    await textIs('mine', /^(?!.* more)/);
  });

  test('of a Deployment are those of its own ReplicaSets', async () => {
    await begin();
    const spec = (replicas: number) => ({
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'registry.example.com/web:2' }] } },
    });
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    const made: Json = await cluster().request.ok('POST', path, { body: { metadata: { name: 'web' }, spec: spec(2) } });
    // A ReplicaSet that is named like one of the Deployment's, and is none: it has pods of the same labels.
    const rogue = {
      metadata: { name: 'web-rogue' },
      spec: { ...spec(1), selector: { matchLabels: { app: 'web', rogue: 'yes' } } },
    };
    rogue.spec.template = { ...rogue.spec.template, metadata: { labels: { app: 'web', rogue: 'yes' } as never } };
    await cluster().request.ok('POST', `/apis/apps/v1/namespaces/${namespace}/replicasets`, { body: rogue });
    const pods = await waitFor('there are three pods', async () => {
      const list: Json = await cluster().request.ok('GET', `${api()}/pods`);
      return list.items.length === 3 && list.items;
    });
    for (const { metadata } of pods) await report(metadata.name, crashing());
    look('web', 'web', made.metadata.uid);
    await textIs('web', /^pod web-(?!rogue)\S+ and 1 more: container web crashes/);
  });

  test('of a ReplicaSet whose Deployment cannot be asked for yet are told once it can, though nothing of them changes', async () => {
    const proxy = await startAlteringProxy(cluster().admin);
    const through = clientOf(proxy.credentials);
    others.push(async () => {
      await through.close();
      await proxy.close();
    });
    let refusals = 0;
    proxy.rule = ({ url }) => {
      if (!url.includes('/replicasets') || refusals >= 4) return undefined; // a list is tried where a GET is forbidden
      refusals += 1;
      return { code: 403, body: { kind: 'Status', status: 'Failure', code: 403, reason: 'Forbidden', message: 'not yet' } };
    };
    await begin(through);
    const labels = { app: 'front' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'registry.example.com/web:2' }] } };
    const made: Json = await cluster().request.ok('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
      body: { metadata: { name: 'front' }, spec: { replicas: 1, selector: { matchLabels: labels }, template } },
    });
    const name = await waitFor('there is a pod', async () => {
      const list: Json = await cluster().request.ok('GET', `${api()}/pods`);
      return list.items[0]?.metadata.name;
    });
    await report(name, crashing());
    look('front', 'front', made.metadata.uid, 'front');
    await textIs('front', /^pod front-\S+: container web crashes/);
    expect(refusals).toBe(4);
  });

  test('are read by one list and one watch for all workloads of a namespace, and dropped with the last', async () => {
    await begin();
    const [a, b] = [await ownerOf('a'), await ownerOf('b')];
    await pod('a-0', a.reference);
    await pod('b-0', b.reference);
    for (const name of ['a-0', 'b-0']) await report(name, crashing());
    const audit = await cluster().audit();
    look('a', 'a', a.uid);
    look('b', 'b', b.uid);
    await textIs('a', /^pod a-0/);
    await textIs('b', /^pod b-0/);
    const calls = await waitFor('the watch stands', async () => {
      const events = (await audit.events()).filter((one) => one.userAgent === 'plumbline-test' && one.objectRef?.resource === 'pods');
      const begun = events.filter(({ verb, stage }) => verb !== 'watch' || stage === 'ResponseStarted').map(({ verb }) => verb);
      return begun.includes('watch') && begun;
    });
    expect(calls).toEqual(['list', 'watch']);
    reader.drop('a');
    expect(reader.textOf('a')).toBeUndefined();
    await textIs('b', /^pod b-0/);
    reader.drop('b');
    expect(reader.size()).toEqual({ namespaces: 0, pods: 0 });
    expect(states).toEqual([
      [namespace, true],
      [namespace, undefined],
    ]);
  });

  test('are kept to 20 for each owner', async () => {
    await begin();
    const { uid, reference } = await ownerOf('many');
    const names = Array.from({ length: 25 }, (_, index) => `many-${index}`);
    await Promise.all(names.map((name) => pod(name, reference)));
    look('many', 'many', uid);
    await textIs('many', /^pod many-\d+ and 19 more: it has no node yet$/);
    expect(reader.size().pods).toBe(20);
  });
});
