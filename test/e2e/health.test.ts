import { describe, expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { statusWrites } from './audit.ts';
import { waitFor } from './cluster.ts';
import { configMap, deployment, useScene } from './scene.ts';
import type { Stage } from './scene.ts';
import { podsWith, ready, reportPods, web } from './pods.ts';
import { waitForEvent } from './refused.ts';
import { conditionOf, waitForCondition } from './sources.ts';

function job(name: string): string {
  return `apiVersion: batch/v1
kind: Job
metadata: {name: ${name}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: ${name}, image: registry.example.com/${name}:1}]
`;
}

const lost = { phase: 'Running', conditions: [{ type: 'Ready', status: 'False', reason: 'NodeNotReady' }] };

describe('the health of what is deployed', () => {
  const scene = useScene();

  const podsOf = (stage: Stage, image: string, count: number) => podsWith(scene().cluster, stage.namespace, image, count);
  const report = (stage: Stage, pods: readonly string[], status: object) => reportPods(scene().cluster, stage.namespace, pods, status);
  const healthy = (stage: Stage) => waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Healthy', status: 'True' });

  test('is True at once, in one status patch, where there is nothing to wait for', async () => {
    const stage = await scene().stage();
    const commit = await stage.repo.write({ 'all.yaml': `${configMap('settings')}---\n${deployment('none')}` });
    const audit = await scene().cluster.audit();
    await stage.source();
    const source = await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True', reason: 'Applied' });
    expect(source.status).toMatchObject({
      revision: { applied: { commit }, healthy: { commit } },
      objects: { total: 2, healthy: 2 },
      display: { healthy: '2/2' },
    });
    expect(conditionOf(source, 'Healthy')).toMatchObject({ status: 'True', reason: 'Healthy', message: 'All 2 objects are healthy.' });
    expect(statusWrites(await audit.events(), stage.namespace)).toHaveLength(1);
  });

  test('of a rollout is waited for, told as it comes, and moves the healthy revision', async () => {
    const stage = await scene().stage();
    const commit = await stage.repo.write({ 'web.yaml': web(2) });
    await stage.source();
    const waiting = await waitForCondition(scene().cluster, stage.namespace, 'shop', {
      status: 'Unknown',
      reason: 'AwaitingHealth',
      message: 'Deployment',
    });
    expect(waiting.status.revision.applied.commit).toBe(commit);
    expect(waiting.status.revision.healthy).toBeUndefined();
    expect(waiting.status.display.healthy).toBe('0/1');
    expect(conditionOf(waiting, 'Reconciling')).toMatchObject({ status: 'True', reason: 'AwaitingHealth' });
    const pods = await podsOf(stage, 'registry.example.com/web:1', 2);
    await report(stage, pods.slice(0, 1), ready);
    await waitForCondition(scene().cluster, stage.namespace, 'shop', {
      type: 'Healthy',
      status: 'False',
      message: '1 of 2 replicas is available',
    });
    await report(stage, pods.slice(1), ready);
    const done = await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True', reason: 'Applied' });
    expect(done.status).toMatchObject({ revision: { healthy: { commit } }, display: { healthy: '1/1' }, objects: { healthy: 1 } });
    await waitFor('the metrics say so', async () => {
      const labels = { namespace: stage.namespace, source: 'shop' };
      const { operator } = scene();
      const stages = await operator.metric('plumbline_revision_info', { ...labels, stage: 'healthy', commit });
      return stages === 1 && (await operator.metric('plumbline_objects', { ...labels, state: 'healthy' })) === 1;
    });
    for (const reason of ['Applied', 'Healthy']) await waitForEvent(scene().cluster, stage.namespace, 'shop', reason);
  });

  test('falls a week later, is told with the reason of its pods, and leaves Ready alone', async () => {
    const stage = await scene().stage();
    const commit = await stage.repo.write({ 'web.yaml': web(1) });
    await stage.source();
    const pods = await podsOf(stage, 'registry.example.com/web:1', 1);
    await report(stage, pods, ready);
    await healthy(stage);
    await report(stage, pods, lost);
    const fallen = await waitForCondition(scene().cluster, stage.namespace, 'shop', {
      type: 'Healthy',
      status: 'False',
      message: `0 of 1 replicas are available; pod ${pods[0]}: it is not ready: NodeNotReady`,
    });
    expect(conditionOf(fallen, 'Ready')).toMatchObject({ status: 'True', reason: 'Applied' });
    expect(fallen.status).toMatchObject({ revision: { applied: { commit }, healthy: { commit } }, display: { healthy: '0/1' } });
    await report(stage, pods, ready);
    expect((await healthy(stage)).status.display.healthy).toBe('1/1');
    const reasons = await waitFor('both are events', async () => {
      const events = await eventsOf(stage);
      const told = events.map((event) => event.reason);
      return told.includes('Unhealthy') && told.includes('Healthy') && told;
    });
    expect(reasons).not.toContain('HealthTimeout');
  });

  test('that a new revision does not reach in time is a failure, with the image that cannot be pulled; both stay visible', async () => {
    const stage = await scene().stage();
    const good = await stage.repo.write({ 'web.yaml': web(1) });
    await stage.source({ health: { wait: true, timeout: '8s' } });
    await report(stage, await podsOf(stage, 'registry.example.com/web:1', 1), ready);
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    const bad = await stage.repo.write({ 'web.yaml': web(1, 'registry.example.com/web:2') });
    await stage.request();
    const [pod = ''] = await podsOf(stage, 'registry.example.com/web:2', 1);
    const waiting = { state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image' } } };
    await report(stage, [pod], {
      phase: 'Pending',
      containerStatuses: [{ name: 'web', image: '', imageID: '', ready: false, restartCount: 0, ...waiting }],
    });
    const failed = await waitForCondition(scene().cluster, stage.namespace, 'shop', {
      status: 'False',
      reason: 'HealthTimeout',
      message: `Deployment ${stage.namespace}/web: `,
      deadlineMs: 25_000,
    });
    expect(conditionOf(failed, 'Ready')?.message).toMatch(
      /^main@\w{7} is applied, and did not become healthy within 8s: 1 of 1 object is not healthy/,
    );
    expect(conditionOf(failed, 'Ready')?.message).toContain(
      `pod ${pod}: container web cannot pull image registry.example.com/web:2 (ImagePullBackOff): Back-off pulling image`,
    );
    expect(failed.status.revision).toMatchObject({ observed: { commit: bad }, applied: { commit: bad }, healthy: { commit: good } });
    await waitForEvent(scene().cluster, stage.namespace, 'shop', 'HealthTimeout');
    // It heals by the next push.
    const mended = await stage.repo.write({ 'web.yaml': web(1) });
    await stage.request();
    const healed = await waitForCondition(scene().cluster, stage.namespace, 'shop', {
      status: 'True',
      applied: mended,
      deadlineMs: 30_000,
    });
    expect(healed.status.revision.healthy.commit).toBe(mended);
  });

  test('is not waited for where the spec says so, and told all the same', async () => {
    const stage = await scene().stage();
    const commit = await stage.repo.write({ 'web.yaml': web(1) });
    await stage.source({ health: { wait: false } });
    const source = await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True', applied: commit });
    expect(conditionOf(source, 'Reconciling')).toMatchObject({ status: 'False', reason: 'Idle' });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Healthy', status: 'False', reason: 'InProgress' });
    await report(stage, await podsOf(stage, 'registry.example.com/web:1', 1), ready);
    expect((await healthy(stage)).status.revision.healthy.commit).toBe(commit);
  });

  test('of a Job is its success or its failure, with what its pod ended with', async () => {
    const stage = await scene().stage();
    await stage.repo.write({ 'good.yaml': job('good'), 'bad.yaml': job('bad') });
    await stage.source({ health: { wait: false } });
    const [good = ''] = await podsOf(stage, 'registry.example.com/good:1', 1);
    const [bad = ''] = await podsOf(stage, 'registry.example.com/bad:1', 1);
    const ended = (name: string, exitCode: number) => ({
      containerStatuses: [
        {
          name,
          image: '',
          imageID: '',
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' } },
        },
      ],
    });
    await report(stage, [good], { phase: 'Succeeded', ...ended('good', 0) });
    await report(stage, [bad], { phase: 'Failed', ...ended('bad', 7) });
    const source = await waitForCondition(scene().cluster, stage.namespace, 'shop', {
      type: 'Healthy',
      status: 'False',
      reason: 'Unhealthy',
      message: `pod ${bad}: container bad ended with exit code 7`,
    });
    expect(conditionOf(source, 'Healthy')?.message).toMatch(
      /1 of 2 objects is not healthy: Job \S+\/bad: it has failed: BackoffLimitExceeded/,
    );
    expect(source.status.display.healthy).toBe('1/2');
  });

  test('of an object that is being deleted is not healthy', async () => {
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('a', {}, '  finalizers: [shop.example.com/hold]\n') });
    await stage.source();
    await healthy(stage);
    await stage.kubectl('delete', 'configmap', 'a', '--wait=false');
    await waitForCondition(scene().cluster, stage.namespace, 'shop', {
      type: 'Healthy',
      status: 'False',
      message: 'it is being deleted, which a finalizer holds (shop.example.com/hold)',
    });
    await stage.kubectl('patch', 'configmap', 'a', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await healthy(stage);
  });

  async function eventsOf(stage: Stage): Promise<readonly Json[]> {
    const list: Json = await scene().cluster.request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${stage.namespace}/events`);
    return list.items.filter((event: Json) => event.regarding.kind === 'GitOpsSource');
  }
});
