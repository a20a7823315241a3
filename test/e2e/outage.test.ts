import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { type Operator, startOperator } from './operator.ts';
import { type ApiProxy, isWrite, startProxy, writeText } from './proxy.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { conditionOf, getSource, waitForCondition, waitUntilApplied } from './sources.ts';

/** Three stages of an apply. */
function revision(round: string): Record<string, string> {
  const service = `apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {round: "${round}"}}\nspec: {ports: [{port: 80}]}\n`;
  return { 'a.yaml': configMap('a', { round }), 'b.yaml': configMap('b', { round }), 'web.yaml': service };
}

describe('the API server goes away', () => {
  const scene = useScene({ operator: false });
  let proxy: ApiProxy;
  let operator: Operator;
  beforeAll(async () => {
    proxy = await startProxy(scene().cluster, 'outage');
    operator = await startOperator({ kubeconfigPath: proxy.kubeconfigPath });
  }, 30_000);
  afterEach(() => {
    proxy.hook = undefined;
  });
  afterAll(async () => {
    await operator.stop();
    await proxy.close();
  }, 30_000);

  async function applied(): Promise<Stage> {
    const stage = await scene().stage();
    const commit = await stage.repo.write(revision('1'));
    await stage.source();
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    return stage;
  }
  /** What the operator logs when it can tell nobody else. */
  const failures = (): readonly unknown[] =>
    operator
      .logs()
      .filter((line) => line['message'] === 'the outcome cannot be told')
      .map((line) => line['reason']);

  test('answers with errors of its own for objects alone: the condition says so, nothing else moves', async () => {
    const stage = await applied();
    // Everything about objects breaks; the source can still be told of it.
    proxy.hook = (request) => Promise.resolve(isWrite(request) && !request.url.includes('gitopssources') ? 'drop' : undefined);
    const commit = await stage.repo.write(revision('2'));
    await stage.request();
    const source = await waitForCondition(scene().cluster, stage.namespace, 'shop', {
      status: 'False',
      reason: 'ApiServerUnavailable',
      deadlineMs: 45_000,
    });
    const message = conditionOf(source, 'Ready')?.message ?? '';
    expect(message).toContain(`a.yaml:1 ConfigMap ${stage.namespace}/a: the connection to the API server was cut`);
    expect(message).toMatch(/Nothing was changed; main@[0-9a-f]{7} keeps running\. Not Ready since 20\d\d-/);
    expect((await stage.get('configmap', 'a')).data.round).toBe('1');
    expect(source.status.revision.applied.commit).not.toBe(commit);
    proxy.hook = undefined;
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit, 45_000);
  }, 120_000);

  test('restarted in the middle of an apply, it finds the revision finished without help', async () => {
    const stage = await applied();
    const { uid } = (await stage.get('configmap', 'a')).metadata;
    let restarted: Promise<void> | undefined;
    proxy.hook = async (request, when) => {
      if (when === 'before' || restarted !== undefined || writeText(request) !== 'PATCH configmaps/a' || !isWrite(request))
        return undefined;
      restarted = scene().cluster.restartApiServer('SIGKILL');
      return undefined;
    };
    const commit = await stage.repo.write(revision('2'));
    await stage.request();
    await waitFor('it is killed', () => restarted !== undefined);
    await restarted;
    const source = await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit, 45_000);
    expect((await stage.get('service', 'web')).metadata.annotations.round).toBe('2');
    expect(await stage.get('configmap', 'a')).toMatchObject({ metadata: { uid }, data: { round: '2' } });
    expect(source.status.revision).toMatchObject({ observed: { commit }, attempted: { commit }, applied: { commit } });
  }, 90_000);

  test('away for a while, the operator stays, changes nothing, and goes on by itself', async () => {
    const stage = await applied();
    const before = await stage.get('configmap', 'a');
    await scene().cluster.stopApiServer('SIGKILL');
    const commit = await stage.repo.write(revision('2'));
    await waitFor('the new commit was tried, in vain', () => failures().includes('ApiServerUnavailable'), 60_000);
    const { status } = await fetch(`${operator.metricsUrl}/healthz`);
    expect(status).toBe(200);
    await scene().cluster.startApiServer();
    expect((await stage.get('configmap', 'a')).metadata.uid).toBe(before.metadata.uid);
    const source = await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit, 60_000);
    expect((await stage.get('configmap', 'b')).data.round).toBe('2');
    expect(conditionOf(source, 'Ready')?.message).toMatch(/3 changed/);
    expect(operator.logs().map((line) => line['reason'])).not.toContain('InternalError');
  }, 120_000);
});

describe("the operator's credentials are revoked", () => {
  const scene = useScene({ operator: false });
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'plumbline-outage-'));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  test('and given back: nothing changes meanwhile, the condition says so as soon as it can, nobody has to help', async () => {
    const { cluster } = scene();
    const system = await cluster.namespace('plumbline');
    await cluster.account(system, 'plumbline', { clusterRole: 'cluster-admin', everywhere: true });
    const kubeconfigPath = join(home, 'kubeconfig');
    await writeFile(kubeconfigPath, await cluster.accountKubeconfig(system, 'plumbline'));
    await using operator = await startOperator({ kubeconfigPath });
    const stage = await scene().stage();
    const first = await stage.repo.write(revision('1'));
    await stage.source();
    await waitUntilApplied(cluster, stage.namespace, 'shop', first);

    const binding = `${system}-plumbline-cluster-admin`;
    await cluster.kubectl('delete', 'clusterrolebinding', binding);
    const commit = await stage.repo.write(revision('2'));
    const seen = (): readonly unknown[] => operator.logs().map((line) => line['reason']);
    await waitFor('it was tried, in vain', () => seen().includes('OperatorForbidden'), 20_000);
    expect((await fetch(`${operator.metricsUrl}/healthz`)).status).toBe(200);
    expect((await getSource(cluster, stage.namespace, 'shop')).status.revision.applied.commit).toBe(first);
    expect((await stage.get('configmap', 'a')).data.round).toBe('1');

    // The rights over sources alone are back: now it can say what it still lacks.
    await cluster.kubectl(
      'create',
      'clusterrole',
      `${system}-tell`,
      '--verb=*',
      '--resource=gitopssources.plumbline.dev,gitopssources.plumbline.dev/status',
    );
    await cluster.kubectl(
      'create',
      'clusterrolebinding',
      `${system}-tell`,
      `--clusterrole=${system}-tell`,
      `--serviceaccount=${system}:plumbline`,
    );
    const source = await waitForCondition(cluster, stage.namespace, 'shop', {
      status: 'False',
      reason: 'OperatorForbidden',
      deadlineMs: 45_000,
    });
    const message = conditionOf(source, 'Ready')?.message ?? '';
    expect(message).toMatch(new RegExp(`${system}:plumbline.* cannot `));
    expect(message).toContain('Nothing was changed; main@');
    expect(message).toContain("Compare the operator's ClusterRole with the chart's.");

    await cluster.kubectl('create', 'clusterrolebinding', binding, '--clusterrole=cluster-admin', `--serviceaccount=${system}:plumbline`);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 45_000);
    expect((await stage.get('configmap', 'a')).data.round).toBe('2');
    expect(seen()).not.toContain('InternalError');
  }, 120_000);
});
