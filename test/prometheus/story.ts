/** What every panel and every rule answers at a point of a story (test/e2e/prometheus.test.ts). */
import { expect } from '@jest/globals';
import { alertsWith } from '../../charts/monitoring/alerts.ts';
import type { Limits } from '../../charts/monitoring/alerts.ts';
import { dashboards } from '../../charts/monitoring/dashboards/index.ts';
import { recordings } from '../../charts/monitoring/recordings.ts';
import { asked } from './promql.ts';
import type { Sample } from './server.ts';

/** Nobody waits a quarter of an hour here. */
export const limits: Limits = {
  failing: 1,
  gitUnreachable: 1,
  stalled: 1,
  unhealthy: 1,
  drifted: 1,
  fight: 1,
  intervals: 1,
  grace: 2,
  down: 2,
  watchBroken: 2,
  queue: 2,
};

/** A point of the story: the source `shop` with a Deployment `web` and a ConfigMap, and what was before. */
export interface Chapter {
  readonly namespace: string;
  /** Host and path, without `.git`. */
  readonly repository: string;
  /** The newest commit that is in, and the newest of all. */
  readonly applied: string;
  readonly observed: string;
  /** When the stages were reached, milliseconds since the epoch. */
  readonly reached: Readonly<Record<'observed' | 'attempted' | 'applied' | 'healthy', number>>;
  readonly image: string;
  readonly digest: string | undefined;
  /** Why it fails, and since when (milliseconds). */
  readonly failing: { readonly reason: string; readonly since: number } | undefined;
  /** What this leader has measured. */
  readonly phases: readonly string[];
  /** Deployments that Prometheus saw happen, of all leaders. */
  readonly deployments: { readonly success: number; readonly failed: number };
  /** Reasons of failures that this leader told, and those that one before may have told a moment ago. */
  readonly errors: readonly string[];
  readonly pastErrors: readonly string[];
  /** Whether a change came in, and whether a failure was mended. */
  readonly changed: boolean;
  readonly restored: boolean;
  /** Other sources that there were. */
  readonly others: readonly string[];
}

/** Values by labels, `commit="…",ref="main"`; what is no fixed number is a matcher. */
export type Answer = Readonly<Record<string, number | undefined>>;
export type Answers = Readonly<Record<string, Answer>>;

export const textOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',');
export const answerOf = (samples: readonly Sample[]): Answer =>
  Object.fromEntries(samples.map(({ labels: { __name__, ...labels }, value }) => [textOf(labels), value]));

const by = (label: string, values: Answer): Answer =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [textOf({ [label]: name }), value]));

/** Every query of every dashboard, by `fleet: Title A`. */
export const queries: ReadonlyMap<string, string> = new Map(
  Object.entries(dashboards).flatMap(([name, { rows, annotation }]) => [
    ...rows.flatMap(({ panels }) =>
      panels.flatMap(({ title, kind, queries: asks }) =>
        asks.map(({ expr }, index): [string, string] => [
          `${name}: ${title}${kind === 'table' ? ' table' : ''} ${'ABCDEFGH'[index]}`,
          expr,
        ]),
      ),
    ),
    ...(annotation === undefined ? [] : [[`${name}: annotations`, annotation.expr] as [string, string]]),
  ]),
);

/** Everything that is asked of Prometheus, by name: panels as Grafana asks them, alerts by their conditions, what is recorded. */
export function questions(namespace: string): ReadonlyMap<string, string> {
  // Fleet shows all, the others one source; a range that holds the whole story.
  const chosen = (panel: string) => ({ namespace, source: panel.startsWith('fleet') ? '.+' : 'shop', range: '1h', rate: '15s' });
  return new Map([
    ...[...queries].map(([panel, expr]): [string, string] => [panel, asked(expr, chosen(panel))]),
    ...alertsWith(limits).map(({ name, expr }): [string, string] => [`alert: ${name}`, expr]),
    ...recordings.map(({ record }): [string, string] => [`recorded: ${record}`, record]),
  ]);
}

