/** Pure: what is told about a source as events of events.k8s.io/v1, each once. */
import { findCondition } from '../api/conditions.ts';
import { conditionReasons, placeText } from '../errors.ts';
import { apiVersionOf, objectText } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';
import { pathText } from '../live/drift/path.ts';
import type { Finding } from '../live/drift/types.ts';
import { itemText, managerText } from './drift.ts';
import type { DriftItem } from './drift.ts';
import { changesText, revisionText, writtenBy } from './message.ts';
import { counted } from './text.ts';
import type { EventReason } from '../errors.ts';
import type { Attempt, GitOpsSourceStatus } from '../api/types.ts';
import { resultOf } from './trail/record.ts';
import type { Adoption, Changes, Correction, Outcome, Phase } from './types.ts';
import type { Ended } from './history.ts';

export interface EventDraft {
  readonly type: 'Normal' | 'Warning';
  readonly reason: EventReason;
  /** What the operator was doing, `Apply`. */
  readonly action: string;
  /** What the event is about, where it is not the source itself. */
  readonly about?: EventSubject | undefined;
  /** For people; cut to 1,024 bytes when it is sent. */
  readonly note: string;
}

/** The object that an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty for what is cluster-wide: its events lie in `default`. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Objects that get an event of their own; more are counted in one. */
const maxAdoptions = 20;
const maxListed = 10;
/** Objects that get an event of their own about what was changed in them. */
const maxObjectEvents = 20;

const actions: Readonly<Record<Phase | 'spec', string>> = {
  spec: 'ReadSpec',
  source: 'Fetch',
  verify: 'Verify',
  render: 'Render',
  plan: 'Plan',
  dryrun: 'DryRun',
  apply: 'Apply',
  prune: 'Prune',
};

/**
 * The events of one outcome: every revision applied or failed is one; a failure that repeats itself, and a walk that
 * found nothing to do, are none. `previous` and `next` are the status before and after it.
 */
export function eventsOf(outcome: Outcome, previous: GitOpsSourceStatus | undefined, next: GitOpsSourceStatus): readonly EventDraft[] {
  if (outcome.kind === 'suspended') return suspendedEvents(previous);
  return [
    ...(outcome.kind === 'applied' ? appliedEvents(outcome, previous, next) : failedEvents(outcome, previous, next)),
    ...outcome.adopted.slice(0, maxAdoptions).map(adoptedEvent),
    ...(outcome.adopted.length > maxAdoptions ? [moreAdopted(outcome.adopted.slice(maxAdoptions))] : []),
    ...correctedEvents(outcome.corrected),
    ...(isNews(outcome, previous, next) ? remarks(outcome) : []),
  ];
}

/** What others changed and is as git states it again: one event for the source, one for each of the first objects. */
function correctedEvents(corrected: readonly Correction[]): readonly EventDraft[] {
  if (corrected.length === 0) return [];
  const texts = corrected.map(({ id, findings }) => ({ id, text: `${objectText(id)}: ${correctionText(findings)}` }));
  const draft = { type: 'Normal', reason: 'DriftCorrected', action: 'Correct' } as const;
  return [
    {
      ...draft,
      note: listed(
        texts.map(({ text }) => text),
        '; ',
      ),
    },
    ...corrected
      .slice(0, maxObjectEvents)
      .map(({ id, uid, findings }) => ({ ...draft, about: subjectOf(id, uid), note: correctionText(findings) })),
  ];
}

function correctionText(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'was gone and is made anew';
  const shown = findings.slice(0, maxListed).map(({ path, class: of, manager }) => `${pathText(path)} (${of} by ${managerText(manager)})`);
  const more = findings.length > maxListed ? ` and ${findings.length - maxListed} more` : '';
  return `put back ${shown.join(', ')}${more}`;
}

/** What is not as git states it, as far as it was not told before: for the source, and for each of the first objects. */
export function driftEvents(items: readonly DriftItem[]): readonly EventDraft[] {
  if (items.length === 0) return [];
  const draft = { type: 'Warning', reason: 'Drifted', action: 'Compare' } as const;
  const ofObjects = new Map<string, DriftItem[]>();
  for (const item of items) {
    const text = objectText(item.id);
    ofObjects.set(text, [...(ofObjects.get(text) ?? []), item]);
  }
  return [
    { ...draft, note: listed(items.map(timeless), '; ') },
    ...[...ofObjects.values()].slice(0, maxObjectEvents).flatMap((ofObject) => {
      const [first] = ofObject;
      if (first === undefined || first.uid === '') return [];
      return [{ ...draft, about: subjectOf(first.id, first.uid), note: listed(ofObject.map(timeless), '; ') }];
    }),
  ];
}

