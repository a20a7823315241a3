/** Pure: what holds for objects of every kind (kstatus): deletion, generation, Reconciling and Stalled, at last Ready. */
import type { KubeObject } from '../../kube/types.ts';
import { conditionAt, conditionText, numberAt } from './fields.ts';
import { current, failed, inProgress } from './types.ts';
import type { Verdict } from './types.ts';

/** What can be said before the kind is looked at; undefined when the kind decides. */
export function generalHealth(object: KubeObject): Verdict | undefined {
  const { deletionTimestamp, generation, finalizers = [] } = object.metadata;
  if (deletionTimestamp !== undefined) {
    const held =
      finalizers.length === 0
        ? ''
        : `, which ${finalizers.length === 1 ? 'a finalizer holds' : 'finalizers hold'} (${finalizers.join(', ')})`;
    return { status: 'Terminating', message: `it is being deleted${held}` };
  }
  const observed = numberAt(object, 'status', 'observedGeneration');
  if (generation !== undefined && observed !== undefined && observed !== generation) {
    return inProgress(`its controller has not seen its latest change (generation ${generation}, seen ${observed})`);
  }
  const reconciling = conditionAt(object, 'Reconciling');
  if (reconciling?.status === 'True') return inProgress(conditionText(reconciling));
  const stalled = conditionAt(object, 'Stalled');
  if (stalled?.status === 'True') return failed(conditionText(stalled));
  return undefined;
}

/** Kinds without a rule of their own: condition Ready decides, and without one it is enough to exist. */
export function readyHealth(object: KubeObject): Verdict {
  const ready = conditionAt(object, 'Ready');
  return ready === undefined || ready.status === 'True' ? current : inProgress(`it is not ready: ${conditionText(ready)}`);
}
