/**
 * Pure: status.attempts, what the audit trail has to say of the revision that was attempted last and of those whose
 * records are not written yet. It goes along with the one status patch of an outcome, so that a crash loses no entry.
 */
import type { Attempt, AttemptChanges, GitOpsSourceStatus, ListedCommit } from '../../api/types.ts';
import type { Incoming } from '../../source/history/types.ts';
import { failureSummary, writtenBy } from '../message.ts';
import { cutText } from '../text.ts';
import type { Outcome, RevisionSeen } from '../types.ts';
import { originsAfter } from './origins.ts';
import { withinBytes } from './size.ts';
import type { Written } from './written.ts';

/** What the CRD takes. */
const maxAttempts = 6;
const maxListed = 20;
const maxFailures = 5;
const maxText = 1_024;
const maxObject = 512;
const maxRef = 255;

export type Ended = Exclude<Outcome, { kind: 'suspended' }>;

/** An attempt that was noted, and of which no outcome was told. */
export interface Noted {
  readonly commit: string;
  readonly time: string;
}

export interface AttemptsInput {
  /** The status before the outcome. */
  readonly previous: GitOpsSourceStatus | undefined;
  /** The status that the outcome makes: its stages and times. */
  readonly next: GitOpsSourceStatus;
  readonly outcome: Ended;
  readonly generation: number;
  /** What this walk wrote, by object. */
  readonly written: Written;
  /** Attempts whose walk ended without an outcome (its process died, or the spec was edited meanwhile), oldest first. */
  readonly noted: readonly Noted[];
  /** Whether the record of an attempt is written. */
  readonly isRecorded: (attempt: Attempt) => boolean;
  /** RFC 3339. */
  readonly now: string;
}

/** status.attempts after an outcome; what there was, the same value, where nothing is new. */
export function attemptsAfter(input: AttemptsInput): readonly Attempt[] | undefined {
  const attempts = allAfter(input);
  return attempts && withinBytes(attempts);
}

function allAfter(input: AttemptsInput): readonly Attempt[] | undefined {
  const { previous, outcome, noted, generation } = input;
  const before = previous?.attempts;
  if (!isOfAttempt(outcome)) return before;
  const top = before?.[0];
  const { commit } = outcome.seen.ref;
  const lost = lostAttempts(lostBefore(noted, commit, before), previous);
  // Over one of which nobody knows how far it came, nothing goes on as it was.
  const isNext = lost.length === 0;
  const isSame = top !== undefined && runningCommit(top) === commit && top.generation === generation;
  if (isNext && isSame) return replaceTop(before, continued(input, top));
  const isAgain = isNoted(noted, commit) || isOpen(previous);
  const isSilent = outcome.kind === 'applied' && writtenBy(outcome.changes) === 0 && !isAgain && !isFirst(previous);
  if (isNext && isSilent && top !== undefined && isIn(top)) return replaceTop(before, passedOn(input, top));
  const kept = (before ?? []).filter((attempt) => !isSilentEntry(attempt) && !input.isRecorded(attempt));
  const below = lost[0] ?? top;
  return withinPlace([begun(input, below, isSilent), ...lost, ...kept]);
}

/** The attempts that an outcome takes out of the status though they have no record; the next one to be recorded lists them. */
export function withoutPlace(
  before: readonly Attempt[] | undefined,
  after: readonly Attempt[] | undefined,
  isRecorded: (attempt: Attempt) => boolean,
): readonly Attempt[] {
  const kept = new Set((after ?? []).map(({ attempted }) => attempted));
  return (before ?? []).filter((attempt) => !kept.has(attempt.attempted) && !isSilentEntry(attempt) && !isRecorded(attempt)).toReversed();
}

/**
 * The attempts of a source that goes: nothing will supersede what it tried last, so that wants a record as it is; and those
 * that an edit, the deletion or the end of a process broke off others.
 */
