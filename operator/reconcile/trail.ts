/**
 * The audit trail: one ControllerRevision for each attempted revision, written behind everything else. What is to be
 * written stands in status.attempts until it is, so that no crash loses an entry.
 */
import { attemptedAnnotation, commitAnnotation, controllerManager, endedAnnotation, sourceLabel, sourceUidLabel } from '../api/names.ts';
import type { Attempt, AttemptCorrections, GitOpsSource, GitOpsSourceStatus } from '../api/types.ts';
import { isKubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { deleteObject, getMetadata, listAll, resourcePath } from '../kube/operations.ts';
import type { KubeObject } from '../kube/types.ts';
import { objectText } from '../kube/types.ts';
import type { Logger } from '../log.ts';
import { attemptsAfter, isCorrection, isEnded, notedIn, unrecorded } from '../report/trail/attempts.ts';
import type { Noted } from '../report/trail/attempts.ts';
import { addCorrections, withCorrections } from '../report/trail/health.ts';
import { recordName, recordOf, recordText } from '../report/trail/record.ts';
import { beyondLimit, outlived } from '../report/trail/retention.ts';
import type { KeptRecord } from '../report/trail/retention.ts';
import { imageChanges } from '../report/trail/written.ts';
import type { RunningImage } from '../report/trail/written.ts';
import type { Outcome } from '../report/types.ts';
import { Behind } from './behind.ts';
import { noteCorrections, noteEnded, noteTold, recordResource } from './record-notes.ts';
import type { SourceLog } from './source-log.ts';
import type { SourceStore } from './source-store.ts';

export interface TrailOptions {
  readonly client: KubeClient;
  readonly store: SourceStore;
  /** --namespaces; empty serves the whole cluster. */
  readonly namespaces: readonly string[];
  /** --history-retention in milliseconds. */
  readonly retentionMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
  readonly sources: SourceLog;
}

/** What is kept of one source. */
interface Entry {
  /** Left without an outcome by a walk before this one, or by the process before. */
  lost: Noted | undefined;
  /** Noted by the walk that is under way. */
  noted: Noted | undefined;
  images: readonly RunningImage[] | undefined;
  records: KeptRecord[];
  /** Corrections that are not in a record yet, by when the attempt that they belong to was first tried. */
  corrections: Map<string, readonly AttemptCorrections[]>;
}

const queueSize = 10_000;
const sweepEveryMs = 3_600_000;
/** Corrections are added up for so long before they are written. */
const correctionsMs = 5_000;
/** So is what was told to others. */
const notifiedMs = 2_000;

/** Runs from `start` to `close`, on the leader only. */
export class Trail {
  readonly #options: TrailOptions;
  readonly #queue: Behind;
  readonly #entries = new Map<string, Entry>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: TrailOptions) {
    this.#options = options;
    this.#queue = new Behind({
      size: queueSize,
      // It still stands in the status: the next outcome tries again.
      onGivenUp: (what, error) => this.#logOf(what).warn('the audit trail cannot be written', { what, error }),
    });
  }

  /** Reads what is recorded, and from then on writes what is not. */
  start(): void {
    for (const source of this.#sources()) this.#entry(source); // as the process before this one left it
    this.#queue.push('list', (signal) => this.#load(signal));
    this.#sweep = setInterval(() => this.#outlive(), sweepEveryMs);
    this.#sweep.unref();
  }

  /** Takes no more, and waits up to `graceMs`; the rest stands in the status. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#sweep);
    await this.#queue.close(graceMs);
  }

  /** A walk begins. */
  begin(source: GitOpsSource): void {
    const entry = this.#entry(source);
    entry.lost = entry.noted ?? entry.lost;
    entry.noted = undefined;
  }

  /** A revision is noted in the status as under way. */
  noted(source: GitOpsSource, noted: Noted | undefined): void {
    this.#entry(source).noted = noted;
  }

  /** status.attempts after an outcome of this source; `next` is its status otherwise. */
  attemptsAfter(source: GitOpsSource, next: GitOpsSourceStatus, outcome: Outcome): readonly Attempt[] | undefined {
    const { status: previous, metadata } = source;
    if (outcome.kind === 'suspended') return previous?.attempts;
    const entry = this.#entry(source);
    const objects = outcome.objects ?? [];
    const images = outcome.kind === 'applied' ? outcome.images?.map(runningImage) : undefined;
    if (outcome.kind === 'applied') entry.images ??= outcome.ran?.map(runningImage);
    const generation = metadata.generation ?? 0;
    const isRecorded = (attempt: Attempt): boolean => isKept(entry.records, attempt);
    const now = new Date(this.#options.now()).toISOString();
    const written = { objects, images: images === undefined ? [] : imageChanges(entry.images, images, objects) };
    const attempts = attemptsAfter({ previous, next, outcome, generation, written, noted: entry.lost, isRecorded, now });
    entry.images = images ?? entry.images;
    return isCorrection(previous, outcome, generation) ? this.#corrected(source, entry, attempts ?? [], outcome) : attempts;
  }

  /** The outcome stands in the status: what of it wants a record gets it. */
  told(key: string): void {
    const source = this.#options.store.get(key);
    if (source === undefined) return;
    const entry = this.#entry(source);
    entry.lost = undefined;
    entry.noted = undefined;
    this.#record(source, source.status?.attempts);
  }

  /** Health stands in the status: an attempt that it ends gets its record. */
  healthTold(key: string): void {
    const source = this.#options.store.get(key);
    if (source !== undefined) this.#record(source, source.status?.attempts);
  }

  /** The source goes: nothing will supersede what it tried last. */
  ended(source: GitOpsSource): void {
    const { client, now } = this.#options;
    const [top, ...rest] = source.status?.attempts ?? [];
    // Behind an empty place, the last one counts as superseded.
    if (top !== undefined) this.#record(source, [{ ...top, silent: true }, top, ...rest]);
    const time = new Date(now()).toISOString();
    this.#queue.push(`${source.metadata.uid} ended`, async (signal) => {
      const last = newest(this.#entry(source).records);
      if (last !== undefined) await noteEnded(client, last, endedAnnotation, time, signal);
    });
  }

  #entry({ metadata: { uid = '' }, status }: GitOpsSource): Entry {
    const known = this.#entries.get(uid);
    if (known !== undefined) return known;
    const entry: Entry = { lost: notedIn(status), noted: undefined, images: undefined, records: [], corrections: new Map() };
    this.#entries.set(uid, entry);
    return entry;
  }

  #record(source: GitOpsSource, attempts: readonly Attempt[] | undefined): void {
    const { records } = this.#entry(source);
    for (const attempt of unrecorded(attempts, (one) => isKept(records, one))) {
      this.#queue.push(`${source.metadata.uid} ${attempt.attempted}`, (signal) => this.#write(source, attempt, signal));
    }
  }

  async #write(source: GitOpsSource, attempt: Attempt, signal: AbortSignal): Promise<void> {
    const { client, now } = this.#options;
    const { records } = this.#entry(source);
    if (isKept(records, attempt)) return;
    const { namespace, name, uid = '' } = source.metadata;
    const about = { namespace, name, uid, url: source.spec.url, path: source.spec.path ?? '' };
    const plain = recordName(about, attempt);
    let made: KubeObject | undefined;
    // The number may be taken by a source of this name that is gone, or by one whose status was lost.
    for (const recordedAs of [plain, `${plain}-${attempt.attempted.replaceAll(/\D/g, '')}`]) {
      made = await this.#create(recordOf(about, attempt, recordedAs), uid, attempt.attempted, signal);
      if (made !== undefined) break;
    }
    if (made === undefined) throw new Error(`ControllerRevision ${namespace}/${plain} is taken`);
    records.push(keptRecord(made, now()));
    this.notified(source);
    for (const old of beyondLimit(records, source.spec.historyLimit)) {
      await this.#delete(client, old, signal);
      records.splice(records.indexOf(old), 1);
    }
  }

  /** Undefined where another record has the name. One that an earlier try made is the record. */
  async #create(record: object, uid: string, attempted: string, signal: AbortSignal): Promise<KubeObject | undefined> {
    const { client } = this.#options;
    const object = record as KubeObject;
    try {
      const path = resourcePath(recordResource, object.metadata.namespace);
      const query = { fieldManager: controllerManager };
      return (await client.request<KubeObject>({ method: 'POST', path, query, body: recordText(record), behind: true, signal })).body;
    } catch (error) {
      if (!isKubeError(error, 409)) throw error;
    }
    const id = { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    const there = await getMetadata(client, recordResource, { ...recordResource, ...id }, { behind: true, signal });
    const isOurs = there?.metadata.labels?.[sourceUidLabel] === uid && there.metadata.annotations?.[attemptedAnnotation] === attempted;
    return isOurs ? there : undefined;
  }

  async #delete(client: KubeClient, { namespace, name, uid }: KeptRecord, signal: AbortSignal): Promise<void> {
    try {
      await deleteObject(client, recordResource, { namespace, name }, { uid, behind: true, signal });
    } catch (error) {
      if (!isKubeError(error, 404) && !isKubeError(error, 409)) throw error;
    }
  }

  /** Before its record is made a correction is counted with the attempt, afterwards on the record. */
  #corrected(
    source: GitOpsSource,
    entry: Entry,
    attempts: readonly Attempt[],
    outcome: Exclude<Outcome, { kind: 'suspended' }>,
  ): readonly Attempt[] {
    // What is gone, or was written otherwise under our own name, has no manager.
    const found = outcome.corrected.flatMap(({ findings }) => (findings.length === 0 ? [undefined] : findings.map((one) => one.manager)));
    const managers = found.length === 0 ? [undefined] : found;
    const [top, ...below] = attempts;
    if (top !== undefined && top.silent !== true && !isEnded(top)) return [withCorrections(top, managers), ...below];
    // What runs by a commit that got no record counts where the last record is.
    const attempted = top === undefined || top.silent === true ? '' : top.attempted;
    entry.corrections.set(attempted, addCorrections(entry.corrections.get(attempted) ?? [], managers));
    this.#writeCorrectionsLater(source, entry);
    return attempts;
  }

  #writeCorrectionsLater(source: GitOpsSource, entry: Entry): void {
    const name = `${source.metadata.uid} corrections`;
    setTimeout(() => this.#queue.push(name, (signal) => this.#writeCorrections(source, entry, signal)), correctionsMs).unref();
  }

  async #writeCorrections(source: GitOpsSource, entry: Entry, signal: AbortSignal): Promise<void> {
    for (const [attempted, corrections] of entry.corrections) {
      const record = attempted === '' ? newest(entry.records) : entry.records.find((one) => one.attempted === attempted);
      if (record === undefined) {
        const key = `${source.metadata.namespace}/${source.metadata.name}`;
        const isToCome = this.#options.store.get(key)?.status?.attempts?.some((one) => one.attempted === attempted) === true;
        if (isToCome) this.#writeCorrectionsLater(source, entry);
        else entry.corrections.delete(attempted);
        continue;
      }
      await noteCorrections(this.#options.client, record, corrections, signal);
      // One that came meanwhile is counted with the next.
      const left = (entry.corrections.get(attempted) ?? []).flatMap(({ manager, count }) => {
        const written = corrections.find((one) => one.manager === manager)?.count ?? 0;
        return count > written ? [{ manager, count: count - written }] : [];
      });
      if (left.length === 0) entry.corrections.delete(attempted);
      else entry.corrections.set(attempted, left);
    }
  }

  /** What was told of the revisions of a source is noted in their records, a moment later and as far as they are written. */
  notified(source: GitOpsSource): void {
    if ((source.status?.notify?.told ?? []).length === 0) return;
    const { namespace, name, uid } = source.metadata;
    const { client, store } = this.#options;
    const write = async (signal: AbortSignal): Promise<void> => {
      const { status } = store.get(`${namespace}/${name}`) ?? source;
      await noteTold(client, this.#entry(source).records, status, signal);
    };
    setTimeout(() => this.#queue.push(`${uid} notified`, write), notifiedMs).unref();
  }

  async #load(signal: AbortSignal): Promise<void> {
    const { client, namespaces, now, log } = this.#options;
    const scopes: readonly (string | undefined)[] = namespaces.length === 0 ? [undefined] : namespaces;
    for (const namespace of scopes) {
      const { items } = await listAll(client, recordResource, { namespace, labelSelector: sourceLabel, behind: true, signal });
      for (const item of items) this.#remember(keptRecord(item, now()));
    }
    log.debug('audit trail read', { records: [...this.#entries.values()].reduce((sum, { records }) => sum + records.length, 0) });
    for (const source of this.#sources()) {
      this.#record(source, source.status?.attempts);
      this.notified(source);
    }
    this.#outlive();
  }

  /** Of the source whose uid a piece of work is named after, as long as it is there. */
  #logOf(what: string): Logger {
    const { log, sources } = this.#options;
    const source = this.#sources().find(({ metadata }) => what.startsWith(`${metadata.uid} `));
    return source === undefined ? log : sources.of(`${source.metadata.namespace}/${source.metadata.name}`);
  }

  #sources(): readonly GitOpsSource[] {
    const { store } = this.#options;
    return store.keys().flatMap((key) => store.get(key) ?? []);
  }

  #remember(record: KeptRecord): void {
    const entry: Entry = this.#entries.get(record.sourceUid) ?? {
      lost: undefined,
      noted: undefined,
      images: undefined,
      records: [],
      corrections: new Map(),
    };
    this.#entries.set(record.sourceUid, entry);
    if (!entry.records.some(({ uid }) => uid === record.uid)) entry.records.push(record);
  }

  /** Takes away what sources that are gone have left for long enough. */
  #outlive(): void {
    const { retentionMs, now, client } = this.#options;
    const living = new Set(this.#sources().map(({ metadata }) => metadata.uid));
    const all = [...this.#entries.values()].flatMap(({ records }) => records);
    for (const record of outlived(all, (uid) => living.has(uid), retentionMs, now())) {
      this.#queue.push(`delete ${record.uid}`, async (signal) => {
        await this.#delete(client, record, signal);
        const records = this.#entries.get(record.sourceUid)?.records ?? [];
        records.splice(records.indexOf(record), 1);
      });
    }
    for (const [uid, { records }] of this.#entries) if (records.length === 0 && !living.has(uid)) this.#entries.delete(uid);
  }
}

function keptRecord({ metadata }: KubeObject, now: number): KeptRecord {
  const createdAt = Date.parse(metadata.creationTimestamp ?? '');
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    sourceUid: metadata.labels?.[sourceUidLabel] ?? '',
    attempted: metadata.annotations?.[attemptedAnnotation] ?? '',
    commit: metadata.annotations?.[commitAnnotation] ?? '',
    createdAt: Number.isFinite(createdAt) ? createdAt : now,
  };
}

function isKept(records: readonly KeptRecord[], attempt: Attempt): boolean {
  return records.some(({ attempted }) => attempted === attempt.attempted);
}

function newest(records: readonly KeptRecord[]): KeptRecord | undefined {
  return records.toSorted((a, b) => (a.attempted < b.attempted ? 1 : -1))[0];
}

function runningImage(one: {
  readonly kind: string;
  readonly namespace: string;
  readonly workload: string;
  readonly container: string;
  readonly image: string;
  readonly digest: string;
}): RunningImage {
  const { kind, namespace, workload: name, container, image, digest } = one;
  return { workload: objectText({ kind, namespace, name }), container, image: digest === '' ? image : `${image}@${digest}` };
}
