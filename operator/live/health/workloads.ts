/** Pure: the health of what runs pods for ever: Deployment, StatefulSet, DaemonSet, ReplicaSet. */
import type { KubeObject } from '../../kube/types.ts';
import { conditionAt, conditionText, isTrueAt, numberAt, textAt } from './fields.ts';
import { current, failed, inProgress } from './types.ts';
import type { Verdict } from './types.ts';

const unobserved = inProgress('its controller has not looked at it yet');

/** Current once every replica is updated and available and the Deployment says so itself; Failed past its progress deadline. */
export function deploymentHealth(object: KubeObject): Verdict {
  const progressing = conditionAt(object, 'Progressing');
  const refused = refusedPods(object);
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    return failed(
      `it made no progress within its deadline: ${counted(statusOf(object, 'availableReplicas'), replicasOf(object))} available${refused}`,
    );
  }
  const wanted = replicasOf(object);
  const there = statusOf(object, 'replicas');
  const updated = statusOf(object, 'updatedReplicas');
  const available = statusOf(object, 'availableReplicas');
  const ready = statusOf(object, 'readyReplicas');
  const paused = isTrueAt(object, 'spec', 'paused') ? ' (spec.paused holds it)' : '';
  if (wanted > there) return inProgress(`${counted(there, wanted)} created${paused}${refused}`);
  if (wanted > updated) return inProgress(`${counted(updated, wanted)} updated${paused}${refused}`);
  if (there > wanted) return inProgress(leaving(there - wanted));
  if (updated > available) return inProgress(`${counted(available, wanted)} available${refused}`);
  if (wanted > ready) return inProgress(`${counted(ready, wanted)} ready`);
  // Without a deadline the controller never says that it progresses.
  const hasDeadline = (numberAt(object, 'spec', 'progressDeadlineSeconds') ?? noDeadline) !== noDeadline;
  if (hasDeadline && !(progressing?.status === 'True' && progressing.reason === 'NewReplicaSetAvailable')) {
    return progressing === undefined
      ? unobserved
      : inProgress(`its new ReplicaSet is not available: ${conditionText(progressing)}${paused}`);
  }
  const availability = conditionAt(object, 'Available');
  if (availability?.status === 'True') return current;
  return availability === undefined ? unobserved : inProgress(`it is not available: ${conditionText(availability)}`);
}

/** Current once every replica is there, ready and of the latest revision; one that is updated by hand always is. */
export function statefulSetHealth(object: KubeObject): Verdict {
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete') return current;
  const wanted = replicasOf(object);
  const there = statusOf(object, 'replicas');
  const ready = statusOf(object, 'readyReplicas');
  if (wanted > there) return inProgress(`${counted(there, wanted)} created`);
  if (wanted > ready) return inProgress(`${counted(ready, wanted)} ready`);
  if (there > wanted) return inProgress(leaving(there - wanted));
  const partition = numberAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition');
  const updated = statusOf(object, 'updatedReplicas');
  if (partition !== undefined) {
    const beyond = Math.max(0, wanted - partition);
    return updated < beyond ? inProgress(`${counted(updated, beyond)} updated${partition > 0 ? ' beyond its partition' : ''}`) : current;
  }
  const status = (key: string) => textAt(object, 'status', key);
  if (status('currentRevision') !== status('updateRevision')) return inProgress(`${counted(updated, wanted)} updated`);
  if (wanted > statusOf(object, 'currentReplicas'))
    return inProgress(`${counted(statusOf(object, 'currentReplicas'), wanted)} of its current revision`);
  return current;
}

/** Current once every node that is to have a pod has one that is updated and ready. */
export function daemonSetHealth(object: KubeObject): Verdict {
  const wanted = numberAt(object, 'status', 'desiredNumberScheduled');
  const isSeen = object.metadata.generation !== undefined && numberAt(object, 'status', 'observedGeneration') !== undefined;
  if (wanted === undefined || !isSeen) return unobserved;
  const scheduled = statusOf(object, 'currentNumberScheduled');
  const updated = statusOf(object, 'updatedNumberScheduled');
  const available = statusOf(object, 'numberAvailable');
  const ready = statusOf(object, 'numberReady');
  const byHand = textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete';
  if (wanted > scheduled) return inProgress(`${counted(scheduled, wanted, 'node')} given its pod`);
  if (wanted > updated && !byHand) return inProgress(`${counted(updated, wanted, 'pod')} updated`);
  if (wanted > available) return inProgress(`${counted(available, wanted, 'pod')} available`);
  if (wanted > ready) return inProgress(`${counted(ready, wanted, 'pod')} ready`);
  return current;
}

/** Current once every replica is there and available. */
export function replicaSetHealth(object: KubeObject): Verdict {
  const failure = conditionAt(object, 'ReplicaFailure');
  if (failure?.status === 'True') return inProgress(`its pods cannot be made: ${conditionText(failure)}`);
  const wanted = replicasOf(object);
  const there = statusOf(object, 'replicas');
  for (const [key, word] of [
    ['fullyLabeledReplicas', 'created'],
    ['availableReplicas', 'available'],
    ['readyReplicas', 'ready'],
  ] as const) {
    if (wanted > statusOf(object, key)) return inProgress(`${counted(statusOf(object, key), wanted)} ${word}`);
  }
  return there > wanted ? inProgress(leaving(there - wanted)) : current;
}

/** What the controller takes for none. */
const noDeadline = 2 ** 31 - 1;

function replicasOf(object: KubeObject): number {
  return numberAt(object, 'spec', 'replicas') ?? 1;
}

function statusOf(object: KubeObject, key: string): number {
  return numberAt(object, 'status', key) ?? 0;
}

/** Quotas, policies and webhooks refuse pods: a Deployment passes that on. */
function refusedPods(object: KubeObject): string {
  const failure = conditionAt(object, 'ReplicaFailure');
  return failure?.status === 'True' ? `; its pods cannot be made: ${conditionText(failure)}` : '';
}

/** `1 of 3 replicas is`, `0 of 1 replicas are`. */
function counted(count: number, wanted: number, one = 'replica'): string {
  return `${count} of ${wanted} ${one}s ${count === 1 ? 'is' : 'are'}`;
}

function leaving(count: number): string {
  return `${count} ${count === 1 ? 'replica is' : 'replicas are'} still to go`;
}
