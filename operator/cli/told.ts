/** Pure: what the audit trail tells of a revision, from its record or from the status that it still stands in. */
import { attemptedAnnotation, endedAnnotation, sourceLabel, sourceUidLabel } from '../api/names.ts';
import type { Attempt, AttemptCorrections, GitOpsSource, ListedCommit } from '../api/types.ts';
import type { KubeObject } from '../kube/types.ts';
import { correctionsIn } from '../report/trail/annotations.ts';
import { recordOf } from '../report/trail/record.ts';
import type { RecordData } from '../report/trail/record.ts';

/** One attempted revision of one source. */
export interface Told {
  readonly number: number;
  /** Its ControllerRevision; absent while it stands in the status. */
  readonly record?: string;
  readonly data: RecordData;
  /** Commits that changed nothing, to which it has moved on; of the one that runs only. */
  readonly passed: readonly ListedCommit[];
  readonly corrections: readonly AttemptCorrections[];
  /** It changed nothing itself, and gets no record. */
  readonly silent?: true;
}

/** The trail of one source, oldest first. */
export interface SourceTrail {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** No such source is there any more. */
  readonly gone: boolean;
  /** When it was deleted, where that is known. RFC 3339. */
  readonly ended?: string;
  readonly revisions: readonly Told[];
}

/** A record, and of which source. Undefined for what only carries the label. */
export interface ReadRecord {
  readonly name: string;
  readonly uid: string;
  readonly ended?: string;
  readonly told: Told;
}

export function readRecord(object: KubeObject): ReadRecord | undefined {
  const { labels = {}, annotations = {}, name } = object.metadata;
  const [source, uid] = [labels[sourceLabel], labels[sourceUidLabel]];
  const data = readData(object['data']);
  if (source === undefined || uid === undefined || data === undefined) return undefined;
  const ended = annotations[endedAnnotation];
  const told = { number: Number(object['revision'] ?? 0), record: name, data, passed: [], corrections: correctionsIn(annotations) };
  const isRecord = annotations[attemptedAnnotation] !== undefined;
  return isRecord ? { name: source, uid, ...(isTime(ended) ? { ended } : {}), told } : undefined;
}

/** Every trail of these sources and records: a source that is gone has one too, one of the same name that came later another. */
export function trailsOf(namespace: string, sources: readonly GitOpsSource[], records: readonly ReadRecord[]): readonly SourceTrail[] {
  const byUid = new Map<string, ReadRecord[]>();
  for (const record of records) byUid.set(record.uid, [...(byUid.get(record.uid) ?? []), record]);
  const living = sources.map((source): SourceTrail => {
    const { uid = '', name } = source.metadata;
    return {
      namespace,
      name,
      uid,
      gone: false,
      revisions: inOrder(
        (byUid.get(uid) ?? []).map(({ told }) => told),
        source,
      ),
    };
  });
  const uids = new Set(living.map(({ uid }) => uid));
  const gone = [...byUid].flatMap(([uid, of]): SourceTrail[] => {
    const ended = of.map((record) => record.ended).find((one) => one !== undefined);
    if (uids.has(uid)) return [];
    const revisions = inOrder(
      of.map(({ told }) => told),
      undefined,
    );
    return [{ namespace, name: of[0]?.name ?? '', uid, gone: true, ...(ended === undefined ? {} : { ended }), revisions }];
  });
  return [...living, ...gone].toSorted((a, b) => (a.name === b.name ? Number(a.gone) - Number(b.gone) : a.name < b.name ? -1 : 1));
}

function inOrder(recorded: readonly Told[], source: GitOpsSource | undefined): readonly Told[] {
  const attempts = source?.status?.attempts ?? [];
  const of = new Map(attempts.map((attempt) => [attempt.attempted, attempt]));
  const withPassed = recorded.map((told) => ({ ...told, passed: of.get(told.data.times.attempted)?.passed ?? [] }));
  const known = new Set(recorded.map(({ data }) => data.times.attempted));
  const open = attempts.filter(({ attempted }) => !known.has(attempted)).map((attempt) => openAttempt(attempt, source));
  return [...withPassed, ...open].toSorted((a, b) => (a.data.times.attempted < b.data.times.attempted ? -1 : 1));
}

function openAttempt(attempt: Attempt, source: GitOpsSource | undefined): Told {
  const { namespace = '', name = '', uid = '' } = source?.metadata ?? {};
  const about = { namespace, name, uid, url: source?.spec.url ?? '', path: source?.spec.path ?? '' };
  return {
    number: attempt.number,
    data: recordOf(about, attempt).data,
    passed: attempt.passed ?? [],
    corrections: attempt.corrections ?? [],
    ...(attempt.silent === true ? { silent: true } : {}),
  };
}

/** Whoever may write ControllerRevisions can write anything: what is used is checked. */
function readData(value: unknown): RecordData | undefined {
  const data = value as Partial<RecordData> | undefined | null;
  if (typeof data?.commit?.sha !== 'string' || !isTime(data.times?.attempted)) return undefined;
  const texts = [data.result, data.cause].every((one) => typeof one === 'string');
  const times = [data.times.applied, data.times.healthy, data.times.observed].every((one) => one === undefined || isTime(one));
  const lists = [
    data.created,
    data.changed,
    data.pruned,
    data.letGo,
    data.images,
    data.failures,
    data.commits,
    data.unrecorded ?? [],
    data.origins ?? [],
  ].every(Array.isArray);
  const counts = [data.changes?.created, data.changes?.changed, data.changes?.pruned, data.changes?.letGo].every(Number.isInteger);
  const isListed =
    lists && [...(data.unrecorded ?? []), ...(data.origins ?? [])].every((one) => typeof (one as ListedCommit | null)?.commit === 'string');
  return texts && times && isListed && counts && typeof data.more === 'object' ? (data as RecordData) : undefined;
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && Number.isFinite(Date.parse(value));
}
