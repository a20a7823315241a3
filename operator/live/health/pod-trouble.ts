/** Pure: why a pod is not well, from what its kubelet and the scheduler say of it. Never from logs, nor from what a container said last. */
import type { KubeObject } from '../../kube/types.ts';
import { conditionAt, conditionText, isTrueAt, listAt, mapAt, numberAt, quoted, textAt } from './fields.ts';

export interface Trouble {
  /** `container web cannot pull image registry.example.com/web:2 (ImagePullBackOff)`, without a full stop. */
  readonly text: string;
  /** The same for every pod that ails of the same; numbers that only grow are left out. */
  readonly kind: string;
  /** How much it tells; the highest is told first. */
  readonly weight: number;
}

/** A container that never got as far as to run, in the words of its kubelet, and what that means. */
const neverRan: Readonly<Record<string, string>> = {
  CreateContainerConfigError: 'cannot be configured',
  CreateContainerError: 'cannot be created',
  RunContainerError: 'cannot be started',
  PreCreateHookError: 'cannot be created',
  PostStartHookError: 'cannot be started: its postStart hook fails',
  PreStartHookError: 'cannot be started',
  ContainerCannotRun: 'cannot be started',
};

const imageReasons = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

/** Why this pod is not well; undefined when it is ready, has succeeded or is on its way out. */
export function podTrouble(pod: KubeObject): Trouble | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  const phase = textAt(pod, 'status', 'phase');
  if (phase === 'Succeeded') return undefined;
  const ready = conditionAt(pod, 'Ready');
  if (phase === 'Running' && ready?.status === 'True') return undefined;
  return ofScheduling(pod) ?? ofContainers(pod) ?? ofPhase(pod, phase) ?? ofReadiness(pod);
}

/** The first of its containers that crashes again and again, whatever else ails it; init containers aside. */
export function crashLoopOf(pod: KubeObject): Trouble | undefined {
  const crashing = listAt(pod, 'status', 'containerStatuses').find(
    (status) => textAt(status, 'state', 'waiting', 'reason') === 'CrashLoopBackOff',
  );
  if (crashing === undefined) return undefined;
  const name = textAt(crashing, 'name');
  const spec = listAt(pod, 'spec', 'containers').find((one) => textAt(one, 'name') === name);
  return crashTrouble(`container ${name}`, crashing, spec);
}