export function lastOf(status: GitOpsSourceStatus | undefined, noted: readonly Noted[]): readonly Attempt[] {
  const attempts = status?.attempts ?? [];
  const all = [...lostAttempts(lostBefore(noted, undefined, attempts), status), ...attempts];
  // Behind an empty place, the last one counts as superseded.
  return all[0] === undefined ? [] : [{ ...all[0], silent: true }, ...all];
}

/** Without those that were recorded all the same before it was. */
export function withUnrecorded(attempt: Attempt, isRecorded: (attempted: string) => boolean): Attempt {
  const { unrecorded: listed, ...rest } = attempt;
  const left = (listed ?? []).filter(({ time }) => time === undefined || !isRecorded(time));
  return left.length === 0 ? rest : { ...rest, unrecorded: left };
}

/** There is no room for more than six: what is taken out is listed in the oldest one that stays. */
function withinPlace(attempts: readonly Attempt[]): readonly Attempt[] {
  const last = attempts[maxAttempts - 1];
  if (last === undefined || attempts.length === maxAttempts) return attempts;
  const out = attempts.slice(maxAttempts).toReversed();
  const listed = [...out.flatMap((one) => [...(one.unrecorded ?? []), listedCommit(one, one.attempted)]), ...(last.unrecorded ?? [])];
  const more = [...out, last].reduce((sum, one) => sum + (one.moreUnrecorded ?? 0), 0) + Math.max(0, listed.length - maxListed);
  const carrying = { ...last, unrecorded: listed.slice(-maxListed), ...countOf('moreUnrecorded', more) };
  return [...attempts.slice(0, maxAttempts - 1), carrying];
}

/** Whether a revision was tried, whatever came of it. */
export function isOfAttempt(outcome: Outcome): outcome is Ended & { readonly seen: RevisionSeen } {
  return outcome.kind !== 'suspended' && outcome.seen !== undefined && (outcome.kind === 'applied' || outcome.attempted);
}

/** Whether nothing more will be said of an attempt but in annotations: its record can be written. */
export function isEnded(attempt: Attempt): boolean {
  return attempt.healthy !== undefined;
}

function isIn(attempt: Attempt): boolean {
  return attempt.applied !== undefined;
}

/** The attempts that want a record, oldest first: those that became healthy, and those that another one has superseded. */
export function unrecorded(attempts: readonly Attempt[] | undefined, isRecorded: (attempt: Attempt) => boolean): readonly Attempt[] {
  const wanted = (attempts ?? []).filter((attempt, index) => !isSilentEntry(attempt) && (index > 0 || isEnded(attempt)));
  return wanted.filter((attempt) => !isRecorded(attempt)).toReversed();
}

/** Whether what an outcome wrote is no revision's, but put back what was lost of the running one; `noted` as in AttemptsInput. */
export function isCorrection(
  previous: GitOpsSourceStatus | undefined,
  outcome: Ended,
  generation: number,
  noted: readonly Noted[] = [],
): boolean {
  const top = previous?.attempts?.[0];
  if (top === undefined || !isIn(top) || outcome.kind !== 'applied' || writtenBy(outcome.changes) === 0) return false;
  const { commit } = outcome.seen.ref;
  if (lostBefore(noted, commit, previous?.attempts).length > 0) return false;
  return runningCommit(top) === commit && top.generation === generation;
}

/** Whether a status tells how an attempt at this commit ended, or goes on. */
export function isTold(status: GitOpsSourceStatus | undefined, commit: string): boolean {
  if (status?.revision?.applied?.commit === commit) return true;
  return status?.attempts?.some((attempt) => runningCommit(attempt) === commit) === true;
}

/** The attempt that a status notes, where it tells no outcome of it: as under way, or from before something else was told. */
export function notedIn(status: GitOpsSourceStatus | undefined): readonly Noted[] {
  const attempted = status?.revision?.attempted;
  if (attempted === undefined) return [];
  const isUnderWay = status?.conditions?.some(({ type, reason }) => type === 'Reconciling' && reason === 'Progressing') === true;
  return isUnderWay || !isTold(status, attempted.commit) || isOpen(status) ? [attempted] : [];
}

