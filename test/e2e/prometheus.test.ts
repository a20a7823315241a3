/** A story, as Prometheus sees it: what every panel shows and every rule says at each turn of it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { alerts, alertsWith } from '../../charts/monitoring/alerts.ts';
import { rulesFile } from '../../charts/monitoring/rules.ts';
import { readText } from '../../crds/generate.ts';
import { metricTable } from '../../operator/report/metric-table.ts';
import { asked } from '../prometheus/promql.ts';
import { answerOf, answersAt, between, limits, near, queries, questions } from '../prometheus/story.ts';
import type { Chapter } from '../prometheus/story.ts';
import { startPrometheus } from '../prometheus/server.ts';
import type { Prometheus, Sample } from '../prometheus/server.ts';
import { ensurePrometheus } from '../prometheus/tools.ts';
import { waitFor } from './cluster.ts';
import { startOperator } from './operator.ts';
import type { Operator } from './operator.ts';
import { startProxy } from './proxy.ts';
import type { ApiProxy, Passing } from './proxy.ts';
import { configMap, deployment, useScene } from './scene.ts';
import type { Stage } from './scene.ts';
import { getSource, waitForCondition, waitUntilApplied } from './sources.ts';

/** For Prometheus to scrape, evaluate and be asked, on a busy machine. */
const seenMs = 30_000;
const image = 'registry.example.com/web';

/** What is measured of a first revision, and of a later one. */
const phases = ['source', 'render', 'plan', 'apply'];
const laterPhases = [...phases, 'dryrun'];

