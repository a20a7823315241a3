import { describe, expect, test } from '@jest/globals';
import { podTrouble } from '../../../operator/live/health/pod-trouble.ts';
import { podsText } from '../../../operator/live/health/pods-text.ts';
import type { Body } from './made.ts';
import { conditions, objectOf } from './made.ts';

const container = {
  name: 'web',
  image: 'registry.example.com/web:2',
  readinessProbe: { httpGet: { path: '/ready', port: 'http' } },
  resources: { limits: { memory: '128Mi' } },
};
const scheduled = conditions('PodScheduled=True', 'Ready=False ContainersNotReady: containers with unready status: [web]');

/** A pod on a node whose one container says this of itself. */
function pod(container_: object, more: Body = {}, spec: object = {}): Body {
  return {
    spec: { nodeName: 'node-1', containers: [{ ...container, ...spec }], ...more.spec },
    status: {
      phase: 'Running',
      ...scheduled,
      containerStatuses: [{ name: 'web', ready: false, restartCount: 0, ...container_ }],
      ...more.status,
    },
  };
}

const waiting = (reason: string, message?: string) => ({ state: { waiting: { reason, ...(message && { message }) } } });
const ended = (exitCode: number, reason = 'Error') => ({ terminated: { exitCode, reason, message: 'password=hunter2' } });

