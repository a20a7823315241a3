/** What is kept of one source for the metrics, and the lines of a scrape that follow from it. Small: there are thousands. */
import { findCondition } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import type { Condition, GitOpsSourceSpec, GitOpsSourceStatus, RevisionStage, StatusObjects } from '../api/types.ts';
import type { Reason } from '../errors.ts';
import { deliveryAfter, deliveryOf } from './delivery.ts';
import type { CameWith, Delivery } from './delivery.ts';
import { forgeOf } from './forge.ts';
import { countFor, countIn, histogramFor, newCounter, newHistogram, observe } from './metric-counter.ts';
import type { Counter, Histogram, Scraper } from './metric-counter.ts';
import { counterText, gaugeText, histogramText, labelsText } from './metric-format.ts';
import type { Format } from './metric-format.ts';
import { sourceRows } from './metric-table.ts';
import type { SourceMetric } from './metric-table.ts';
import type { Phase } from './types.ts';
import type { WorkloadImage } from './workloads.ts';

/** How a source has its remote asked. */
interface Polling {
  readonly intervalSeconds: number;
  readonly answeredAt: () => number | undefined;
}

/** What of a spec the metrics tell. */
export type Followed = Pick<GitOpsSourceSpec, 'url' | 'path' | 'ref' | 'interval' | 'suspend'>;

/** What a status does not say. */
export interface StatusExtras {
  /** What its observed commit was found under, `main`. */
  readonly ref?: string | undefined;
  /** What the applied revision runs; undefined where nothing of that changed. */
  readonly images?: readonly WorkloadImage[] | undefined;
  /** What history says of the revision that was tried, where that is news. */
  readonly incoming?: CameWith | undefined;
}

interface StageSeries {
  readonly stage: string;
  readonly commit: string;
  readonly ref: string;
  /** Seconds since the epoch; NaN where the status is not to be read. */
  readonly seconds: number;
}

/** What of a source is not as git states it, counted. */
export interface Drifted {
  /** Objects by class. */
  readonly objects: Readonly<Record<string, number>>;
  /** RFC 3339: the oldest drift, what kubectl added aside. */
  readonly since: string | undefined;
  readonly fights: number;
}

/** The state of one source. Times are seconds since the epoch. */
export interface SourceSeries {
  /** Its labels namespace and source, as text. */
  readonly own: string;
  stages: readonly StageSeries[];
  objects: StatusObjects;
  conditions: readonly Pick<Condition, 'type' | 'status'>[];
  failing: { readonly since: number; readonly reason: string } | undefined;
  ready: boolean;
  isSuspended: boolean;
  /** Its labels repository, path and commit_url, as text. */
  follows: string | undefined;
  polling: Polling | undefined;
  lastSuccess: number | undefined;
  images: readonly WorkloadImage[];
  readonly durations: Map<Phase, Histogram>;
  readonly errors: Map<Reason, Counter>;
  drift: Drifted | undefined;
  /** By manager, as it is told. */
  readonly corrections: Map<string, Counter>;
  /** Undefined until its first status. */
  delivery: Delivery | undefined;
  readonly deployments: Readonly<Record<'success' | 'failed', Counter>>;
  readonly leadTime: Histogram;
  readonly timeToRestore: Histogram;
}

/** Of a source; more are counted as `other`. */
const maxManagers = 10;
const maxManager = 128;
/** As the CRD's default, milliseconds. */
const defaultInterval = 60_000;
const stages = ['observed', 'attempted', 'applied', 'healthy'] as const;
const states = ['total', 'healthy', 'drifted', 'failed'] as const;

/** A source of which nothing is known yet; `key` is `namespace/name`, `now` seconds since the epoch. */
export function newSource(key: string, now: number): SourceSeries {
  const slash = key.indexOf('/');
  return {
    own: labelsText({ namespace: key.slice(0, slash), source: key.slice(slash + 1) }),
    stages: [],
    objects: {},
    conditions: [],
    failing: undefined,
    ready: false,
    isSuspended: false,
    follows: undefined,
    polling: undefined,
    lastSuccess: undefined,
    images: [],
    durations: new Map(),
    errors: new Map(),
    drift: undefined,
    corrections: new Map(),
    delivery: undefined,
    deployments: { success: newCounter(now), failed: newCounter(now) },
    leadTime: newHistogram(sourceRows.leadTime.buckets, now),
    timeToRestore: newHistogram(sourceRows.timeToRestore.buckets, now),
  };
}

