/** Pure: the health of Jobs and of Pods that stand alone. */
import type { KubeObject } from '../../kube/types.ts';
import { conditionAt, conditionText, numberAt, textAt } from './fields.ts';
import { crashLoopOf, podTrouble } from './pod-trouble.ts';
import type { Trouble } from './pod-trouble.ts';
import { current, failed, inProgress } from './types.ts';
import type { Verdict } from './types.ts';

/** A pod may wait this long for a node before it counts as unschedulable, milliseconds. */
const schedulingTime = 15_000;

/** Current while it runs and once it is complete or suspended (so has kstatus it), Failed when it has failed. */
export function jobHealth(object: KubeObject): Verdict {
  const count = (key: string) => numberAt(object, 'status', key) ?? 0;
  const failure = conditionAt(object, 'Failed');
  if (failure?.status === 'True') {
    const completions = numberAt(object, 'spec', 'completions') ?? numberAt(object, 'spec', 'parallelism') ?? 1;
    const pods = `${count('failed')} failed ${count('failed') === 1 ? 'pod' : 'pods'}, ${count('succeeded')} of ${completions} completions`;
    return failed(`it has failed: ${conditionText(failure)} (${pods})`);
  }
  const isOver = (['Complete', 'Suspended'] as const).some((type) => conditionAt(object, type)?.status === 'True');
  if (isOver || textAt(object, 'status', 'startTime') !== '') return current;
  return inProgress('it has not started');
}

/** Current once it is ready or has ended, Failed while it crashes again and again or finds no node. */
export function podHealth(object: KubeObject, now: number): Verdict {
  const trouble = podTrouble(object);
  const why = trouble === undefined ? '' : `: ${trouble.text}`;
  switch (textAt(object, 'status', 'phase')) {
    case 'Succeeded':
    case 'Failed':
      return current;
    case 'Running':
      if (conditionAt(object, 'Ready')?.status === 'True') return current;
      return runningHealth(object, trouble);
    case 'Pending': {
      const scheduled = conditionAt(object, 'PodScheduled');
      if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return inProgress(`it is pending${why}`);
      const due = Date.parse(object.metadata.creationTimestamp ?? '') + schedulingTime;
      const unschedulable = failed(trouble?.text ?? conditionText(scheduled));
      return now < due ? { ...inProgress(`it is pending${why}`), turns: { at: due, into: unschedulable } } : unschedulable;
    }
    case '':
      return inProgress('no node has taken it up yet');
    default:
      return { status: 'Unknown', message: `its phase is ${textAt(object, 'status', 'phase')}${why}` };
  }
}

/** One that is not ready: one container that crashes again and again is enough, whatever the others wait for. */
function runningHealth(object: KubeObject, trouble: Trouble | undefined): Verdict {
  const crash = crashLoopOf(object);
  if (crash === undefined) return inProgress(`it runs but is not ready${trouble === undefined ? '' : `: ${trouble.text}`}`);
  return failed(trouble === undefined || trouble.text === crash.text ? crash.text : `${crash.text}; ${trouble.text}`);
}
