/** Pure: the whole status of a source after each step of a walk, and the smallest patch that brings it there (rules 32, 33). */
import { catalogue, conditionReasons } from '../errors.ts';
import { findCondition, setCondition } from '../api/conditions.ts';
import { historyAfter, isHalfIn, writtenBefore } from './history.ts';
import { appliedMessage, failureMessage, revisionText, tellsSince, writtenBy } from './message.ts';
import { mergePatchOf } from './merge-patch.ts';
import { cutText } from './text.ts';
import { isAnew } from './trail/attempts.ts';
import { withVerified } from './verified.ts';
import type { Condition, GitOpsSourceStatus, RevisionStage, StatusCommit } from '../api/types.ts';
import type { Ended } from './history.ts';
import type { Outcome, RevisionSeen } from './types.ts';

/** What the CRD takes. */
const maxRequest = 1_024;
const maxDisplay = 320;
const maxText = 1_024;

export interface OutcomeInput {
  readonly previous: GitOpsSourceStatus | undefined;
  readonly outcome: Outcome;
  /** metadata.generation of the spec that was walked. */
  readonly generation: number;
  /** The value of annotation plumbline.dev/requestedAt as the walk began. */
  readonly requestedAt: string | undefined;
  /** Whether the spec asks for signatures; default no. */
  readonly verifies?: boolean | undefined;
  /** RFC 3339. */
  readonly now: string;
}

/**
 * The note of an attempt, written before the first write of a revision over a running one (rule 33). Equal to `previous`
 * when this revision and generation were attempted already, so that a retry costs no write. An edit of the spec makes an
 * attempt of its own of the same commit, with its own time.
 */
export function attemptStatus(
  previous: GitOpsSourceStatus | undefined,
  seen: RevisionSeen,
  generation: number,
  now: string,
): GitOpsSourceStatus {
  const { commit } = seen.ref;
  const isSameSpec = findCondition(previous?.conditions, 'Reconciling')?.observedGeneration === generation;
  const anew = isAnew(previous, commit, generation);
  if (!anew && isSameSpec && previous?.revision?.attempted?.commit === commit) return previous;
  const status = progressStatus(previous, seen, generation, now);
  return anew ? { ...status, revision: { ...status.revision, attempted: { commit, time: now } } } : status;
}

/** As attemptStatus, also for a revision that was tried before: told when a walk takes longer than a second. */
export function progressStatus(
  previous: GitOpsSourceStatus | undefined,
  seen: RevisionSeen,
  generation: number,
  now: string,
): GitOpsSourceStatus {
  const revision = revisionText(seen.ref.shortRef, seen.ref.commit);
  const at = { observedGeneration: generation };
  const message = `${revision} is being brought in.`;
  let conditions: readonly Condition[] = previous?.conditions ?? [];
  if (findCondition(previous?.conditions, 'Ready') === undefined) {
    conditions = setCondition(conditions, { ...at, type: 'Ready', status: 'Unknown', reason: 'Progressing', message }, now);
  }
  conditions = setCondition(conditions, { ...at, type: 'Reconciling', status: 'True', reason: 'Progressing', message }, now);
  conditions = notStalled(conditions, generation, now);
  return {
    ...previous,
    conditions,
    revision: {
      ...previous?.revision,
      observed: stage(previous?.revision?.observed, seen.ref.commit, seen.time),
      attempted: stage(previous?.revision?.attempted, seen.ref.commit, now),
    },
    display: { ...previous?.display, revision: previous?.display?.revision ?? cutText(revision, maxDisplay) },
  };
}

/** The status after a walk. Times and messages stay as they were while nothing new is to be told: an identical failure changes nothing. */
export function outcomeStatus(input: OutcomeInput): GitOpsSourceStatus {
  const { previous, outcome, generation, requestedAt, verifies = false, now } = input;
  if (outcome.kind === 'suspended') return suspendedStatus(previous, generation, now);
  const history = historyAfter(previous, outcome, now);
  const handled = handledRequest(requestedAt) ?? previous?.lastHandledReconcileAt;
  const next: GitOpsSourceStatus = {
    ...previous,
    observedGeneration: generation,
    revision: revisionsAfter(previous, outcome, now),
    objects: {
      ...previous?.objects,
      total: totalAfter(previous, outcome),
      failed: outcome.kind === 'applied' ? 0 : outcome.total === undefined ? (previous?.objects?.failed ?? 0) : outcome.failedObjects,
    },
    ...(history.length === 0 ? {} : { history }),
    ...(handled === undefined ? {} : { lastHandledReconcileAt: handled }),
    display: { ...previous?.display, revision: displayAfter(previous, outcome) },
    ...(outcome.kind === 'applied' ? { commit: commitAfter(previous, outcome.seen) } : {}),
  };
  return {
    ...next,
    conditions: withVerified(conditionsAfter(previous, next, outcome, generation, now), verifies, outcome, generation, now),
  };
}