describe('a story', () => {
  const scene = useScene({ operator: false });
  let prometheus: Prometheus;
  let stage: Stage;
  let operators: readonly Operator[] = [];
  /** Between the second operator and the API server. */
  let proxy: ApiProxy;
  const commits: Record<string, string> = {};

  beforeAll(async () => {
    await ensurePrometheus();
    prometheus = await startPrometheus(rulesFile(alertsWith(limits)));
    stage = await scene().stage();
    const flags = ['--leader-elect=true', `--leader-election-namespace=${stage.namespace}`, `--namespaces=${stage.namespace}`];
    const { kubeconfigPath } = scene().cluster;
    const first = await startOperator({ kubeconfigPath, flags });
    await waitFor('the first one leads', async () => (await first.metric('plumbline_leader')) === 1, seenMs);
    proxy = await startProxy(scene().cluster, 'story');
    operators = [first, await startOperator({ kubeconfigPath: proxy.kubeconfigPath, flags })];
  }, 600_000);
  afterAll(async () => {
    await Promise.all(operators.map((one) => one.stop()));
    await proxy?.close();
    await prometheus?.[Symbol.asyncDispose]();
  }, 60_000);

  async function scrapeAll(): Promise<void> {
    await prometheus.scrape(operators.map(({ metricsUrl }, index) => ({ address: new URL(metricsUrl).host, pod: `plumbline-${index}` })));
  }

  /** What a panel shows for the source `name`, or all. */
  async function shown(panel: string, name = '.+'): Promise<readonly Sample[]> {
    const expr = queries.get(panel);
    if (expr === undefined) throw new Error(`there is no panel ${panel}`);
    return await prometheus.query(asked(expr, { namespace: stage.namespace, source: name, range: '15s' }));
  }
  const values = async (panel: string, name?: string) => (await shown(panel, name)).map(({ value }) => value);
  /** What is told of the deployed revision. */
  const applied = async (panel: string) => (await shown(panel)).map(({ labels: { ref, commit } }) => `${ref}@${commit}`);

  /** Waits until what is asked for is what the story says. */
  async function becomes<T>(what: string, get: () => Promise<T>, wanted: T): Promise<void> {
    await waitFor(
      what,
      async () => {
        expect(await get()).toEqual(wanted);
        return true;
      },
      seenMs,
    );
  }
  const shows = (panel: string, wanted: readonly (number | undefined)[], name?: string) =>
    becomes(panel, () => values(panel, name), wanted);
  /** Counted since this leader leads, by result. */
  const deployments = async () =>
    Object.fromEntries(
      (await prometheus.query('sum by (result) (plumbline_deployments_total{source="shop"})')).map(({ labels, value }) => [
        labels['result'],
        value,
      ]),
    );
  const firing = async () =>
    (await prometheus.alerts())
      .filter(({ state }) => state === 'firing')
      .map(({ name, labels: { source = '' } }) => `${name} ${source}`.trim())
      .toSorted();

  /** Every panel, every alert's condition and every recorded figure is as the story says, and no rule is ill. */
  async function everythingShows(told: Partial<Chapter> & Pick<Chapter, 'applied' | 'image' | 'deployments'>): Promise<void> {
    const { status } = await getSource(scene().cluster, stage.namespace, 'shop');
    const at = (name: keyof Chapter['reached']): number => Date.parse(status.revision[name].time);
    const { host, pathname } = new URL(stage.url);
    const wanted = answersAt({
      namespace: stage.namespace,
      repository: `${host}${pathname.replace(/\.git$/, '')}`,
      observed: told.applied,
      reached: { observed: at('observed'), attempted: at('attempted'), applied: at('applied'), healthy: at('healthy') },
      digest: undefined,
      failing: undefined,
      phases,
      errors: [],
      pastErrors: [],
      changed: true,
      restored: false,
      others: [],
      ...told,
    });
    const asks = [...questions(stage.namespace)];
    const get = async () =>
      Object.fromEntries(await Promise.all(asks.map(async ([name, expr]) => [name, answerOf(await prometheus.query(expr))] as const)));
    await becomes('what every panel and rule says', get, wanted);
    expect(await prometheus.failedRules()).toEqual([]);
  }

  test('nobody is scraped: that is told', async () => {
    await becomes('alerts', firing, ['PlumblineDown']);
    await scrapeAll();
  });

  test('a source is deployed: every panel has data, and no alert fires', async () => {
    commits['A'] = await stage.repo.write({ 'prod/web.yaml': deployment('web', `${image}:1`), 'prod/a.yaml': configMap('a') });
    await stage.source({ path: './prod' });
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commits['A'], seenMs);
    await becomes('deployments', () => deployments(), { success: 1, failed: 0 });
    // The first one of a source counts, though it is over before the first scrape.
    await everythingShows({ applied: commits['A'], image: `${image}:1`, deployments: { success: 1, failed: 0 }, changed: false });
    await becomes('no alert', firing, []);
  }, 180_000);

  test('the labels of a source are its own, those of the target are of the pod', async () => {
    const [info] = await prometheus.query('plumbline_revision_info{stage="applied"}');
    expect(info?.labels).toMatchObject({
      namespace: stage.namespace,
      source: 'shop',
      pod: 'plumbline-0',
      service: 'plumbline',
      job: 'plumbline',
    });
    expect(info?.labels).not.toHaveProperty('exported_namespace');
    const builds = await prometheus.query('plumbline_build_info');
    expect(builds.map(({ labels }) => `${labels['namespace']} ${labels['pod']}`).toSorted()).toEqual([
      'plumbline-system plumbline-0',
      'plumbline-system plumbline-1',
    ]);
    expect(await prometheus.query('up == 1')).toHaveLength(2);
  });

  test('a scrape of the running operator holds what docs/metrics.md has, and nothing else', async () => {
    const text = (await operators[0]?.metrics()) ?? '';
    const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    const listed = [
      ...(readText('docs/metrics.md') ?? '').matchAll(/^\| `([a-z_]+)` \| (gauge|counter|histogram) \| .*? \| .*? \| (.*) \|$/gm),
    ];
    expect(told).toEqual(listed.map(([, name, type]) => `${name} ${type}`));
    for (const [, name = '', , help] of listed) expect(text).toContain(`# HELP ${name} ${help}\n`);
    for (const { name, labels } of metricTable) {
      for (const [, inBraces = ''] of text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} `, 'gm'))) {
        const found = [...inBraces.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, label]) => label).filter((label) => label !== 'le');
        expect([name, found]).toEqual([name, labels]);
      }
    }
  });

  test('another revision: panels follow, and the images with them', async () => {
    commits['B'] = await stage.deploy({ 'prod/web.yaml': deployment('web', `${image}:2@sha256:${'0a'.repeat(32)}`) });
    await becomes('the revision', () => applied('source: Applied revision A'), [`main@${commits['B']}`]);
    await becomes(
      'the image',
      async () =>
        (await shown('source: Images table A')).map(({ labels }) => `${labels['container']} ${labels['image']} ${labels['digest']}`),
      [`web ${image}:2 sha256:${'0a'.repeat(32)}`],
    );
    const stages = (await shown('source: Stages table A', 'shop')).map(({ labels }) => [labels['stage'], labels['commit']]);
    expect(stages).toEqual(expect.arrayContaining(['observed', 'attempted', 'applied'].map((one) => [one, commits['B']])));
    const [arrived] = await shown('source: annotations', 'shop');
    expect(arrived?.labels).toMatchObject({ commit: commits['B'], ref: 'main' });
    expect(Math.abs((arrived?.value ?? 0) - Date.now())).toBeLessThan(seenMs * 2);
    await shows('source: State A', [1], 'shop');
    await becomes('deployments', () => deployments(), { success: 2, failed: 0 });
    // From the commit to healthy it was seconds; the commit is with it.
    await becomes('lead times', async () => (await prometheus.query('plumbline_lead_time_seconds_count')).map(({ value }) => value), [1]);
    await becomes(
      'the exemplar',
      async () => (await prometheus.exemplars('plumbline_lead_time_seconds_bucket')).map(({ labels }) => labels),
      [{ commit: commits['B'] ?? '' }],
    );
    await shows('delivery: Change failure rate A', [0]);
  }, 120_000);

  test('a revision that is refused: since when and why, while the last one stays', async () => {
    commits['C'] = await stage.repo.write({ 'prod/web.yaml': 'kind: [' });
    await stage.request();
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'False', reason: 'RenderFailed' });
    await becomes('alerts', firing, ['PlumblineSourceFailing shop', 'PlumblineSourceNoSuccess shop']);
    const alert = (await prometheus.alerts()).find(({ name }) => name === 'PlumblineSourceFailing');
    expect(alert?.annotations['summary']).toBe(`GitOpsSource ${stage.namespace}/shop fails.`);
    expect(alert?.annotations['description']).toMatch(/^Condition Ready has been False for [\d.]+s: reason RenderFailed\. /);
    await becomes('deployments', () => deployments(), { success: 2, failed: 1 });
    const { status } = await getSource(scene().cluster, stage.namespace, 'shop');
    const ready = status.conditions.find(({ type }: { type: string }) => type === 'Ready');
    await everythingShows({
      applied: commits['B'] ?? '',
      observed: commits['C'],
      failing: { reason: ready.reason, since: Date.parse(ready.lastTransitionTime) },
      image: `${image}:2`,
      digest: `sha256:${'0a'.repeat(32)}`,
      phases: laterPhases,
      errors: ['RenderFailed'],
      deployments: { success: 2, failed: 1 },
    });
  }, 120_000);

  test('it is corrected: nothing fails, no alert is left', async () => {
    commits['D'] = await stage.deploy({ 'prod/web.yaml': deployment('web', `${image}:3`) });
    await shows('fleet: Failing A', [0]);
    await shows('fleet: Sources table D', [0]);
    await becomes('the revision', () => applied('fleet: Sources table A'), [`main@${commits['D']}`]);
    await becomes('no alert', firing, []);
    await becomes('deployments', () => deployments(), { success: 3, failed: 1 });
    await becomes(
      'restored',
      async () => (await prometheus.query('plumbline_time_to_restore_seconds_count')).map(({ value }) => value),
      [1],
    );
    await becomes(
      'the share that failed',
      async () => (await prometheus.query('namespace_source:plumbline_change_failures:ratio7d')).map(({ value }) => value),
      [near(1 / 4)],
    );
    await becomes('nothing that is recorded', async () => await prometheus.query('namespace_source:plumbline_failing:seconds'), []);
  }, 120_000);

  test('a revision that does not become healthy in time: unhealthy, and failed', async () => {
    await stage.source({ path: './prod', health: { wait: true, timeout: '2s' } });
    await stage.repo.write({ 'prod/web.yaml': deployment('web', `${image}:9`).replace('replicas: 0', 'replicas: 1') });
    await stage.request();
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'False', reason: 'HealthTimeout', deadlineMs: seenMs });
    await shows('fleet: Unhealthy A', [1]);
    await shows('fleet: Sources table F', [1]);
    await becomes('alerts', firing, ['PlumblineSourceFailing shop', 'PlumblineSourceNoSuccess shop', 'PlumblineSourceUnhealthy shop']);
    await becomes('deployments', () => deployments(), { success: 3, failed: 2 });
    commits['D'] = await stage.deploy({ 'prod/web.yaml': deployment('web', `${image}:3`) });
    await becomes('no alert', firing, []);
    await becomes('deployments', () => deployments(), { success: 4, failed: 2 });
    await shows('fleet: Unhealthy A', [0]);
  }, 180_000);

  test('git is away: told as that, and over when it is back', async () => {
    const { git } = scene();
    git.fault = { kind: 'refuse' };
    await stage.request();
    await becomes('alerts', firing, ['PlumblineGitUnreachable shop', 'PlumblineSourceFailing shop', 'PlumblineSourceNoSuccess shop']);
    const isGrown = { labels: { result: 'GitUnreachable' }, value: between(0.01, 20) };
    await becomes(
      'failures',
      async () => (await shown('fleet: Requests to git A')).filter(({ labels }) => labels['result'] === 'GitUnreachable'),
      [isGrown],
    );
    git.fault = undefined;
    await stage.request();
    await becomes('no alert', firing, []);
    await shows('fleet: Failing A', [0]);
  }, 120_000);

  test('a spec that cannot be: stalled, beside one that is well', async () => {
    await stage.source({ path: './prod', ref: { semver: 'no range' } }, 'odd');
    await becomes('alerts', firing, ['PlumblineSourceFailing odd', 'PlumblineSourceStalled odd']);
    await shows('fleet: Stalled A', [1]);
    await shows('fleet: Sources A', [2]);
    await shows('source: State A', [1], 'shop');
    await stage.kubectl('delete', 'gos', 'odd');
    await shows('fleet: Sources A', [1]);
    await becomes('no alert', firing, []);
    await becomes('no series of it', async () => await prometheus.query('{source="odd",__name__=~"plumbline_.*"}'), []);
  }, 120_000);

  test('another leads: the series move, and panels show the same', async () => {
    await operators[0]?.stop();
    await becomes(
      'whose series they are',
      async () => (await prometheus.query('plumbline_revision_info{stage="applied"}')).map(({ labels }) => labels['pod']),
      ['plumbline-1'],
    );
    await becomes('the revision', () => applied('fleet: Sources table A'), [`main@${commits['D']}`]);
    await becomes(
      'the leader',
      async () => (await prometheus.query('plumbline_leader')).map(({ labels, value }) => [labels['pod'], value]),
      [['plumbline-1', 1]],
    );
    commits['E'] = await stage.deploy({ 'prod/web.yaml': deployment('web', `${image}:4`) });
    await becomes('the revision', () => applied('source: Applied revision A'), [`main@${commits['E']}`]);
    await becomes('deployments of this leader', () => deployments(), { success: 1, failed: 0 });
    await everythingShows({
      applied: commits['E'],
      image: `${image}:4`,
      phases: laterPhases,
      pastErrors: ['RenderFailed', 'HealthTimeout', 'GitUnreachable', 'InvalidSpec'],
      restored: true,
      deployments: { success: 5, failed: 2 },
      others: ['odd'],
    });
    await becomes('no alert', firing, []);
  }, 180_000);

  test('something is changed by hand: told, for long, and put back', async () => {
    const edit = () =>
      stage.kubectl('patch', 'configmap', 'a', '--type=merge', '--patch={"data":{"key":"other"}}', '--field-manager=somebody');
    await stage.source({ path: './prod', drift: { mode: 'Report' } });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    // Beside it, the API server has no watch of Deployments any more, nor of sources.
    const isBroken = ({ method, url }: Passing) => method === 'GET' && /\/(deployments|gitopssources)\?(.*&)?watch=/.test(url);
    proxy.hook = async (request) => (isBroken(request) ? 'drop' : undefined);
    proxy.cut(isBroken);
    await edit();
    await shows('fleet: Drifted A', [1]);
    await shows('fleet: Sources table G', [1]);
    await becomes(
      'the class',
      async () =>
        (await shown('source: Drifted objects by class A', 'shop')).filter(({ value }) => value === 1).map(({ labels }) => labels['class']),
      ['modified'],
    );
    await becomes('alerts', firing, ['PlumblineSourceDrifted shop', 'PlumblineWatchBroken', 'PlumblineWatchBroken']);
    const broken = (await prometheus.alerts()).filter(({ name }) => name === 'PlumblineWatchBroken');
    expect(broken.map(({ annotations }) => annotations['summary'] ?? '').toSorted()).toEqual([
      'The watch of Deployment (apps/v1) is broken.',
      'The watch of GitOpsSource (plumbline.dev/v1) is broken.',
    ]);
    const ready = await fetch(`${operators[1]?.metricsUrl}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([
      200,
      expect.stringMatching(
        new RegExp(
          `^ok \\(leader\\)\nbroken watch: GitOpsSource.plumbline.dev plumbline.dev/v1 in ${stage.namespace}: .*\nbroken watch: Deployment.apps `,
        ),
      ),
    ]);
    // The watch comes back; what puts the field back hangs at the API server.
    const { promise: held, resolve: goOn } = Promise.withResolvers<undefined>();
    proxy.hook = ({ method, url }, when) =>
      when === 'before' && method === 'PATCH' && url.includes('/configmaps/a?') ? held : Promise.resolve(undefined);
    await stage.source({ path: './prod', drift: { mode: 'Correct' } });
    await becomes('alerts', firing, ['PlumblineQueueNotDraining', 'PlumblineSourceDrifted shop']);
    await shows('fleet: Reconciling A', [1]);
    goOn(undefined);
    proxy.hook = undefined;
    await becomes('no alert', firing, []);
    await shows('fleet: Drifted A', [0]);
    // One edit, which is what there is as a rule.
    const corrections = async () => answerOf(await shown('source: Corrections by manager A', 'shop'));
    await becomes('by whom', corrections, { '': 0, 'manager="somebody"': between(0.99, 1.5) });
  }, 180_000);

  test('somebody changes it again and again: a fight', async () => {
    let round = 0;
    await waitFor(
      'the alert',
      async () => {
        round += 1;
        const patch = JSON.stringify({ data: { key: `round-${round}` } });
        await stage.kubectl('patch', 'configmap', 'a', '--type=merge', `--patch=${patch}`, '--field-manager=rival');
        expect(await firing()).toContain('PlumblineFieldFight shop');
        return true;
      },
      90_000,
    );
    const fight = (await prometheus.alerts()).find(({ name }) => name === 'PlumblineFieldFight');
    expect(fight?.annotations['description']).toMatch(/^1 fields are changed again after each correction/);
  }, 120_000);

  test('the source goes: nothing of it is left', async () => {
    await stage.kubectl('delete', 'gos', 'shop');
    await becomes('no series of sources', async () => await prometheus.query('{source!="",__name__=~"plumbline_.*"}'), []);
    await shows('fleet: Sources A', [0]);
    await shows('fleet: Objects A', [0]);
    await becomes('no alert', firing, []);
  }, 120_000);

  test('the last operator ends: nobody leads any more', async () => {
    await operators[1]?.stop();
    await becomes('alerts', firing, ['PlumblineDown']);
    const up = await prometheus.query('up');
    expect(up.map(({ labels: { pod }, value }) => `${pod} ${value}`).toSorted()).toEqual(['plumbline-0 0', 'plumbline-1 0']);
  });

  test('each rule was evaluated, and each alert has fired', async () => {
    expect(await prometheus.failedRules()).toEqual([]);
    const fired = await prometheus.query('count by (alertname) (max_over_time(ALERTS{alertstate="firing"}[1h]))');
    expect(fired.map(({ labels }) => labels['alertname'] ?? '').toSorted()).toEqual(alerts.map(({ name }) => name).toSorted());
  });
});