/** Takes in a status; `now`: seconds since the epoch. */
export function takeStatus(series: SourceSeries, status: GitOpsSourceStatus, { ref, images, incoming }: StatusExtras, now: number): void {
  const ready = findCondition(status.conditions, 'Ready');
  const since = secondsOf(ready?.lastTransitionTime);
  noteSuccess(series);
  series.stages = stages.flatMap((stage) => {
    const revision = status.revision?.[stage];
    if (revision === undefined) return [];
    return [{ stage, commit: revision.commit, ref: refOf(status, revision, ref), seconds: secondsOf(revision.time) }];
  });
  series.objects = status.objects ?? {};
  series.conditions = (status.conditions ?? []).map((one) => ({ type: one.type, status: one.status }));
  series.ready = ready?.status === 'True';
  series.failing = ready?.status === 'False' && Number.isFinite(since) ? { since, reason: ready.reason } : undefined;
  series.lastSuccess ??= series.failing?.since;
  if (images !== undefined) series.images = images;
  takeDelivery(series, status, incoming, now);
}

/** The first status says where the source stands; what follows is counted. */
function takeDelivery(series: SourceSeries, status: GitOpsSourceStatus, incoming: CameWith | undefined, now: number): void {
  if (series.delivery === undefined) {
    series.delivery = deliveryOf(status);
    return;
  }
  const { next, told } = deliveryAfter(series.delivery, status, incoming);
  series.delivery = next;
  for (const result of told.deployments) series.deployments[result].count += 1;
  if (told.leadTime !== undefined) {
    const { seconds, commit } = told.leadTime;
    observe(series.leadTime, sourceRows.leadTime.buckets, seconds, { labels: { commit }, value: seconds, at: now });
  }
  if (told.restored !== undefined) observe(series.timeToRestore, sourceRows.timeToRestore.buckets, told.restored);
}

/** Takes in what it follows. A suspended source, and one that follows a fixed commit, has nothing asked: then there is no success to wait for. */
export function takeSpec(series: SourceSeries, spec: Followed, answeredAt: () => number | undefined): void {
  noteSuccess(series);
  const { repository, commitUrl } = forgeOf(spec.url);
  series.follows = labelsText({ repository, path: spec.path ?? '', commit_url: commitUrl });
  series.isSuspended = spec.suspend;
  const isAsked = !spec.suspend && spec.ref?.commit === undefined;
  series.polling = isAsked ? { intervalSeconds: (parseDuration(spec.interval) ?? defaultInterval) / 1_000, answeredAt } : undefined;
  if (!isAsked) series.lastSuccess = undefined;
}

/** Counts a duration in seconds. `now`: seconds since the epoch. */
export function observeDuration(series: SourceSeries, phase: Phase, seconds: number, now: number): void {
  const { buckets } = sourceRows.reconcileDuration;
  const histogram = series.durations.get(phase) ?? newHistogram(buckets, now);
  series.durations.set(phase, histogram);
  observe(histogram, buckets, seconds);
}

/** Counts a reconcile that failed. `now`: seconds since the epoch. */
export function countFailure(series: SourceSeries, reason: Reason, now: number): void {
  countIn(series.errors, reason, now);
}

/** Counts something that was put back over a field manager, whose name anybody can choose: the first ten are told. */
export function countCorrection(series: SourceSeries, manager: string | undefined, now: number): void {
  const name = (manager ?? 'unknown').slice(0, maxManager);
  const isTold = series.corrections.has(name) || series.corrections.size < maxManagers;
  countIn(series.corrections, isTold ? name : 'other', now);
}

