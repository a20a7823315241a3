/** Conditions of a GitOpsSource, as the Kubernetes API conventions have them. */
import type { Condition } from './types.ts';

/**
 * Ready: the observed revision is applied and, where that is waited for, was healthy (rule 32). Reconciling: an attempt runs, or a failed one will be tried again.
 * Stalled: nothing but an edit of the spec helps. Healthy, Drifted, SourceVerified: as they say.
 */
export const conditionTypes = ['Ready', 'Reconciling', 'Stalled', 'Healthy', 'Drifted', 'SourceVerified'] as const;
export type ConditionType = (typeof conditionTypes)[number];

/** What is now known; the time of the last transition follows from what was known before. */
export interface ConditionState {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase: a reason of the catalogue, or of success. */
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/** What the schema allows of a message. */
const longestMessage = 32_768;

/** The condition of a type, if it is stated. */
export function findCondition(conditions: readonly Condition[] | undefined, type: ConditionType): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether a condition is stated and True. */
export function isTrue(conditions: readonly Condition[] | undefined, type: ConditionType): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * The conditions with `state` in the place of the one of its type, others untouched; the same list when nothing changed.
 * lastTransitionTime moves to `now` (RFC 3339) only where status changes.
 */
export function setCondition(conditions: readonly Condition[] | undefined, state: ConditionState, now: string): readonly Condition[] {
  const known = findCondition(conditions, state.type);
  const next: Condition = {
    type: state.type,
    status: state.status,
    observedGeneration: state.observedGeneration,
    lastTransitionTime: known !== undefined && known.status === state.status ? known.lastTransitionTime : now,
    reason: state.reason,
    message: bounded(state.message),
  };
  if (conditions === undefined || known === undefined) return [...(conditions ?? []), next];
  if (isSame(known, next)) return conditions;
  return conditions.map((condition) => (condition === known ? next : condition));
}

/** The conditions without the one of this type; the same list when there is none. */
export function dropCondition(conditions: readonly Condition[] | undefined, type: ConditionType): readonly Condition[] {
  if (conditions === undefined) return [];
  return findCondition(conditions, type) === undefined ? conditions : conditions.filter((condition) => condition.type !== type);
}

function isSame(a: Condition, b: Condition): boolean {
  return a.status === b.status && a.reason === b.reason && a.message === b.message && a.observedGeneration === b.observedGeneration;
}

/** The schema counts code points; a surrogate pair cut in half would be no UTF-8. */
function bounded(message: string): string {
  if (message.length <= longestMessage) return message;
  return `${message.slice(0, longestMessage - 2).replace(/[\uD800-\uDBFF]$/, '')} …`;
}
