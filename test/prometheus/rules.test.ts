import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dump, load } from 'js-yaml';
import { alerts, alertsWith, limits } from '../../charts/monitoring/alerts.ts';
import { generatedFiles, rulesPath } from '../../charts/monitoring/generate.ts';
import { recordings } from '../../charts/monitoring/recordings.ts';
import { anchorOf, rulesFile } from '../../charts/monitoring/rules.ts';
import { readText, staleOf } from '../../crds/generate.ts';
import { metricTable } from '../../operator/report/metric-table.ts';
import { ensurePrometheus, promtool } from './tools.ts';

const rules = join(import.meta.dirname, '../..', rulesPath);
let folder = '';
beforeAll(async () => {
  await ensurePrometheus();
  folder = await mkdtemp(join(tmpdir(), 'plumbline-rules-'));
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test('what the chart ships is as the code has it (node charts/monitoring/generate.ts)', () => {
  expect(staleOf(generatedFiles())).toEqual([]);
});

test('promtool has nothing against the rules', async () => {
  expect(await promtool(['check', 'rules', '--lint=all', '--lint-fatal', rules])).toMatchObject({ status: 0 });
});

test('rules ask for metrics that there are, or that are recorded', async () => {
  const known = new Set([...metricTable.map(({ name }) => name), ...recordings.map(({ record }) => record)]);
  for (const { expr } of [...alerts, ...recordings]) {
    const asked = [...expr.matchAll(/[a-z_:]*plumbline_[a-z_:0-9]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, ''));
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  }
});

test('each alert has a section in the runbook', () => {
  const page = readText('docs/operations.md') ?? '';
  for (const alert of alerts) {
    expect(page).toContain(`\n### ${alert.name}\n`);
    expect(rulesFile()).toContain(`runbook_url: docs/operations.md#${anchorOf(alert)}`);
  }
});

/** What Prometheus saw, a value a minute, and what comes of it. Time begins at 0. */
interface Story {
  readonly series: Readonly<Record<string, string>>;
  /** Minutes at which it does not fire, fires, and does not fire any more. */
  readonly quiet: number;
  readonly fires: number;
  readonly resolved: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly description: string;
}

const shop = 'namespace="shop",source="web"';
const labels = { namespace: 'shop', source: 'web' };
const failing = (reason: string, values: string): Readonly<Record<string, string>> => ({
  [`plumbline_failing_since_timestamp_seconds{${shop},reason="${reason}",pod="a"}`]: values,
});

const stories: Readonly<Record<string, Story>> = {
  PlumblineSourceFailing: {
    // The reason changes on the way, and the leader.
    series: {
      ...failing('ObjectRefused', '60x9 stale'),
      [`plumbline_failing_since_timestamp_seconds{${shop},reason="Forbidden",pod="b"}`]: '_x10 60x11 stale',
    },
    quiet: 15,
    fires: 17,
    resolved: 22,
    labels,
    summary: 'GitOpsSource shop/web fails.',
    description: 'Condition Ready has been False for 16m 0s: reason Forbidden. What was applied before keeps running.',
  },
  PlumblineSourceStalled: {
    series: {
      [`plumbline_condition{${shop},type="Stalled",status="True",pod="a"}`]: '1x10 stale',
      ...failing('InvalidSpec', '0x10 stale'),
    },
    quiet: 4,
    fires: 6,
    resolved: 11,
    labels,
    summary: 'GitOpsSource shop/web is stalled.',
    description: 'Nothing is tried again until its spec, or the Secret that it names, is edited: reason InvalidSpec.',
  },
  PlumblineSourceUnhealthy: {
    series: { [`plumbline_condition{${shop},type="Healthy",status="False",pod="a"}`]: '_ 1x20 stale' },
    quiet: 15,
    fires: 17,
    resolved: 22,
    labels,
    summary: 'GitOpsSource shop/web is not healthy.',
    description: 'Objects of its applied revision have failed, or are not as their spec says; condition Healthy names them.',
  },
  PlumblineSourceDrifted: {
    series: { [`plumbline_drift_since_timestamp_seconds{${shop},pod="a"}`]: '0x65 stale' },
    quiet: 60,
    fires: 61,
    resolved: 66,
    labels,
    summary: 'GitOpsSource shop/web has drifted for long.',
    description: 'For 1h 1m 0s something has not been as git states it, and was not put back; status.drift says what and by whom.',
  },
  PlumblineFieldFight: {
    series: { [`plumbline_drift_fights{${shop},pod="a"}`]: '0 2x9 0x5' },
    quiet: 5,
    fires: 7,
    resolved: 11,
    labels,
    summary: 'Another program fights over fields of GitOpsSource shop/web.',
    description: '2 fields are changed again after each correction; condition Drifted names them and the field manager.',
  },
  PlumblineGitUnreachable: {
    // It has failed for an hour already, for another reason; and what git says of itself changes.
    series: {
      ...failing('ObjectRefused', '60x59 stale'),
      ...failing('GitUnreachable', '_x60 60x4 stale'),
      ...failing('GitTimeout', '_x65 60x10 stale'),
    },
    quiet: 69,
    fires: 71,
    resolved: 77,
    labels,
    summary: 'Git cannot be reached for GitOpsSource shop/web.',
    description:
      'For 10m or longer its repository could not be asked: reason GitTimeout. What is applied keeps running and is looked after; new commits do not arrive.',
  },
  PlumblineSourceNoSuccess: {
    series: {
      [`plumbline_last_success_timestamp_seconds{${shop},pod="a"}`]: '0x15 960x10',
      [`plumbline_interval_seconds{${shop},pod="a"}`]: '60x25',
    },
    quiet: 10,
    fires: 11,
    resolved: 16,
    labels,
    summary: 'GitOpsSource shop/web had no success for many intervals.',
    description: 'For 11m 0s, more than 5 of its intervals, git has not answered while the source was ready.',
  },
  PlumblineDown: {
    series: { 'plumbline_leader{pod="a"}': '1x5 0x20', 'plumbline_leader{pod="b"}': '0x15 1x10' },
    quiet: 10,
    fires: 12,
    resolved: 16,
    summary: 'No Plumbline operator leads.',
    description:
      'Nothing is deployed or corrected: no replica runs, none is scraped, or none gets the lease. What is deployed keeps running.',
  },
  PlumblineWatchBroken: {
    series: { 'plumbline_watch_up{group="apps",version="v1",kind="Deployment",pod="a"}': '1 0x14 1x10' },
    quiet: 10,
    fires: 12,
    resolved: 17,
    labels: { group: 'apps', version: 'v1', kind: 'Deployment' },
    summary: 'The watch of Deployment (apps/v1) is broken.',
    description: 'Changes of these objects are not seen. Sources that need no such kind are not affected.',
  },
  PlumblineQueueNotDraining: {
    // First there is always one under way, each for a minute or two: that is no fault.
    series: { 'plumbline_queue_oldest_seconds{pod="a"}': '60x10 120x9 0+60x16 30x5', 'plumbline_queue_oldest_seconds{pod="b"}': '0x45' },
    quiet: 36,
    fires: 37,
    resolved: 39,
    summary: 'A reconcile does not come to an end.',
    description: 'For 16m 0s a reconcile has been due or under way: it hangs, or the operator does not keep up.',
  },
};

describe('each alert', () => {
  test('has a story', () => {
    expect(Object.keys(stories).toSorted()).toEqual(alerts.map(({ name }) => name).toSorted());
  });

  test.each(Object.entries(stories))('%s fires and resolves', async (alertname, story) => {
    const alert = alerts.find(({ name }) => name === alertname);
    if (alert === undefined) throw new Error(`there is no alert ${alertname}`);
    const expected = {
      exp_labels: { severity: alert.severity, ...story.labels },
      exp_annotations: { summary: story.summary, description: story.description, runbook_url: `docs/operations.md#${anchorOf(alert)}` },
    };
    const at = (minute: number, ...exp_alerts: readonly object[]) => ({ eval_time: `${minute}m`, alertname, exp_alerts });
    const file = {
      rule_files: [rules],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(story.series).map(([series, values]) => ({ series, values })),
          alert_rule_test: [at(story.quiet), at(story.fires, expected), at(story.resolved)],
        },
      ],
    };
    const path = join(folder, `${alertname}.yaml`);
    await writeFile(path, dump(file));
    expect(await promtool(['test', 'rules', path])).toMatchObject({ status: 0, err: expect.not.stringContaining('FAILED') });
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['PlumblineSourceFailing', failing('ObjectRefused', '0x60')],
    ['PlumblineSourceStalled', { [`plumbline_condition{${shop},type="Stalled",status="True",pod="a"}`]: '1x60' }],
    ['PlumblineGitUnreachable', failing('GitUnreachable', '60x60')],
  ])('%s does not fire while the source is suspended', async (alertname, series) => {
    const told = (suspended: string) =>
      dump({
        rule_files: [rules],
        evaluation_interval: '1m',
        tests: [
          {
            interval: '1m',
            input_series: Object.entries({ ...series, [`${suspended}{${shop},pod="a"}`]: '1x60' }).map(([name, values]) => ({
              series: name,
              values,
            })),
            alert_rule_test: [{ eval_time: '50m', alertname, exp_alerts: [] }],
          },
        ],
      });
    const path = join(folder, `suspended-${alertname}.yaml`);
    await writeFile(path, told('plumbline_suspended'));
    expect(await promtool(['test', 'rules', path])).toMatchObject({ status: 0 });
    await writeFile(path, told('plumbline_source_info'));
    expect((await promtool(['test', 'rules', path])).status).not.toBe(0);
  });

  test('has a story that can fail', async () => {
    const text = await readFile(join(folder, 'PlumblineWatchBroken.yaml'), 'utf8');
    await writeFile(join(folder, 'wrong.yaml'), text.replace('eval_time: 12m', 'eval_time: 9m'));
    expect((await promtool(['test', 'rules', join(folder, 'wrong.yaml')])).status).not.toBe(0);
  });
});

