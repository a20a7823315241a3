import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../operator/report/metrics.ts';
import { metricTable } from '../../operator/report/metric-table.ts';
import { applied, at, failed, noChanges, seen, sha, statusAfter, step } from './outcomes.ts';
import type { GitOpsSourceStatus } from '../../operator/api/types.ts';
import type { Metrics } from '../../operator/report/metrics.ts';

const fresh = () => createMetrics({ version: '1.2.3', node: '24.0.0', startedAt: 1_000 });

/** The lines of a scrape that hold a value, of the metrics whose name begins so. */
async function series(metrics: Metrics, prefix = ''): Promise<readonly string[]> {
  const { body } = await metrics.text();
  return body.split('\n').filter((line) => line !== '' && !line.startsWith('#') && line.startsWith(prefix));
}

/** One of everything that a metric can be told. */
function everything(metrics: Metrics, key = 'shop/prod'): void {
  metrics.sourceStatus(key, statusAfter(applied(seen('a')), failed(seen('b'))));
  metrics.observePhase(key, 'apply', 0.5);
  metrics.countError(key, 'ObjectRefused');
  metrics.apiRequest('patch', '200');
  metrics.gitRequest('success');
  metrics.queueDepth(3);
  metrics.watchUp({ group: 'apps', version: 'v1', kind: 'Deployment' }, true);
}

