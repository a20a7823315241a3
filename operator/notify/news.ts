/**
 * Pure: what others are to be told of a status. It is noted in the very patch that changes the status, so that no crash
 * loses it, and taken out once it is told.
 */
import { findCondition } from '../api/conditions.ts';
import type {
  CommitStatusTold,
  DriftEntry,
  GitOpsSourceStatus,
  Notification,
  RevisionStage,
  SpecNotify,
  StatusNotify,
} from '../api/types.ts';
import type { DriftItem } from '../report/drift.ts';
import { driftEntries, itemText } from '../report/drift.ts';
import { revisionText } from '../report/message.ts';
import { cutText } from '../report/text.ts';
import { bounded } from './told.ts';

/** What the CRD takes. */
const maxPending = 24;
const maxDrift = 10;
/** Of the fields of one entry, bytes of JSON: 24 entries stay far below what an object may be. */
const maxDriftBytes = 8_192;
const maxText = 1_024;
/** A revision whose reason keeps changing is told so often; the status of the source always says the present one. */
const maxChanges = 5;

/** A revision that failed, and why. */
export interface FailedRevision {
  readonly commit: string;
  readonly reason: string;
  readonly message: string;
}

export interface NewsInput {
  readonly spec: SpecNotify | undefined;
  /** Which forge, repository and context; see targetOf. */
  readonly target: string;
  readonly previous: GitOpsSourceStatus | undefined;
  readonly next: GitOpsSourceStatus;
  /** What the walk that ended failed at, where it had a commit. */
  readonly failed?: FailedRevision | undefined;
  /** What drifted and was not told before. */
  readonly drifted?: readonly DriftItem[] | undefined;
  /** What is as git states it again. */
  readonly corrected?: readonly DriftItem[] | undefined;
  /** RFC 3339. */
  readonly now: string;
}

export interface News {
  /** status.notify; undefined where nobody is told. */
  readonly notify: StatusNotify | undefined;
  /** What there is no room for any more. */
  readonly dropped: readonly Notification[];
}

type Draft = Omit<Notification, 'to' | 'time'>;
type Stand = Omit<CommitStatusTold, 'target'> & Pick<Draft, 'type' | 'message'>;

/** status.notify after a step; the same value as in `next` where nothing is new. */
export function newsAfter(input: NewsInput): News {
  const { spec, target, next } = input;
  if (spec === undefined) return { notify: undefined, dropped: [] };
  const known = next.notify ?? {};
  const stand = standOf(input);
  const revision = revisionNews(known.commit, stand, target);
  const drafts: Notification[] = [
    ...(spec.webhook === undefined ? [] : webhookNews(input, revision)).map((draft) => made('Webhook', draft, input)),
    ...(spec.commitStatus === undefined ? [] : revision.statuses).map((draft) => made('CommitStatus', draft, input)),
  ];
  const before = known.pending ?? [];
  const kept = before.filter((entry) => isWanted(spec, entry) && !isOutdated(entry, drafts));
  const all = [...kept, ...drafts];
  const pending = bounded(all, maxPending);
  const dropped = all.filter((entry) => !pending.includes(entry));
  const isSame = drafts.length === 0 && kept.length === before.length && revision.commit === known.commit;
  if (isSame) return { notify: next.notify, dropped };
  const { told } = known;
  return {
    notify: {
      ...(revision.commit === undefined ? {} : { commit: revision.commit }),
      ...(pending.length === 0 ? {} : { pending }),
      ...(told === undefined ? {} : { told }),
    },
    dropped,
  };
}

interface RevisionNews {
  readonly commit: CommitStatusTold | undefined;
  /** For the forge. */
  readonly statuses: readonly Draft[];
  /** Revisions that have failed just now. */
  readonly failures: readonly Draft[];
  /** A revision that was told to have failed, and has not any more. */
  readonly recovered?: Draft;
}

/** What changed of the commit that is brought in, since it was told last. */
function revisionNews(last: CommitStatusTold | undefined, stand: Stand | undefined, target: string): RevisionNews {
  if (stand === undefined) return { commit: last, statuses: [], failures: [] };
  const { sha, state, type, reason, message } = stand;
  const isSameCommit = last?.sha === sha;
  const isRepeat = isSameCommit && last.state === state && last.reason === reason;
  const isMoved = last !== undefined && last.target !== target;
  if (isRepeat && !isMoved) return { commit: last, statuses: [], failures: [] };
  // Trying again what failed, or correcting what runs, is no new beginning.
  if (isSameCommit && state === 'Pending' && !isMoved) return { commit: last, statuses: [], failures: [] };
  const isReworded = isSameCommit && state === 'Failure' && last.state === 'Failure';
  const changes = isReworded && !isRepeat ? (last.changes ?? 0) + 1 : 0;
  if (changes > maxChanges && !isMoved) return { commit: last, statuses: [], failures: [] };
  const draft: Draft = {
    type,
    commit: sha,
    ...(reason === undefined ? {} : { reason }),
    message,
  };
  const superseded: readonly Draft[] =
    last === undefined || isSameCommit || last.state !== 'Pending'
      ? []
      : [
          {
            type: 'Failed',
            commit: last.sha,
            reason: 'Superseded',
            message: `${revisionText(undefined, sha)} came before it was healthy`,
          },
        ];
  return {
    commit: { sha, state, ...(reason === undefined ? {} : { reason }), ...(changes === 0 ? {} : { changes }), target },
    statuses: [...superseded, draft],
    failures: [...superseded, ...(state === 'Failure' && !(isSameCommit && last.state === 'Failure') ? [draft] : [])],
    ...(isSameCommit && last.state === 'Failure' && state === 'Success' ? { recovered: draft } : {}),
  };
}

