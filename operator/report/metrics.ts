/** The Prometheus metrics: what is told to them, and a scrape of them. Series of a source are exactly what its last status says. */
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Scraper } from './metric-counter.ts';
import { endOf, headOf, negotiate } from './metric-format.ts';
import type { Format } from './metric-format.ts';
import { createProcessMetrics } from './metric-process.ts';
import type { QueueLoad } from './metric-process.ts';
import { countCorrection, countFailure, newSource, observeDuration, sourceLines, takeSpec, takeStatus } from './metric-source.ts';
import type { Drifted, Followed, SourceSeries, StatusExtras } from './metric-source.ts';
import { sourceRows } from './metric-table.ts';
import type { GitOpsSourceStatus } from '../api/types.ts';
import type { Reason } from '../errors.ts';
import type { GroupVersionKind } from '../kube/types.ts';
import type { SourceMetric } from './metric-table.ts';
import type { Phase } from './types.ts';

export interface Metrics {
  /**
   * The series of a source follow its status. Called as soon as a source is seen: what is measured of a source that is not
   * known, or no longer, leaves no series behind.
   */
  sourceStatus(key: string, status: GitOpsSourceStatus, more?: StatusExtras): void;
  /** What it follows. `answeredAt`: when its remote last answered without fault, milliseconds since the epoch. */
  sourceSpec(key: string, spec: Followed, answeredAt: () => number | undefined): void;
  /** Every series of a source goes at once. */
  removeSource(key: string): void;
  /** The series of all sources go: only the leader tells about sources (rule 36). */
  clearSources(): void;
  observePhase(key: string, phase: Phase, seconds: number): void;
  countError(key: string, reason: Reason): void;
  /** What of a source is not as git states it now. */
  drift(key: string, drift: Drifted): void;
  /** A field or object was put back over this manager. */
  countCorrection(key: string, manager: string | undefined): void;
  /** `code` is the HTTP code, `0` for no answer. */
  apiRequest(verb: string, code: string): void;
  /** `success`, or the reason of the failure. */
  gitRequest(result: 'success' | Reason): void;
  /** A try to tell an endpoint of spec.notify; `failed` is tried again. */
  notification(result: 'delivered' | 'failed' | 'dropped'): void;
  /** Whose reconciles are due or under way; asked for with each scrape. */
  queue(load: () => QueueLoad): void;
  leading(leads: boolean): void;
  /** Undefined: the kind is no longer watched. */
  watchUp(gvk: GroupVersionKind, up: boolean | undefined): void;
  /**
   * A scrape in the format that `accept` asks for; never holds the event loop for long, however many sources there are. What is
   * new is told to Prometheus at 0 first (metric-counter.ts), to anybody else as it is.
   */
  scrape(accept?: string, isPrometheus?: boolean): Promise<Scrape>;
}

export interface Scrape {
  readonly contentType: string;
  /** UTF-8, in pieces. */
  readonly body: readonly Uint8Array[];
}

export interface MetricsOptions {
  readonly version: string;
  readonly node?: string;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly now?: () => number;
}

/** How long a scrape computes before the event loop gets a round, milliseconds. */
const slice = 2;
const sourceMetrics = Object.keys(sourceRows) as readonly SourceMetric[];

const noop = (): void => {};

/** A fresh set of metrics. */
export function createMetrics({ version, node, startedAt, now = Date.now }: MetricsOptions): Metrics {
  const sources = new Map<string, SourceSeries>();
  const seconds = (): number => now() / 1_000;
  const ownProcess = createProcessMetrics({
    version,
    node: node ?? process.versions.node,
    startedAt: (startedAt ?? now() - process.uptime() * 1_000) / 1_000,
  });
  const { gauges } = ownProcess;

  /** Whoever asks while a scrape waits for its turn gets the same one: any number of scrapers costs one at a time. */
  const waiting = new Map<string, Promise<readonly Uint8Array[]>>();
  let last: Promise<unknown> = Promise.resolve();
  function inTurn(format: Format, isPrometheus: boolean): Promise<readonly Uint8Array[]> {
    const asked = `${format} ${isPrometheus}`;
    const known = waiting.get(asked);
    if (known !== undefined) return known;
    const made = last.then(() => {
      waiting.delete(asked);
      const scraper = { isPrometheus, at: seconds() };
      return bodyOf(sources, format, scraper, () => ownProcess.text(format, scraper));
    });
    waiting.set(asked, made);
    // Neither what it gave, which is large, nor its failure: both are told to those who asked for it.
    last = made.then(noop, noop);
    return made;
  }

  return {
    sourceStatus(key, status, more = {}) {
      const series = sources.get(key) ?? newSource(key, seconds());
      sources.set(key, series);
      takeStatus(series, status, more, seconds());
    },
    sourceSpec(key, spec, answeredAt) {
      const series = sources.get(key);
      if (series !== undefined) takeSpec(series, spec, answeredAt);
    },
    removeSource(key) {
      sources.delete(key);
    },
    clearSources() {
      sources.clear();
    },
    observePhase(key, phase, duration) {
      const series = sources.get(key);
      if (series !== undefined) observeDuration(series, phase, duration, seconds());
    },
    countError(key, reason) {
      const series = sources.get(key);
      if (series !== undefined) countFailure(series, reason, seconds());
    },
    drift(key, drift) {
      const series = sources.get(key);
      if (series !== undefined) series.drift = drift;
    },
    countCorrection(key, manager) {
      const series = sources.get(key);
      if (series !== undefined) countCorrection(series, manager, seconds());
    },
    apiRequest(verb, code) {
      ownProcess.count('apiRequests', { verb, code }, seconds());
    },
    gitRequest(result) {
      ownProcess.count('gitRequests', { result }, seconds());
    },
    notification(result) {
      ownProcess.count('notifications', { result }, seconds());
    },
    queue(load) {
      ownProcess.queue(load);
    },
    leading(leads) {
      gauges.leader.set(leads ? 1 : 0);
    },
    watchUp({ group, version: served, kind }, up) {
      if (up === undefined) gauges.watchUp.remove({ group, version: served, kind });
      else gauges.watchUp.set({ group, version: served, kind }, up ? 1 : 0);
    },
    async scrape(accept, isPrometheus = false) {
      const { format, contentType } = negotiate(accept);
      return { contentType, body: await inTurn(format, isPrometheus) };
    },
  };
}

/**
 * The text of a scrape. Source by source, in slices: what is told of one source is of one moment, and a source that goes
 * meanwhile is told whole or not at all.
 */
async function bodyOf(
  sources: ReadonlyMap<string, SourceSeries>,
  format: Format,
  scraper: Scraper,
  processText: () => Promise<string>,
): Promise<readonly Uint8Array[]> {
  const families = sourceMetrics.map((metric) => ({
    lines: sourceLines[metric],
    text: headOf(sourceRows[metric], format),
    done: [] as Uint8Array[],
  }));
  const settle = (): void => {
    for (const family of families) {
      if (family.text !== '') family.done.push(Buffer.from(family.text));
      family.text = '';
    }
  };
  // One that goes and comes back meanwhile must not be told twice.
  const present = Array.from(sources);
  let end = performance.now() + slice;
  for (const [key, series] of present) {
    if (sources.get(key) !== series) continue;
    for (const family of families) family.text += family.lines(series, format, scraper);
    if (performance.now() < end) continue;
    settle();
    await nextTurn();
    end = performance.now() + slice;
  }
  settle();
  return [...families.flatMap(({ done }) => done), Buffer.from(`${await processText()}${endOf(format)}`)];
}