/** An event has times of its own; without one in its text, the same drift again is one series. */
function timeless(item: DriftItem): string {
  return itemText({ ...item, since: undefined });
}

function subjectOf(id: ObjectId, uid: string): EventSubject {
  return { apiVersion: apiVersionOf(id), kind: id.kind, namespace: id.namespace, name: id.name, uid };
}

/** For the owner of objects that another source (`namespace/name`) states as well (rule 14). */
export function contestedEvent(rival: string, objects: readonly string[]): EventDraft {
  return {
    type: 'Warning',
    reason: 'Contested',
    action: 'Plan',
    note: `GitOpsSource ${rival} also states ${listed(objects)}; what this source owns stays with it. Take the manifest out of one of the two.`,
  };
}

/** Fields that git states and the API server does not record (rule 28). */
export function notRecordedEvent(id: ObjectId, fields: readonly string[]): EventDraft {
  return {
    type: 'Warning',
    reason: 'NotRecorded',
    action: 'Compare',
    note: `${objectText(id)}: the API server does not record ${listed(fields)}, which git states: it counts as not stated. Take it out of the manifest, or switch on what it needs.`,
  };
}

/** While a newer revision fails, something of `commit`, which runs, was changed and stays so; `why` are its faults. */
export function notPutBackEvent(commit: string, why: readonly string[]): EventDraft {
  const note = `A newer revision fails and ${commit.slice(0, 7)} runs, of which something was changed and cannot be put back: ${listed(why, '; ')}`;
  return { type: 'Warning', reason: 'NotPutBack', action: 'Correct', note };
}

export type RefMove = 'RefMoved' | 'RepositoryReplaced' | 'RepositoryMoved';

/** A ref that was moved otherwise than by a push that goes forward, or a repository to another URL; `sentence` says how. */
export function refMovedEvent(reason: RefMove, sentence: string): EventDraft {
  return { type: reason === 'RepositoryMoved' ? 'Normal' : 'Warning', reason, action: 'Fetch', note: sentence };
}

/** For a source (`namespace/name`) that is deleted: what became of what it deployed. None where there was nothing. */
export function endedEvents(source: string, { pruned, letGo }: Pick<Changes, 'pruned' | 'letGo'>): readonly EventDraft[] {
  if (pruned + letGo === 0) return [];
  const done = [
    ...(pruned === 0 ? [] : [`${counted(pruned, 'object')} of it deleted`]),
    ...(letGo === 0 ? [] : [`${counted(letGo, 'object')} let go of, which ${letGo === 1 ? 'stays' : 'stay'} in the cluster`]),
  ];
  return [{ type: 'Normal', reason: 'Pruned', action: 'Prune', note: `GitOpsSource ${source} is deleted: ${done.join(', ')}` }];
}

/** The last words about a source (`namespace/name`) that is deleted: what of it stays, and why (rule 23). */
export function leftBehindEvent(source: string, objects: readonly string[], why: string): EventDraft {
  return {
    type: 'Warning',
    reason: 'LeftBehind',
    action: 'Prune',
    note: `GitOpsSource ${source} is gone, ${listed(objects)} ${objects.length === 1 ? 'stays' : 'stay'} in the cluster: ${why}`,
  };
}

/** Attempts without a record of the audit trail; `why` is what the API server said, undefined where the place in the status was full. */
export function unrecordedEvent(attempts: readonly Attempt[], why: string | undefined): EventDraft {
  const texts = attempts.map((attempt) => `${attempt.number} (${revisionText(attempt.ref, attempt.commit)}, ${resultOf(attempt)})`);
  const what =
    why === undefined
      ? `Attempt ${listed(texts)} may get no record: the audit trail could not be written while six others came after it. The next record lists it then.`
      : `No record of the audit trail for attempt ${listed(texts)}: ${why.replace(/\.$/, '')}.`;
  const note = `${what} The log has what it would say.`;
  return { type: 'Warning', reason: 'Unrecorded', action: 'Record', note };
}

/** An endpoint of spec.notify could not be told; `why` without a full stop. */
export function notifyEvent(reason: 'NotifyFailed' | 'NotifyDropped', what: string, why: string): EventDraft {
  const end = reason === 'NotifyFailed' ? 'It is tried again' : 'It is given up';
  return { type: 'Warning', reason, action: 'Notify', note: `${what} cannot be told: ${why.replace(/\.$/, '')}. ${end}.` };
}

