/** Sends events about sources behind everything else: bounded, merged into series, never in the way of a walk. */
import { apiVersion, kind } from '../api/names.ts';
import { KubeError, isKubeError } from '../kube/client.ts';
import { cutBytes, microTime } from './text.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventDraft } from './events.ts';

/** The controller that events are reported by. */
export const reportingController = 'plumbline.dev/plumbline';
/** The longest note that the API server takes. */
const maxNoteBytes = 1_024;
/** Of an object's name in an event's, which is at most 253 characters long. */
const maxNamed = 200;
const queueSize = 1_000;
const maxSeries = 4_096;
/** The same event again within this time is one series. */
const seriesMs = 600_000;
/** A series that goes on is told anew so often, whatever it counts: the API server forgets an event an hour after its last write. */
const renewMs = 1_800_000;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;

/** The GitOpsSource that an event is about. */
export interface EventSubject {
  /** Empty: the event is about the Namespace `name`, and lies in `default`, as the API wants it for what is cluster-wide. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface RecordedEvent extends EventDraft {
  readonly source: EventSubject;
}

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'request'>;
  /** Which process reports: the pod's name, or the host's. */
  readonly instance: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** From 0 to 1, for names that do not collide. */
  readonly random: () => number;
  /** Told once when events begin to fail, and again only after one went through. */
  readonly onError: (error: unknown) => void;
  /** The pause after the n-th failure in a row; resolves early when aborted. Default: 1 s doubling to 30 s. */
  readonly pause?: (failures: number, signal: AbortSignal) => Promise<void>;
  /** How many events may wait; the oldest is dropped for the next. Default 1,000. */
  readonly queueSize?: number;
}

interface Series {
  readonly namespace: string;
  readonly name: string;
  count: number;
  lastAt: number;
  /** When it was last given to be sent. */
  toldAt: number;
  /** It is on the server: more of it are counted by a patch. */
  created: boolean;
}

interface Job {
  readonly key: string;
  readonly event: RecordedEvent;
  readonly series: Series;
  readonly at: number;
  /** 1 makes the event; above, the count of the series. */
  readonly count: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #queue: Job[] = [];
  readonly #series = new Map<string, Series>();
  readonly #stop = new AbortController();
  #sending = false;
  #sent: Promise<void> = Promise.resolve();
  #failing = false;
  #dropped = 0;
  #closed = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** How many events were given up because the queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes an event to be sent later. Never throws; the oldest of a full queue is dropped. */
  record(event: RecordedEvent): void {
    if (this.#closed) return;
    const at = this.#options.now();
    const key = [event.about?.uid ?? event.source.uid, event.type, event.reason, event.action, event.note].join('\n');
    const known = this.#series.get(key);
    if (known !== undefined && at - known.lastAt < seriesMs) {
      known.count += 1;
      known.lastAt = at;
      // Told at 2, 4, 8 and so on: a loop costs the API server less the longer it lasts.
      if (!Number.isInteger(Math.log2(known.count)) && at - known.toldAt < renewMs) return;
      known.toldAt = at;
      this.#push({ key, event, series: known, at, count: known.count });
      return;
    }
    const series: Series = {
      namespace: (event.about ?? event.source).namespace || 'default',
      name: this.#eventName((event.about ?? event.source).name),
      count: 1,
      lastAt: at,
      toldAt: at,
      created: false,
    };
    this.#remember(key, series, at);
    this.#push({ key, event, series, at, count: 1 });
  }