function ofScheduling(pod: KubeObject): Trouble | undefined {
  const scheduled = conditionAt(pod, 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  if (scheduled.reason === 'SchedulingGated') return trouble(`it is not scheduled: ${conditionText(scheduled)}`, 'gated', 8);
  const words = scheduled.message === '' ? conditionText(scheduled) : scheduled.message;
  return trouble(`no node can take it: ${words}`, `unschedulable ${words}`, 8);
}

/** The worst of its containers. */
function ofContainers(pod: KubeObject): Trouble | undefined {
  const found: Trouble[] = [];
  for (const [statuses, specs, word] of [
    ['initContainerStatuses', 'initContainers', 'init container'],
    ['containerStatuses', 'containers', 'container'],
  ] as const) {
    const stated = listAt(pod, 'spec', specs);
    for (const status of listAt(pod, 'status', statuses)) {
      const name = textAt(status, 'name');
      const spec = stated.find((one) => textAt(one, 'name') === name);
      const one = containerTrouble(`${word} ${name}`, status, spec, word === 'init container');
      if (one !== undefined) found.push(one);
    }
  }
  return found.toSorted((a, b) => b.weight - a.weight)[0];
}

function containerTrouble(name: string, status: unknown, spec: unknown, isInit: boolean): Trouble | undefined {
  const waiting = mapAt(status, 'state', 'waiting');
  const reason = textAt(waiting, 'reason');
  const said = quoted(textAt(waiting, 'message'));
  const words = said === '' ? '' : `: ${said}`;
  if (imageReasons.has(reason)) {
    const image = textAt(spec, 'image') || textAt(status, 'image');
    return trouble(`${name} cannot pull image ${image} (${reason})${words}`, `${name} image ${image}`, 10);
  }
  if (reason === 'CrashLoopBackOff') return crashTrouble(name, status, spec);
  if (reason in neverRan) return trouble(`${name} ${neverRan[reason]} (${reason})${words}`, `${name} ${reason} ${said}`, 10);
  if (reason !== '') {
    const meaning =
      reason === 'ContainerCreating' ? ': its image, a volume, or a ConfigMap or Secret that it mounts is not there yet' : words;
    return reason === 'PodInitializing' ? undefined : trouble(`${name} is not created yet (${reason})${meaning}`, `${name} ${reason}`, 2);
  }
  const ended = mapAt(status, 'state', 'terminated');
  if (Object.keys(ended).length > 0) return endTrouble(name, ended, spec, status);
  if (mapAt(status, 'state')['running'] === undefined) return undefined;
  if (isInit && textAt(spec, 'restartPolicy') !== 'Always') return trouble(`${name} is still running`, `${name} runs`, 3);
  return probeTrouble(name, status, spec);
}

/** It ends again and again. */
function crashTrouble(name: string, status: unknown, spec: unknown): Trouble {
  const last = mapAt(status, 'lastState', 'terminated');
  const exit = Object.keys(last).length === 0 ? mapAt(status, 'state', 'terminated') : last;
  const how = Object.keys(exit).length === 0 ? '' : `: it ${endText(exit, spec)}`;
  const kind = `${name} crashes ${numberAt(exit, 'exitCode') ?? ''}`;
  return trouble(`${name} crashes again and again (CrashLoopBackOff)${how}${restartsText(status)}`, kind, 9);
}

function endTrouble(name: string, ended: unknown, spec: unknown, status: unknown): Trouble | undefined {
  if (numberAt(ended, 'exitCode') === 0 && textAt(ended, 'reason') !== 'OOMKilled') return undefined;
  return trouble(`${name} ${endText(ended, spec)}${restartsText(status)}`, `${name} ended ${numberAt(ended, 'exitCode')}`, 7);
}

function endText(ended: unknown, spec: unknown): string {
  const code = numberAt(ended, 'exitCode') ?? 0;
  const reason = textAt(ended, 'reason');
  if (reason === 'OOMKilled') {
    const limit = mapAt(spec, 'resources', 'limits')['memory'];
    return `was killed for lack of memory (OOMKilled${typeof limit === 'string' ? `, its limit is ${limit}` : ''}), exit code ${code}`;
  }
  return `ended with exit code ${code}${reason === '' || reason === 'Error' ? '' : ` (${reason})`}`;
}

function restartsText(status: unknown): string {
  const restarts = numberAt(status, 'restartCount') ?? 0;
  return restarts === 0 ? '' : `, ${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`;
}

/** It runs, and a probe of it does not succeed. What came before is told with it: a failing liveness probe shows only there. */
function probeTrouble(name: string, status: unknown, spec: unknown): Trouble | undefined {
  const last = mapAt(status, 'lastState', 'terminated');
  const before = Object.keys(last).length === 0 ? '' : `; before that it ${endText(last, spec)}${restartsText(status)}`;
  for (const [key, word, isFailing] of [
    ['startupProbe', 'startup probe', mapAt(status)['started'] === false],
    ['readinessProbe', 'readiness probe', !isTrueAt(status, 'ready')],
  ] as const) {
    const probe = mapAt(spec, key);
    if (!isFailing || Object.keys(probe).length === 0) continue;
    return trouble(`the ${word} of ${name} does not succeed (${probeText(probe)})${before}`, `${name} ${key}`, 6);
  }
  return isTrueAt(status, 'ready') ? undefined : trouble(`${name} is not ready${before}`, `${name} unready`, 4);
}

function probeText(probe: unknown): string {
  const http = mapAt(probe, 'httpGet');
  const port = (of: unknown): string => textAt(of, 'port') || `${numberAt(of, 'port') ?? '?'}`;
  if (Object.keys(http).length > 0) return `GET ${textAt(http, 'path') || '/'} on port ${port(http)}`;
  if (Object.keys(mapAt(probe, 'tcpSocket')).length > 0) return `TCP port ${port(mapAt(probe, 'tcpSocket'))}`;
  if (Object.keys(mapAt(probe, 'grpc')).length > 0) return `gRPC on port ${port(mapAt(probe, 'grpc'))}`;
  return 'a command in the container';
}

/** Evicted, preempted, its node gone: the pod as a whole. */
function ofPhase(pod: KubeObject, phase: string): Trouble | undefined {
  const reason = textAt(pod, 'status', 'reason');
  const said = quoted(textAt(pod, 'status', 'message'));
  if (phase === 'Failed') {
    const words = [reason, said].filter((part) => part !== '').join(': ');
    return trouble(`it has failed${words === '' ? '' : `: ${words}`}`, `failed ${reason}`, 7);
  }
  return reason === '' && said === '' ? undefined : trouble([reason, said].filter((part) => part !== '').join(': '), reason, 5);
}

function ofReadiness(pod: KubeObject): Trouble | undefined {
  for (const gate of listAt(pod, 'spec', 'readinessGates')) {
    const type = textAt(gate, 'conditionType');
    if (conditionAt(pod, type)?.status !== 'True') return trouble(`its readiness gate ${type} is not True`, `gate ${type}`, 5);
  }
  const ready = conditionAt(pod, 'Ready');
  const node = textAt(pod, 'spec', 'nodeName');
  const where = node === '' ? '' : ` on node ${node}`;
  if (ready?.status === 'False' || ready?.status === 'Unknown') {
    return trouble(`it is not ready${where}: ${conditionText(ready)}`, `unready ${ready.reason}`, 4);
  }
  return node === '' ? trouble('it has no node yet', 'no node', 1) : trouble(`it is not started yet${where}`, 'not started', 1);
}

function trouble(text: string, kind: string, weight: number): Trouble {
  return { text, kind, weight };
}