describe('why a pod is not well', () => {
  test.each<[string, Body, string]>([
    [
      'its image cannot be pulled',
      pod(waiting('ImagePullBackOff', 'Back-off pulling image "registry.example.com/web:2"')),
      'container web cannot pull image registry.example.com/web:2 (ImagePullBackOff): Back-off pulling image "registry.example.com/web:2"',
    ],
    [
      'its image cannot be pulled yet',
      pod(waiting('ErrImagePull')),
      'container web cannot pull image registry.example.com/web:2 (ErrImagePull)',
    ],
    [
      'it crashes',
      pod({ ...waiting('CrashLoopBackOff', 'back-off 5m0s'), lastState: ended(3), restartCount: 7 }),
      'container web crashes again and again (CrashLoopBackOff): it ended with exit code 3, 7 restarts',
    ],
    [
      'it crashes for lack of memory',
      pod({ ...waiting('CrashLoopBackOff'), lastState: ended(137, 'OOMKilled'), restartCount: 1 }),
      'container web crashes again and again (CrashLoopBackOff): it was killed for lack of memory (OOMKilled, its limit is 128Mi), exit code 137, 1 restart',
    ],
    [
      'it was just killed for lack of memory',
      pod({ state: ended(137, 'OOMKilled') }),
      'container web was killed for lack of memory (OOMKilled, its limit is 128Mi), exit code 137',
    ],
    [
      'it has no limit and was killed',
      pod({ state: ended(137, 'OOMKilled') }, {}, { resources: {} }),
      'container web was killed for lack of memory (OOMKilled), exit code 137',
    ],
    ['it ended', pod({ state: ended(2) }), 'container web ended with exit code 2'],
    ['it cannot be executed', pod({ state: ended(128, 'StartError') }), 'container web ended with exit code 128 (StartError)'],
    [
      'a Secret is not there',
      pod(waiting('CreateContainerConfigError', 'secret "database" not found')),
      'container web cannot be configured (CreateContainerConfigError): secret "database" not found',
    ],
    [
      'a key of a ConfigMap is not there',
      pod(waiting('CreateContainerConfigError', "couldn't find key url in ConfigMap shop/settings")),
      "container web cannot be configured (CreateContainerConfigError): couldn't find key url in ConfigMap shop/settings",
    ],
    [
      'its command is not there',
      pod(waiting('RunContainerError', 'exec: "serve": not found')),
      'container web cannot be started (RunContainerError): exec: "serve": not found',
    ],
    [
      'no node can take it',
      { status: { phase: 'Pending', ...conditions('PodScheduled=False Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.') } },
      'no node can take it: 0/3 nodes are available: 3 Insufficient cpu',
    ],
    [
      'it is gated',
      { status: { phase: 'Pending', ...conditions('PodScheduled=False SchedulingGated: waits for a quota') } },
      'it is not scheduled: SchedulingGated: waits for a quota',
    ],
    ['no scheduler has seen it', { status: { phase: 'Pending' } }, 'it has no node yet'],
    [
      'no kubelet has seen it',
      { spec: { nodeName: 'node-1' }, status: { phase: 'Pending', ...conditions('PodScheduled=True') } },
      'it is not started yet on node node-1',
    ],
    [
      'its readiness probe fails',
      pod({ state: { running: {} }, started: true }),
      'the readiness probe of container web does not succeed (GET /ready on port http)',
    ],
    [
      'its startup probe fails',
      pod({ state: { running: {} }, started: false }, {}, { startupProbe: { tcpSocket: { port: 8080 } } }),
      'the startup probe of container web does not succeed (TCP port 8080)',
    ],
    [
      'its probe fails after it was killed',
      pod(
        { state: { running: {} }, lastState: ended(137), restartCount: 2 },
        {},
        { readinessProbe: { exec: { command: ['check', 'hunter2'] } } },
      ),
      'the readiness probe of container web does not succeed (a command in the container); before that it ended with exit code 137, 2 restarts',
    ],
    ['it is not ready and has no probe', pod({ state: { running: {} } }, {}, { readinessProbe: undefined }), 'container web is not ready'],
    [
      'its image is on its way',
      pod(waiting('ContainerCreating')),
      'container web is not created yet (ContainerCreating): its image, a volume, or a ConfigMap or Secret that it mounts is not there yet',
    ],
    [
      'its init container crashes',
      pod(waiting('PodInitializing'), {
        spec: { initContainers: [{ name: 'migrate' }] },
        status: {
          phase: 'Pending',
          initContainerStatuses: [{ name: 'migrate', ...waiting('CrashLoopBackOff'), lastState: ended(1), restartCount: 4 }],
        },
      }),
      'init container migrate crashes again and again (CrashLoopBackOff): it ended with exit code 1, 4 restarts',
    ],
    [
      'its init container is not done',
      pod(waiting('PodInitializing'), {
        status: { phase: 'Pending', initContainerStatuses: [{ name: 'migrate', state: { running: {} } }] },
      }),
      'init container migrate is still running',
    ],
    [
      'its init container is done and its container cannot start',
      pod(waiting('ErrImagePull'), { status: { initContainerStatuses: [{ name: 'migrate', state: ended(0, 'Completed') }] } }),
      'container web cannot pull image registry.example.com/web:2 (ErrImagePull)',
    ],
    [
      'it was evicted',
      { spec: { nodeName: 'node-1' }, status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' } },
      'it has failed: Evicted: The node was low on memory',
    ],
    [
      'its node is gone',
      pod({ ready: true, state: { running: {} } }, { status: conditions('PodScheduled=True', 'Ready=False NodeNotReady') }),
      'it is not ready on node node-1: NodeNotReady',
    ],
    [
      'its readiness gate is closed',
      pod({ ready: true, state: { running: {} } }, { spec: { readinessGates: [{ conditionType: 'balancer' }] } }),
      'its readiness gate balancer is not True',
    ],
  ])('%s', (_what, body, text) => {
    expect(podTrouble(objectOf('Pod v1', body))?.text).toBe(text);
  });

  test.each<[string, Body]>([
    ['is ready', { status: { phase: 'Running', ...conditions('Ready=True') } }],
    ['has succeeded', { status: { phase: 'Succeeded' } }],
    ['is on its way out', { ...pod(waiting('CrashLoopBackOff')), metadata: { deletionTimestamp: '2026-11-25T11:00:00Z' } }],
  ])('nothing is said of one that %s', (_what, body) => {
    expect(podTrouble(objectOf('Pod v1', body))).toBeUndefined();
  });

  test('nothing that a container said last is passed on: it may come from its log', () => {
    const bodies = [
      pod({ ...waiting('CrashLoopBackOff'), lastState: ended(1) }),
      pod({ state: ended(1) }),
      pod({ state: { running: {} }, lastState: ended(1) }),
    ];
    for (const body of bodies) expect(JSON.stringify(podTrouble(objectOf('Pod v1', body)))).not.toMatch(/hunter2/);
  });

  test('what a kubelet says is cut', () => {
    expect(podTrouble(objectOf('Pod v1', pod(waiting('ErrImagePull', 'x'.repeat(9_000)))))?.text.length).toBeLessThan(520);
  });
});

describe('what is said of a workload', () => {
  const troubleOf = (container_: object) => {
    const found = podTrouble(objectOf('Pod v1', pod(container_)));
    if (found === undefined) throw new Error('it is well');
    return found;
  };
  const crashing = (restartCount: number) => troubleOf({ ...waiting('CrashLoopBackOff'), lastState: ended(1), restartCount });
  const unready = troubleOf({ state: { running: {} } });
  const pulling = troubleOf(waiting('ErrImagePull'));

  test('nothing without ailing pods', () => expect(podsText([])).toBeUndefined());

  test('is the one trouble of its one pod', () => {
    expect(podsText([{ name: 'web-1', trouble: unready }])).toBe(`pod web-1: ${unready.text}`);
  });

  test('is one trouble for all that share it, whatever their restarts, in any order', () => {
    const pods = [3, 5, 1].map((restarts) => ({ name: `web-${restarts}`, trouble: crashing(restarts) }));
    expect(podsText(pods)).toBe(`pod web-1 and 2 more: ${crashing(1).text}`);
    expect(podsText(pods.toReversed())).toBe(podsText(pods));
  });

  test('is what tells most first, and counts the rest', () => {
    const creating = troubleOf(waiting('ContainerCreating'));
    const pods = [unready, creating, pulling, crashing(1)].map((trouble, index) => ({ name: `web-${index}`, trouble }));
    expect(podsText(pods)).toBe(`pod web-2: ${pulling.text}; pod web-3: ${crashing(1).text}; and 2 more pods not well`);
  });
});
