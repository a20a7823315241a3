import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { type Operator, startOperator } from './operator.ts';
import { type ApiProxy, isWrite, startProxy, writeText } from './proxy.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { getSource, waitUntilApplied } from './sources.ts';

/** How long the others wait for a leader that is silent, and the pace at which they look; milliseconds. */
const leaseMs = 15_000;
const lookMs = 2_500;

/** A pair of replicas that serve one namespace: the leader, behind a proxy, and the standby. */
interface Pair {
  readonly stage: Stage;
  readonly proxy: ApiProxy;
  readonly leader: Operator;
  readonly standby: Operator;
}

interface Lease {
  readonly holderIdentity: string;
  readonly leaseTransitions: number;
}

describe('two replicas', () => {
  const scene = useScene({ operator: false });
  const open: (() => Promise<unknown>)[] = [];
  /** Each takes a lease time: they are played at the same time, and told one after the other. */
  let killed: Promise<Awaited<ReturnType<typeof playKilled>>>;
  let paused: Promise<Awaited<ReturnType<typeof playPaused>>>;

  beforeAll(() => {
    killed = playKilled();
    paused = playPaused();
    killed.catch(() => {}); // each is awaited by its test
    paused.catch(() => {});
  });
  afterAll(async () => {
    await Promise.all(open.map((close) => close()));
  }, 30_000);

  async function makePair(name: string): Promise<Pair> {
    const { cluster } = scene();
    const stage = await scene().stage();
    const proxy = await startProxy(cluster, name);
    const flags = ['--leader-elect=true', `--leader-election-namespace=${stage.namespace}`, `--namespaces=${stage.namespace}`];
    const leader = await startOperator({ kubeconfigPath: proxy.kubeconfigPath, flags });
    open.push(() => leader.kill('SIGKILL').then(() => proxy.close()));
    await waitFor('the first one leads', async () => (await lease(stage))?.holderIdentity);
    const standby = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags });
    open.push(() => standby.stop());
    const commit = await stage.repo.write(revision('1'));
    await stage.source({ interval: '10m' });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 30_000);
    return { stage, proxy, leader, standby };
  }
  /** Two stages of an apply, so that there is more to write when the first write is answered. */
  function revision(round: string): Record<string, string> {
    const service = `apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {round: "${round}"}}\nspec: {ports: [{port: 80}]}\n`;
    return { 'a.yaml': configMap('a', { round }), 'web.yaml': service };
  }
  const lease = async (stage: Stage): Promise<Lease | undefined> =>
    (await scene().cluster.request.get(`/apis/coordination.k8s.io/v1/namespaces/${stage.namespace}/leases/plumbline`))?.spec;
  const ready = async (operator: Operator): Promise<string> => {
    const answer = await fetch(`${operator.metricsUrl}/readyz`);
    return `${answer.status} ${await answer.text()}`.trim();
  };

  /** Does `harm` to the leader right after its first real write of a revision; resolves with the commit then. */
  async function harmMidApply({ stage, proxy }: Pair, harm: () => void): Promise<string> {
    const done = new Promise<void>((resolve) => {
      proxy.hook = async (request, when) => {
        if (when === 'before' || !isWrite(request) || writeText(request) !== 'PATCH configmaps/a') return undefined;
        proxy.hook = undefined;
        harm();
        resolve();
        return undefined;
      };
    });
    const commit = await stage.repo.write(revision('2'));
    await stage.request();
    await done;
    return commit;
  }

  async function playKilled() {
    const pair = await makePair('killed');
    const { stage, leader, standby } = pair;
    const before = { lease: await lease(stage), leader: await ready(leader), standby: await ready(standby) };
    const series = { leader: await leader.metrics(), standby: await standby.metrics() };
    const commit = await harmMidApply(pair, () => void leader.kill('SIGKILL'));
    const from = performance.now();
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit, 30_000);
    return { stage, before, series, tookMs: performance.now() - from, after: await lease(stage), standbyAfter: await standby.metrics() };
  }

  async function playPaused() {
    const pair = await makePair('paused');
    const { stage, proxy, leader } = pair;
    const commit = await harmMidApply(pair, () => leader.pause());
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit, 30_000);
    const held = await lease(stage);
    const before = await getSource(scene().cluster, stage.namespace, 'shop');
    const from = proxy.seen.length;
    leader.resume();
    const ended = await leader.ended;
    const writes = proxy.seen.slice(from).filter(isWrite).map(writeText);
    return { stage, ended, writes, logs: leader.logs(), held, heldAfter: await lease(stage), before };
  }

  test('are both ready; the leader alone tells series of sources', async () => {
    const { before, series } = await killed;
    expect(before.leader).toBe('200 ok (leader)');
    expect(before.standby).toBe('200 ok (standby)');
    expect(series.leader).toMatch(/^plumbline_revision_info\{[^}]*source="shop"/m);
    expect(series.standby).not.toMatch(/source="shop"/);
    expect(before.lease).toMatchObject({ leaseTransitions: 0 });
  }, 120_000);

  test('the leader killed in the middle of a revision: the other takes over when the lease is over, and finishes', async () => {
    const { stage, before, tookMs, after, standbyAfter } = await killed;
    expect(tookMs).toBeLessThan(leaseMs + lookMs + 5_000);
    expect(after?.holderIdentity).not.toBe(before.lease?.holderIdentity);
    expect(after?.leaseTransitions).toBe(1);
    expect((await stage.get('service', 'web')).metadata.annotations.round).toBe('2');
    expect(standbyAfter).toMatch(/^plumbline_revision_info\{[^}]*source="shop"/m);
  }, 120_000);

  test('the leader paused for longer than the lease, and woken: it writes nothing and ends', async () => {
    const { stage, ended, writes, logs, held, heldAfter, before } = await paused;
    expect(writes).toEqual([]);
    expect(ended).toEqual({ code: 1, signal: null });
    expect(logs.map((line) => line['message'])).toContain('the lease is lost; nothing more is written');
    expect(heldAfter?.holderIdentity).toBe(held?.holderIdentity);
    expect(await getSource(scene().cluster, stage.namespace, 'shop')).toEqual(before);
  }, 120_000);

  test('the leader stopped: the lease is given away at once, and the other goes on', async () => {
    const { cluster } = scene();
    const { stage, leader } = await makePair('stopped');
    const held = await lease(stage);
    expect(held?.holderIdentity).toMatch(/./);
    expect(await leader.stop()).toEqual({ code: 0, signal: null });
    expect((await lease(stage))?.holderIdentity).not.toBe(held?.holderIdentity);
    const from = performance.now();
    await stage.deploy(revision('2'));
    expect(performance.now() - from).toBeLessThan(lookMs + 5_000);
    expect((await getSource(cluster, stage.namespace, 'shop')).status.history).toHaveLength(2);
  }, 60_000);

  test('the leader stopped in the middle of a walk: it ends within 10 s, half-tells nothing, and the other finishes', async () => {
    const { cluster } = scene();
    const { stage, leader, proxy } = await makePair('stopping');
    // The first real write never gets an answer.
    const caught = new Promise<void>((resolve) => {
      proxy.hook = (request, when) => {
        if (when === 'after' || writeText(request) !== 'PATCH configmaps/a') return Promise.resolve(undefined);
        resolve();
        return new Promise(() => {});
      };
    });
    const first = (await getSource(cluster, stage.namespace, 'shop')).status.revision.applied.commit;
    const commit = await stage.repo.write(revision('2'));
    await stage.request();
    await caught;
    const from = performance.now();
    expect(await leader.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - from).toBeLessThan(10_000);
    const { status } = await getSource(cluster, stage.namespace, 'shop');
    expect(status.revision).toMatchObject({ applied: { commit: first } });
    expect(status.history).toHaveLength(1);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  }, 60_000);
});