/** The lines of each metric that is about sources, for one of them. */
export const sourceLines: Readonly<Record<SourceMetric, (series: SourceSeries, format: Format, scraper: Scraper) => string>> = {
  sourceInfo: ({ own, follows }) => (follows === undefined ? '' : gaugeText(sourceRows.sourceInfo, `${own},${follows}`, 1)),
  revisionInfo: ({ own, stages: reached }) =>
    joined(reached, ({ stage, commit, ref }) => gaugeText(sourceRows.revisionInfo, `${own},${labelsText({ stage, commit, ref })}`, 1)),
  revisionTimestamp: ({ own, stages: reached }) =>
    joined(reached, ({ stage, seconds }) =>
      Number.isFinite(seconds) ? gaugeText(sourceRows.revisionTimestamp, `${own},stage="${stage}"`, seconds) : '',
    ),
  deploymentInfo(series) {
    const commit = series.stages.find(({ stage }) => stage === 'applied')?.commit ?? '';
    return joined(series.images, (one) => {
      const { namespace, kind, workload, container, image, digest, appCommit } = one;
      const labels = { workload_namespace: namespace, kind, workload, container, image, digest, commit, app_commit: appCommit };
      return gaugeText(sourceRows.deploymentInfo, `${series.own},${labelsText(labels)}`, 1);
    });
  },
  failingSince: ({ own, failing }) =>
    failing === undefined ? '' : gaugeText(sourceRows.failingSince, `${own},${labelsText({ reason: failing.reason })}`, failing.since),
  suspended: ({ own, isSuspended }) => (isSuspended ? gaugeText(sourceRows.suspended, own, 1) : ''),
  lastSuccess(series) {
    noteSuccess(series);
    const { own, polling, lastSuccess } = series;
    return polling !== undefined && lastSuccess !== undefined ? gaugeText(sourceRows.lastSuccess, own, lastSuccess) : '';
  },
  interval: ({ own, polling }) => (polling === undefined ? '' : gaugeText(sourceRows.interval, own, polling.intervalSeconds)),
  objects: ({ own, objects }) =>
    joined(states, (state) => {
      const count = objects[state];
      return count === undefined ? '' : gaugeText(sourceRows.objects, `${own},state="${state}"`, count);
    }),
  condition: ({ own, conditions }) =>
    joined(conditions, ({ type, status }) => gaugeText(sourceRows.condition, `${own},${labelsText({ type, status })}`, 1)),
  driftObjects: ({ own, drift }) =>
    joined(Object.entries(drift?.objects ?? {}), ([of, count]) =>
      gaugeText(sourceRows.driftObjects, `${own},${labelsText({ class: of })}`, count),
    ),
  driftSince({ own, drift }) {
    const since = secondsOf(drift?.since);
    return Number.isFinite(since) ? gaugeText(sourceRows.driftSince, own, since) : '';
  },
  driftCorrections: ({ own, corrections }, format, scraper) =>
    joined(corrections, ([manager, one]) =>
      counterText(sourceRows.driftCorrections, `${own},${labelsText({ manager })}`, countFor(one, scraper), one.createdAt, format),
    ),
  driftFights: ({ own, drift }) => (drift === undefined ? '' : gaugeText(sourceRows.driftFights, own, drift.fights)),
  deployments: ({ own, deployments }, format, scraper) =>
    joined(Object.entries(deployments), ([result, one]) =>
      counterText(sourceRows.deployments, `${own},result="${result}"`, countFor(one, scraper), one.createdAt, format),
    ),
  leadTime: ({ own, leadTime }, format, scraper) =>
    histogramText(sourceRows.leadTime, own, histogramFor(leadTime, scraper), leadTime.createdAt, format),
  timeToRestore: ({ own, timeToRestore }, format, scraper) =>
    histogramText(sourceRows.timeToRestore, own, histogramFor(timeToRestore, scraper), timeToRestore.createdAt, format),
  // Told as it is from the first on: of durations the mean is asked for, which has no value where nothing was counted.
  reconcileDuration: ({ own, durations }, format) =>
    joined(durations, ([phase, value]) =>
      histogramText(sourceRows.reconcileDuration, `${own},phase="${phase}"`, value, value.createdAt, format),
    ),
  reconcileErrors: ({ own, errors }, format, scraper) =>
    joined(errors, ([reason, one]) =>
      counterText(sourceRows.reconcileErrors, `${own},reason="${reason}"`, countFor(one, scraper), one.createdAt, format),
    ),
};

/** As long as a source is ready, each answer of its remote is a success; from then on the last one stands. */
function noteSuccess(series: SourceSeries): void {
  if (!series.ready) return;
  const answered = series.polling?.answeredAt();
  if (answered !== undefined) series.lastSuccess = answered / 1_000;
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

function secondsOf(time: string | undefined): number {
  return time === undefined ? Number.NaN : Date.parse(time) / 1_000;
}

function joined<T>(values: Iterable<T>, line: (value: T) => string): string {
  let lines = '';
  for (const value of values) lines += line(value);
  return lines;
}
