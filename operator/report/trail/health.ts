/** Pure: what health and corrections add to the attempt that runs, until its record is written. */
import { findCondition } from '../../api/conditions.ts';
import type { Attempt, AttemptCorrections, GitOpsSourceStatus } from '../../api/types.ts';
import { cutText } from '../text.ts';
import type { Correction } from '../types.ts';
import { isEnded, runningCommit } from './attempts.ts';

/** What the CRD takes. */
const maxFailures = 5;
const maxText = 1_024;
const maxManagers = 10;
const maxManager = 128;

/**
 * The attempts, once the health of the revision that runs is known: the one that runs is healthy, or was waited for too long.
 * `status` is what is told of that health. The same value where nothing is new.
 */
export function attemptsWithHealth(
  attempts: readonly Attempt[] | undefined,
  status: GitOpsSourceStatus,
  isWell: boolean,
  now: string,
): readonly Attempt[] | undefined {
  const [top, ...below] = attempts ?? [];
  const { applied, healthy } = status.revision ?? {};
  if (top?.applied === undefined || top.silent === true || isEnded(top) || runningCommit(top) !== applied?.commit) return attempts;
  if (isWell) {
    // The same commit may have been healthy before an edit of the spec made it another attempt.
    const isOfThis = healthy?.commit === applied.commit && Date.parse(healthy.time) >= Date.parse(top.applied);
    return [{ ...top, healthy: isOfThis ? healthy.time : now }, ...below];
  }
  const ready = findCondition(status.conditions, 'Ready');
  const known = top.failures ?? [];
  const isTold = known.length >= maxFailures || known.some(({ reason }) => reason === 'HealthTimeout');
  if (ready?.reason !== 'HealthTimeout' || isTold) return attempts;
  const failure = { time: now, reason: ready.reason, message: cutText(ready.message, maxText) };
  return [{ ...top, failures: [...known, failure] }, ...below];
}

/** An attempt with these corrections counted: its record does not stand yet, and takes them along. */
export function withCorrections(attempt: Attempt, managers: readonly (string | undefined)[]): Attempt {
  return { ...attempt, corrections: addCorrections(attempt.corrections ?? [], managers) };
}

/** Counts with these added, one for each; of very many managers, the later ones as `other`. */
export function addCorrections(
  counts: readonly AttemptCorrections[],
  managers: readonly (string | undefined)[],
): readonly AttemptCorrections[] {
  const sums = new Map(counts.map(({ manager, count }) => [manager, count]));
  for (const one of managers) {
    const name = cutText(one ?? 'unknown', maxManager);
    const manager = sums.has(name) || sums.size < maxManagers ? name : 'other';
    sums.set(manager, (sums.get(manager) ?? 0) + 1);
  }
  return [...sums].map(([manager, count]) => ({ manager, count }));
}

/** The managers of these counts, each as often as it is counted. */
export function managersOf(counts: readonly AttemptCorrections[]): readonly string[] {
  return counts.flatMap(({ manager, count }) => Array.from({ length: count }, () => manager));
}

/** What is gone, or was written otherwise under our own name, has no manager. */
export function managersIn(corrected: readonly Correction[]): readonly (string | undefined)[] {
  return corrected.flatMap(({ findings }) => (findings.length === 0 ? [undefined] : findings.map(({ manager }) => manager)));
}