/** Whether a status tells how another spec fared with this commit, and nothing yet of this one. */
export function isAnew(status: GitOpsSourceStatus | undefined, commit: string, generation: number): boolean {
  const top = status?.attempts?.[0];
  return top !== undefined && runningCommit(top) === commit && top.generation !== generation && !isOpen(status);
}

/** Whether the commit that a status notes as attempted was attempted anew since the attempt that it tells of. */
function isOpen(status: GitOpsSourceStatus | undefined): boolean {
  const { revision: { attempted } = {}, attempts: [top] = [] } = status ?? {};
  return attempted !== undefined && top !== undefined && runningCommit(top) === attempted.commit && !isOneOf(attempted, top);
}

/** Where the revision of an attempt stands: it moves on with commits that change nothing. */
export function runningCommit(attempt: Attempt): string {
  return attempt.passed?.at(-1)?.commit ?? attempt.commit;
}

function isNoted(noted: readonly Noted[], commit: string): boolean {
  return noted.some((one) => one.commit === commit);
}

/** Those that were noted and are neither taken up again by an attempt at `commit` nor among the attempts that are known. */
function lostBefore(noted: readonly Noted[], commit: string | undefined, attempts: readonly Attempt[] = []): readonly Noted[] {
  return noted.filter((one) => one.commit !== commit && !attempts.some((attempt) => isOneOf(one, attempt)));
}

/** Whether what was noted is a walk of this attempt, or over a commit by which it ran on. */
function isOneOf({ commit, time }: Noted, { commit: own, attempted, passed = [] }: Attempt): boolean {
  const since = Date.parse(time);
  const isPassed = passed.some((one) => one.commit === commit && since <= Date.parse(one.time ?? ''));
  return isPassed || (own === commit && since <= Date.parse(attempted));
}

/** When the attempt was first tried by which the applied revision runs, where the status still tells. */
export function attemptedOfRunning(status: GitOpsSourceStatus | undefined): string | undefined {
  const commit = status?.revision?.applied?.commit;
  const isRunning = (attempt: Attempt): boolean => isIn(attempt) && !isSilentEntry(attempt) && runningCommit(attempt) === commit;
  return status?.attempts?.find(isRunning)?.attempted;
}

function isSilentEntry({ silent }: Attempt): boolean {
  return silent === true;
}

function isFirst(previous: GitOpsSourceStatus | undefined): boolean {
  return previous?.revision?.applied === undefined;
}

function replaceTop(attempts: readonly Attempt[] | undefined, top: Attempt): readonly Attempt[] | undefined {
  return attempts?.[0] === top ? attempts : [top, ...(attempts ?? []).slice(1)];
}

/** The same revision again: a retry that failed, or came through. Once it is in, what follows is health (health.ts) and corrections. */
function continued(input: AttemptsInput, top: Attempt): Attempt {
  if (isIn(top)) return top;
  const { outcome } = input;
  const isAgain = isNoted(input.noted, runningCommit(top));
  const origins = originsAfter(top, outcome, top.commits ?? []);
  const merged = { ...top, ...changesAfter(top, input), ...origins, ...(isAgain ? { interrupted: true } : {}) };
  if (outcome.kind === 'applied') return { ...merged, ...stagesOf(input, top) };
  const failures = failuresAfter(top, outcome, input.now);
  const isNews = failures !== top.failures || writtenBy(outcome.changes) > 0 || isAgain;
  return isNews ? { ...merged, failures } : top;
}