/** Of the revision that runs: one that was refused counts only where none runs yet. */
function totalAfter(previous: GitOpsSourceStatus | undefined, outcome: Exclude<Outcome, { kind: 'suspended' }>): number | undefined {
  const known = previous?.objects?.total;
  const isRunning = outcome.kind === 'applied' || previous?.revision?.applied === undefined;
  return isRunning ? (outcome.total ?? known) : (known ?? outcome.total);
}

/**
 * The merge patch of `/status` that turns `previous` into `next`: what differs, arrays whole, null for what is gone.
 * Undefined when nothing differs: then nothing is to be sent. `previous` must be what the server has.
 */
export function statusPatch(previous: GitOpsSourceStatus | undefined, next: GitOpsSourceStatus): { readonly status: object } | undefined {
  const status = mergePatchOf(previous ?? {}, next);
  return status === undefined ? undefined : { status };
}

/** The value of requestedAt as status.lastHandledReconcileAt keeps it: compare annotations by this. */
export function handledRequest(requestedAt: string | undefined): string | undefined {
  return requestedAt === undefined ? undefined : cutText(requestedAt, maxRequest);
}

function conditionsAfter(
  previous: GitOpsSourceStatus | undefined,
  next: GitOpsSourceStatus,
  outcome: Ended,
  generation: number,
  now: string,
): readonly Condition[] {
  const at = { observedGeneration: generation };
  let conditions: readonly Condition[] = previous?.conditions ?? [];
  if (outcome.kind === 'applied') {
    conditions = setCondition(
      conditions,
      { ...at, type: 'Ready', status: 'True', reason: 'Applied', message: appliedText(previous, outcome) },
      now,
    );
    conditions = setCondition(
      conditions,
      { ...at, type: 'Reconciling', status: 'False', reason: 'Idle', message: conditionReasons.Idle },
      now,
    );
    conditions = notStalled(conditions, generation, now);
  } else {
    const reason = outcome.error.reason;
    const message = failedText(previous, next, outcome, now);
    conditions = setCondition(conditions, { ...at, type: 'Ready', status: 'False', reason, message }, now);
    if (catalogue[reason].retry === 'edit') {
      const idle = 'Nothing is tried again until the spec, or the Secret that it names, is edited.';
      conditions = setCondition(conditions, { ...at, type: 'Reconciling', status: 'False', reason, message: idle }, now);
      conditions = setCondition(conditions, { ...at, type: 'Stalled', status: 'True', reason, message }, now);
    } else {
      const waits = reason === 'PruneHeld' ? 'Held' : 'Retrying';
      conditions = setCondition(
        conditions,
        { ...at, type: 'Reconciling', status: 'True', reason: waits, message: conditionReasons[waits] },
        now,
      );
      conditions = notStalled(conditions, generation, now);
    }
  }
  // Health itself is told elsewhere (health.ts), where it is known.
  const unknown = { type: 'Healthy', status: 'Unknown', reason: 'NothingApplied', message: conditionReasons.NothingApplied } as const;
  return setCondition(conditions, { ...unknown, ...findCondition(conditions, 'Healthy'), ...at, type: 'Healthy' }, now);
}

/** A walk that found nothing to do leaves the sentence that says what was done last. */
function appliedText(previous: GitOpsSourceStatus | undefined, outcome: Extract<Ended, { kind: 'applied' }>): string {
  const ready = findCondition(previous?.conditions, 'Ready');
  const { shortRef, commit } = outcome.seen.ref;
  const revision = revisionText(shortRef, commit);
  const same =
    previous?.revision?.applied?.commit === commit && previous.objects?.total === outcome.total && previous.display?.revision === revision;
  if (same && ready?.status === 'True' && writtenBy(outcome.changes) === 0) return ready.message;
  return appliedMessage(revision, outcome.total, outcome.changes);
}

