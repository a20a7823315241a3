import { serialize } from 'node:v8';
import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../operator/kube/types.ts';
import { emptyRoom, forget, keepOf, note, textFor } from '../../operator/live/pod-room.ts';

/** A pod as long as real ones are, that crashes. */
function crashing(workload: number, index: number): KubeObject {
  const name = `web-${workload}-7d9f8b6c5d-${index}`;
  const env = Array.from({ length: 60 }, (_, one) => ({ name: `SETTING_${one}`, value: 'x'.repeat(100) }));
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${workload}-7d9f8b6c5d`, uid: `rs-${workload}`, controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      resourceVersion: '1',
      labels: { 'app.kubernetes.io/name': `web-${workload}`, 'app.kubernetes.io/part-of': 'shop', 'pod-template-hash': '7d9f8b6c5d' },
      annotations: { 'shop.example.com/notes': 'x'.repeat(2_000) },
      ownerReferences: [owner],
      managedFields: env.map(({ name: manager }) => ({ manager })),
    },
    spec: { nodeName: 'node-1', containers: [{ name: 'web', image: 'registry.example.com/web:2', env }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'False', message: 'containers with unready status: [web]' }],
      containerStatuses: [
        {
          name: 'web',
          restartCount: index,
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'x'.repeat(1_000) } },
          lastState: { terminated: { exitCode: 1, message: 'x'.repeat(2_000) } },
        },
      ],
    },
  };
}

test('500 failing workloads of 30 pods each keep less than 600 bytes a pod, of 20 pods each', () => {
  const room = emptyRoom();
  const one = crashing(0, 0);
  for (let workload = 0; workload < 500; workload += 1) {
    for (let index = 0; index < 30; index += 1) note(room, keepOf(crashing(workload, index)));
  }
  const kept = [...room.owned.values()].map(({ owner, pods }) => ({ owner, pods: [...pods] }));
  expect(kept.reduce((sum, { pods }) => sum + pods.length, 0)).toBe(10_000);
  const bytes = serialize(kept).length;
  expect(bytes).toBeLessThan(6_000_000);
  expect(bytes).toBeLessThan((serialize(one).length * 15_000) / 20);
});

test('a pod that recovers is kept no longer, nor is an owner without ailing pods', () => {
  const room = emptyRoom();
  for (const index of [0, 1]) note(room, keepOf(crashing(1, index)));
  const well = { ...crashing(1, 0), status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } };
  note(room, keepOf(well));
  expect([...(room.owned.get('rs-1')?.pods.keys() ?? [])]).toEqual(['web-1-7d9f8b6c5d-1']);
  forget(room, crashing(1, 1));
  expect(room.owned.size).toBe(0);
});

test('of a workload only what is known for certain is said', () => {
  const room = emptyRoom();
  const workload = {
    key: 'k',
    namespace: 'shop',
    name: 'web-1',
    uid: 'deployment',
    selector: { matchLabels: { 'app.kubernetes.io/name': 'web-1' } },
  };
  expect(textFor(room, workload)).toBeUndefined();
  room.isListed = true;
  expect(textFor(room, workload)).toBe('');
  const owned = note(room, keepOf(crashing(1, 0)));
  if (owned === undefined) throw new Error('it ails');
  expect(textFor(room, workload)).toBeUndefined(); // whose the ReplicaSet is has yet to be asked
  owned.isAnswered = true;
  expect(textFor(room, workload)).toBe('');
  owned.parent = 'deployment';
  expect(textFor(room, workload)).toMatch(/^pod web-1-\S+: container web crashes again and again/);
  expect(textFor(room, { ...workload, selector: { matchLabels: { 'app.kubernetes.io/name': 'other' } } })).toBe('');
});

test('of thousands of finished Jobs only the pods of owners that are asked about are kept', () => {
  const room = emptyRoom();
  const workload = { key: 'k', namespace: 'shop', name: 'web-9', uid: 'deployment', selector: {} };
  room.looked.set('k', { workload, text: undefined });
  const failedJob = (index: number): KubeObject => {
    const pod = crashing(0, index);
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name: `job-${index}`, uid: `job-${index}`, controller: true };
    return { ...pod, metadata: { ...pod.metadata, name: `job-${index}-x`, ownerReferences: [owner] } };
  };
  note(room, keepOf(crashing(9, 0)));
  for (let index = 0; index < 5_000; index += 1) note(room, keepOf(failedJob(index)));
  expect([[...room.owned.keys()], room.isCut]).toEqual([['rs-9'], true]);
  note(room, keepOf({ ...crashing(9, 1), metadata: { ...crashing(9, 1).metadata, name: 'web-9-second' } }));
  expect(room.owned.get('rs-9')?.pods.size).toBe(2);
  for (let index = 0; index < 3_000; index += 1) {
    const pod = crashing(9, index);
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-9-${index}`, uid: `rs-9-${index}`, controller: true };
    note(room, keepOf({ ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } }));
  }
  expect(room.owned.size).toBe(2_000);
});
