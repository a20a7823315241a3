/** Workloads and Pods as the API server shows them, and what is to be said of each. */
import { conditions } from './made.ts';
import type { Row } from './made.ts';

const done = conditions('Progressing=True NewReplicaSetAvailable', 'Available=True');
const all = (count: number) => ({ replicas: count, updatedReplicas: count, readyReplicas: count, availableReplicas: count });

/** By kind. Objects are assessed at 2026-11-25T12:00:00Z. */
export const workloads: Readonly<Record<string, readonly Row[]>> = {
  'Deployment apps/v1': [
    ['nobody has looked at', {}, 'InProgress', '0 of 1 replicas are created'],
    ['without a deadline and available', { status: { observedGeneration: 1, ...all(1), ...conditions('Available=True') } }, 'Current'],
    ['all up', { status: { observedGeneration: 1, ...all(1), ...done } }, 'Current'],
    ['of no replicas', { spec: { replicas: 0, progressDeadlineSeconds: 600 }, status: { observedGeneration: 1, ...done } }, 'Current'],
    [
      'of no replicas, unseen',
      { spec: { replicas: 0, progressDeadlineSeconds: 600 } },
      'InProgress',
      'its controller has not looked at it yet',
    ],
    [
      'of another generation',
      { metadata: { generation: 3 }, status: { observedGeneration: 2, ...all(1), ...done } },
      'InProgress',
      'its controller has not seen its latest change (generation 3, seen 2)',
    ],
    ['being made', { spec: { replicas: 3 }, status: { replicas: 1 } }, 'InProgress', '1 of 3 replicas is created'],
    ['being updated', { spec: { replicas: 3 }, status: { ...all(3), updatedReplicas: 2 } }, 'InProgress', '2 of 3 replicas are updated'],
    [
      'paused',
      { spec: { replicas: 3, paused: true }, status: { ...all(3), updatedReplicas: 0 } },
      'InProgress',
      '0 of 3 replicas are updated (spec.paused holds it)',
    ],
    ['losing old ones', { spec: { replicas: 3 }, status: { ...all(3), replicas: 4 } }, 'InProgress', '1 replica is still to go'],
    [
      'not available',
      { spec: { replicas: 3 }, status: { ...all(3), availableReplicas: 2 } },
      'InProgress',
      '2 of 3 replicas are available',
    ],
    ['not ready', { spec: { replicas: 3 }, status: { ...all(3), readyReplicas: 1 } }, 'InProgress', '1 of 3 replicas is ready'],
    [
      'that does not progress',
      {
        spec: { progressDeadlineSeconds: 45 },
        status: { ...all(1), ...conditions('Progressing=False Why: who knows.', 'Available=True') },
      },
      'InProgress',
      'its new ReplicaSet is not available: Why: who knows',
    ],
    [
      'that says that it is not available',
      { status: { ...all(1), ...conditions('Progressing=True NewReplicaSetAvailable', 'Available=False MinimumReplicasUnavailable') } },
      'InProgress',
      'it is not available: MinimumReplicasUnavailable',
    ],
    [
      'past its deadline',
      { spec: { replicas: 2 }, status: { ...all(2), availableReplicas: 1, ...conditions('Progressing=False ProgressDeadlineExceeded') } },
      'Failed',
      'it made no progress within its deadline: 1 of 2 replicas is available',
    ],
    [
      'whose pods a quota refuses',
      { spec: { replicas: 2 }, status: { replicas: 1, ...conditions('ReplicaFailure=True FailedCreate: exceeded quota: small') } },
      'InProgress',
      '1 of 2 replicas is created; its pods cannot be made: FailedCreate: exceeded quota: small',
    ],
  ],
  'StatefulSet apps/v1': [
    ['nobody has looked at', {}, 'InProgress', '0 of 1 replicas are created'],
    ['with a status that says nothing', { status: { observedGeneration: 1, currentReplicas: 1 } }, 'InProgress'],
    ['all up', { spec: { replicas: 4 }, status: { currentReplicas: 4, readyReplicas: 4, replicas: 4 } }, 'Current'],
    [
      'not ready',
      { spec: { replicas: 4 }, status: { currentReplicas: 4, readyReplicas: 2, replicas: 4 } },
      'InProgress',
      '2 of 4 replicas are ready',
    ],
    [
      'of an old revision',
      { spec: { replicas: 4 }, status: { currentReplicas: 2, readyReplicas: 4, replicas: 4 } },
      'InProgress',
      '2 of 4 replicas are of its current revision',
    ],
    [
      'being updated',
      { spec: { replicas: 2 }, status: { replicas: 2, readyReplicas: 2, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' } },
      'InProgress',
      '1 of 2 replicas is updated',
    ],
    [
      'with too many pods',
      { spec: { replicas: 4 }, status: { currentReplicas: 4, readyReplicas: 4, replicas: 8 } },
      'InProgress',
      '4 replicas are still to go',
    ],
    ['that is updated by hand', { spec: { updateStrategy: { type: 'OnDelete' } } }, 'Current'],
    [
      'updated beyond its partition',
      {
        spec: { replicas: 4, updateStrategy: { rollingUpdate: { partition: 3 } } },
        status: { replicas: 4, readyReplicas: 4, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
      },
      'Current',
    ],
    [
      'not updated beyond its partition',
      {
        spec: { replicas: 4, updateStrategy: { rollingUpdate: { partition: 2 } } },
        status: { replicas: 4, readyReplicas: 4, updatedReplicas: 1 },
      },
      'InProgress',
      '1 of 2 replicas is updated beyond its partition',
    ],
  ],
  'DaemonSet apps/v1': [
    ['nobody has looked at', {}, 'InProgress', 'its controller has not looked at it yet'],
    ['with a status that says nothing', { status: { observedGeneration: 1 } }, 'InProgress'],
    ['all up', { status: daemons(4, {}) }, 'Current'],
    ['on no node', { status: daemons(0, {}) }, 'Current'],
    ['of another generation', { metadata: { generation: 2 }, status: daemons(4, {}) }, 'InProgress', /generation 2, seen 1/],
    ['not on every node', { status: daemons(4, { currentNumberScheduled: 3 }) }, 'InProgress', '3 of 4 nodes are given its pod'],
    ['being updated', { status: daemons(4, { updatedNumberScheduled: 1 }) }, 'InProgress', '1 of 4 pods is updated'],
    ['updated by hand', { spec: { updateStrategy: { type: 'OnDelete' } }, status: daemons(4, { updatedNumberScheduled: 1 }) }, 'Current'],
    ['not available', { status: daemons(4, { numberAvailable: 2 }) }, 'InProgress', '2 of 4 pods are available'],
    ['not ready', { status: daemons(4, { numberReady: 2 }) }, 'InProgress', '2 of 4 pods are ready'],
  ],
  'ReplicaSet apps/v1': [
    ['nobody has looked at', {}, 'InProgress', '0 of 1 replicas are created'],
    ['all up', { spec: { replicas: 2 }, status: { ...all(2), fullyLabeledReplicas: 2, ...conditions('ReplicaFailure=False') } }, 'Current'],
    [
      'not ready',
      { spec: { replicas: 4 }, status: { ...all(4), fullyLabeledReplicas: 4, readyReplicas: 2 } },
      'InProgress',
      '2 of 4 replicas are ready',
    ],
    [
      'not available',
      { spec: { replicas: 4 }, status: { ...all(4), fullyLabeledReplicas: 4, availableReplicas: 2 } },
      'InProgress',
      '2 of 4 replicas are available',
    ],
    [
      'with too many pods',
      { spec: { replicas: 1 }, status: { ...all(2), fullyLabeledReplicas: 2 } },
      'InProgress',
      '1 replica is still to go',
    ],
    [
      'whose pods are refused',
      { spec: { replicas: 4 }, status: { ...all(4), fullyLabeledReplicas: 4, ...conditions('ReplicaFailure=True FailedCreate') } },
      'InProgress',
      'its pods cannot be made: FailedCreate',
    ],
  ],
  'Pod v1': [
    ['no kubelet has seen', {}, 'InProgress', 'no node has taken it up yet'],
    ['that is ready', { status: { phase: 'Running', ...conditions('Ready=True') } }, 'Current'],
    ['that has succeeded', { status: { phase: 'Succeeded', ...conditions('Ready=False PodCompleted') } }, 'Current'],
    ['that has failed', { status: { phase: 'Failed', ...conditions('Ready=False PodCompleted') } }, 'Current'],
    [
      'that waits for a node',
      {
        metadata: { creationTimestamp: '2026-11-25T11:59:50Z' },
        status: { phase: 'Pending', ...conditions('PodScheduled=False Unschedulable: 0/3 nodes.') },
      },
      'InProgress',
      'it is pending: no node can take it: 0/3 nodes',
    ],
    [
      'that found no node',
      {
        metadata: { creationTimestamp: '2026-11-25T11:59:00Z' },
        status: { phase: 'Pending', ...conditions('PodScheduled=False Unschedulable: 0/3 nodes.') },
      },
      'Failed',
      'no node can take it: 0/3 nodes',
    ],
    [
      'of no known age that found no node',
      { status: { phase: 'Pending', ...conditions('PodScheduled=False Unschedulable') } },
      'Failed',
      'no node can take it: Unschedulable',
    ],
    [
      'that crashes',
      { status: { phase: 'Running', containerStatuses: [{ name: 'nginx', state: { waiting: { reason: 'CrashLoopBackOff' } } }] } },
      'Failed',
      'container nginx crashes again and again (CrashLoopBackOff)',
    ],
    [
      'one container of which crashes while another waits for its image',
      {
        status: {
          phase: 'Running',
          containerStatuses: [
            { name: 'agent', image: 'registry.example.com/agent:2', state: { waiting: { reason: 'ImagePullBackOff' } } },
            { name: 'nginx', state: { waiting: { reason: 'CrashLoopBackOff' } } },
          ],
        },
      },
      'Failed',
      'container nginx crashes again and again (CrashLoopBackOff); container agent cannot pull image registry.example.com/agent:2 (ImagePullBackOff)',
    ],
    [
      'only an init container of which crashes',
      { status: { phase: 'Running', initContainerStatuses: [{ name: 'proxy', state: { waiting: { reason: 'CrashLoopBackOff' } } }] } },
      'InProgress',
      'it runs but is not ready: init container proxy crashes again and again (CrashLoopBackOff)',
    ],
    [
      'that runs and is not ready',
      { status: { phase: 'Running', ...conditions('Ready=False ContainersNotReady') } },
      'InProgress',
      'it runs but is not ready: it is not ready: ContainersNotReady',
    ],
    ['whose node is lost', { status: { phase: 'Unknown', reason: 'NodeLost' } }, 'Unknown', 'its phase is Unknown: NodeLost'],
  ],
};

function daemons(count: number, but: object): object {
  const names = ['desiredNumberScheduled', 'currentNumberScheduled', 'updatedNumberScheduled', 'numberAvailable', 'numberReady'];
  return { observedGeneration: 1, ...Object.fromEntries(names.map((name) => [name, count])), ...but };
}
