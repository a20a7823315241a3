import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { runCli } from '../../operator/cli/run.ts';
import type { Json } from '../controlplane/request.ts';
import { waitFor } from './cluster.ts';
import { startOperator } from './operator.ts';
import { podsWith, ready, reportPods, web } from './pods.ts';
import { startProxy, writeText } from './proxy.ts';
import { type Stage, configMap, deployment, useScene } from './scene.ts';
import { getSource, patchSource, waitForCondition, waitUntilApplied } from './sources.ts';

/** What the plugin prints. */
async function plumbline(
  kubeconfig: string,
  ...args: string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const code = await runCli(args, { KUBECONFIG: kubeconfig }, out, err);
  return { code, out: await text(out.end()), err: await text(err.end()) };
}

const broken = deployment('web', 'web:2').replace('image: web:2', "image: ''");

describe('the audit trail', () => {
  const scene = useScene();

  /** Every record of the namespace, in the order of their numbers. */
  async function recordsOf(stage: Stage): Promise<readonly Json[]> {
    const path = `/apis/apps/v1/namespaces/${stage.namespace}/controllerrevisions?labelSelector=plumbline.dev/source=shop`;
    const { items } = await scene().cluster.request.ok('GET', path);
    return items.toSorted((a: Json, b: Json) => a.revision - b.revision);
  }
  const records = (stage: Stage, count: number): Promise<readonly Json[]> =>
    waitFor(`there are ${count} records`, async () => {
      const all = await recordsOf(stage);
      return all.length >= count ? all : undefined;
    });

  test('has one record for each revision that was tried and changed something, whatever came of it', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    // As a rule a repository is older than its source.
    const past = await stage.repo.write({ 'old.yaml': configMap('old') }, { message: 'Keep what is old' });
    const first = await stage.repo.write({ 'web.yaml': deployment('web', 'web:1') }, { message: 'Deploy the shop' });
    await stage.source();
    await waitUntilApplied(cluster, stage.namespace, 'shop', first);
    const [one] = await records(stage, 1);
    const { uid } = (await getSource(cluster, stage.namespace, 'shop')).metadata;
    expect(one.metadata).toMatchObject({
      name: `shop-1-${first.slice(0, 7)}`,
      labels: { 'plumbline.dev/source': 'shop', 'plumbline.dev/source-uid': uid },
    });
    expect(one.metadata.ownerReferences).toBeUndefined();
    expect(one.data).toMatchObject({
      commit: { sha: first, ref: 'main', subject: 'Deploy the shop', author: 'Ada Lovelace <ada@example.com>' },
      cause: 'Commit',
      result: 'Healthy',
      changes: { created: 2, changed: 0, pruned: 0 },
      images: [{ workload: `Deployment ${stage.namespace}/web`, container: 'web', after: 'web:1' }],
    });
    expect(one.data.created.toSorted()).toEqual([`ConfigMap ${stage.namespace}/old`, `Deployment ${stage.namespace}/web`]);
    expect(Object.keys(one.data.times).toSorted()).toEqual(['applied', 'attempted', 'healthy', 'observed']);
    expect(one.data.origins).toMatchObject([{ commit: past, subject: 'Keep what is old', committed: expect.any(String) }]);
    const traced = await plumbline(cluster.kubeconfigPath, 'trace', 'configmap/old', '-n', stage.namespace, '-o', 'json');
    const trace: Json = JSON.parse(traced.out);
    expect(trace).toMatchObject({
      origin: 'old.yaml:1',
      commit: past,
      author: 'Ada Lovelace <ada@example.com>',
      subject: 'Keep what is old',
      revision: { commit: first, number: 1, result: 'Healthy', times: one.data.times },
    });
    expect([trace.committed, trace.note]).toEqual([one.data.origins[0].committed, undefined]);

    // One that is refused, a commit beside it that changes nothing, then the correction.
    const bad = await stage.repo.write({ 'web.yaml': broken });
    await stage.request();
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'False', reason: 'ObjectRefused' });
    expect((await getSource(cluster, stage.namespace, 'shop')).status.attempts[0]).toMatchObject({
      number: 2,
      commit: bad,
      failures: [{ reason: 'ObjectRefused' }],
    });
    expect(await recordsOf(stage)).toHaveLength(1);
    const fixed = await stage.deploy({ 'web.yaml': deployment('web', 'web:2'), 'old.yaml': null });
    const aside = await stage.deploy({ 'README.md': 'nothing' });
    const again = await stage.deploy({ 'more.yaml': configMap('more') });
    const all = await records(stage, 4);
    expect(all.map(({ revision, data }) => [revision, data.commit.sha, data.result, data.cause])).toEqual([
      [1, first, 'Healthy', 'Commit'],
      [2, bad, 'Failed', 'Commit'],
      [3, fixed, 'Healthy', 'Commit'],
      [4, again, 'Healthy', 'Commit'],
    ]);
    expect(all[1].data).toMatchObject({ from: first, failures: [{ reason: 'ObjectRefused' }], created: [], changed: [] });
    expect(all[2].data).toMatchObject({
      pruned: [`ConfigMap ${stage.namespace}/old`],
      changed: [`Deployment ${stage.namespace}/web`],
      images: [{ before: 'web:1', after: 'web:2' }],
    });
    expect(all[3].data).toMatchObject({ from: aside, commits: [{ commit: aside, time: expect.any(String) }] });
    // The running revision alone stands in the status.
    expect((await getSource(cluster, stage.namespace, 'shop')).status.attempts.map(({ number }: Json) => number)).toEqual([4]);

    // Back to the first, by an edit of the spec.
    await patchSource(cluster, stage.namespace, 'shop', { spec: { ref: { commit: first } } });
    await waitUntilApplied(cluster, stage.namespace, 'shop', first);
    expect((await records(stage, 5))[4].data).toMatchObject({ cause: 'Rollback', from: again, commit: { sha: first } });
    const told = scene()
      .operator.logs()
      .filter((line) => line['namespace'] === stage.namespace && /^revision (applied|failed)$/.test(String(line['message'])));
    expect(told.map((line) => [line['source'], line['commit'], line['reason']])).toEqual([
      ['shop', first, undefined],
      ['shop', bad, 'ObjectRefused'],
      ['shop', fixed, undefined],
      ['shop', aside, undefined],
      ['shop', again, undefined],
      ['shop', first, undefined],
    ]);
    expect(new Set(told.map((line) => line['walk'])).size).toBe(told.length);
    const shown = await stage.kubectl('get', 'controllerrevisions', '-l', 'plumbline.dev/source=shop');
    expect(shown).toMatch(new RegExp(`shop-2-${bad.slice(0, 7)} +<none> +2 `));
  });

  test('waits for health, also where the source does not, and says when it came', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const pods = (image: string) => podsWith(cluster, stage.namespace, image, 1);
    const first = await stage.repo.write({ 'web.yaml': web(1, 'web:1') });
    await stage.source({ health: { wait: false } });
    await waitUntilApplied(cluster, stage.namespace, 'shop', first);
    const started = await pods('web:1');
    expect(await recordsOf(stage)).toEqual([]);
    await reportPods(cluster, stage.namespace, started, ready);
    const [one] = await records(stage, 1);
    const { observed, attempted, applied, healthy } = one.data.times;
    expect(one.data.result).toBe('Healthy');
    expect([observed <= attempted, attempted <= applied, applied < healthy]).toEqual([true, true, true]);
    expect((await getSource(cluster, stage.namespace, 'shop')).status.revision).toMatchObject({
      attempted: { time: attempted },
      applied: { time: applied },
      healthy: { time: healthy },
    });

    // One that never becomes healthy, is put back meanwhile, and is superseded.
    const second = await stage.deploy({ 'web.yaml': web(1, 'web:2'), 'a.yaml': configMap('a') });
    await stage.kubectl('delete', 'configmap', 'a');
    await waitFor('the correction stands in the status', async () => {
      const { status } = await getSource(cluster, stage.namespace, 'shop');
      return status.attempts[0].corrections?.[0]?.count === 1;
    });
    expect(await recordsOf(stage)).toHaveLength(1);
    await stage.deploy({ 'web.yaml': web(1, 'web:3') });
    const [, two] = await records(stage, 2);
    expect(two.data).toMatchObject({ commit: { sha: second }, result: 'Applied', times: { applied: expect.any(String) } });
    expect(two.data.times.healthy).toBeUndefined();
    expect(JSON.parse(two.metadata.annotations['plumbline.dev/corrections'])).toEqual({ unknown: 1 });

    // From a pod to its commit; what ran when; all of it.
    const { kubeconfigPath } = cluster;
    const [pod] = started;
    const trace = await plumbline(kubeconfigPath, 'trace', `po/${pod}`, '-n', stage.namespace, '-o', 'json');
    const third = await waitFor('the third runs', async () => {
      const { revision } = (await getSource(cluster, stage.namespace, 'shop')).status;
      return revision.applied.commit !== second && revision.applied.commit;
    });
    expect(JSON.parse(trace.out)).toMatchObject({
      objects: [`Pod ${stage.namespace}/${pod}`, expect.stringContaining('ReplicaSet'), `Deployment ${stage.namespace}/web`],
      source: `${stage.namespace}/shop`,
      origin: 'web.yaml:1',
      commit: third,
      author: 'Ada Lovelace <ada@example.com>',
      revision: { number: 3, times: { attempted: expect.any(String), applied: expect.any(String) } },
    });
    const then = await plumbline(kubeconfigPath, 'at', healthy, '-n', stage.namespace);
    expect(then.out).toMatch(new RegExp(`^At .*\n.*\n${stage.namespace}/shop +main@${first.slice(0, 7)} .* yes +Ada Lovelace`));
    expect((await plumbline(kubeconfigPath, 'at', '-1h', '-n', stage.namespace)).out).toContain('No source of namespace');
    const history = await plumbline(kubeconfigPath, 'history', `${stage.namespace}/shop`);
    expect(history.out).toMatch(/^NUMBER.*\n3 .* Awaiting health .*\n2 .* Applied .*\(1 correction\).*\n1 .* Healthy /);
    expect(await plumbline(kubeconfigPath, 'trace', `serviceaccount/deployer`, '-n', stage.namespace)).toMatchObject({
      code: 1,
      out: expect.stringContaining('no GitOpsSource has applied it'),
    });
    expect(await plumbline(kubeconfigPath, 'trace', 'deployment/nobody', '-n', stage.namespace)).toEqual({
      code: 2,
      out: '',
      err: `there is no Deployment ${stage.namespace}/nobody\n`,
    });
    expect(await plumbline(kubeconfigPath, 'trace', 'widget/web')).toMatchObject({
      code: 2,
      err: expect.stringContaining('knows no kind widget'),
    });
    expect(await plumbline(kubeconfigPath, 'history', `${stage.namespace}/nobody`)).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no GitOpsSource'),
    });
    expect(await plumbline(kubeconfigPath, 'at', 'teatime')).toMatchObject({
      code: 64,
      err: expect.stringContaining('teatime is no time'),
    });
  });

  test('keeps historyLimit records, and counts corrections on the running one', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('a', { round: '0' }) });
    await stage.source({ historyLimit: 2 });
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    for (let round = 1; round <= 3; round += 1) await stage.deploy({ 'a.yaml': configMap('a', { round: String(round) }) });
    await waitFor('the oldest are gone', async () => (await recordsOf(stage)).map(({ revision }) => revision).join() === '3,4');
    await stage.kubectl('delete', 'configmap', 'a');
    const corrected = await waitFor(
      'the correction is counted',
      async () => {
        const top = (await recordsOf(stage)).at(-1);
        return top?.metadata.annotations['plumbline.dev/corrections'];
      },
      20_000,
    );
    expect(Object.values(JSON.parse(corrected))).toEqual([1]);
    expect(await recordsOf(stage)).toHaveLength(2);
  });

  test('records an edit of the spec that changes something as one', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await stage.repo.write({ 'a/a.yaml': configMap('a'), 'b/b.yaml': configMap('b') });
    await stage.source({ path: 'a' });
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    await patchSource(cluster, stage.namespace, 'shop', { spec: { interval: '6s' } });
    await patchSource(cluster, stage.namespace, 'shop', { spec: { path: null } });
    const [, two] = await records(stage, 2);
    expect(two.data).toMatchObject({ cause: 'Spec', created: [`ConfigMap ${stage.namespace}/b`] });
  });
});

