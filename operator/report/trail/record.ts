/** Pure: an attempt as the one immutable record of it, a ControllerRevision of at most 16 KiB. */
import { attemptedAnnotation, commitAnnotation, correctionsAnnotation, sourceLabel, sourceUidLabel } from '../../api/names.ts';
import type { Attempt, AttemptFailure, GitOpsSource, ImageChange, ListedCommit, OriginCommit } from '../../api/types.ts';
import { correctionsText } from './annotations.ts';

/** Of the whole object as it is sent. */
export const maxRecordBytes = 16_384;

/** Healthy; Applied: everything was in, and another one followed before it was healthy; Interrupted: nobody knows how far it came. */
export type Result = 'Healthy' | 'Applied' | 'Failed' | 'Interrupted';

/** What a record is about. */
export interface RecordedSource {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly url: string;
  readonly path: string;
}

export function recordedSource({ metadata: { namespace, name, uid = '' }, spec: { url, path = '' } }: GitOpsSource): RecordedSource {
  return { namespace, name, uid, url, path };
}

/** The data of a record. Lists hold what fits; `more` counts the rest. */
export interface RecordData {
  readonly source: { readonly url: string; readonly path: string };
  readonly commit: {
    readonly sha: string;
    readonly ref?: string;
    readonly subject?: string;
    readonly author?: string;
    readonly time?: string;
  };
  readonly from?: string;
  readonly cause: Attempt['cause'];
  readonly generation: number;
  readonly result: Result;
  readonly interrupted?: true;
  readonly times: { readonly observed?: string; readonly attempted: string; readonly applied?: string; readonly healthy?: string };
  readonly changes: { readonly created: number; readonly changed: number; readonly pruned: number; readonly letGo: number };
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly pruned: readonly string[];
  readonly letGo: readonly string[];
  readonly images: readonly ImageChange[];
  readonly failures: readonly AttemptFailure[];
  /** That came in with it, oldest first, this one not among them. */
  readonly commits: readonly ListedCommit[];
  /** At which objects that it wrote last changed, oldest first; neither itself nor among `commits`. */
  readonly origins?: readonly OriginCommit[];
  /** Attempts right before it that have no record, oldest first: the trail could not be written then. */
  readonly unrecorded?: readonly ListedCommit[];
  /** By list: how many more there are. */
  readonly more: Readonly<Partial<Record<ListName, number>>>;
}

type ListName = 'created' | 'changed' | 'pruned' | 'letGo' | 'images' | 'failures' | 'commits' | 'origins' | 'unrecorded';
const listNames: readonly ListName[] = ['created', 'changed', 'pruned', 'letGo', 'images', 'failures', 'commits', 'origins', 'unrecorded'];

export interface ControllerRevision {
  readonly apiVersion: 'apps/v1';
  readonly kind: 'ControllerRevision';
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly revision: number;
  readonly data: RecordData;
}

/** The name that kubectl shows: source, number, commit. */
export function recordName(source: Pick<RecordedSource, 'name'>, { number, commit }: Attempt): string {
  return `${source.name}-${number}-${commit.slice(0, 7)}`;
}

/** The record of an attempt that has ended or is superseded. No owner: it outlives its source. */
export function recordOf(source: RecordedSource, attempt: Attempt, name = recordName(source, attempt)): ControllerRevision {
  const object: ControllerRevision = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      namespace: source.namespace,
      name,
      labels: { [sourceLabel]: source.name, [sourceUidLabel]: source.uid },
      annotations: {
        [commitAnnotation]: attempt.commit,
        [attemptedAnnotation]: attempt.attempted,
        ...(attempt.corrections === undefined ? {} : { [correctionsAnnotation]: correctionsText(attempt.corrections) }),
      },
    },
    revision: attempt.number,
    data: dataOf(source, attempt),
  };
  return cutToSize(object);
}

/**
 * A record as it is sent. The API server writes these characters as escapes whenever it writes the object anew, for an
 * annotation as well, and would then take its data for changed, which is forbidden.
 */
export function recordText(record: object): string {
  return JSON.stringify(record).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function resultOf({ applied, healthy, interrupted, failures = [] }: Attempt): Result {
  if (healthy !== undefined) return 'Healthy';
  if (applied !== undefined) return 'Applied';
  return interrupted === true && failures.length === 0 ? 'Interrupted' : 'Failed';
}

function dataOf(source: RecordedSource, attempt: Attempt): RecordData {
  const { created = [], changed = [], pruned = [], letGo = [], images = [], failures = [], commits = [], changes = {} } = attempt;
  const counts = {
    created: changes.created ?? created.length,
    changed: changes.changed ?? changed.length,
    pruned: changes.pruned ?? pruned.length,
    letGo: changes.letGo ?? letGo.length,
  };
  return {
    source: { url: source.url, path: source.path },
    commit: dropUndefined({
      sha: attempt.commit,
      ref: attempt.ref,
      subject: attempt.subject,
      author: attempt.author,
      time: attempt.committed,
    }),
    ...(attempt.from === undefined ? {} : { from: attempt.from }),
    cause: attempt.cause,
    generation: attempt.generation,
    result: resultOf(attempt),
    ...(attempt.interrupted === true ? { interrupted: true as const } : {}),
    times: dropUndefined({
      observed: attempt.observed,
      attempted: attempt.attempted,
      applied: attempt.applied,
      healthy: attempt.healthy,
    }),
    changes: counts,
    created,
    changed,
    pruned,
    letGo,
    images,
    failures,
    commits,
    ...(attempt.origins === undefined ? {} : { origins: attempt.origins }),
    ...(attempt.unrecorded === undefined ? {} : { unrecorded: attempt.unrecorded }),
    more: dropZeros({
      created: counts.created - created.length,
      changed: counts.changed - changed.length,
      pruned: counts.pruned - pruned.length,
      letGo: counts.letGo - letGo.length,
      images: attempt.moreImages ?? 0,
      commits: attempt.moreCommits ?? 0,
      origins: attempt.moreOrigins ?? 0,
      unrecorded: attempt.moreUnrecorded ?? 0,
    }),
  };
}

/** Takes from the longest list until the whole is small enough; what is left out is counted. */
function cutToSize(object: ControllerRevision): ControllerRevision {
  let { data } = object;
  while (Buffer.byteLength(recordText({ ...object, data })) > maxRecordBytes) {
    const longest = listNames.toSorted((a, b) => sizeOf(data[b]) - sizeOf(data[a]))[0];
    const list = longest === undefined ? [] : (data[longest] ?? []);
    if (longest === undefined || list.length === 0) break;
    const keep = Math.floor(list.length * 0.75);
    // The newest commits matter most, of everything else the first.
    const isByAge = longest === 'commits' || longest === 'origins' || longest === 'unrecorded';
    const kept = isByAge ? list.slice(list.length - keep) : list.slice(0, keep);
    data = { ...data, [longest]: kept, more: { ...data.more, [longest]: (data.more[longest] ?? 0) + list.length - kept.length } };
  }
  return { ...object, data };
}

function sizeOf(list: readonly unknown[] = []): number {
  return list.length === 0 ? 0 : JSON.stringify(list).length;
}

function dropUndefined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}

function dropZeros<Key extends string>(value: Readonly<Record<Key, number>>): Partial<Record<Key, number>> {
  return Object.fromEntries(Object.entries(value).filter(([, count]) => (count as number) > 0)) as Partial<Record<Key, number>>;
}
