/** Pure: what was told, in the status and in the annotation of a record of the audit trail. */
import type { Attempt, GitOpsSourceStatus, ListedCommit, Notification, StatusNotify, ToldNotification } from '../api/types.ts';
import { notificationId } from './cloud-event.ts';
import type { Settled } from './types.ts';

/** What the CRD takes. */
const maxTold = 64;
/** What is kept there to be looked at, once it stands in a record. */
const shownTold = 20;
/** In the annotation of one record. */
const maxNoted = 24;

/** What stands in an annotation: the record says which commit it is about. */
export type NotedNotification = Omit<ToldNotification, 'commit'>;

/**
 * status.notify once these were told, or given up. What was told stays there at least until `isRecorded` says that it stands in
 * its record, or that it never will.
 */
export function toldAfter(
  notify: StatusNotify | undefined,
  settled: readonly Settled[],
  isRecorded: (told: ToldNotification) => boolean,
): StatusNotify {
  const { commit, pending = [], told = [] } = notify ?? {};
  const done = new Set(settled.map(({ entry }) => keyOf(entry)));
  const left = pending.filter((entry) => !done.has(keyOf(entry)));
  const now = settled.map(({ entry: { to, type, commit: of, time }, result }) => ({ to, type, commit: of, time, result }));
  const all = [...told, ...now];
  const kept = all.filter((one, index) => index >= all.length - shownTold || !isRecorded(one));
  return {
    ...(commit === undefined ? {} : { commit }),
    ...(left.length === 0 ? {} : { pending: left }),
    told: bounded(kept, maxTold),
  };
}

/** What is told of drift, which has no end, makes room for what is told of revisions; of either the oldest goes first. */
export function bounded<T extends Pick<ToldNotification, 'type'>>(told: readonly T[], max: number): readonly T[] {
  const over = Math.max(0, told.length - max);
  const drift = told.filter(({ type }) => type === 'Drifted' || type === 'DriftCorrected');
  const gone = new Set(drift.slice(0, over));
  return told.filter((one) => !gone.has(one)).slice(-max);
}

/**
 * What was told of the revisions of these records of one source: of the commit of each, and of those to which it has moved
 * since, from when it was first tried until the same commit was tried anew; that may have no record yet.
 */
export function toldOf<T extends Recorded>(
  records: readonly T[],
  status: GitOpsSourceStatus | undefined,
): ReadonlyMap<T, readonly NotedNotification[]> {
  const attempts = (status?.attempts ?? []).filter(({ silent }) => silent !== true);
  const passedOf = (attempted: string) => attempts.find((attempt) => attempt.attempted === attempted)?.passed ?? [];
  const recorded = records.map((record) => ({ record, ...about(record, passedOf(record.attempted)) }));
  const known = new Set(records.map(({ attempted }) => attempted));
  const open = attempts.filter(({ attempted }) => !known.has(attempted)).map((attempt) => about(attempt, attempt.passed));
  const all: readonly (About & { readonly record?: T })[] = [...recorded, ...open].toSorted((a, b) => a.since - b.since);
  const told = new Map<T, NotedNotification[]>();
  for (const { commit, ...noted } of status?.notify?.told ?? []) {
    const time = Date.parse(noted.time);
    const record = all.findLast(({ commits, since }) => commits.has(commit) && since <= time)?.record;
    if (record !== undefined) told.set(record, [...(told.get(record) ?? []), noted]);
  }
  return told;
}

/** A revision that was first tried then (RFC 3339). */
interface Recorded {
  readonly commit: string;
  readonly attempted: string;
}

interface About {
  readonly commits: ReadonlySet<string>;
  readonly since: number;
}

function about({ commit, attempted }: Recorded, passed: readonly ListedCommit[] = []): About {
  return { commits: new Set([commit, ...passed.map((one) => one.commit)]), since: Date.parse(attempted) };
}

/** The annotation with more in it, in order, as much as there is room for; undefined where there is nothing new. */
export function notedWith(annotation: string | undefined, told: readonly NotedNotification[]): string | undefined {
  const known = notedIn(annotation);
  const keys = new Set(known.map(notedKey));
  const news = told.filter((one) => !keys.has(notedKey(one)));
  const all = [...known, ...news].toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
  const kept = bounded(all, maxNoted);
  return kept.some((one) => news.includes(one)) ? JSON.stringify(kept) : undefined;
}

function notedIn(annotation: string | undefined): readonly NotedNotification[] {
  try {
    const list: unknown = JSON.parse(annotation ?? '[]');
    return Array.isArray(list) ? list.filter(isNoted).slice(-maxNoted) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return []; // somebody wrote something else there
    throw error;
  }
}

function isNoted(value: unknown): value is NotedNotification {
  if (typeof value !== 'object' || value === null) return false;
  const { to, type, time, result } = value as Record<string, unknown>;
  return [to, type, time, result].every((field) => typeof field === 'string');
}

/** What was told to somebody of something is told once. */
export function toldKey({ to, type, commit, time }: ToldNotification): string {
  return `${to} ${type} ${commit} ${time}`;
}

/** What need not be kept in the status for records: they have it, or there will be none of its commit. */
export function notedKeys(status: GitOpsSourceStatus | undefined, isRecorded: (attempt: Attempt) => boolean): ReadonlySet<string> {
  const awaited = new Set(
    (status?.attempts ?? [])
      .filter((attempt) => attempt.silent !== true && !isRecorded(attempt))
      .flatMap(({ commit, passed = [] }) => [commit, ...passed.map((one) => one.commit)]),
  );
  return new Set((status?.notify?.told ?? []).filter(({ commit }) => !awaited.has(commit)).map(toldKey));
}

function notedKey({ to, type, time }: NotedNotification): string {
  return `${to} ${type} ${time}`;
}

function keyOf(entry: Notification): string {
  return notificationId('', entry);
}