/** A commit that changes nothing: the revision moves, and the record is the one that there is. */
function passedOn({ outcome, generation, now }: AttemptsInput, top: Attempt): Attempt {
  const { commit } = outcome.seen?.ref ?? { commit: top.commit };
  if (runningCommit(top) === commit) return { ...top, generation };
  const listed: ListedCommit = { commit, ...subjectOf(outcome), time: now };
  const passed = [...(top.passed ?? []), listed];
  const over = Math.max(0, passed.length - maxListed);
  return { ...top, generation, passed: passed.slice(over), ...countOf('morePassed', (top.morePassed ?? 0) + over) };
}

function begun(input: AttemptsInput, below: Attempt | undefined, isSilent: boolean): Attempt {
  const { previous, outcome, generation, noted } = input;
  const { commit, shortRef } = outcome.seen?.ref ?? { commit: '', shortRef: undefined };
  const from = previous?.revision?.applied?.commit;
  const isResumed = isNoted(noted, commit) || (outcome.kind === 'applied' && isFirst(previous) && outcome.changes.unchanged > 0);
  const sameSpec = below === undefined || below.generation === generation;
  const came = cameWith(below, outcome.incoming);
  return {
    number: (below?.number ?? 0) + (isSilent ? 0 : 1),
    ...(isSilent ? { silent: true } : {}),
    commit,
    ...(shortRef === undefined ? {} : { ref: cutText(shortRef, maxRef) }),
    ...subjectOf(outcome),
    ...(outcome.seen?.commit === undefined ? {} : { committed: outcome.seen.commit.time }),
    generation,
    cause: outcome.incoming?.relation === 'Rollback' ? 'Rollback' : sameSpec ? 'Commit' : 'Spec',
    ...(from === undefined ? {} : { from }),
    ...stagesOf(input, undefined),
    ...changesAfter(undefined, input),
    ...(outcome.kind === 'failed' ? { failures: failuresAfter(undefined, outcome, input.now) } : {}),
    ...came,
    ...originsAfter(undefined, outcome, came.commits ?? []),
    ...(isResumed ? { interrupted: true } : {}),
  };
}

/** Newest first. */
function lostAttempts(lost: readonly Noted[], previous: GitOpsSourceStatus | undefined): readonly Attempt[] {
  const top = previous?.attempts?.[0];
  return lost.reduce<readonly Attempt[]>((newer, one) => [lostAttempt(one, newer[0] ?? top, previous), ...newer], []);
}

/** Nobody knows what became of it; what it wrote is written. */
function lostAttempt({ commit, time }: Noted, top: Attempt | undefined, previous: GitOpsSourceStatus | undefined): Attempt {
  const from = previous?.revision?.applied?.commit;
  const known = top?.generation ?? previous?.observedGeneration ?? 0;
  // Of a commit that was in, no less than another spec made an attempt.
  const isOfSpec = top !== undefined && runningCommit(top) === commit;
  return {
    number: (top?.number ?? 0) + 1,
    commit,
    generation: isOfSpec ? known + 1 : known,
    cause: isOfSpec ? 'Spec' : 'Commit',
    ...(from === undefined ? {} : { from }),
    attempted: time,
    ...cameWith(top, undefined),
    interrupted: true,
  };
}

function stagesOf({ previous, next, outcome, now }: AttemptsInput, top: Attempt | undefined) {
  const { observed, attempted, applied } = next.revision ?? {};
  const { began = now, ended = now } = outcome;
  // A commit that is tried again after an edit of the spec first came that far long ago.
  const isOld = previous?.attempts?.some((one) => one.attempted === attempted?.time) === true;
  const since = top?.attempted ?? (isOld ? began : attempted?.time) ?? began;
  const isFresh = applied !== undefined && Date.parse(applied.time) >= Date.parse(since);
  return {
    ...(observed === undefined ? {} : { observed: top?.observed ?? observed.time }),
    attempted: since,
    ...(outcome.kind === 'applied' ? { applied: isFresh ? applied.time : ended } : {}),
  };
}

