import { describe, expect, test } from '@jest/globals';
import { applied, at, failed, gitAway, noChanges, seen, sha, statusAfter, step } from './outcomes.ts';
import { everything, fresh, images, openMetricsAccept, series, spec, textOf } from './scrapes.ts';
import type { GitOpsSourceStatus } from '../../operator/api/types.ts';

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
  metrics.sourceStatus('shop/prod', status, { ref: given });
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
    metrics.countCorrection('shop/prod', `manager-${revision}`);
    metrics.drift('shop/prod', { objects: { modified: revision }, since: at(revision), fights: revision });
    metrics.apiRequest('patch', '200');
    if (revision > 10 && revision % 100 === 0) counts.add((await series(metrics, 'plumbline_')).length);
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

describe('deployment_info', () => {
  const of = 'namespace="shop",source="prod",workload_namespace="shop",kind="Deployment",workload="web",container="web"';
  const line = (commit: string) =>
    `plumbline_deployment_info{${of},image="registry.example.com/web:1.4",digest="sha256:0a1b",commit="${sha(commit)}",app_commit="abc123"} 1`;

  test('follows the applied revision: a failed one changes nothing, one that changes no image moves the commit', async () => {
    const metrics = fresh();
    const first = statusAfter(applied(seen('a')));
    metrics.sourceStatus('shop/prod', first, { images });
    expect(await series(metrics, 'plumbline_deployment_info')).toEqual([line('a')]);
    const second = step(first, failed(seen('b')), 1);
    metrics.sourceStatus('shop/prod', second);
    expect(await series(metrics, 'plumbline_deployment_info')).toEqual([line('a')]);
    metrics.sourceStatus('shop/prod', step(second, applied(seen('c')), 2));
    expect(await series(metrics, 'plumbline_deployment_info')).toEqual([line('c')]);
    metrics.sourceStatus('shop/prod', step(second, applied(seen('d')), 2), { images: [] });
    expect(await series(metrics, 'plumbline_deployment_info')).toEqual([]);
  });
});

describe('what a source lacks', () => {
  const of = 'namespace="shop",source="prod"';

  test('is told since when, with the reason of now, until it is ready', async () => {
    const metrics = fresh();
    let status = statusAfter(applied(seen('a')), failed(seen('b')));
    metrics.sourceStatus('shop/prod', status);
    const since = Date.parse(at(1)) / 1_000;
    expect(await series(metrics, 'plumbline_failing')).toEqual([
      `plumbline_failing_since_timestamp_seconds{${of},reason="ObjectRefused"} ${since}`,
    ]);
    status = step(status, failed(undefined, gitAway), 5);
    metrics.sourceStatus('shop/prod', status);
    expect(await series(metrics, 'plumbline_failing')).toEqual([
      `plumbline_failing_since_timestamp_seconds{${of},reason="GitUnreachable"} ${since}`,
    ]);
    metrics.sourceStatus('shop/prod', step(status, applied(seen('b')), 6));
    expect(await series(metrics, 'plumbline_failing')).toEqual([]);
  });

  test('the last success is the last answer of git while it was ready, then it stands', async () => {
    const metrics = fresh();
    let answeredAt: number | undefined;
    const success = () => series(metrics, 'plumbline_last_success');
    metrics.sourceStatus('shop/prod', {});
    metrics.sourceSpec('shop/prod', spec, () => answeredAt);
    expect([await success(), await series(metrics, 'plumbline_interval')]).toEqual([[], [`plumbline_interval_seconds{${of}} 60`]]);
    const ready = statusAfter(applied(seen('a')));
    metrics.sourceStatus('shop/prod', ready);
    for (answeredAt of [1_000, 2_000]) {
      expect(await success()).toEqual([`plumbline_last_success_timestamp_seconds{${of}} ${answeredAt / 1_000}`]);
    }
    metrics.sourceStatus('shop/prod', step(ready, failed(seen('b')), 1));
    answeredAt = 3_000;
    expect(await success()).toEqual([`plumbline_last_success_timestamp_seconds{${of}} 2`]);
    for (const not of [{ suspend: true }, { ref: { commit: sha('a') } }]) {
      metrics.sourceSpec('shop/prod', { ...spec, ...not }, () => answeredAt);
      expect([await success(), await series(metrics, 'plumbline_interval')]).toEqual([[], []]);
    }
  });

  test('while it is suspended that is told, beside what it lacked before', async () => {
    const metrics = fresh();
    metrics.sourceStatus('shop/prod', statusAfter(failed(undefined, gitAway)));
    const suspended = async (suspend: boolean) => {
      metrics.sourceSpec('shop/prod', { ...spec, suspend }, () => undefined);
      return [...(await series(metrics, 'plumbline_suspended')), ...(await series(metrics, 'plumbline_failing'))].length;
    };
    expect(await suspended(false)).toBe(1);
    expect(await suspended(true)).toBe(2);
    expect(await series(metrics, 'plumbline_suspended')).toEqual([`plumbline_suspended{${of}} 1`]);
    expect(await suspended(false)).toBe(1);
  });

  test('one that failed before it was ever ready counts from then', async () => {
    const metrics = fresh();
    metrics.sourceStatus('shop/prod', statusAfter(failed(undefined, gitAway)));
    metrics.sourceSpec('shop/prod', spec, () => undefined);
    const since = Date.parse(at(0)) / 1_000;
    expect(await series(metrics, 'plumbline_last_success')).toEqual([`plumbline_last_success_timestamp_seconds{${of}} ${since}`]);
  });
});