test('the recorded figures of delivery are those of the week, over a change of leader', async () => {
  const by = 'namespace="shop",source="web"';
  const counter = (name: string, first: string, second: string, more = '') => [
    // Long before and after: what increase() adds at either end is next to nothing then.
    { series: `${name}{${by}${more},pod="a"}`, values: `0x200 ${first}x200 stale` },
    { series: `${name}{${by}${more},pod="b"}`, values: `_x403 0x200 ${second}x400` },
  ];
  const buckets = (name: string, counts: readonly (readonly [string, string, string])[]) =>
    counts.flatMap(([le, first, second]) => counter(`${name}_bucket`, first, second, `,le="${le}"`));
  const sample = (record: string, value: number) => ({
    expr: `round(${record}, 0.05)`,
    eval_time: '700m',
    exp_samples: [{ labels: `{${by}}`, value }],
  });
  const file = {
    rule_files: [rules],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: [
          // The first leader saw three deployments of which one failed, the second another one.
          ...counter('plumbline_deployments_total', '2', '1', ',result="success"'),
          ...counter('plumbline_deployments_total', '1', '0', ',result="failed"'),
          ...buckets('plumbline_lead_time_seconds', [
            ['60.0', '0', '0'],
            ['120.0', '1', '1'],
            ['+Inf', '1', '1'],
          ]),
          ...counter('plumbline_time_to_restore_seconds_sum', '0', '600'),
          ...counter('plumbline_time_to_restore_seconds_count', '0', '1'),
        ],
        promql_expr_test: [
          sample('namespace_source:plumbline_deployments:increase7d', 4),
          sample('namespace_source:plumbline_change_failures:ratio7d', 0.25),
          sample('namespace_source:plumbline_lead_time_seconds:median7d', 90),
          sample('namespace_source:plumbline_time_to_restore_seconds:mean7d', 600),
        ],
      },
    ],
  };
  const path = join(folder, 'recordings.yaml');
  await writeFile(path, dump(file));
  expect(await promtool(['test', 'rules', path])).toMatchObject({ status: 0, err: '' });
});

test('other limits change numbers alone', () => {
  const shape = (text: string) => text.replace(/\d+[ms]?/g, 'N').replaceAll(/\n\s+for: N/g, '');
  const double = Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, value * 2])) as unknown as typeof limits;
  expect(shape(rulesFile(alertsWith(double)))).toBe(shape(rulesFile()));
  expect(load(rulesFile(alertsWith(double)))).not.toEqual(load(rulesFile()));
});
