/**
 * Decides when which source walks: what wakes it, what stops it, when it is tried again. What a walk does is walk.ts,
 * how it is told is teller.ts. Runs on the leader only.
 */
import { allowPruneAnnotation } from '../api/names.ts';
import type { GitOpsSource } from '../api/types.ts';
import type { PlumblineError } from '../errors.ts';
import { ownRequestError } from '../kube/faults.ts';
import type { MemberChange } from '../live/types.ts';
import { applySetId } from '../plan/applyset.ts';
import type { Metrics } from '../report/metrics.ts';
import { handledRequest } from '../report/status.ts';
import type { Correction, Outcome, RevisionSeen } from '../report/types.ts';
import { adoptImages } from './adopt-images.ts';
import { attemptNote } from './attempt-note.ts';
import { DriftWatch } from './drift-watch.ts';
import { unattempted } from './failure.ts';
import { type Entry, newEntry, nothingToRecheck } from './entry.ts';
import { tellMove } from './followed.ts';
import { finalize, isOurs, releaseSource } from './finalize.ts';
import { HealthKeeper, type HealthKeeperOptions } from './health-keeper.ts';
import { isAllowanceOver } from './held.ts';
import { lacksOf, watchLacks } from './lacks.ts';
import { isToldSuspended, isWell, reactionTo } from './member-reaction.ts';
import { takePutBack } from './put-back-told.ts';
import { WalkQueue } from './queue.ts';
import { RemoteLink, intervalOf } from './remote-link.ts';
import { backOff, isImmediate, retryDelay } from './retry.ts';
import type { SourceLog } from './source-log.ts';
import type { SourceStore } from './source-store.ts';
import { checkSpec } from './spec.ts';
import { type Teller, requestedAt } from './teller.ts';
import type { Memory, WalkEnv, WalkInput } from './types.ts';
import { delayAfterWalk, delayFor, noteChange } from './wake-delay.ts';
import { nowhere, walk, walkAsking, walkBack } from './walk.ts';

export interface ControllerOptions {
  readonly env: WalkEnv;
  readonly store: SourceStore;
  readonly teller: Teller;
  readonly metrics: Metrics;
  readonly log: SourceLog;
  readonly random: () => number;
  /** Sources wait for each other's requests: notes of progress would only add to it, and yield. */
  readonly isStorm: () => boolean;
  readonly onPodWatch: HealthKeeperOptions['onPodWatch'];
}

/** A source looks again at what it handed over no sooner than this, milliseconds. */
const handedAgain = 30_000;