/** What they answer; each name has its line. */
export function answersAt(chapter: Chapter): Answers {
  const { namespace, repository, applied, failing, deployments, changed, restored, others } = chapter;
  const own = { namespace, source: 'shop' };
  const ofShop = (value: number): Answer => ({ [textOf(own)]: value });
  const isReady = failing === undefined;
  const failingFor = failing === undefined ? 0 : ago(failing.since);
  const revision = { commit: applied, ref: 'main' };
  const pages = { commit_url: `http://${repository}/commit/` };
  const made = deployments.success + deployments.failed;
  // Prometheus makes a little more of what grew within a short time.
  const grown = (count: number): number => (count === 0 ? 0 : between(count * 0.99, count * 1.5));
  const share = made === 0 ? 0 : near(deployments.failed / made);
  const errors = {
    ...Object.fromEntries(chapter.errors.map((reason) => [textOf({ reason }), between(0.01, 10)])),
    '': 0,
  };
  const rates =
    chapter.pastErrors.length === 0
      ? errors
      : among(
          errors,
          chapter.pastErrors.map((reason) => textOf({ reason })),
        );
  const success = textOf({ result: 'success' });
  const stages = Object.entries(chapter.reached).map(([stage, at]) => ({
    stage,
    at: between(at - 1, at + 1),
    commit: stage === 'observed' || stage === 'attempted' ? chapter.observed : applied,
  }));
  const image = { workload_namespace: namespace, kind: 'Deployment', workload: 'web', container: 'web', image: chapter.image };
  const [median, most] = changed ? [near(30), near(54)] : [0, 0]; // all below a minute, the first bucket
  const restore = restored ? between(0.5, 180) : 0;
  return {
    'fleet: Sources A': { '': 1 },
    'fleet: Failing A': { '': isReady ? 0 : 1 },
    'fleet: Stalled A': { '': 0 },
    'fleet: Unhealthy A': { '': 0 },
    'fleet: Drifted A': { '': 0 },
    'fleet: Objects A': { '': 2 },
    'fleet: Reconciling A': { '': 0 },
    'fleet: Leaders A': { '': 1 },
    'fleet: Sources table A': { [textOf({ ...own, ...revision })]: 1 },
    'fleet: Sources table B': ofShop(ago(chapter.reached.applied)),
    'fleet: Sources table C': ofShop(isReady ? 1 : 0),
    'fleet: Sources table D': ofShop(failingFor),
    'fleet: Sources table E': ofShop(2),
    'fleet: Sources table F': ofShop(2),
    'fleet: Sources table G': ofShop(0),
    'fleet: Sources table H': { [textOf({ ...own, ...pages, repository, path: './prod' })]: 1 },
    'fleet: Failed reconciles A': rates,
    'fleet: Requests to git A': among({ [success]: between(0.01, 20) }, [textOf({ result: 'GitUnreachable' })]),
    'fleet: Requests to the API server A': among(
      { [textOf({ code: '200' })]: between(0.01, 100) },
      ['0', '201', '404', '409'].map((code) => textOf({ code })),
    ),
    'source: Applied revision A': { [textOf({ ...revision, ...pages })]: 1 },
    'source: State A': ofShop(isReady ? 1 : 0),
    'source: Applied for A': ofShop(ago(chapter.reached.applied)),
    'source: Failing for A': ofShop(failingFor),
    'source: Healthy objects A': ofShop(1),
    'source: Lead time A': { '': median },
    'source: Objects A': ofShop(2),
    'source: Applied revisions A': { [textOf(revision)]: 1 },
    'source: Stages table A': Object.fromEntries(stages.map(({ stage, commit }) => [textOf({ ...own, stage, commit, ref: 'main' }), 1])),
    'source: Stages table B': Object.fromEntries(stages.map(({ stage, at }) => [textOf({ ...own, stage }), at])),
    'source: Stages table C': { [textOf({ ...own, ...pages })]: 1 },
    'source: Images table A': { [textOf({ ...image, ...(chapter.digest === undefined ? {} : { digest: chapter.digest }) })]: 1 },
    'source: Duration by phase A': Object.fromEntries(chapter.phases.map((phase) => [textOf({ phase }), between(0, 20)])),
    'source: Objects by state A': by('state', { total: 2, healthy: 2, drifted: 0, failed: 0 }),
    'source: Failed reconciles A': rates,
    'source: Drifted objects by class A': { '': 0, ...by('class', { missing: 0, removed: 0, modified: 0, extra: 0 }) },
    'source: Corrections by manager A': { '': 0 },
    'source: annotations': { [textOf({ ...own, ...revision })]: between(chapter.reached.applied - 1, chapter.reached.applied + 1) },
    'delivery: Deployments A': { '': grown(made) },
    'delivery: Change failure rate A': { '': share },
    'delivery: Lead time A': { '': median },
    'delivery: Time to restore A': { '': restore },
    'delivery: Deployments by result A': {
      [success]: between(0, deployments.success * 1.5),
      [textOf({ result: 'failed' })]: between(0, deployments.failed * 1.5),
    },
    'delivery: Lead time over a day A': { '': median },
    'delivery: Lead time over a day B': { '': most },
    'delivery: By source table A': ofShop(grown(made)),
    'delivery: By source table B': ofShop(share),
    'delivery: By source table C': ofShop(median),
    'delivery: By source table D': ofShop(restore),
    'alert: PlumblineSourceFailing': isReady ? {} : ofShop(failingFor),
    'alert: PlumblineSourceStalled': {},
    'alert: PlumblineSourceUnhealthy': {},
    'alert: PlumblineSourceDrifted': {},
    'alert: PlumblineFieldFight': {},
    'alert: PlumblineGitUnreachable': {},
    // It was ready until a moment before it began to fail.
    'alert: PlumblineSourceNoSuccess': failing === undefined ? {} : ofShop(ago(failing.since)),
    'alert: PlumblineDown': {},
    'alert: PlumblineWatchBroken': {},
    'alert: PlumblineQueueNotDraining': {},
    'recorded: namespace_source:plumbline_failing:seconds': isReady ? {} : ofShop(failingFor),
    'recorded: namespace_source:plumbline_deployments:increase7d': {
      ...ofShop(grown(made)),
      ...Object.fromEntries(others.map((source) => [textOf({ namespace, source }), 0])),
    },
    'recorded: namespace_source:plumbline_change_failures:ratio7d': made === 0 ? {} : ofShop(share),
    'recorded: namespace_source:plumbline_lead_time_seconds:median7d': changed ? ofShop(median) : {},
    'recorded: namespace_source:plumbline_time_to_restore_seconds:mean7d': restored ? ofShop(restore) : {},
  };
}