function failedText(
  previous: GitOpsSourceStatus | undefined,
  next: GitOpsSourceStatus,
  outcome: Extract<Ended, { kind: 'failed' }>,
  now: string,
): string {
  const ready = findCondition(previous?.conditions, 'Ready');
  const since = ready?.status === 'False' ? ready.lastTransitionTime : now;
  const commit = outcome.seen?.ref.commit;
  const applied = previous?.revision?.applied?.commit;
  return failureMessage(outcome.error.faults, {
    applied: applied === undefined ? undefined : revisionOf(previous, applied),
    written: outcome.attempted ? writtenBefore(previous, commit) + writtenBy(outcome.changes) : 0,
    halfIn: isHalfIn(next.history ?? [], applied),
    since: tellsSince(outcome.phase, outcome.error.reason) ? since : undefined,
  });
}

/** How a commit that the status knows is shown: with the ref that pointed at it, as far as that is known. */
function revisionOf(status: GitOpsSourceStatus | undefined, commit: string): string {
  const shown = status?.display?.revision;
  const bare = revisionText(undefined, commit);
  if (shown === bare || shown?.endsWith(`@${bare}`) === true) return shown;
  return revisionText(status?.history?.find((entry) => entry.commit === commit)?.ref, commit);
}

function revisionsAfter(previous: GitOpsSourceStatus | undefined, outcome: Ended, now: string): GitOpsSourceStatus['revision'] {
  const before = previous?.revision;
  if (outcome.seen === undefined) return before;
  const { commit } = outcome.seen.ref;
  const observed = stage(before?.observed, commit, outcome.seen.time);
  const attempted = stage(before?.attempted, commit, outcome.began ?? now);
  if (outcome.kind === 'failed') {
    return outcome.attempted ? { ...before, observed, attempted } : { ...before, observed };
  }
  // Back after another revision was tried in between: it has arrived anew.
  const came = previous?.history?.[0]?.commit === commit ? before?.applied : undefined;
  return { ...before, observed, attempted, applied: stage(came, commit, outcome.ended ?? now) };
}

/** What the Revision column shows: the applied revision, until there is one the one that was tried. */
function displayAfter(previous: GitOpsSourceStatus | undefined, outcome: Ended): string | undefined {
  const shown = previous?.display?.revision;
  const seen = outcome.seen;
  if (seen === undefined) return shown;
  const tried = outcome.kind === 'applied' || (outcome.attempted && previous?.revision?.applied === undefined);
  return tried ? cutText(revisionText(seen.ref.shortRef, seen.ref.commit), maxDisplay) : shown;
}

function commitAfter(previous: GitOpsSourceStatus | undefined, seen: RevisionSeen): StatusCommit {
  const { commit } = seen;
  if (commit === undefined) return previous?.commit?.sha === seen.ref.commit ? previous.commit : { sha: seen.ref.commit };
  return { sha: commit.sha, subject: cutText(commit.subject, maxText), author: cutText(commit.author, maxText), time: commit.time };
}

/** Ready and Stalled keep what they said, of the generation that they said it of: nothing was tried since. */
function suspendedStatus(previous: GitOpsSourceStatus | undefined, generation: number, now: string): GitOpsSourceStatus {
  const suspended = { observedGeneration: generation, reason: 'Suspended', message: conditionReasons.Suspended };
  let conditions: readonly Condition[] = previous?.conditions ?? [];
  if (findCondition(previous?.conditions, 'Ready') === undefined)
    conditions = setCondition(conditions, { ...suspended, type: 'Ready', status: 'Unknown' }, now);
  conditions = setCondition(conditions, { ...suspended, type: 'Reconciling', status: 'False' }, now);
  if (findCondition(previous?.conditions, 'Stalled') === undefined) conditions = notStalled(conditions, generation, now);
  return { ...previous, observedGeneration: generation, conditions };
}

function notStalled(conditions: readonly Condition[], generation: number, now: string): readonly Condition[] {
  const message = conditionReasons.NotStalled;
  return setCondition(conditions, { type: 'Stalled', status: 'False', reason: 'NotStalled', message, observedGeneration: generation }, now);
}

/** The time of a stage is when a commit first came that far; of an attempt over a running revision, with that spec. */
function stage(before: RevisionStage | undefined, commit: string, time: string): RevisionStage {
  return before?.commit === commit ? before : { commit, time };
}
