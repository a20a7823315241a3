/** How the outcome of a walk is told: one status patch, events behind it, metrics, a log line. */
import type { Attempt, GitOpsSource, GitOpsSourceStatus, Notification } from '../api/types.ts';
import { controllerManager, requestedAtAnnotation } from '../api/names.ts';
import { findCondition } from '../api/conditions.ts';
import { patchSource, sourceResource } from '../apply/parent.ts';
import { ownRequestError } from '../kube/faults.ts';
import { isKubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { mergePatch } from '../kube/operations.ts';
import { objectText } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';
import { pathText } from '../live/drift/path.ts';
import { deliveryStatus } from '../report/delivery.ts';
import {
  contestedEvent,
  driftEvents,
  endedEvents,
  eventsOf,
  leftBehindEvent,
  notPutBackEvent,
  notRecordedEvent,
  refMovedEvent,
  unrecordedEvent,
} from '../report/events.ts';
import type { RefMove } from '../report/events.ts';
import { healthEvents, healthStatus, isAllWell, withOutcomeHealth } from '../report/health.ts';
import type { HealthInput } from '../report/health.ts';
import type { EventDraft } from '../report/events.ts';
import type { StatusExtras } from '../report/metric-source.ts';
import type { Metrics } from '../report/metrics.ts';
import type { EventRecorder } from '../report/recorder.ts';
import { attemptStatus, outcomeStatus, progressStatus, statusPatch } from '../report/status.ts';
import { driftCounts, itemsOf, itemText, untoldDrift, withDrift } from '../report/drift.ts';
import { driftName } from '../report/drift-told.ts';
import { failureSummary } from '../report/message.ts';
import type { DriftItem, DriftReport } from '../report/drift.ts';
import { attemptsWithHealth } from '../report/trail/health.ts';
import { recordOf, recordedSource } from '../report/trail/record.ts';
import type { Notifier } from './notifier.ts';
import { logOutcome } from './outcome-log.ts';
import type { Settled } from '../notify/types.ts';
import { newsAfter } from '../notify/news.ts';
import type { FailedRevision, NewsInput } from '../notify/news.ts';
import { targetOf } from '../notify/commit-status.ts';
import { toldAfter } from '../notify/told.ts';
import type { Correction, Outcome, RevisionSeen } from '../report/types.ts';
import type { Finalized, LeftBehind } from './finalize.ts';
import type { SourceLog } from './source-log.ts';
import type { SourceStore } from './source-store.ts';
import { StatusTurns } from './status-turns.ts';
import type { Trail } from './trail.ts';

export interface TellerOptions {
  readonly client: KubeClient;
  readonly store: Pick<SourceStore, 'get' | 'noteWritten'>;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly trail: Trail;
  readonly notifier: Pick<Notifier, 'offer' | 'forget' | 'dropped'>;
  readonly metrics: Metrics;
  readonly log: SourceLog;
  /** RFC 3339 of now. */
  readonly now: () => string;
}

const leftBehindTexts: Readonly<Record<LeftBehind['why'], string>> = {
  NamespaceGoes: 'its account, which went with the namespace, could not remove them',
  Freed:
    'its label and annotations stay on them, which its account may not remove; they bind nobody, and another source may take them over',
};

/** What others are to be told that the status does not say. */
type About = Pick<NewsInput, 'failed' | 'drifted' | 'corrected'>;
const maxFailureText = 1_024;

/** The operator's voice. */
export class Teller {
  readonly #options: TellerOptions;
  /** Of each source, what of its drift was told. */
  readonly #toldDrift = new Map<string, ReadonlySet<string>>();
  readonly #turns = new StatusTurns(() => performance.now());

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** A walk begins. */
  begin(source: GitOpsSource): void {
    this.#options.trail.begin(source);
  }

  /** What becomes of what the source deployed is told, and its last record written. Throws PlumblineError while that is to wait. */
  async ended(source: GitOpsSource, { ending, progress, leftBehind }: Finalized, signal: AbortSignal): Promise<void> {
    const key = `${source.metadata.namespace}/${source.metadata.name}`;
    const { pruned, letGo } = progress;
    if (leftBehind !== undefined) this.#leftBehind(source, leftBehind);
    this.#options.log.of(key).info('source ended', { ending, pruned, letGo });
    for (const draft of endedEvents(key, progress)) this.event(source, draft);
    await this.#options.trail.ended(source, signal);
  }

  /** The source is no more, whoever took its finalizer off. */
  gone(source: GitOpsSource): void {
    this.#options.trail.gone(source);
  }

  /** Attempts that get no record of the audit trail, or, without an error, may get none. The log has what the records would say. */
  unrecorded(source: GitOpsSource, attempts: readonly Attempt[], error: unknown): void {
    const about = recordedSource(source);
    const log = this.#options.log.of(`${about.namespace}/${about.name}`);
    const what = error === undefined ? 'an attempt may get no record of the audit trail' : 'an attempt gets no record of the audit trail';
    for (const attempt of attempts) {
      const { data } = recordOf(about, attempt);
      log.warn(what, { commit: attempt.commit, error, record: data });
    }
    const why = error === undefined ? undefined : ownRequestError(error).message;
    this.event(source, unrecordedEvent(attempts, why));
  }

  /** The note of an attempt, before the first write of a revision over a running one (rule 33). */
  async attempt(source: GitOpsSource, seen: RevisionSeen, signal: AbortSignal): Promise<void> {
    await this.#note(source, attemptStatus, seen, signal);
  }

  /** That a revision takes longer than a second. */
  async progress(source: GitOpsSource, seen: RevisionSeen, signal: AbortSignal): Promise<void> {
    await this.#note(source, progressStatus, seen, signal);
  }

  async #note(known: GitOpsSource, statusOf: typeof attemptStatus, seen: RevisionSeen, signal: AbortSignal): Promise<void> {
    await this.#inTurn(known, async (source) => {
      const next = statusOf(source.status, seen, source.metadata.generation ?? 0, this.#options.now());
      await this.#patch(source, next, { ref: seen.ref.shortRef }, signal);
      this.#options.trail.noted(source, next.revision?.attempted);
    });
  }

  /** What endpoints of spec.notify were told, or will never be. Waits until it may be written. */
  async notified(key: string, settled: readonly Settled[], signal: AbortSignal): Promise<void> {
    const { store, trail } = this.#options;
    const seen = store.get(key);
    const note = async (): Promise<void> => {
      const source = store.get(key);
      if (source === undefined || source.metadata.uid !== seen?.metadata.uid) return;
      const notify = toldAfter(source.status?.notify, settled, (one) => trail.isNoted(source, one));
      await this.#patch(source, { ...source.status, notify }, {}, signal);
      trail.notified(store.get(key) ?? source);
    };
    if (seen !== undefined) await this.#turns.takeWhenDue(key, note, signal);
  }

  /** Milliseconds until health and drift may be told of this source: its status is written at most once a second (rule 35). */
  waitOf(key: string): number {
    return this.#turns.waitOf(key);
  }

  /** What is told of one source is told in turn: each is computed from the status that the one before has left. */
  #inTurn<T>(seen: GitOpsSource, work: (current: GitOpsSource) => Promise<T>): Promise<T> {
    const key = `${seen.metadata.namespace}/${seen.metadata.name}`;
    return this.#turns.take(key, () => work(this.#options.store.get(key) ?? seen));
  }

  /** The same for what may wait: false where it is to. */
  #inPace(seen: GitOpsSource, work: (current: GitOpsSource) => Promise<void>): Promise<boolean> {
    const key = `${seen.metadata.namespace}/${seen.metadata.name}`;
    return this.#turns.takePaced(key, () => work(this.#options.store.get(key) ?? seen));
  }

  /** The outcome of a walk over `source`, everywhere that people look. Throws KubeError when the status cannot be written. */
  outcome(
    seen: GitOpsSource,
    outcome: Outcome,
    handled: string | undefined,
    drift: DriftReport | undefined,
    health: HealthInput | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#inTurn(seen, async (source) => {
      const { log, now, trail } = this.#options;
      const previous = source.status;
      const generation = source.metadata.generation ?? 0;
      const at = now();
      const told = outcomeStatus({
        previous,
        outcome,
        generation,
        requestedAt: handled,
        verifies: source.spec.verify !== undefined,
        now: at,
      });
      const healthy = health === undefined ? told : withOutcomeHealth(previous, told, outcome, { ...health, now: at });
      const tried = trail.attemptsAfter(source, healthy, outcome);
      const attempts = health === undefined ? tried : attemptsWithHealth(tried, healthy, isAllWell(health.health), at);
      const recorded = attempts === undefined ? healthy : { ...healthy, attempts };
      const next = drift === undefined ? recorded : withDrift(recorded, drift, generation, at);
      const ref = outcome.kind === 'suspended' ? undefined : outcome.seen?.ref.shortRef;
      const images = outcome.kind === 'applied' ? outcome.images : undefined;
      const incoming = outcome.kind === 'suspended' ? undefined : outcome.incoming;
      const about = {
        failed: failedRevision(outcome),
        drifted: drift === undefined ? [] : this.#newDrift(source, drift),
        corrected: outcome.kind === 'suspended' ? [] : outcome.corrected.flatMap(correctionItems),
      };
      await this.#patch(source, next, { ref, images, incoming }, signal, about);
      trail.told(`${source.metadata.namespace}/${source.metadata.name}`);
      for (const draft of [...eventsOf(outcome, previous, next), ...healthEvents(previous, next, outcome)]) this.event(source, draft);
      logOutcome(log.of(`${source.metadata.namespace}/${source.metadata.name}`), outcome, previous);
      if (outcome.kind !== 'suspended') this.#corrected(source, outcome.corrected);
      if (drift !== undefined) this.#drifted(source, drift, about.drifted);
      this.#countLate(source, previous, next);
    });
  }

  /** The health of a source between two walks. False where it is to wait (`waitOf`); throws KubeError when it cannot be told. */
  health(seen: GitOpsSource, health: HealthInput, signal: AbortSignal): Promise<boolean> {
    return this.#inPace(seen, async (source) => {
      const previous = source.status ?? {};
      const told = healthStatus(previous, health);
      const attempts = attemptsWithHealth(previous.attempts, told, isAllWell(health.health), health.now);
      const next = attempts === previous.attempts ? told : { ...told, attempts };
      await this.#patch(source, next, {}, signal);
      this.#options.trail.healthTold(`${source.metadata.namespace}/${source.metadata.name}`);
      for (const draft of healthEvents(previous, next)) this.event(source, draft);
      this.#countLate(source, previous, next);
    });
  }

  #countLate({ metadata }: GitOpsSource, previous: GitOpsSourceStatus | undefined, next: GitOpsSourceStatus): void {
    const isLate = (status: GitOpsSourceStatus | undefined) => findCondition(status?.conditions, 'Ready')?.reason === 'HealthTimeout';
    if (isLate(next) && !isLate(previous)) this.#options.metrics.countError(`${metadata.namespace}/${metadata.name}`, 'HealthTimeout');
  }

  /** What differs from git now, told between two walks. As `health`. */
  drift(seen: GitOpsSource, report: DriftReport, signal: AbortSignal): Promise<boolean> {
    return this.#inPace(seen, async (source) => {
      const previous = source.status ?? {};
      const drifted = this.#newDrift(source, report);
      await this.#patch(source, withDrift(previous, report, source.metadata.generation ?? 0, this.#options.now()), {}, signal, { drifted });
      this.#drifted(source, report, drifted);
    });
  }

  /** What was not told before. */
  #newDrift({ metadata: { namespace, name }, status }: GitOpsSource, report: DriftReport): readonly DriftItem[] {
    const before = this.#toldDrift.get(`${namespace}/${name}`);
    return before === undefined ? untoldDrift(status, report) : report.items.filter((item) => !before.has(driftName(item)));
  }

  /** Events of what was not told before, and the metrics. */
  #drifted(source: GitOpsSource, report: DriftReport, news: readonly DriftItem[]): void {
    const { metrics, log } = this.#options;
    const { namespace, name } = source.metadata;
    const key = `${namespace}/${name}`;
    metrics.drift(key, driftCounts(report));
    if (report.items.length === 0 || this.#options.store.get(key) === undefined) this.#toldDrift.delete(key);
    else this.#toldDrift.set(key, new Set(report.items.map(driftName)));
    for (const draft of driftEvents(news)) this.event(source, draft);
    if (news.length > 0) log.of(key).info('drift', { drift: news.slice(0, 20).map(itemText) });
  }

  #corrected(source: GitOpsSource, corrected: readonly Correction[]): void {
    const { metrics, log } = this.#options;
    const { namespace, name } = source.metadata;
    for (const { id, findings } of corrected) {
      const managers = findings.length === 0 ? [undefined] : findings.map(({ manager }) => manager);
      for (const manager of managers) metrics.countCorrection(`${namespace}/${name}`, manager);
      const fields = findings.map(({ path }) => pathText(path));
      log.of(`${namespace}/${name}`).info('drift corrected', { object: objectText(id), fields, managers: [...new Set(managers)] });
    }
  }

  /** The source is being deleted, or is gone: who else has to know that is told behind. */
  leaving(source: GitOpsSource): void {
    const deletionTimestamp = source.metadata.deletionTimestamp ?? this.#options.now();
    this.#options.notifier.offer({ ...source, metadata: { ...source.metadata, deletionTimestamp } });
  }

  /** The source is no more. */
  forget(key: string): void {
    this.#toldDrift.delete(key);
    this.#turns.forget(key);
    this.#options.notifier.forget(key);
  }

  event(source: GitOpsSource, draft: EventDraft): void {
    const { namespace, name, uid = '' } = source.metadata;
    this.#options.recorder.record({ ...draft, source: { namespace, name, uid } });
  }

  /**
   * What stays of a source that ended, as an event and a line in the log. A namespace that goes away takes no event any
   * more, so there it is one about the namespace itself.
   */
  #leftBehind(source: GitOpsSource, { objects, why }: LeftBehind): void {
    const { namespace, name } = source.metadata;
    const draft = leftBehindEvent(`${namespace}/${name}`, objects, leftBehindTexts[why]);
    if (why === 'NamespaceGoes') this.#options.recorder.record({ ...draft, source: { namespace: '', name: namespace, uid: '' } });
    else this.event(source, draft);
    this.#options.log.of(`${namespace}/${name}`).warn('objects of a source that ended stay', { objects });
  }

  /** To the owner: another source states what it owns. */
  contested(owner: string, rival: string, objects: readonly string[]): void {
    const source = this.#options.store.get(owner);
    if (source !== undefined) this.event(source, contestedEvent(rival, objects));
  }

  /** What was changed of the revision that runs stays so while another one fails. */
  notPutBack(source: GitOpsSource, why: readonly string[]): void {
    const commit = source.status?.revision?.applied?.commit;
    if (commit !== undefined) this.event(source, notPutBackEvent(commit, why));
  }

  /** Fields that git states and the API server does not record. */
  notRecorded(key: string | undefined, id: ObjectId, fields: readonly string[]): void {
    const source = key === undefined ? undefined : this.#options.store.get(key);
    if (source !== undefined) this.event(source, notRecordedEvent(id, fields));
  }

  /** The ref was moved otherwise than by a push that goes forward, or the repository to another URL. */
  refMoved(source: GitOpsSource, reason: RefMove, sentence: string): void {
    this.event(source, refMovedEvent(reason, sentence));
  }

  /** Takes an annotation off the source. A newer resourceVersion wins: then the next walk does it. */
  async removeAnnotation(source: GitOpsSource, name: string, signal: AbortSignal): Promise<void> {
    const { resourceVersion } = source.metadata;
    try {
      const patch = { metadata: { resourceVersion, annotations: { [name]: null } } };
      this.#options.store.noteWritten(await patchSource(this.#options.client, source, patch, signal));
    } catch (error) {
      if (!isKubeError(error, 409) && !isKubeError(error, 404)) throw error;
    }
  }

  async #patch(
    source: GitOpsSource,
    told: GitOpsSourceStatus,
    extras: StatusExtras,
    signal: AbortSignal,
    about: About = {},
  ): Promise<void> {
    const { client, store, metrics, notifier } = this.#options;
    const { namespace, name } = source.metadata;
    signal.throwIfAborted(); // else a source that went meanwhile would leave series behind
    const key = `${namespace}/${name}`;
    const [status, dropped] = this.#withNews(source, told, about);
    const { delivery: _before, ...rest } = status;
    const delivery = deliveryStatus(source.status, status, extras.incoming);
    const next = delivery === undefined ? rest : { ...rest, delivery };
    metrics.sourceStatus(key, next, extras);
    const patch = statusPatch(source.status, next);
    if (patch !== undefined) {
      const options = { fieldManager: controllerManager, subresource: 'status', full: true, flow: key, signal };
      try {
        store.noteWritten((await mergePatch(client, sourceResource, { namespace, name }, { ...patch }, options)) as GitOpsSource);
        if (store.get(key) !== undefined) this.#turns.written(key);
      } catch (error) {
        // Deleted meanwhile: nobody else takes back what was told of it above.
        const isGone = isKubeError(error, 404);
        if (isGone || store.get(key) === undefined) metrics.removeSource(key);
        if (!isGone) throw error;
        return;
      }
    }
    notifier.dropped(source, dropped);
    const now = store.get(key);
    if (now === undefined) metrics.removeSource(key);
    // What one that is gone has left to tell is told already, by whoever saw it go.
    if (now !== undefined && now.metadata.uid === source.metadata.uid) notifier.offer(now);
  }

  /** The status with what others are to be told of it, and what there is no room for. */
  #withNews(source: GitOpsSource, next: GitOpsSourceStatus, about: About): readonly [GitOpsSourceStatus, readonly Notification[]] {
    const { spec, status: previous } = source;
    if (spec.notify === undefined && next.notify === undefined) return [next, []];
    const now = this.#options.now();
    const { notify, dropped } = newsAfter({ spec: spec.notify, target: targetOf(source), previous, next, now, ...about });
    const { notify: _before, ...rest } = next;
    return [notify === undefined ? rest : { ...rest, notify }, dropped];
  }
}

/** What the revision failed at, where the walk had one. */
function failedRevision(outcome: Outcome): FailedRevision | undefined {
  if (outcome.kind !== 'failed' || outcome.seen === undefined) return undefined;
  const { reason, faults } = outcome.error;
  return { commit: outcome.seen.ref.commit, reason, message: failureSummary(faults, maxFailureText) };
}

function correctionItems({ id, uid, findings }: Correction): readonly DriftItem[] {
  if (findings.length > 0) return itemsOf(id, uid, findings);
  return [{ id, uid, class: 'missing', field: undefined, manager: undefined, since: undefined }];
}

/** The value of requestedAt that a walk begun now answers to. */
export function requestedAt(source: GitOpsSource): string | undefined {
  return source.metadata.annotations?.[requestedAtAnnotation];
}