function suspendedEvents(previous: GitOpsSourceStatus | undefined): readonly EventDraft[] {
  if (findCondition(previous?.conditions, 'Reconciling')?.reason === 'Suspended') return [];
  return [{ type: 'Normal', reason: 'Suspended', action: 'Suspend', note: conditionReasons.Suspended }];
}

function appliedEvents(
  outcome: Extract<Ended, { kind: 'applied' }>,
  previous: GitOpsSourceStatus | undefined,
  next: GitOpsSourceStatus,
): readonly EventDraft[] {
  const { shortRef, commit } = outcome.seen.ref;
  const top = previous?.history?.[0];
  const isIn =
    findCondition(previous?.conditions, 'Ready')?.status === 'True' ||
    findCondition(previous?.conditions, 'Reconciling')?.reason === 'AwaitingHealth';
  const known = top?.commit === commit && top.result === 'Applied' && isIn;
  if (known && writtenBy(outcome.changes) === 0) return [];
  const done = changesText(outcome.changes);
  const subject = outcome.seen.commit === undefined ? '' : ` “${outcome.seen.commit.subject}” by ${outcome.seen.commit.author}`;
  const isHealthy = next.revision?.healthy?.commit === commit && next.revision.healthy !== previous?.revision?.healthy;
  const note = `${revisionText(shortRef, commit)} is applied${isHealthy ? ' and healthy' : ''}: ${counted(outcome.total, 'object')}, ${done === '' ? 'nothing to change' : done};${subject}`;
  return [{ type: 'Normal', reason: 'Applied', action: 'Apply', note: note.replace(/;$/u, '') }];
}

function failedEvents(
  outcome: Extract<Ended, { kind: 'failed' }>,
  previous: GitOpsSourceStatus | undefined,
  next: GitOpsSourceStatus,
): readonly EventDraft[] {
  const before = findCondition(previous?.conditions, 'Ready');
  const after = findCondition(next.conditions, 'Ready');
  const sameFailure = before?.status === 'False' && before.reason === after?.reason && before.message === after.message;
  if (sameFailure && (!outcome.attempted || previous?.history?.[0]?.commit === outcome.seen?.ref.commit)) return [];
  const revision =
    outcome.seen === undefined || !outcome.attempted ? '' : `${revisionText(outcome.seen.ref.shortRef, outcome.seen.ref.commit)}: `;
  return [
    {
      type: 'Warning',
      reason: outcome.error.reason,
      action: actions[outcome.phase],
      note: `${revision}${after?.message ?? outcome.error.message}`,
    },
  ];
}

function adoptedEvent({ object, managers }: Adoption): EventDraft {
  const so = managers.length === 0 ? 'no field manager is recorded' : `its field managers so far: ${managers.join(', ')}`;
  return { type: 'Normal', reason: 'Adopted', action: 'Adopt', note: `${object} belonged to no source and is taken over; ${so}` };
}

function moreAdopted(adopted: readonly Adoption[]): EventDraft {
  const note = `${listed(adopted.map(({ object }) => object))} belonged to no source and ${adopted.length === 1 ? 'is' : 'are'} taken over`;
  return { type: 'Normal', reason: 'Adopted', action: 'Adopt', note };
}

/** Notices and warnings are told once for each revision and spec, not at every walk over it. */
function isNews(outcome: Ended, previous: GitOpsSourceStatus | undefined, next: GitOpsSourceStatus): boolean {
  return previous?.history?.[0]?.commit !== outcome.seen?.ref.commit || previous?.observedGeneration !== next.observedGeneration;
}

function remarks({ notices, warnings }: Ended): readonly EventDraft[] {
  const drafts: EventDraft[] = [];
  if (notices.length > 0) {
    const texts = notices.map(
      ({ place, object, message }) => `${[placeText(place), object].filter((part) => part !== undefined).join(' ')}: ${message}`,
    );
    drafts.push({ type: 'Normal', reason: 'Notice', action: 'Render', note: listed(texts, '; ') });
  }
  if (warnings.length > 0) drafts.push({ type: 'Warning', reason: 'ApiServerWarning', action: 'Apply', note: listed(warnings, '; ') });
  return drafts;
}

function listed(texts: readonly string[], separator = ', '): string {
  const shown = texts.slice(0, maxListed).join(separator);
  return texts.length > maxListed ? `${shown} and ${texts.length - maxListed} more` : shown;
}