/** How the commit that is brought in, or runs, stands now; undefined where the status says nothing new of it. */
function standOf({ next, failed }: NewsInput): Stand | undefined {
  if (failed !== undefined) return { sha: failed.commit, state: 'Failure', type: 'Failed', reason: failed.reason, message: failed.message };
  const ready = findCondition(next.conditions, 'Ready');
  const reconciling = findCondition(next.conditions, 'Reconciling');
  const { attempted, applied } = next.revision ?? {};
  const textOf = (commit: string): string => revisionText(refOf(next, commit), commit);
  if (applied !== undefined && ready?.status === 'False' && ready.reason === 'HealthTimeout') {
    return { sha: applied.commit, state: 'Failure', type: 'Failed', reason: ready.reason, message: ready.message };
  }
  if (reconciling?.reason === 'Progressing' && attempted !== undefined) {
    return { sha: attempted.commit, state: 'Pending', type: 'Pending', message: `${textOf(attempted.commit)} is being brought in` };
  }
  if (applied === undefined) return undefined;
  const { commit } = applied;
  if (reconciling?.reason === 'AwaitingHealth') {
    return { sha: commit, state: 'Pending', type: 'Pending', message: `${textOf(commit)} is applied, and not healthy yet` };
  }
  if (ready?.status !== 'True' || reconciling?.reason !== 'Idle') return undefined;
  const isHealthy = next.revision?.healthy?.commit === commit;
  const message = `${textOf(commit)} is applied${isHealthy ? ' and healthy' : ''}`;
  return { sha: commit, state: 'Success', type: isHealthy ? 'Healthy' : 'Applied', message };
}

function webhookNews({ previous, next, drifted = [], corrected = [] }: NewsInput, { failures, recovered }: RevisionNews): readonly Draft[] {
  const { applied, healthy } = next.revision ?? {};
  const drafts: Draft[] = [];
  const say = (type: 'Applied' | 'Healthy', { commit }: RevisionStage): void => {
    const message = `${revisionText(refOf(next, commit), commit)} is ${type === 'Applied' ? 'applied' : 'healthy'}`;
    drafts.push({ type, commit, message });
  };
  if (applied !== undefined && appliedKey(next) !== appliedKey(previous)) say('Applied', applied);
  if (healthy !== undefined && !isSameStage(healthy, previous?.revision?.healthy)) say('Healthy', healthy);
  // One that ran before it failed has not moved.
  if (recovered !== undefined && !drafts.some(({ commit }) => commit === recovered.commit)) drafts.push(recovered);
  drafts.push(...failures);
  if (drifted.length > 0) drafts.push(driftDraft('Drifted', drifted, applied));
  if (corrected.length > 0) drafts.push(driftDraft('DriftCorrected', corrected, applied));
  return drafts;
}

/** Another one means that a revision, or the same commit after an edit of the spec, is applied. */
function appliedKey(status: GitOpsSourceStatus | undefined): string | undefined {
  const applied = status?.revision?.applied;
  if (applied === undefined) return undefined;
  const top = status?.attempts?.find(({ silent }) => silent !== true);
  const edited = top?.cause === 'Spec' && top.applied !== undefined && top.commit === applied.commit ? top.applied : '';
  return [applied.commit, applied.time, edited].join(' ');
}

function isSameStage(one: RevisionStage, other: RevisionStage | undefined): boolean {
  return one.commit === other?.commit && one.time === other.time;
}

function driftDraft(type: 'Drifted' | 'DriftCorrected', items: readonly DriftItem[], applied: RevisionStage | undefined): Draft {
  const [first] = items;
  const drift = firstOf(driftEntries(items));
  const rest = items.length > 1 ? `; and ${items.length - 1} more` : '';
  const what = first === undefined ? '' : `${itemText(first)}${rest}`;
  return {
    type,
    commit: applied?.commit ?? '',
    message: type === 'Drifted' ? what : `put back: ${what}`,
    drift,
    ...(items.length > drift.length ? { moreDrift: items.length - drift.length } : {}),
  };
}

/** The first ten, as many of them as there is room for. */
function firstOf(entries: readonly DriftEntry[]): readonly DriftEntry[] {
  let bytes = 0;
  const end = entries.findIndex((entry, index) => index >= maxDrift || (bytes += Buffer.byteLength(JSON.stringify(entry))) > maxDriftBytes);
  return end < 0 ? entries : entries.slice(0, Math.max(1, end));
}

function made(to: Notification['to'], draft: Draft, { next, now }: NewsInput): Notification {
  const ref = refOf(next, draft.commit);
  return {
    to,
    ...draft,
    time: now,
    ...(ref === undefined ? {} : { ref: cutText(ref, 255) }),
    ...(draft.message === undefined ? {} : { message: cutText(draft.message, maxText) }),
  };
}

/** A status of a commit that was not told before the next one of the same commit never will be. */
function isOutdated(entry: Notification, drafts: readonly Notification[]): boolean {
  return entry.to === 'CommitStatus' && drafts.some(({ to, commit }) => to === entry.to && commit === entry.commit);
}

function isWanted({ commitStatus, webhook }: SpecNotify, { to }: Notification): boolean {
  return (to === 'CommitStatus' ? commitStatus : webhook) !== undefined;
}

/** What pointed at a commit that the status knows. */
function refOf({ history, attempts, display }: GitOpsSourceStatus, commit: string): string | undefined {
  const known = history?.find((entry) => entry.commit === commit)?.ref ?? attempts?.find((one) => one.commit === commit)?.ref;
  if (known !== undefined) return known;
  const short = `@${revisionText(undefined, commit)}`;
  return display?.revision?.endsWith(short) === true ? display.revision.slice(0, -short.length) : undefined;
}
