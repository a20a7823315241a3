/** Pure: status.history, one entry for each revision that reached an outcome, newest first. */
import { failureSummary, writtenBy } from './message.ts';
import { cutText } from './text.ts';
import type { GitOpsSourceStatus, HistoryEntry } from '../api/types.ts';
import type { Outcome, RevisionSeen } from './types.ts';

const maxEntries = 10;
/** What the CRD takes. */
const maxText = 1_024;
const maxRef = 255;

export type Ended = Exclude<Outcome, { kind: 'suspended' }>;

/**
 * The history after an outcome. A revision that is tried again updates its entry, and keeps its time while it fails for
 * the same reason; one that was applied before stands once, with the time when it was; one that fails after it was
 * applied is told above that. An outcome without an attempt (git away) leaves no trace.
 */
export function historyAfter(previous: GitOpsSourceStatus | undefined, outcome: Ended, now: string): readonly HistoryEntry[] {
  const history = previous?.history ?? [];
  const [top, second] = history;
  if (outcome.seen === undefined || (outcome.kind === 'failed' && !outcome.attempted)) return history;
  const commit = outcome.seen.ref.commit;
  if (top?.commit !== commit) return bounded([entryOf(outcome, outcome.seen, 0, now), ...history]);
  if (outcome.kind === 'applied') {
    if (top.result === 'Applied') return history;
    const mended = second?.commit === commit && second.result === 'Applied';
    return mended ? history.slice(1) : [entryOf(outcome, outcome.seen, top.written ?? 0, now), ...history.slice(1)];
  }
  if (top.result === 'Applied') return bounded([entryOf(outcome, outcome.seen, 0, now), ...history]);
  const entry = entryOf(outcome, outcome.seen, top.written ?? 0, now);
  return [entry.reason === top.reason ? { ...entry, time: top.time } : entry, ...history.slice(1)];
}

/** Objects that this revision wrote in earlier attempts that failed. */
export function writtenBefore(previous: GitOpsSourceStatus | undefined, commit: string | undefined): number {
  const top = previous?.history?.[0];
  return top !== undefined && top.result === 'Failed' && top.commit === commit ? (top.written ?? 0) : 0;
}

/** Whether a revision newer than the applied one was written in part and failed. */
export function isHalfIn(history: readonly HistoryEntry[], applied: string | undefined): boolean {
  for (const entry of history) {
    if (entry.result === 'Applied') return false;
    if (entry.commit !== applied && (entry.written ?? 0) > 0) return true;
  }
  return false;
}

function entryOf(outcome: Ended, seen: RevisionSeen, writtenSoFar: number, now: string): HistoryEntry {
  const written = writtenSoFar + writtenBy(outcome.changes);
  const entry = {
    commit: seen.ref.commit,
    ...(seen.ref.shortRef === undefined ? {} : { ref: cutText(seen.ref.shortRef, maxRef) }),
    ...(seen.commit === undefined ? {} : { subject: cutText(seen.commit.subject, maxText), author: cutText(seen.commit.author, maxText) }),
    time: now,
    written,
  };
  if (outcome.kind === 'applied') return { ...entry, result: 'Applied' };
  return { ...entry, result: 'Failed', reason: outcome.error.reason, message: failureSummary(outcome.error.faults, maxText) };
}

function bounded(history: readonly HistoryEntry[]): readonly HistoryEntry[] {
  return history.slice(0, maxEntries);
}