/** Runs from `start` to `stop`. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #queue: WalkQueue;
  readonly #entries = new Map<string, Entry>();
  readonly #walking = new Set<string>();
  readonly #drift: DriftWatch;
  readonly #health: HealthKeeper;
  readonly #ends = new AbortController();
  #unlisten: () => void = () => {};

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#drift = new DriftWatch({ ...options, isWalking: (key) => this.#walking.has(key) });
    this.#queue = new WalkQueue({
      run: (key, cause, signal) => this.#run(key, cause, signal),
      onAgain: (key) => this.#health.interrupt(key),
    });
    this.#health = new HealthKeeper({ ...options, isWalking: (key) => this.#walking.has(key), signal: this.#ends.signal });
  }

  /** Wakes every source that there is, and from now on whatever changes. */
  start(): void {
    const { store, env, teller, metrics } = this.#options;
    metrics.queue(() => this.#queue.load());
    store.listen((key, before, after) => this.#onSource(key, before, after));
    const unlisten = [
      env.inventory.onChange((change) => this.#onMember(change)),
      env.inventory.onUnrecorded(({ partOf, id }, fields) => teller.notRecorded(store.sourceOf(partOf), id, fields)),
    ];
    this.#unlisten = () => unlisten.forEach((stop) => stop());
    for (const key of store.keys()) this.#queue.wake(key, 'Start');
  }

  /** Starts nothing any more and lets walks finish for `graceMs`, then abandons them. */
  async stop(graceMs: number): Promise<void> {
    this.#options.store.listen(() => {});
    this.#unlisten();
    this.#drift.stop();
    for (const entry of this.#entries.values()) {
      entry.link.close();
      entry.lacks?.abort();
    }
    await this.#queue.close(graceMs);
    await this.#health.stop();
    this.#ends.abort();
  }

  /** A receiver was called: the repository of this source is asked now, for every source that follows it. */
  readonly hint = (key: string): void => {
    const source = this.#options.store.get(key);
    if (source !== undefined) this.#options.env.remotes.hint(source.spec.url);
  };

  #onSource(key: string, before: GitOpsSource | undefined, after: GitOpsSource | undefined): void {
    if (after === undefined) return this.#forget(key, before);
    if (before === undefined) return this.#queue.wake(key, 'New');
    const edited = before.metadata.generation !== after.metadata.generation;
    const deleted = before.metadata.deletionTimestamp === undefined && after.metadata.deletionTimestamp !== undefined;
    if (edited || deleted) {
      this.#queue.abort(key, deleted ? 'the source is being deleted' : 'the spec was edited');
      return this.#wakeFresh(key, deleted ? 'Deleted' : 'Spec');
    }
    if (requestedAt(before) !== requestedAt(after)) {
      this.#options.env.remotes.hint(after.spec.url, this.#entries.get(key)?.link.asking(after)); // perhaps one that a standby passed on
      return this.#wakeFresh(key, 'Requested');
    }
    const allowed = after.metadata.annotations?.[allowPruneAnnotation];
    if (allowed !== undefined && allowed !== before.metadata.annotations?.[allowPruneAnnotation]) this.#wakeFresh(key, 'PruneAllowed');
    this.#onParent(key);
  }

  /** Somebody took the finalizer or the annotations off by which the members are found again. */
  #onParent(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.memory === undefined) return;
    if (this.#walking.has(key)) entry.recheck.parent = true;
    else if (!this.#isWell(key, entry)) this.#queue.wake(key, 'ParentChanged', entry.pace.next([''], performance.now()));
  }

  /** A member that is gone, or is not as it was written, wakes its source. */
  #onMember(change: MemberChange): void {
    const { before, after } = change;
    const member = after ?? before;
    if (member === undefined) return;
    const key = this.#options.store.sourceOf((before ?? member).partOf);
    const entry = key === undefined ? undefined : this.#entries.get(key);
    const source = key === undefined ? undefined : this.#options.store.get(key);
    if (key === undefined || entry === undefined || source === undefined) return;
    this.#drift.note(key, change);
    if (this.#walking.has(key)) return noteChange(entry.recheck, change);
    const reaction = reactionTo(change, { ...entry, suspended: source.spec.suspend, policy: this.#drift.policy(key, source) });
    if (reaction === 'lookUp') return void this.#drift.lookUp(key, member);
    const delay = delayFor(reaction, change, { pace: entry.pace, ...this.#drift.pauses(key) });
    if (delay !== undefined) this.#queue.wake(key, reaction === 'gone' ? 'MemberGone' : 'MemberChanged', delay);
  }

  /** Members that changed while their source walked. */
  #recheck(key: string): void {
    const [entry, source] = [this.#entries.get(key), this.#options.store.get(key)];
    if (entry === undefined || source === undefined) return;
    const known = { ...entry, suspended: source.spec.suspend, policy: this.#drift.policy(key, source) };
    entry.recheck = nothingToRecheck();
    const delay = delayAfterWalk(known, this.#options.env.inventory, () => this.#isWell(key, entry), this.#drift.pauses(key));
    if (delay !== undefined) this.#queue.wake(key, 'MemberChanged', delay);
  }

  #isWell(key: string, entry: Entry): boolean {
    const source = this.#options.store.get(key);
    return source === undefined || isWell(entry, source, this.#options.env.inventory, this.#drift.policy(key, source));
  }

  /** Something new is to be tried: whatever failed before does not delay it. */
  #wakeFresh(key: string, cause: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.failures = 0;
    this.#queue.wake(key, cause);
  }

  #forget(key: string, source: GitOpsSource | undefined): void {
    const entry = this.#entries.get(key);
    this.#queue.remove(key);
    entry?.link.close();
    entry?.lacks?.abort();
    if (source !== undefined) this.#options.teller.leaving(source);
    this.#drift.forget(key);
    this.#entries.delete(key);
    this.#health.forget(key);
    this.#options.env.inventory.release(key);
    if (source !== undefined) {
      this.#options.env.inventory.retainStated(applySetId(source.metadata), undefined);
      this.#options.teller.gone(source);
    }
    this.#options.metrics.removeSource(key);
  }

  #entry(key: string, source: GitOpsSource): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const { client, remotes } = this.#options.env;
    const entry = newEntry(new RemoteLink({ client, remotes, onObserved: () => this.#onObserved(key) }));
    this.#entries.set(key, entry);
    this.#options.metrics.sourceStatus(key, source.status ?? {});
    return entry;
  }

  #onObserved(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (entry.link.observation?.resolved?.commit !== entry.toldObservation?.resolved?.commit) entry.failures = 0;
    this.#queue.wake(key, 'Observed');
  }

  /** One walk over one source, told whatever comes of it. Never throws. */
  async #run(key: string, cause: string, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    this.#walking.add(key);
    log.begin(key);
    log.of(key).debug('walking', { cause });
    try {
      await Promise.all([this.#drift.idle(key), this.#health.quiet(key)]);
      await this.#walkOver(key, signal);
    } finally {
      log.end(key);
      this.#walking.delete(key);
      this.#health.walked(key);
    }
    this.#recheck(key);
  }

  async #walkOver(key: string, signal: AbortSignal): Promise<void> {
    const source = this.#options.store.get(key);
    if (source === undefined) return;
    const entry = this.#entry(key, source);
    this.#options.metrics.sourceSpec(key, source.spec, () => entry.link.answeredAt());
    entry.lacks?.abort();
    try {
      if (source.metadata.deletionTimestamp !== undefined) await this.#finalize(key, entry, source, signal);
      else if (source.spec.suspend) await this.#suspend(key, entry, source, signal);
      else await this.#reconcile(key, entry, source, signal);
      const isKept = source.metadata.deletionTimestamp === undefined;
      if (isKept && (await this.#health.adopt(key, source, signal))) await adoptImages(this.#options, key, source, signal);
    } catch (error) {
      if (!signal.aborted) this.#untold(key, entry, source, ownRequestError(error));
    }
  }

  async #reconcile(key: string, entry: Entry, source: GitOpsSource, signal: AbortSignal): Promise<void> {
    try {
      checkSpec(source);
      if (await entry.link.refresh(source, signal)) return;
    } catch (error) {
      signal.throwIfAborted();
      entry.polledFor = requestedAt(source); // there is nothing to be asked: this failure is the answer
      return this.#failed(key, entry, source, ownRequestError(error), signal);
    }
    const request = requestedAt(source);
    if (handledRequest(request) !== source.status?.lastHandledReconcileAt && entry.polledFor !== request) {
      entry.polledFor = request;
      return entry.link.pollNow();
    }
    const { observation } = entry.link;
    if (observation === undefined) return;
    if (observation.resolved === undefined) {
      entry.toldObservation = observation;
      return this.#failed(key, entry, source, observation.error, signal, await this.#putBack(key, entry, source, signal));
    }
    const seen: RevisionSeen = { ref: observation.resolved, time: new Date(observation.at).toISOString(), commit: undefined };
    await this.#walk(key, entry, source, seen, signal);
    entry.toldObservation = observation;
  }

  async #walk(key: string, entry: Entry, source: GitOpsSource, seen: RevisionSeen, signal: AbortSignal): Promise<void> {
    const { env, teller, store } = this.#options;
    teller.begin(source);
    this.#options.log.saw(key, seen.ref.commit);
    const current = (): GitOpsSource => store.get(key) ?? source;
    const { noteAttempt, end } = attemptNote({
      attempt: (attempted) => teller.attempt(current(), attempted, signal),
      progress: (attempted) => teller.progress(current(), attempted, signal),
      isStorm: this.#options.isStorm,
    });
    const result = await walk(env, { ...this.#input(key, entry, source, seen, signal), noteAttempt }).finally(end);
    entry.memory = result.memory;
    entry.lastApplied = result.memory ?? entry.lastApplied;
    takePutBack(this.#options, entry, source, result);
    this.#drift.takeGone(key, result.memory?.gone);
    const { outcome } = result;
    const isQuiet = outcome.kind === 'failed' && outcome.changes === undefined && outcome.corrected.length === 0;
    if (isQuiet && isImmediate(outcome.error, entry.failures + 1)) {
      return this.#again(key, entry, source, outcome.error);
    }
    if (outcome.kind === 'applied' && entry.memory !== undefined) await this.#settle(key, entry.memory, current(), outcome, signal);
    const health = this.#health.outcomeInput(key, current(), outcome);
    await teller.outcome(current(), outcome, requestedAt(source), this.#drift.report(key, current()), health, signal);
    if (outcome.kind === 'applied') entry.failures = 0;
    tellMove(this.#options, entry, source, seen.ref, signal);
    if (isAllowanceOver(source, outcome)) await teller.removeAnnotation(current(), allowPruneAnnotation, signal);
    if (outcome.kind === 'failed') this.#again(key, entry, source, outcome.error);
    else this.#takeUnsettled(key, entry, source, result.unsettled);
    // What stays for another source is another's to write; whether that still states it, only a look tells.
    const isHanding = outcome.kind === 'applied' && (entry.memory?.handed.length ?? 0) > 0;
    if (isHanding) this.#queue.wake(key, 'HandedOver', Math.max(handedAgain, intervalOf(source)));
  }

  /** Of some member it is not known whether it is as stated: it is asked again. */
  #takeUnsettled(key: string, entry: Entry, source: GitOpsSource, unsettled: boolean): void {
    entry.unsettled = unsettled ? entry.unsettled + 1 : 0;
    if (unsettled) this.#queue.wake(key, 'Unsettled', backOff(entry.unsettled, intervalOf(source), this.#options.random()));
  }

  #input(key: string, entry: Entry, source: GitOpsSource, seen: RevisionSeen, signal: AbortSignal): WalkInput {
    const { teller, store } = this.#options;
    return {
      key,
      source,
      credentials: entry.link.credentials,
      seen,
      memory: entry.memory,
      lastApplied: entry.lastApplied,
      running: entry.running,
      isFailing: entry.failures > 0,
      policy: this.#drift.policy(key, source),
      signal,
      noteAttempt: () => Promise.resolve(),
      noteSource: (patched) => store.noteWritten(patched),
      noteContested: (owner, objects) => teller.contested(owner, key, objects),
    };
  }

  /** What was applied may become healthy in a moment: then it is told at once. Whatever wakes the source ends that. */
  async #settle(key: string, memory: Memory, source: GitOpsSource, outcome: Outcome, signal: AbortSignal): Promise<void> {
    this.#health.follow(key, memory, outcome.kind === 'applied' ? outcome.changes : undefined);
    this.#walking.delete(key);
    await this.#health.settle(key, source, outcome, signal);
    this.#walking.add(key);
  }

  /** The remote does not answer: what runs is put back as long as it is at hand. */
  async #putBack(key: string, entry: Entry, source: GitOpsSource, signal: AbortSignal): Promise<readonly Correction[]> {
    if (entry.running === undefined) return [];
    const putBack = await walkBack(this.#options.env, this.#input(key, entry, source, nowhere, signal));
    takePutBack(this.#options, entry, source, { running: putBack?.running ?? entry.running, putBack });
    return putBack?.corrected ?? [];
  }

  /** A failure before there is anything to walk over. */
  async #failed(
    key: string,
    entry: Entry,
    source: GitOpsSource,
    error: PlumblineError,
    signal: AbortSignal,
    putBack?: readonly Correction[],
  ): Promise<void> {
    const outcome = unattempted(error, putBack);
    const health = this.#health.outcomeInput(key, source, outcome);
    await this.#options.teller.outcome(source, outcome, entry.polledFor, undefined, health, signal);
    // The remote is asked again by itself; only a Secret has to be read anew.
    if (entry.link.observation?.error === undefined || source.spec.auth !== undefined) this.#again(key, entry, source, error);
    else this.#options.metrics.countError(key, error.reason);
  }

  /** An outcome that could not be written into the status: the log has it (once while it lasts), and it is tried again. */
  #untold(key: string, entry: Entry, source: GitOpsSource, error: PlumblineError): void {
    const log = this.#options.log.of(key);
    (entry.failures === 0 ? log.warn : log.debug)('the outcome cannot be told', { error });
    this.#again(key, entry, source, error);
  }

  /** Tries again later, and at once when what was lacking appears. */
  #again(key: string, entry: Entry, source: GitOpsSource, error: PlumblineError): void {
    const { random, log, metrics, env } = this.#options;
    entry.failures += 1;
    metrics.countError(key, error.reason);
    const delay = retryDelay(error, entry.failures, intervalOf(source), random());
    this.#queue.wake(key, 'Retry', delay);
    log.of(key).debug('trying again', { error, delaySeconds: delay / 1_000 });
    const lacks = lacksOf(error.faults);
    if (lacks.length === 0) return;
    entry.lacks = new AbortController();
    const wake = (): void => this.#wakeFresh(key, 'Appeared');
    watchLacks(lacks, { client: env.client, discovery: env.discovery, random, signal: entry.lacks.signal, wake });
  }

  async #suspend(key: string, entry: Entry, source: GitOpsSource, signal: AbortSignal): Promise<void> {
    entry.link.close();
    entry.toldObservation = undefined;
    const asked = await walkAsking(this.#options.env, this.#input(key, entry, source, nowhere, signal));
    this.#takeUnsettled(key, entry, source, asked?.unsettled === true);
    if (asked !== undefined && isToldSuspended(source)) return; // what came of it is told at the pace of drift
    const [drift, health] = [this.#drift.report(key, source), this.#health.input(key, source)];
    await this.#options.teller.outcome(source, { kind: 'suspended' }, undefined, drift, health, signal);
  }

  async #finalize(key: string, entry: Entry, source: GitOpsSource, signal: AbortSignal): Promise<void> {
    entry.link.close();
    if (!isOurs(source)) return;
    const { env, teller } = this.#options;
    teller.leaving(source);
    try {
      await teller.ended(source, await finalize(env, key, source, signal), signal);
      await releaseSource(env, source, signal);
    } catch (error) {
      signal.throwIfAborted();
      await this.#failed(key, entry, source, ownRequestError(error), signal);
    }
  }
}
