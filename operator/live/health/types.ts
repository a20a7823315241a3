/** What health is, in kstatus's words. */
import type { KubeObject } from '../../kube/types.ts';

/**
 * Current: it is as its spec says. InProgress: it is on its way there. Failed: it will not get there by itself.
 * Terminating: it is being deleted. Unknown: nothing can be said.
 */
export type HealthStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'Unknown';

/** The health of one object, as small as can be: this is what is kept of it. */
export interface Verdict {
  readonly status: HealthStatus;
  /** What waits for what, `1 of 3 replicas is available`, without a full stop; undefined when Current. */
  readonly message?: string;
  /** Of a workload that is not Current: which pods tell why. */
  readonly selector?: PodSelector;
  /** What it becomes by time alone, `at` in milliseconds since the epoch, if the object stays as it is. */
  readonly turns?: { readonly at: number; readonly into: Verdict };
}

/** A label selector as the API has it. */
export type PodSelector = Readonly<Record<string, unknown>>;

/** The health of an object of one kind, once what holds for all kinds (deletion, generation, Reconciling, Stalled) is settled. */
export type KindHealth = (object: KubeObject, now: number) => Verdict;

/** One object for all that are well: most are. */
export const current: Verdict = Object.freeze({ status: 'Current' });

/** On its way, and what it waits for. */
export function inProgress(message: string): Verdict {
  return { status: 'InProgress', message };
}

/** Stuck, and why. */
export function failed(message: string): Verdict {
  return { status: 'Failed', message };
}

/** Whether two verdicts say the same. */
export function isSameVerdict(a: Verdict | undefined, b: Verdict | undefined): boolean {
  return a?.status === b?.status && a?.message === b?.message;
}