test('who leads says so', async () => {
  const metrics = fresh();
  expect(await series(metrics, 'plumbline_leader')).toEqual(['plumbline_leader 0']);
  metrics.leading(true);
  expect(await series(metrics, 'plumbline_leader')).toEqual(['plumbline_leader 1']);
});

test('what a source follows is told, with the way to a commit', async () => {
  const metrics = fresh();
  everything(metrics);
  expect(await series(metrics, 'plumbline_source_info')).toEqual([
    'plumbline_source_info{namespace="shop",source="prod",repository="git.example.com/acme/deployer",path="./prod",commit_url="https://git.example.com/acme/deployer/commit/"} 1',
  ]);
});

describe('drift', () => {
  const of = 'namespace="shop",source="prod"';

  test('is told as it is now', async () => {
    const metrics = fresh();
    metrics.sourceStatus('shop/prod', {});
    expect(await series(metrics, 'plumbline_drift')).toEqual([]);
    metrics.drift('shop/prod', { objects: { missing: 1, modified: 2 }, since: at(3), fights: 1 });
    expect(await series(metrics, 'plumbline_drift')).toEqual([
      `plumbline_drift_objects{${of},class="missing"} 1`,
      `plumbline_drift_objects{${of},class="modified"} 2`,
      `plumbline_drift_since_timestamp_seconds{${of}} ${Date.parse(at(3)) / 1_000}`,
      `plumbline_drift_fights{${of}} 1`,
    ]);
    metrics.drift('shop/prod', { objects: { missing: 0, modified: 0 }, since: undefined, fights: 0 });
    expect(await series(metrics, 'plumbline_drift')).toEqual([
      `plumbline_drift_objects{${of},class="missing"} 0`,
      `plumbline_drift_objects{${of},class="modified"} 0`,
      `plumbline_drift_fights{${of}} 0`,
    ]);
  });

  test('corrections are counted by manager: the first ten, then others together', async () => {
    const metrics = fresh();
    metrics.sourceStatus('shop/prod', {});
    metrics.countCorrection('shop/prod', undefined);
    for (let index = 1; index <= 12; index += 1) metrics.countCorrection('shop/prod', `manager-${index}`);
    metrics.countCorrection('shop/prod', 'manager-1');
    metrics.countCorrection('shop/prod', 'x'.repeat(1_000));
    const lines = await series(metrics, 'plumbline_drift_corrections_total');
    expect(lines).toHaveLength(11);
    expect(lines[0]).toBe(`plumbline_drift_corrections_total{${of},manager="unknown"} 1`);
    expect(lines[1]).toBe(`plumbline_drift_corrections_total{${of},manager="manager-1"} 2`);
    expect(lines.at(-1)).toBe(`plumbline_drift_corrections_total{${of},manager="other"} 4`);
  });
});

describe('delivery', () => {
  const of = 'namespace="shop",source="prod"';

  test('is 0 from the first status of a source on', async () => {
    const metrics = fresh();
    metrics.sourceStatus('shop/prod', {});
    expect(await series(metrics, 'plumbline_deployments_total')).toEqual([
      `plumbline_deployments_total{${of},result="success"} 0`,
      `plumbline_deployments_total{${of},result="failed"} 0`,
    ]);
    for (const name of ['lead_time', 'time_to_restore']) {
      expect(await series(metrics, `plumbline_${name}_seconds_count`)).toEqual([`plumbline_${name}_seconds_count{${of}} 0`]);
    }
  });

  test('counts what follows, with the commit as exemplar', async () => {
    const metrics = fresh();
    let status: GitOpsSourceStatus = {};
    const tell = (next: GitOpsSourceStatus) => metrics.sourceStatus('shop/prod', (status = next));
    const healthy = (commit: string, minute: number) =>
      tell({ ...status, revision: { ...status.revision, healthy: { commit: sha(commit), time: at(minute) } } });
    const deploy = (commit: string, minute: number) => {
      const made = seen(commit, minute);
      const revision = { ...made, commit: { sha: sha(commit), subject: '', author: '', time: at(minute - 3) } };
      tell(step(status, applied(revision, { changes: { ...noChanges, changed: 1 } }), minute));
      healthy(commit, minute + 1);
    };
    tell({});
    deploy('a', 10);
    tell(step(status, failed(seen('b', 20)), 20));
    deploy('c', 30);
    expect(await series(metrics, 'plumbline_deployments_total')).toEqual([
      `plumbline_deployments_total{${of},result="success"} 2`,
      `plumbline_deployments_total{${of},result="failed"} 1`,
    ]);
    expect(await series(metrics, 'plumbline_lead_time_seconds_sum')).toEqual([`plumbline_lead_time_seconds_sum{${of}} 240`]);
    expect(await series(metrics, 'plumbline_time_to_restore_seconds_sum')).toEqual([`plumbline_time_to_restore_seconds_sum{${of}} 660`]);
    const open = await textOf(metrics, openMetricsAccept);
    expect(open).toContain(`plumbline_lead_time_seconds_bucket{${of},le="300.0"} 1 # {commit="${sha('c')}"} 240 10.000\n`);
    expect(open).toContain(`plumbline_lead_time_seconds_bucket{${of},le="120.0"} 0\n`);
  });
});
