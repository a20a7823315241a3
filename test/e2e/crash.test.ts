import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sampled } from '../soak.ts';
import { type Operator, startOperator } from './operator.ts';
import { type ApiProxy, type Passing, callText, startProxy } from './proxy.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { getSource, waitUntilApplied } from './sources.ts';

const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: old}\nspec: {ports: [{port: 80}]}\n';
const account = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: fresh}\n';
const keep = '  annotations: {plumbline.dev/prune: disabled}\n';
const labelled = 'applyset.kubernetes.io/part-of';

/**
 * Events, and the record of a revision, go behind, at no fixed place among the calls; what a kill does to a record is told
 * in trail.test.ts. The lease is not of a revision.
 */
function isOfRevision({ url }: Passing): boolean {
  return !/\/(leases|events|controllerrevisions)/.test(url);
}

/** Every call of an operator that starts and brings a revision in. */
const calls = [
  'GET /api',
  'GET /apis',
  'LIST gitopssources',
  'WATCH gitopssources',
  'LIST configmaps',
  'WATCH configmaps',
  'LIST services',
  'WATCH services',
  'GET serviceaccounts/wide',
  'LIST serviceaccounts',
  'WATCH serviceaccounts',
  'GET configmaps/else',
  'GET serviceaccounts/fresh',
  'dry run of DELETE configmaps/gone',
  'dry run of DELETE services/old',
  'dry run of PATCH configmaps/a',
  'dry run of PATCH configmaps/else',
  'dry run of PATCH serviceaccounts/fresh',
  'PATCH gitopssources/shop/status', // the note of the attempt
  'PATCH gitopssources/shop', // the set widens
  'PATCH configmaps/a',
  'PATCH configmaps/else',
  'PATCH configmaps/kept',
  'PATCH serviceaccounts/fresh',
  'DELETE configmaps/gone',
  'DELETE services/old',
  'PATCH gitopssources/shop', // the set narrows
  'PATCH gitopssources/shop/status', // the outcome
];

interface Position {
  readonly call: string;
  /** Which of the calls of this text, from 1. */
  readonly nth: number;
  readonly when: 'before' | 'after';
}

const positions: readonly Position[] = calls.flatMap((call, index) => {
  const nth = calls.slice(0, index + 1).filter((one) => one === call).length;
  return (['before', 'after'] as const).map((when) => ({ call, nth, when }));
});

/**
 * A revision that changes, creates (a kind and a namespace that are new to the source among them), prunes and lets go is
 * brought in again and again; each time the operator is killed at another of its calls, and the next one finishes.
 */