function failuresAfter(top: Attempt | undefined, outcome: Extract<Ended, { kind: 'failed' }>, now: string): Attempt['failures'] {
  const known = top?.failures ?? [];
  const failure = { time: now, reason: outcome.error.reason, message: failureSummary(outcome.error.faults, maxText) };
  if (known.some(({ reason, message }) => reason === failure.reason && message === failure.message)) return top?.failures;
  if (known.length < maxFailures) return [...known, failure];
  // A prune may be let go only where it was held (held.ts), so that one is never left out.
  const isFirstHold = failure.reason === 'PruneHeld' && !known.some(({ reason }) => reason === 'PruneHeld');
  return isFirstHold ? [...known.slice(0, -1), failure] : top?.failures;
}

const verbs = ['created', 'changed', 'pruned', 'letGo'] as const;

/** Counts and lists, over all walks of the attempt. */
function changesAfter(top: Attempt | undefined, { outcome, written }: AttemptsInput): Partial<Attempt> {
  const counts: Record<string, number> = {};
  const lists: Record<string, readonly string[]> = {};
  for (const verb of verbs) {
    const count = (top?.changes?.[verb] ?? 0) + (outcome.changes?.[verb] ?? 0);
    if (count > 0) counts[verb] = count;
    const list = [
      ...new Set([
        ...(top?.[verb] ?? []),
        ...written.objects.filter((one) => one.verb === verb).map(({ object }) => cutText(object, maxObject)),
      ]),
    ];
    if (list.length > 0) lists[verb] = list.slice(0, maxListed);
  }
  const known = new Set((top?.images ?? []).map(({ workload, container }) => `${workload} ${container}`));
  const images = [...(top?.images ?? []), ...written.images.filter(({ workload, container }) => !known.has(`${workload} ${container}`))];
  return {
    ...(Object.keys(counts).length === 0 ? {} : { changes: counts satisfies AttemptChanges }),
    ...lists,
    ...(images.length === 0 ? {} : { images: images.slice(0, maxListed) }),
  };
}

/** The commits that moved the revision and got no record, and those that git says came in with it. */
function cameWith(below: Attempt | undefined, incoming: Incoming | undefined): Partial<Attempt> {
  const { passed = [], morePassed = 0, commits: older = [], moreCommits = 0, silent = false } = below ?? {};
  const own = silent && below !== undefined ? [...older, listedCommit(below, below.applied)] : [];
  // A commit that is left on the way back did not come in.
  const [, ...others] = incoming === undefined || incoming.relation === 'Rollback' ? [] : incoming.commits;
  const all = [...own, ...passed, ...others.toReversed().map(({ sha, ...told }) => listedCommit({ commit: sha, ...told }, undefined))];
  if (all.length === 0) return {};
  const unlisted = incoming === undefined ? 0 : Math.max(0, incoming.count - incoming.commits.length);
  const more = morePassed + (silent ? moreCommits : 0) + unlisted + Math.max(0, all.length - maxListed);
  return { commits: all.slice(-maxListed), ...countOf('moreCommits', more) };
}

function listedCommit(
  { commit, subject, author }: Pick<ListedCommit, 'commit' | 'subject' | 'author'>,
  time: string | undefined,
): ListedCommit {
  const told = {
    ...(subject === undefined ? {} : { subject: cutText(subject, maxText) }),
    ...(author === undefined ? {} : { author: cutText(author, maxText) }),
  };
  return { commit, ...told, ...(time === undefined ? {} : { time }) };
}

function subjectOf(outcome: Ended): { readonly subject?: string; readonly author?: string } {
  const commit = outcome.seen?.commit;
  return commit === undefined ? {} : { subject: cutText(commit.subject, maxText), author: cutText(commit.author, maxText) };
}

function countOf<Key extends string>(key: Key, count: number): Partial<Record<Key, number>> {
  return count === 0 ? {} : ({ [key]: count } as Record<Key, number>);
}
