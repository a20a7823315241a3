/** Pure: what was told, in the status and in the annotation of a record of the audit trail. */
import type { GitOpsSourceStatus, Notification, StatusNotify, ToldNotification } from '../api/types.ts';
import { notificationId } from './cloud-event.ts';
import type { Settled } from './types.ts';

/** What the CRD takes. */
const maxTold = 20;
/** In the annotation of one record. */
const maxNoted = 24;

/** What stands in an annotation: the record says which commit it is about. */
export type NotedNotification = Omit<ToldNotification, 'commit'>;

/** status.notify once these were told, or given up. */
export function toldAfter(notify: StatusNotify | undefined, settled: readonly Settled[]): StatusNotify {
  const { commit, pending = [], told = [] } = notify ?? {};
  const done = new Set(settled.map(({ entry }) => keyOf(entry)));
  const left = pending.filter((entry) => !done.has(keyOf(entry)));
  const now = settled.map(({ entry: { to, type, commit: of, time }, result }) => ({ to, type, commit: of, time, result }));
  return {
    ...(commit === undefined ? {} : { commit }),
    ...(left.length === 0 ? {} : { pending: left }),
    told: [...told, ...now].slice(-maxTold),
  };
}

/** What was told of the revision of a record: of its commit, and of those to which it has moved since. */
export function toldOf(status: GitOpsSourceStatus | undefined, commit: string): readonly NotedNotification[] {
  const passed = status?.attempts?.find((attempt) => attempt.commit === commit)?.passed ?? [];
  const commits = new Set([commit, ...passed.map((one) => one.commit)]);
  return (status?.notify?.told ?? []).filter((one) => commits.has(one.commit)).map(({ commit: _commit, ...noted }) => noted);
}

/** The annotation with more in it, the last of it if it is too long; undefined where there is nothing new. */
export function notedWith(annotation: string | undefined, told: readonly NotedNotification[]): string | undefined {
  const known = notedIn(annotation);
  const keys = new Set(known.map(notedKey));
  const news = told.filter((one) => !keys.has(notedKey(one)));
  return news.length === 0 ? undefined : JSON.stringify([...known, ...news].slice(-maxNoted));
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

function notedKey({ to, type, time }: NotedNotification): string {
  return `${to} ${type} ${time}`;
}

function keyOf(entry: Notification): string {
  return notificationId('', entry);
}