describe('a crash', () => {
  const scene = useScene({ operator: false });

  async function recordsOf(stage: Stage): Promise<readonly Json[]> {
    const path = `/apis/apps/v1/namespaces/${stage.namespace}/controllerrevisions`;
    const { items } = await scene().cluster.request.ok('GET', path);
    return items.toSorted((a: Json, b: Json) => a.revision - b.revision);
  }

  /** Applies a first revision, then kills the operator at the first request for which `when` says so, while the second is brought in. */
  async function killedAt(when: (what: string) => boolean): Promise<{ readonly stage: Stage; readonly second: string }> {
    const { cluster } = scene();
    const stage = await scene().stage();
    const proxy = await startProxy(cluster, 'killed');
    const flags = [`--namespaces=${stage.namespace}`];
    try {
      await using operator = await startOperator({ kubeconfigPath: proxy.kubeconfigPath, flags });
      await stage.repo.write({ 'a.yaml': configMap('a', { round: '1' }) });
      await stage.source();
      await waitFor('the first is recorded', async () => (await recordsOf(stage)).length === 1);
      const killed = new Promise<void>((resolve) => {
        proxy.hook = async (request, moment) => {
          if (moment === 'after' || !when(writeText(request))) return undefined;
          proxy.hook = undefined;
          await operator.kill('SIGKILL');
          resolve();
          return 'drop';
        };
      });
      const second = await stage.repo.write({ 'a.yaml': configMap('a', { round: '2' }) });
      await stage.request();
      await killed;
      return { stage, second };
    } finally {
      await proxy.close();
    }
  }

  test.each([
    ['before the outcome is told', (what: string) => what === 'PATCH gitopssources/shop/status', true],
    [
      'before the record is written',
      (what: string) => what === 'POST shop/controllerrevisions' || /^POST .*controllerrevisions$/.test(what),
      false,
    ],
  ])('%s loses no entry: the next process writes it, once', async (_, when, afterNote) => {
    const { cluster } = scene();
    // The note of the attempt is the first status patch, the outcome the second.
    let notes = afterNote ? 1 : 0;
    const { stage, second } = await killedAt((what) => when(what) && (notes -= 1) < 0);
    expect(await recordsOf(stage)).toHaveLength(1);
    await using again = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags: [`--namespaces=${stage.namespace}`] });
    await waitUntilApplied(cluster, stage.namespace, 'shop', second);
    await waitFor('the second is recorded', async () => (await recordsOf(stage)).length >= 2);
    await stage.deploy({ 'a.yaml': configMap('a', { round: '3' }) });
    await waitFor('the third is recorded', async () => (await recordsOf(stage)).length >= 3);
    const all = await recordsOf(stage);
    expect(all.map(({ revision, data }) => [revision, data.result])).toEqual([
      [1, 'Healthy'],
      [2, 'Healthy'],
      [3, 'Healthy'],
    ]);
    expect(all[1].data.commit.sha).toBe(second);
    expect(all[1].data.interrupted).toBe(afterNote ? true : undefined);
    expect(again.output()).not.toContain('cannot be written');
  });

  test('a revision that comes while no operator runs is recorded with what ran before it', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const flags = [`--namespaces=${stage.namespace}`];
    {
      await using _first = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags });
      const commit = await stage.repo.write({ 'web.yaml': deployment('web', 'web:1'), 'job.yaml': deployment('job', 'job:1') });
      await stage.source();
      await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    }
    const next = await stage.repo.write({ 'web.yaml': deployment('web', 'web:2') });
    await using _second = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags });
    await waitUntilApplied(cluster, stage.namespace, 'shop', next);
    await waitFor('it is recorded', async () => (await recordsOf(stage)).length === 2);
    expect((await recordsOf(stage))[1].data.images).toEqual([
      { workload: `Deployment ${stage.namespace}/web`, container: 'web', before: 'web:1', after: 'web:2' },
    ]);
  });

  test('the trail outlives its source, and goes once its time is over', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const flags = [`--namespaces=${stage.namespace}`];
    const proxy = await startProxy(cluster, 'ended');
    try {
      await using operator = await startOperator({ kubeconfigPath: proxy.kubeconfigPath, flags });
      await stage.repo.write({ 'a.yaml': configMap('a') });
      await stage.source();
      await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
      const bad = await stage.repo.write({ 'b.yaml': 'no: object\n' });
      await stage.request();
      await waitForCondition(cluster, stage.namespace, 'shop', { status: 'False', reason: 'RenderFailed' });
      let atRelease: readonly Json[] = [];
      proxy.hook = async (request, moment) => {
        if (moment === 'before' && writeText(request) === 'PATCH gitopssources/shop') atRelease = await recordsOf(stage);
        return undefined;
      };
      await stage.kubectl('delete', 'gos', 'shop', '--timeout=20s');
      // Whoever is killed from then on loses nothing.
      expect(atRelease.map(({ data }) => [data.commit.sha === bad, data.result])).toEqual([
        [false, 'Healthy'],
        [true, 'Failed'],
      ]);
      const ended = atRelease[1].metadata.annotations['plumbline.dev/source-ended'];
      expect(Date.now() - Date.parse(ended)).toBeLessThan(60_000);
      const history = await plumbline(cluster.kubeconfigPath, 'history', `${stage.namespace}/shop`);
      expect(history.out).toMatch(/^GitOpsSource \S+, gone since .*:\n.*\n2 .*Failed \(\w+\).*\n1 .* Healthy /);
      expect(operator.output()).not.toContain('cannot be written');
    } finally {
      await proxy.close();
    }
    {
      await using kept = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags: [...flags, '--log-level=debug'] });
      await waitFor('the trail is read', () => kept.logs().some((line) => line['message'] === 'audit trail read'));
      expect(await recordsOf(stage)).toHaveLength(2);
    }
    await using swept = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags: [...flags, '--history-retention=0s'] });
    await waitFor('the trail is gone', async () => (await recordsOf(stage)).length === 0);
    expect(swept.output()).not.toContain('cannot be written');
  });
});