describe('an operator that is killed in the middle of a revision', () => {
  const scene = useScene({ operator: false });
  let proxy: ApiProxy;
  let operator: Operator | undefined;
  let stage: Stage;
  let elsewhere: string;
  let round = 0;
  let seen: readonly string[] = [];

  beforeAll(async () => {
    const { cluster } = scene();
    proxy = await startProxy(cluster, 'crash');
    stage = await scene().stage();
    elsewhere = await cluster.namespace('shop-else');
    await cluster.account(stage.namespace, 'wide', { clusterRole: 'cluster-admin', everywhere: true });
    await start();
    await stage.repo.write(before());
    await stage.source({ serviceAccountName: 'wide', interval: '10m' });
    await settle();
    await operator?.kill('SIGKILL');
    await stage.repo.write(after());
    const from = proxy.seen.length;
    await start();
    await settle();
    seen = proxy.seen.slice(from).filter(isOfRevision).map(callText);
  }, 60_000);
  afterAll(async () => {
    await operator?.stop();
    await proxy.close();
  }, 30_000);

  const start = async (options?: { unready: boolean }): Promise<Operator> => {
    operator = await startOperator({ kubeconfigPath: proxy.kubeconfigPath, ...options });
    return operator;
  };
  const before = () => ({
    'a.yaml': configMap('a', { round: String((round += 1)) }),
    'gone.yaml': configMap('gone'),
    'kept.yaml': configMap('kept', { key: 'value' }, keep),
    'old.yaml': service,
    'fresh.yaml': null,
    'else.yaml': null,
  });
  const after = () => ({
    'a.yaml': configMap('a', { round: String((round += 1)) }),
    'gone.yaml': null,
    'kept.yaml': null,
    'old.yaml': null,
    'fresh.yaml': account,
    'else.yaml': configMap('else', { round: String(round) }, `  namespace: ${elsewhere}\n`),
  });
  async function settle(files?: Parameters<Stage['repo']['write']>[0]): Promise<void> {
    const commit = files === undefined ? await stage.repo.tip('main') : await stage.repo.write(files);
    if (files !== undefined) await stage.request();
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit ?? '', 30_000);
  }
  const members = async (): Promise<readonly string[]> => {
    const id = (await getSource(scene().cluster, stage.namespace, 'shop')).metadata.labels['applyset.kubernetes.io/id'];
    const shape = 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {end}';
    const kinds = 'configmaps,services,serviceaccounts';
    const text = await scene().cluster.kubectl('get', kinds, '-A', '-l', `${labelled}=${id}`, '-o', shape);
    return text.trim().split(/\s+/).toSorted();
  };

  /** Lets an operator that starts die by this call of the revision that waits for it; resolves when it is dead. */
  async function killAt({ call, nth, when }: Position): Promise<void> {
    await operator?.kill('SIGKILL');
    await stage.repo.write(after());
    let count = 0;
    const victim = Promise.withResolvers<Operator>();
    const passed = new WeakMap<Passing, number>();
    proxy.hook = async (request, at) => {
      if (!isOfRevision(request) || callText(request) !== call) return undefined;
      if (at === 'before') passed.set(request, (count += 1));
      if (passed.get(request) !== nth || at !== when) return undefined;
      await (await victim.promise).kill('SIGKILL');
      return 'drop';
    };
    victim.resolve(await start({ unready: true }));
    expect(await (await victim.promise).ended).toEqual({ code: null, signal: 'SIGKILL' });
    proxy.hook = undefined;
  }

  test('has all of these calls to be killed at', () => {
    expect(seen.toSorted()).toEqual(calls.toSorted());
  });

  test.each(sampled(positions, 3, 4))('right $when $call ($nth) leaves nothing undone to the next', async (position) => {
    await settle(before());
    const { uid } = (await stage.get('configmap', 'a')).metadata;

    await killAt(position);
    const parent = (await getSource(scene().cluster, stage.namespace, 'shop')).metadata.annotations;
    const listed = parent['applyset.kubernetes.io/contains-group-kinds'].split(',');
    for (const member of await members()) expect(listed).toContain(member.split('/')[0]);

    await start();
    await settle();
    expect(await members()).toEqual(['ConfigMap/a', 'ConfigMap/else', 'ServiceAccount/fresh']);
    const left = JSON.parse(await stage.kubectl('get', 'configmaps,services', '-o', 'json')).items;
    const named = left.map((one: { metadata: { name: string } }) => one.metadata.name);
    expect(named.toSorted()).toEqual(['a', 'kept', 'kube-root-ca.crt']);
    const a = await stage.get('configmap', 'a');
    expect(a.metadata.uid).toBe(uid);
    expect(a.data.round).toBe(String(round));
    const kept = await stage.get('configmap', 'kept');
    expect(kept.metadata.labels).toBeUndefined();
    expect(kept.metadata.annotations).toEqual({ 'plumbline.dev/prune': 'disabled' });
    const annotations = (await getSource(scene().cluster, stage.namespace, 'shop')).metadata.annotations;
    expect(annotations).toMatchObject({
      'applyset.kubernetes.io/contains-group-kinds': 'ConfigMap,ServiceAccount',
      'applyset.kubernetes.io/additional-namespaces': elsewhere,
    });
  });
});
