import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sampled } from '../soak.ts';
import { type Operator, startOperator } from './operator.ts';
import { type ApiProxy, type Passing, isWrite, startProxy, writeText } from './proxy.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { getSource, waitUntilApplied } from './sources.ts';

const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: old}\nspec: {ports: [{port: 80}]}\n';
const account = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: fresh}\n';
const keep = '  annotations: {plumbline.dev/prune: disabled}\n';
const labelled = 'applyset.kubernetes.io/part-of';

/**
 * A revision that changes, creates (a kind and a namespace that are new to the source among them), prunes and lets go is
 * brought in again and again; each time the operator is killed at another of its writes, and the next one finishes.
 */
/** The record of a revision goes behind, at no fixed place among these; what a kill does to it is told in trail.test.ts. */
function isOfWalk(request: Passing): boolean {
  return isWrite(request) && !request.url.includes('/controllerrevisions');
}

describe('an operator that is killed in the middle of a revision', () => {
  const scene = useScene({ operator: false });
  let proxy: ApiProxy;
  let operator: Operator | undefined;
  let stage: Stage;
  let elsewhere: string;
  let round = 0;
  let writes: readonly Passing[] = [];

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
    const from = proxy.seen.length;
    await settle(after());
    writes = proxy.seen.slice(from).filter(isOfWalk);
  }, 60_000);
  afterAll(async () => {
    await operator?.stop();
    await proxy.close();
  }, 30_000);

  const start = async (): Promise<void> => {
    operator = await startOperator({ kubeconfigPath: proxy.kubeconfigPath });
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

  /** Lets the operator die by the n-th write of the next revision; resolves when it is dead. */
  async function killAt(n: number, when: 'before' | 'after'): Promise<void> {
    const victim = operator;
    let count = 0;
    const passed = new WeakMap<Passing, number>();
    proxy.hook = async (request, at) => {
      if (!isOfWalk(request)) return undefined;
      if (at === 'before') passed.set(request, (count += 1));
      if (passed.get(request) !== n || at !== when) return undefined;
      await victim?.kill('SIGKILL');
      return 'drop';
    };
    await stage.repo.write(after());
    await stage.request();
    expect(await victim?.ended).toEqual({ code: null, signal: 'SIGKILL' });
    proxy.hook = undefined;
  }

  test('has all of these writes to be killed at', () => {
    expect(writes.map(writeText).toSorted()).toEqual([
      'DELETE configmaps/gone',
      'DELETE services/old',
      'PATCH configmaps/a',
      'PATCH configmaps/else',
      'PATCH configmaps/kept',
      'PATCH gitopssources/shop', // the set widened
      'PATCH gitopssources/shop', // and narrowed
      'PATCH gitopssources/shop/status', // the note of the attempt
      'PATCH gitopssources/shop/status', // and its outcome
      'PATCH serviceaccounts/fresh',
      'dry run of DELETE configmaps/gone',
      'dry run of DELETE services/old',
      'dry run of PATCH configmaps/a',
      'dry run of PATCH configmaps/else',
      'dry run of PATCH serviceaccounts/fresh',
    ]);
  });

  const positions = Array.from({ length: 15 }, (_, index) => index + 1).flatMap((n) => [
    { n, when: 'before' as const },
    { n, when: 'after' as const },
  ]);
  test.each(sampled(positions, 4, 4))('right $when its write $n leaves nothing undone to the next', async ({ n, when }) => {
    await settle(before());
    const { uid } = (await stage.get('configmap', 'a')).metadata;

    await killAt(n, when);
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
