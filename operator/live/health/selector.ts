/** Pure: which workloads have pods to look into, and which pods are theirs by their selector. */
import { groupKindText, gvkOf } from '../../kube/types.ts';
import type { KubeObject } from '../../kube/types.ts';
import { listAt, mapAt, numberAt, textAt } from './fields.ts';
import type { PodSelector } from './types.ts';

const withReplicas = new Set(['Deployment.apps', 'StatefulSet.apps', 'ReplicaSet.apps']);

/** The selector of a workload that is to have pods; undefined for one of none, and for every other kind. */
export function podSelector(object: KubeObject): PodSelector | undefined {
  const kind = groupKindText(gvkOf(object));
  const hasPods =
    kind === 'Job.batch' ||
    (withReplicas.has(kind) && numberAt(object, 'spec', 'replicas') !== 0) ||
    (kind === 'DaemonSet.apps' && numberAt(object, 'status', 'desiredNumberScheduled') !== 0);
  const selector = mapAt(object, 'spec', 'selector');
  return hasPods && Object.keys(selector).length > 0 ? selector : undefined;
}

/** Whether a pod with these labels is selected. */
export function isSelected(selector: PodSelector, labels: Readonly<Record<string, string>>): boolean {
  for (const [key, value] of Object.entries(mapAt(selector, 'matchLabels'))) if (labels[key] !== value) return false;
  return listAt(selector, 'matchExpressions').every((one) => isExpressionMet(one, labels));
}

function isExpressionMet(expression: unknown, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[textAt(expression, 'key')];
  const values = listAt(expression, 'values');
  switch (textAt(expression, 'operator')) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