test('a scrape has every metric of the table, with its type, meaning and labels, and no other', async () => {
  const metrics = fresh();
  everything(metrics);
  const { body, contentType } = await metrics.text();
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  const told = metricTable.map(({ name }) => {
    const labels = new Set<string>();
    for (const line of body.split('\n').filter((text) => new RegExp(`^${name}(_bucket|_sum|_count)?[{ ]`, 'u').test(text))) {
      for (const [, label = ''] of line.matchAll(/[{,]([a-z]+)="/gu)) if (label !== 'le') labels.add(label);
    }
    const find = (what: string) => new RegExp(`^# ${what} ${name} (.*)$`, 'mu').exec(body)?.[1];
    return { name, type: find('TYPE'), help: find('HELP'), labels: [...labels] };
  });
  expect(told).toEqual(metricTable.map(({ name, type, help, labels }) => ({ name, type, help, labels })));
  expect([...body.matchAll(/^# TYPE (\S+)/gmu)].map(([, name]) => name)).toEqual(metricTable.map(({ name }) => name));
  for (const { name, help } of metricTable) {
    expect(help).toMatch(/\.$/u);
    if (/_seconds|_bytes/u.test(name)) expect(help).toMatch(/seconds|bytes/u);
  }
});

test('the series of a source say what its status says', async () => {
  const metrics = fresh();
  metrics.sourceStatus('shop/prod', statusAfter(applied(seen('a')), failed(seen('b', 1))));
  const of = `namespace="shop",source="prod"`;
  expect(await series(metrics, 'plumbline_revision_info')).toEqual([
    `plumbline_revision_info{${of},stage="observed",commit="${sha('b')}",ref="main"} 1`,
    `plumbline_revision_info{${of},stage="attempted",commit="${sha('b')}",ref="main"} 1`,
    `plumbline_revision_info{${of},stage="applied",commit="${sha('a')}",ref="main"} 1`,
  ]);
  expect(await series(metrics, 'plumbline_revision_timestamp_seconds')).toContain(
    `plumbline_revision_timestamp_seconds{${of},stage="applied"} ${Date.parse(at(0)) / 1_000}`,
  );
  expect(await series(metrics, 'plumbline_objects')).toEqual([
    `plumbline_objects{${of},state="total"} 12`,
    `plumbline_objects{${of},state="failed"} 1`,
  ]);
  expect(await series(metrics, 'plumbline_condition')).toEqual([
    `plumbline_condition{${of},type="Ready",status="False"} 1`,
    `plumbline_condition{${of},type="Reconciling",status="True"} 1`,
    `plumbline_condition{${of},type="Stalled",status="False"} 1`,
    `plumbline_condition{${of},type="Healthy",status="Unknown"} 1`,
  ]);
});

test.each<[string, GitOpsSourceStatus, string | undefined, string]>([
  ['as history knows it', statusAfter(applied(seen('a', 0, 'release@1'))), 'other', 'release@1'],
  ['as it is shown, when history is gone', { ...statusAfter(applied(seen('a', 0, 'release@1'))), history: [] }, undefined, 'release@1'],
  ['as it is given, when it was only observed', { revision: { observed: { commit: sha('a'), time: at(0) } } }, 'main', 'main'],
  ['empty when nobody knows', { revision: { observed: { commit: sha('a'), time: at(0) } } }, undefined, ''],
])('the ref of a revision is %s', async (_, status, given, ref) => {
  const metrics = fresh();
  metrics.sourceStatus('shop/prod', status, given);
  expect((await series(metrics, 'plumbline_revision_info'))[0]).toContain(`ref="${ref}"`);
});

test('the number of series stays the same over a thousand revisions', async () => {
  const metrics = fresh();
  let status: GitOpsSourceStatus | undefined;
  const counts = new Set<number>();
  for (let revision = 0; revision < 1_000; revision += 1) {
    const revisionSeen = seen(`c${revision}x`, revision);
    for (const outcome of [failed(revisionSeen), applied(revisionSeen, { changes: { ...noChanges, changed: 1 } })]) {
      status = step(status, outcome, revision);
      metrics.sourceStatus('shop/prod', status);
      metrics.observePhase('shop/prod', 'apply', revision / 100);
    }
    metrics.countError('shop/prod', 'ObjectRefused');
    metrics.apiRequest('patch', '200');
    if (revision % 100 === 0) counts.add((await series(metrics, 'plumbline_')).length);
  }
  expect([...counts]).toHaveLength(1);
});

describe('a source that is gone', () => {
  test('leaves no series, others keep theirs', async () => {
    const metrics = fresh();
    everything(metrics, 'shop/prod');
    const before = await series(metrics, 'plumbline_');
    everything(metrics, 'shop/test');
    metrics.removeSource('shop/test');
    expect((await series(metrics)).filter((line) => line.includes('source="test"'))).toEqual([]);
    expect((await series(metrics, 'plumbline_')).length).toBe(before.length);
  });

  test('is not brought back by what a walk under way still measures', async () => {
    const metrics = fresh();
    everything(metrics);
    metrics.removeSource('shop/prod');
    metrics.observePhase('shop/prod', 'apply', 1);
    metrics.countError('shop/prod', 'InternalError');
    expect((await series(metrics)).filter((line) => line.includes('source='))).toEqual([]);
  });

  test('starts anew when it comes again', async () => {
    const metrics = fresh();
    everything(metrics);
    metrics.removeSource('shop/prod');
    everything(metrics);
    expect(await series(metrics, 'plumbline_reconcile_errors_total')).toEqual([
      'plumbline_reconcile_errors_total{namespace="shop",source="prod",reason="ObjectRefused"} 1',
    ]);
  });
});

test('who leads no more tells nothing about sources', async () => {
  const metrics = fresh();
  everything(metrics, 'shop/prod');
  everything(metrics, 'shop/test');
  metrics.clearSources();
  expect((await series(metrics)).filter((line) => line.includes('source='))).toEqual([]);
  expect(await series(metrics, 'plumbline_api_requests_total')).toHaveLength(1);
});

test('a watch is up, broken, or no longer there', async () => {
  const metrics = fresh();
  const deployments = { group: 'apps', version: 'v1', kind: 'Deployment' };
  const line = 'plumbline_watch_up{group="apps",version="v1",kind="Deployment"}';
  metrics.watchUp(deployments, true);
  expect(await series(metrics, 'plumbline_watch_up')).toEqual([`${line} 1`]);
  metrics.watchUp(deployments, false);
  expect(await series(metrics, 'plumbline_watch_up')).toEqual([`${line} 0`]);
  metrics.watchUp(deployments, undefined);
  expect(await series(metrics, 'plumbline_watch_up')).toEqual([]);
});

test('a name that needs escaping cannot break a scrape', async () => {
  const metrics = fresh();
  metrics.sourceStatus('shop/prod', statusAfter(applied(seen('a', 0, 'x"\n\\y'))));
  expect((await series(metrics, 'plumbline_revision_info'))[0]).toContain('ref="x\\"\\n\\\\y"');
});

test('build and process are told', async () => {
  const lines = await series(fresh());
  expect(lines).toContain('plumbline_build_info{version="1.2.3",node="24.0.0"} 1');
  expect(lines).toContain('process_start_time_seconds 1');
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_heap_size_used_bytes']) {
    expect(Number(lines.find((line) => line.startsWith(name))?.split(' ')[1])).toBeGreaterThan(0);
  }
});