  /** Takes no more, and waits up to `graceMs` until what is queued is sent; the rest is dropped. */
  async close(graceMs = 1_000): Promise<void> {
    this.#closed = true;
    const timer = setTimeout(() => this.#stop.abort(), graceMs);
    await this.#sent;
    clearTimeout(timer);
    this.#stop.abort();
  }

  #push(job: Job): void {
    this.#queue.push(job);
    if (this.#queue.length > (this.#options.queueSize ?? queueSize)) {
      const lost = this.#queue.shift();
      if (lost?.count === 1) this.#series.delete(lost.key);
      this.#dropped += 1;
    }
    if (this.#sending) return;
    this.#sending = true;
    this.#sent = this.#send();
  }

  async #send(): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    // record() returns before anything is sent.
    await Promise.resolve();
    for (let job = this.#queue.shift(); job !== undefined && !signal.aborted; job = this.#queue.shift()) {
      try {
        await this.#sendOne(job);
        this.#failing = false;
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        if (!this.#failing) this.#options.onError(error);
        this.#failing = true;
        if (isOutage(error)) {
          this.#queue.unshift(job);
          failures += 1;
          await (this.#options.pause ?? pauseFor)(failures, signal);
        } else if (job.count === 1) {
          this.#series.delete(job.key);
        }
      }
    }
    this.#sending = false;
  }

  async #sendOne(job: Job): Promise<void> {
    const { series } = job;
    const path = `/apis/events.k8s.io/v1/namespaces/${series.namespace}/events`;
    const signal = this.#stop.signal;
    if (job.count === 1) {
      await this.#make(job, path, signal);
      series.created = true;
    } else if (series.created) {
      const body = { series: seriesOf(job) };
      const contentType = 'application/merge-patch+json';
      try {
        await this.#options.client.request({ method: 'PATCH', path: `${path}/${series.name}`, body, contentType, behind: true, signal });
      } catch (error) {
        if (!isKubeError(error, 404)) throw error;
        await this.#make(job, path, signal); // it was forgotten, or deleted, while the series went on
      }
    }
  }

  async #make(job: Job, path: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.client.request({ method: 'POST', path, body: this.#eventOf(job), behind: true, signal });
    } catch (error) {
      // It was made by a try whose answer was lost.
      if (!isKubeError(error, 409)) throw error;
    }
  }

  #eventOf(job: Job): object {
    const { event, series, at, count } = job;
    const { source } = event;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: series.namespace, name: series.name },
      eventTime: microTime(at),
      ...(count === 1 ? {} : { series: seriesOf(job) }),
      reportingController,
      reportingInstance: this.#options.instance.slice(0, 128),
      action: event.action,
      reason: event.reason,
      type: event.type,
      note: cutBytes(event.note, maxNoteBytes),
      regarding: event.about === undefined ? regardingOf(source) : aboutOf(event.about),
    };
  }

  #eventName(source: string): string {
    const hex = (digits: number) =>
      Math.floor(this.#options.random() * 16 ** digits)
        .toString(16)
        .padStart(digits, '0');
    // Names of roles may hold what an event's may not; what it is about is said in `regarding`.
    const plain = source
      .toLowerCase()
      .replaceAll(/[^a-z0-9.-]/gu, '-')
      .slice(0, maxNamed)
      .replaceAll(/^[.-]+|[.-]+$/gu, '')
      .replaceAll(/[.-]*\.[.-]*/gu, '.');
    return `${plain || 'event'}.${hex(8)}${hex(8)}`;
  }

  #remember(key: string, series: Series, at: number): void {
    this.#series.delete(key);
    this.#series.set(key, series);
    if (this.#series.size <= maxSeries) return;
    for (const [old, { lastAt }] of this.#series) {
      if (at - lastAt >= seriesMs || this.#series.size > maxSeries) this.#series.delete(old);
    }
  }
}

function seriesOf({ count, at }: Job): object {
  return { count, lastObservedTime: microTime(at) };
}

function regardingOf({ namespace, name, uid }: EventSubject): object {
  return namespace === '' ? { apiVersion: 'v1', kind: 'Namespace', name, uid } : { apiVersion, kind, namespace, name, uid };
}

function aboutOf({ apiVersion: version, kind: of, namespace, name, uid }: NonNullable<EventDraft['about']>): object {
  return { apiVersion: version, kind: of, ...(namespace === '' ? {} : { namespace }), name, uid };
}

/** Whether it is worth trying again: nothing is wrong with the event itself. */
function isOutage(error: unknown): boolean {
  return error instanceof KubeError && (error.code === 0 || error.code === 401 || error.code === 429 || error.code >= 500);
}

function pauseFor(failures: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1)));
    signal.addEventListener('abort', done);
  });
}