/** A number from `low` to `high`. */
export function between(low: number, high: number): number {
  return matcher(`between ${low} and ${high}`, (value) => typeof value === 'number' && value >= low && value <= high);
}

/** A share or a quantile, of numbers that Prometheus extrapolates a little. */
export function near(value: number): number {
  return between(value * 0.9, value * 1.1);
}

/** The seconds that have passed since then, milliseconds since the epoch. Looked at right after the query. */
function ago(since: number): number {
  return matcher(`seconds since ${new Date(since).toISOString()}`, (value) => {
    const passed = (Date.now() - since) / 1_000;
    return typeof value === 'number' && Math.abs(passed - value) < 6;
  });
}

/** These, and besides them some of `also`, which may still be seen, or not yet. */
function among(certain: Answer, also: readonly string[]): Answer {
  const holds: { asymmetricMatch(value: unknown): boolean } = expect.objectContaining(certain);
  return matcher(`${JSON.stringify(certain)} and some of ${also.join(' ')}`, (value) => {
    const rest = Object.entries(value as Answer).filter(([labels]) => !(labels in certain));
    const isKnown = rest.every(([labels, rate]) => also.includes(labels) && rate !== undefined && rate >= 0);
    return isKnown && holds.asymmetricMatch(value);
  });
}

/** An asymmetric matcher of jest's, in the place of what it stands for. */
function matcher(text: string, matches: (value: unknown) => boolean): never {
  return {
    $$typeof: Symbol.for('jest.asymmetricMatcher'),
    asymmetricMatch: matches,
    toString: () => text,
    toAsymmetricMatcher: () => text,
    getExpectedType: () => 'number',
  } as never;
}
