/** The Prometheus metrics, in a registry of their own. Series of a source are exactly what its last status says. */
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { metricRows } from './metric-table.ts';
import type { GitOpsSourceStatus, RevisionStage } from '../api/types.ts';
import type { Reason } from '../errors.ts';
import type { GroupVersionKind } from '../kube/types.ts';
import type { MetricKey } from './metric-table.ts';
import type { Phase } from './types.ts';

export interface Metrics {
  /**
   * The series of a source follow its status; `ref` is what its observed commit was found under, `main`. Called as soon as a
   * source is seen: what is measured of a source that is not known, or no longer, leaves no series behind.
   */
  sourceStatus(key: string, status: GitOpsSourceStatus, ref?: string): void;
  /** Every series of a source goes at once. */
  removeSource(key: string): void;
  /** The series of all sources go: only the leader tells about sources (rule 36). */
  clearSources(): void;
  observePhase(key: string, phase: Phase, seconds: number): void;
  countError(key: string, reason: Reason): void;
  /** `code` is the HTTP code, `0` for no answer. */
  apiRequest(verb: string, code: string): void;
  /** `success`, or the reason of the failure. */
  gitRequest(result: 'success' | Reason): void;
  queueDepth(sources: number): void;
  /** Undefined: the kind is no longer watched. */
  watchUp(gvk: GroupVersionKind, up: boolean | undefined): void;
  /** A scrape; never holds the event loop for longer than one metric takes. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

type Labels = Readonly<Record<string, string>>;
/** What all three kinds of metric can do. */
interface Removable {
  remove(labels: Labels): void;
}
/** The series of one source, by metric and labels. */
type SourceSeries = Map<string, { readonly metric: Removable; readonly labels: Labels; readonly fromStatus: boolean }>;

const durationParts = 32;
const stages = ['observed', 'attempted', 'applied', 'healthy'] as const;
const states = ['total', 'healthy', 'drifted', 'failed'] as const;

/** A fresh set of metrics. `startedAt`: milliseconds since the epoch. */
export function createMetrics(options: { readonly version: string; readonly node?: string; readonly startedAt?: number }): Metrics {
  const registry = new Registry();
  const sources = new Map<string, SourceSeries>();
  const at = { registers: [registry] };
  const gauge = (key: MetricKey, collect?: () => number) => {
    const { name, help, labels } = metricRows[key];
    const made: Gauge = new Gauge({
      ...at,
      name,
      help,
      labelNames: labels,
      ...(collect === undefined ? {} : { collect: () => made.set(collect()) }),
    });
    return made;
  };
  const counter = (key: MetricKey) => {
    const { name, help, labels } = metricRows[key];
    return new Counter({ ...at, name, help, labelNames: labels });
  };

  const revisionInfo = gauge('revisionInfo');
  const revisionTimestamp = gauge('revisionTimestamp');
  const objects = gauge('objects');
  const durations = createDurations();
  const reconcileErrors = counter('reconcileErrors');
  const condition = gauge('condition');
  const apiRequests = counter('apiRequests');
  const gitRequests = counter('gitRequests');
  const queueDepth = gauge('queueDepth');
  const watchUp = gauge('watchUp');
  gauge('buildInfo').set({ version: options.version, node: options.node ?? process.versions.node }, 1);
  const { name: cpuName, help: cpuHelp } = metricRows.processCpu;
  const processCpu: Counter = new Counter({ ...at, name: cpuName, help: cpuHelp, collect: () => collectCpu(processCpu) });
  gauge('processMemory', () => process.memoryUsage.rss());
  gauge('processStart').set((options.startedAt ?? Date.now() - process.uptime() * 1_000) / 1_000);
  gauge('heapUsed', () => process.memoryUsage().heapUsed);

  function seriesOf(key: string): SourceSeries {
    const known = sources.get(key);
    if (known !== undefined) return known;
    const made: SourceSeries = new Map();
    sources.set(key, made);
    return made;
  }

  function remember(key: string, id: string, metric: Removable, labels: Labels): boolean {
    const series = sources.get(key);
    if (series === undefined) return false;
    const full = `${id}\n${Object.values(labels).join('\n')}`;
    if (!series.has(full)) series.set(full, { metric, labels, fromStatus: false });
    return true;
  }

  function removeSource(key: string): void {
    for (const { metric, labels } of sources.get(key)?.values() ?? []) metric.remove(labels);
    sources.delete(key);
  }

  return {
    sourceStatus(key, status, ref) {
      const series = seriesOf(key);
      const told = new Set<string>();
      const tell = (id: string, metric: Gauge, labels: Labels, value: number) => {
        const full = `${id}\n${Object.values(labels).join('\n')}`;
        told.add(full);
        series.set(full, { metric, labels, fromStatus: true });
        metric.set(labels, value);
      };
      const own = ownLabels(key);
      for (const stage of stages) {
        const revision = status.revision?.[stage];
        if (revision === undefined) continue;
        const labels = { ...own, stage, commit: revision.commit, ref: refOf(status, revision, ref) };
        tell('revision', revisionInfo, labels, 1);
        const seconds = Date.parse(revision.time) / 1_000;
        if (Number.isFinite(seconds)) tell('timestamp', revisionTimestamp, { ...own, stage }, seconds);
      }
      for (const state of states) {
        const count = status.objects?.[state];
        if (count !== undefined) tell('objects', objects, { ...own, state }, count);
      }
      for (const { type, status: now } of status.conditions ?? []) tell('condition', condition, { ...own, type, status: now }, 1);
      for (const [full, { metric, labels, fromStatus }] of series) {
        if (!fromStatus || told.has(full)) continue;
        metric.remove(labels);
        series.delete(full);
      }
    },
    removeSource,
    clearSources() {
      for (const key of sources.keys()) removeSource(key);
    },
    observePhase(key, phase, seconds) {
      const labels = { ...ownLabels(key), phase };
      const histogram = durations.histogramOf(key);
      if (remember(key, 'duration', histogram, labels)) histogram.observe(labels, seconds);
    },
    countError(key, reason) {
      const labels = { ...ownLabels(key), reason };
      if (remember(key, 'errors', reconcileErrors, labels)) reconcileErrors.inc(labels);
    },
    apiRequest(verb, code) {
      apiRequests.inc({ verb, code });
    },
    gitRequest(result) {
      gitRequests.inc({ result });
    },
    queueDepth(count) {
      queueDepth.set(count);
    },
    watchUp({ group, version, kind }, up) {
      if (up === undefined) watchUp.remove({ group, version, kind });
      else watchUp.set({ group, version, kind }, up ? 1 : 0);
    },
    async text() {
      const parts: string[] = [];
      for (const metric of Object.values(metricRows)) {
        const text = metric.name === durations.name ? durations.text() : registry.getSingleMetricAsString(metric.name);
        parts.push(await text);
        await nextTurn();
      }
      return { contentType: registry.contentType, body: `${parts.join('\n\n')}\n` };
    },
  };
}

/** The one histogram that has series by the ten thousand, in parts, so that a scrape never holds the event loop. */
function createDurations() {
  const { name, help, labels, buckets = [] } = metricRows.reconcileDuration;
  const parts = Array.from({ length: durationParts }, () => {
    const registry = new Registry();
    return { registry, histogram: new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers: [registry] }) };
  });
  return {
    name,
    /** A source is always in the same part. */
    histogramOf(key: string): Histogram {
      let sum = 0;
      for (let index = 0; index < key.length; index += 1) sum = (sum * 31 + key.charCodeAt(index)) % 65_521;
      return (parts[sum % durationParts] as (typeof parts)[number]).histogram;
    },
    async text(): Promise<string> {
      const texts: string[] = [];
      for (const { registry } of parts) {
        const text = await registry.getSingleMetricAsString(name);
        // Each part begins with the same two lines, HELP and TYPE.
        const lines = texts.length === 0 ? text : text.split('\n').slice(2).join('\n');
        if (lines !== '') texts.push(lines);
        await nextTurn();
      }
      return texts.join('\n');
    },
  };
}

function ownLabels(key: string): { readonly namespace: string; readonly source: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), source: key.slice(slash + 1) };
}

/** The ref that pointed at a commit, as far as history knows it; for what was never attempted, the one given. */
function refOf(status: GitOpsSourceStatus, { commit }: RevisionStage, observedRef: string | undefined): string {
  const shown = status.display?.revision;
  const displayed = shown?.endsWith(`@${commit.slice(0, 7)}`) === true ? shown.slice(0, shown.lastIndexOf('@')) : undefined;
  return (
    status.history?.find((entry) => entry.commit === commit)?.ref ??
    displayed ??
    (commit === status.revision?.observed?.commit ? (observedRef ?? '') : '')
  );
}

function collectCpu(metric: Counter): void {
  const { user, system } = process.cpuUsage();
  metric.reset();
  metric.inc((user + system) / 1_000_000);
}
