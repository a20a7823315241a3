/**
 * The audit trail: one ControllerRevision for each attempted revision, written behind everything else. What is to be
 * written stands in status.attempts until it is, so that no crash loses an entry.
 */
import type { Attempt, GitOpsSource, GitOpsSourceStatus, ToldNotification } from '../api/types.ts';
import { KubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import type { CallOptions } from '../kube/operations.ts';
import type { Logger } from '../log.ts';
import { notedKeys, toldKey } from '../notify/told.ts';
import {
  attemptedOfRunning,
  attemptsAfter,
  isCorrection,
  isEnded,
  isOfAttempt,
  lastOf,
  notedIn,
  unrecorded,
  withoutPlace,
} from '../report/trail/attempts.ts';
import type { Noted } from '../report/trail/attempts.ts';
import { managersIn, withCorrections } from '../report/trail/health.ts';
import { nextSweep, outlived, recordOfRunning, unended } from '../report/trail/retention.ts';
import { imageChanges, runningImage } from '../report/trail/written.ts';
import type { RunningImage } from '../report/trail/written.ts';
import type { Outcome } from '../report/types.ts';
import { Behind, isOutage } from './behind.ts';
import { createDueTimer } from './due-timer.ts';
import { isGoneWithNamespace, isWorthWaiting, lastRecordError, tryEach } from './last-record.ts';
import { PendingCorrections } from './pending-corrections.ts';
import type { CountingRecord } from './pending-corrections.ts';
import { RecordBook } from './record-book.ts';
import { noteCorrections, noteTold } from './record-notes.ts';
import type { SourceLog } from './source-log.ts';
import type { SourceStore } from './source-store.ts';

export interface TrailOptions {
  readonly client: KubeClient;
  readonly store: Pick<SourceStore, 'get' | 'all'>;
  /** --namespaces; empty serves the whole cluster. */
  readonly namespaces: readonly string[];
  /** --history-retention in milliseconds. */
  readonly retentionMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
  readonly sources: SourceLog;
  /** These attempts get no record: `error` says why. Where it is undefined, others took their place in the status, and they may get none. */
  readonly onLost: (source: GitOpsSource, attempts: readonly Attempt[], error: unknown) => void;
}

/** What is kept of one source. */
interface Entry {
  /** `namespace/name` */
  readonly key: string;
  /** Left without an outcome by walks before this one, or by the process before; oldest first. */
  lost: readonly Noted[];
  /** Noted by the walk that is under way. */
  noted: Noted | undefined;
  images: readonly RunningImage[] | undefined;
  readonly corrections: PendingCorrections;
  /** They are to be written in a moment. */
  isCounting: boolean;
  /** The outcome that is being told is that of an attempt: one before it that has none is in the attempts now. */
  isTakenUp: boolean;
  /** What the outcome that is being told takes out of the status though it has no record. */
  withoutPlace: readonly Attempt[];
  /** Since when what a source that is deleted leaves is to be written. */
  leavingSince: number | undefined;
  /** What it leaves is written, or given up. */
  isLeft: boolean;
  /** What was told to others and need not stand in the status for a record; see notedKeys. */
  told?: ReadonlySet<string>;
}

/** Behind everything else, but for what a deletion or the end of the process waits for. */
type Call = CallOptions & { readonly signal: AbortSignal };

/** Kept of the attempts that were broken off one after the other. */
const maxLost = 20;
/** In the place of when an attempt was first tried: of the revision that runs, of which only its record tells. */
const ofRunning = 'running';
const queueSize = 10_000;
/** Corrections are added up for so long before they are written. */
const correctionsMs = 5_000;
/** So is what was told to others. */
const notifiedMs = 2_000;

/** Runs from `start` to `close`, on the leader only. */
export class Trail {
  readonly #options: TrailOptions;
  readonly #queue: Behind;
  readonly #entries = new Map<string, Entry>();
  readonly #book: RecordBook;
  readonly #sweep = createDueTimer(() => this.#outlive());

  constructor(options: TrailOptions) {
    this.#options = options;
    this.#book = new RecordBook(options);
    this.#queue = new Behind({
      size: queueSize,
      // It still stands in the status: the next outcome tries again.
      onGivenUp: (what, error) => this.#logOf(what).warn('the audit trail cannot be written', { what, error }),
    });
  }

  /** Reads what is recorded, and from then on writes what is not. */
  start(): void {
    for (const source of this.#options.store.all()) this.#entry(source); // as the process before this one left it
    this.#queue.push('list', (signal) => this.#load(signal));
  }

  /**
   * Takes no more, and waits up to `graceMs`. What is to be recorded then stands in the status, what was told as well;
   * corrections stand nowhere else, so they do not wait for their turn.
   */
  async close(graceMs: number): Promise<void> {
    this.#sweep.stop();
    const signal = AbortSignal.timeout(graceMs);
    await Promise.all([this.#queue.close(graceMs), this.#flush(signal)]);
    await this.#flush(signal); // of records that were only made meanwhile
    for (const { key, corrections } of this.#entries.values()) {
      if (!corrections.isEmpty) this.#options.sources.of(key).warn('corrections are not counted', { corrections: corrections.all });
    }
  }

  /** A walk begins. */
  begin(source: GitOpsSource): void {
    const entry = this.#entry(source);
    entry.lost = openIn(entry);
    entry.noted = undefined;
  }

  /** A revision is noted in the status as under way. */
  noted(source: GitOpsSource, noted: Noted | undefined): void {
    this.#entry(source).noted = noted;
  }

  /** status.attempts after an outcome of this source; `next` is its status otherwise. */
  attemptsAfter(source: GitOpsSource, next: GitOpsSourceStatus, outcome: Outcome): readonly Attempt[] | undefined {
    const { status: previous, metadata } = source;
    const entry = this.#entry(source);
    entry.isTakenUp = isOfAttempt(outcome);
    entry.withoutPlace = []; // of an outcome that could not be told
    if (outcome.kind === 'suspended') return previous?.attempts;
    const objects = outcome.objects ?? [];
    const images = outcome.kind === 'applied' ? outcome.images?.map(runningImage) : undefined;
    if (outcome.kind === 'applied') entry.images ??= outcome.ran?.map(runningImage);
    const generation = metadata.generation ?? 0;
    const isRecorded = (attempt: Attempt): boolean => this.#book.has(metadata.uid, attempt.attempted);
    const now = new Date(this.#options.now()).toISOString();
    const written = { objects, images: images === undefined ? [] : imageChanges(entry.images, images, objects) };
    const attempts = attemptsAfter({ previous, next, outcome, generation, written, noted: entry.lost, isRecorded, now });
    entry.images = images ?? entry.images;
    entry.withoutPlace = withoutPlace(previous?.attempts, attempts, isRecorded);
    const counted = isCorrection(previous, outcome, generation, entry.lost)
      ? this.#corrected(source, entry, attempts ?? [], outcome)
      : attempts;
    const { putBack = [] } = outcome;
    return putBack.length === 0 ? counted : this.#putBack(source, entry, counted, managersIn(putBack));
  }

  /** The outcome stands in the status: what of it wants a record gets it. */
  told(key: string): void {
    const source = this.#options.store.get(key);
    if (source === undefined) return;
    const entry = this.#entry(source);
    if (entry.isTakenUp) [entry.lost, entry.noted] = [[], undefined];
    if (entry.withoutPlace.length > 0) this.#options.onLost(source, entry.withoutPlace, undefined);
    entry.withoutPlace = [];
    this.#record(source, source.status?.attempts);
  }

  /** Health stands in the status: an attempt that it ends gets its record. */
  healthTold(key: string): void {
    const source = this.#options.store.get(key);
    if (source !== undefined) this.#record(source, source.status?.attempts);
  }

  /**
   * The source is about to go, and nothing will supersede what it tried last: what has no record gets one, and the last one
   * says that the source is gone. What cannot be written is told, and holds no source for ever. Throws PlumblineError as
   * long as another try may do.
   */
  async ended(source: GitOpsSource, signal: AbortSignal): Promise<void> {
    const entry = this.#entry(source);
    const { now } = this.#options;
    const since = (entry.leavingSince ??= now());
    const mayWait = (error: unknown): boolean => isWorthWaiting(error, now() - since);
    try {
      await this.#leave(source, entry, mayWait, { flow: keyOf(source), signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof KubeError)) throw error;
      throw lastRecordError(error, now() - since);
    }
  }

  /** The source is no more. Whoever took our finalizer off did not wait for its last words. */
  gone(source: GitOpsSource): void {
    const entry = this.#entry(source);
    const { now, retentionMs } = this.#options;
    this.#sweep.at(retentionMs, now() + retentionMs);
    const { uid = '' } = source.metadata;
    const forget = (): void => void this.#entries.delete(uid);
    if (entry.isLeft) return forget();
    this.#queue.push(`${uid} gone`, (signal) => this.#leave(source, entry, isOutage, behind(signal)).then(forget));
  }

  /** Writes what a source leaves. Throws where `mayWait` says of a failure that it is to be tried again. */
  async #leave(source: GitOpsSource, entry: Entry, mayWait: (error: unknown) => boolean, call: Call): Promise<void> {
    if (entry.isLeft) return;
    const { sources, onLost } = this.#options;
    const { uid } = source.metadata;
    const last = lastOf(source.status, openIn(entry));
    const wanted = (): readonly Attempt[] => unrecorded(last, (one) => this.#book.has(uid, one.attempted));
    const unread = await tryEach([() => this.#book.loadOf(source, call)], mayWait, call.signal);
    const works = [
      ...wanted().map((one) => () => this.#book.make(source, one, call)),
      () => this.#writeCorrections(source, entry, call),
      () => this.#book.noteEnded(this.#book.newest(uid), call),
    ];
    const failures = unread.some(isOutage) ? unread : [...unread, ...(await tryEach(works, mayWait, call.signal))];
    entry.isLeft = true;
    const lost = wanted();
    const [why] = failures;
    if (lost.length > 0 && !isGoneWithNamespace(why)) onLost(source, lost, why);
    else if (failures.length > 0) sources.of(keyOf(source)).debug('what the source leaves cannot be written', { error: why });
  }

  #entry(source: GitOpsSource): Entry {
    const { uid = '' } = source.metadata;
    const known = this.#entries.get(uid);
    if (known !== undefined) return known;
    const entry: Entry = {
      key: keyOf(source),
      lost: notedIn(source.status), // as the process before this one left it
      noted: undefined,
      images: undefined,
      corrections: new PendingCorrections(),
      isCounting: false,
      isTakenUp: false,
      withoutPlace: [],
      leavingSince: undefined,
      isLeft: false,
    };
    this.#entries.set(uid, entry);
    return entry;
  }

  #record(source: GitOpsSource, attempts: readonly Attempt[] | undefined): void {
    const { uid } = source.metadata;
    for (const attempt of unrecorded(attempts, (one) => this.#book.has(uid, one.attempted))) {
      this.#queue.push(`${uid} ${attempt.attempted}`, async (signal) => {
        if (!(await this.#book.make(source, this.#asKnown(source, attempt), behind(signal)))) return;
        this.notified(source);
        await this.#book.trim(source, behind(signal));
      });
    }
  }

  /** As the status tells of it by now: meanwhile it may have come to list others, that had to make room. */
  #asKnown(source: GitOpsSource, attempt: Attempt): Attempt {
    const now = this.#options.store.get(keyOf(source));
    const attempts = now?.metadata.uid === source.metadata.uid ? now?.status?.attempts : undefined;
    return attempts?.find(({ attempted }) => attempted === attempt.attempted) ?? attempt;
  }

  /** Before its record is made a correction is counted with the attempt, afterwards on the record. */
  #corrected(
    source: GitOpsSource,
    entry: Entry,
    attempts: readonly Attempt[],
    outcome: Exclude<Outcome, { kind: 'suspended' }>,
  ): readonly Attempt[] {
    const found = managersIn(outcome.corrected);
    const managers = found.length === 0 ? [undefined] : found;
    const [top, ...below] = attempts;
    if (top !== undefined && top.silent !== true && !isEnded(top)) return [withCorrections(top, managers), ...below];
    // What runs by a commit that got no record counts where the last record is.
    const attempted = top === undefined || top.silent === true ? '' : top.attempted;
    entry.corrections.add(attempted, managers);
    this.#writeCorrectionsLater(source, entry);
    return attempts;
  }

  /** What was put back of the revision that runs is counted with that one, not with the one that fails. */
  #putBack(source: GitOpsSource, entry: Entry, attempts: readonly Attempt[] | undefined, managers: readonly (string | undefined)[]) {
    const [top, ...below] = attempts ?? [];
    const attempted = attemptedOfRunning(source.status);
    if (top !== undefined && top.attempted === attempted && !isEnded(top)) return [withCorrections(top, managers), ...below];
    entry.corrections.add(attempted ?? ofRunning, managers);
    this.#writeCorrectionsLater(source, entry);
    return attempts;
  }

  #writeCorrectionsLater(source: GitOpsSource, entry: Entry): void {
    if (entry.isCounting) return;
    entry.isCounting = true;
    const name = `${source.metadata.uid} corrections`;
    const write = async (signal: AbortSignal): Promise<void> => {
      await this.#writeCorrections(source, entry, behind(signal));
      if (!entry.corrections.isEmpty) this.#writeCorrectionsLater(source, entry); // of a record that is to come
    };
    const count = (): void => {
      entry.isCounting = false;
      this.#queue.push(name, write);
    };
    setTimeout(count, correctionsMs).unref();
  }

  async #writeCorrections(source: GitOpsSource, entry: Entry, call: Call): Promise<void> {
    const { client, store } = this.#options;
    const { uid } = source.metadata;
    const countingRecord = (attempted: string): CountingRecord => {
      const { attempts = [], revision } = store.get(keyOf(source))?.status ?? {};
      if (attempted === ofRunning) return revision?.applied && recordOfRunning(this.#book.of(uid), revision.applied);
      const record = attempted === '' ? this.#book.newest(uid) : this.#book.find(uid, attempted);
      return record ?? (attempts.some((one) => one.attempted === attempted) ? 'ToCome' : undefined);
    };
    await entry.corrections.write(countingRecord, (record, corrections) => noteCorrections(client, record, corrections, call));
  }

  /** Writes the corrections that wait, of all sources side by side. Never throws. */
  async #flush(signal: AbortSignal): Promise<void> {
    const waiting = this.#options.store.all().filter((source) => !this.#entry(source).corrections.isEmpty);
    const write = (source: GitOpsSource): Promise<void> =>
      this.#writeCorrections(source, this.#entry(source), { signal }).catch((error: unknown) => {
        this.#options.sources.of(keyOf(source)).debug('corrections cannot be counted', { error });
      });
    await Promise.all(waiting.map(write));
  }

  /** What was told of the revisions of a source is noted in their records, a moment later and as far as they are written. */
  notified(source: GitOpsSource): void {
    if ((source.status?.notify?.told ?? []).length === 0) return;
    const { uid } = source.metadata;
    const { client, store } = this.#options;
    const write = async (signal: AbortSignal): Promise<void> => {
      const { status } = store.get(keyOf(source)) ?? source;
      const keys = notedKeys(status, (attempt) => this.#book.has(uid, attempt.attempted));
      await noteTold(client, this.#book.of(uid), status, signal);
      this.#entry(source).told = keys;
    };
    setTimeout(() => this.#queue.push(`${uid} notified`, write), notifiedMs).unref();
  }

  /** Whether what was told stands in its record, or never will. */
  isNoted(source: GitOpsSource, told: ToldNotification): boolean {
    return this.#entry(source).told?.has(toldKey(told)) === true;
  }

  async #load(signal: AbortSignal): Promise<void> {
    await this.#book.load(behind(signal));
    this.#options.log.debug('audit trail read', { records: this.#book.all().length });
    for (const source of this.#options.store.all()) {
      this.#record(source, source.status?.attempts);
      this.notified(source);
    }
    this.#outlive();
  }

  /** Of the source whose uid a piece of work is named after, as long as it is there. */
  #logOf(what: string): Logger {
    const { log, sources, store } = this.#options;
    const source = store.all().find(({ metadata }) => what.startsWith(`${metadata.uid} `));
    return source === undefined ? log : sources.of(keyOf(source));
  }

  /** Takes away what sources that are gone have left for long enough, and notes of those that nobody saw go that they are gone. */
  #outlive(): void {
    const { retentionMs, now, store } = this.#options;
    const living = new Set(store.all().map(({ metadata }) => metadata.uid));
    const isLiving = (uid: string): boolean => living.has(uid);
    for (const record of outlived(this.#book.all(), isLiving, retentionMs, now())) {
      this.#queue.push(`delete ${record.uid}`, (signal) => this.#book.delete(record, behind(signal)));
    }
    for (const record of unended(this.#book.all(), isLiving)) {
      this.#queue.push(`${record.sourceUid} gone`, (signal) => this.#book.noteEnded(record, behind(signal)));
    }
    for (const uid of this.#entries.keys()) if (!isLiving(uid)) this.#entries.delete(uid);
    const next = nextSweep(this.#book.all(), isLiving, retentionMs, now());
    if (next !== undefined) this.#sweep.at(next - now(), next);
  }
}

/** What has no outcome yet, oldest first; of very many the last. */
function openIn({ lost, noted }: Entry): readonly Noted[] {
  const isKnown = noted === undefined || lost.some(({ commit, time }) => commit === noted.commit && time === noted.time);
  return isKnown ? lost : [...lost, noted].slice(-maxLost);
}

function behind(signal: AbortSignal): Call {
  return { behind: true, signal };
}

function keyOf({ metadata: { namespace, name } }: GitOpsSource): string {
  return `${namespace}/${name}`;
}
