import { describe, expect, test } from '@jest/globals';
import { createMetrics } from '../../operator/report/metrics.ts';
import type { Metrics } from '../../operator/report/metrics.ts';
import { applied, at, noChanges, seen, sha, step } from './outcomes.ts';
import { openMetricsAccept } from './scrapes.ts';

const of = 'namespace="shop",source="prod"';
const correction = `plumbline_drift_corrections_total{${of},manager="kubectl-edit"}`;

/** Metrics of a source, at minute 0 of their clock. */
function counted() {
  const clock = { minutes: 0 };
  const metrics = createMetrics({ version: '1.2.3', startedAt: 0, now: () => clock.minutes * 60_000 });
  metrics.sourceStatus('shop/prod', {});
  return { metrics, clock };
}

/** What a scrape says of a series; undefined where it has none. */
async function told(metrics: Metrics, name: string, by: 'Prometheus' | 'a person', accept?: string): Promise<number | undefined> {
  const { body } = await metrics.scrape(accept, by === 'Prometheus');
  const line = Buffer.concat(body)
    .toString()
    .split('\n')
    .find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1).split(' ')[0]);
}

async function toldOften(metrics: Metrics, name: string, times: number): Promise<readonly (number | undefined)[]> {
  const values = [];
  for (let count = 0; count < times; count += 1) values.push(await told(metrics, name, 'Prometheus'));
  return values;
}

describe('a counter that is new', () => {
  test('is told to Prometheus at 0 twice, so that it grows from there', async () => {
    const { metrics } = counted();
    expect(await told(metrics, correction, 'Prometheus')).toBeUndefined();
    metrics.countCorrection('shop/prod', 'kubectl-edit');
    expect(await told(metrics, correction, 'Prometheus')).toBe(0);
    metrics.countCorrection('shop/prod', 'kubectl-edit');
    expect(await toldOften(metrics, correction, 3)).toEqual([0, 2, 2]);
    metrics.countCorrection('shop/prod', 'kubectl-edit');
    expect(await told(metrics, correction, 'Prometheus')).toBe(3);
  });

  test('is told at 0 to each of two who scrape in turns, whatever their formats', async () => {
    const { metrics } = counted();
    metrics.countError('shop/prod', 'RenderFailed');
    const name = `plumbline_reconcile_errors_total{${of},reason="RenderFailed"}`;
    const turns = [];
    for (const accept of [undefined, openMetricsAccept, undefined, openMetricsAccept]) {
      turns.push(await told(metrics, name, 'Prometheus', accept));
    }
    expect(turns).toEqual([0, 0, 1, 1]);
  });

  test('is told to a person as it is, who takes nothing from Prometheus by looking', async () => {
    const { metrics } = counted();
    metrics.countCorrection('shop/prod', 'kubectl-edit');
    for (let count = 0; count < 3; count += 1) expect(await told(metrics, correction, 'a person')).toBe(1);
    expect(await toldOften(metrics, correction, 3)).toEqual([0, 0, 1]);
  });

  test('of a source is told so anew when the source, or the lead, comes back', async () => {
    const { metrics } = counted();
    for (let count = 0; count < 2; count += 1) {
      metrics.clearSources();
      metrics.sourceStatus('shop/prod', {});
      metrics.countCorrection('shop/prod', 'kubectl-edit');
      expect(await toldOften(metrics, correction, 3)).toEqual([0, 0, 1]);
    }
  });

  test('never goes back to 0, whatever the clock does', async () => {
    const { metrics, clock } = counted();
    metrics.countCorrection('shop/prod', 'kubectl-edit');
    const values = [];
    for (const minutes of [5, -3, 2, -30, 0, 100]) {
      clock.minutes = minutes;
      values.push(await told(metrics, correction, 'Prometheus'));
    }
    expect(values).toEqual([0, 0, 1, 1, 1, 1]);
  });

  test('is new no more after ten minutes: who begins to scrape then does not take it for what happened now', async () => {
    const { metrics, clock } = counted();
    metrics.countCorrection('shop/prod', 'kubectl-edit');
    clock.minutes = 11;
    expect(await toldOften(metrics, correction, 2)).toEqual([1, 1]);
    clock.minutes = 0;
    expect(await told(metrics, correction, 'Prometheus')).toBe(1);
  });

  test('of the process is told so as well', async () => {
    const { metrics } = counted();
    metrics.gitRequest('success');
    await toldOften(metrics, 'plumbline_git_requests_total{result="success"}', 3);
    metrics.gitRequest('GitUnreachable');
    metrics.gitRequest('success');
    expect(await toldOften(metrics, 'plumbline_git_requests_total{result="GitUnreachable"}', 3)).toEqual([0, 0, 1]);
    expect(await told(metrics, 'plumbline_git_requests_total{result="success"}', 'Prometheus')).toBe(2);
  });
});

describe('what is there at 0 from the beginning', () => {
  const success = `plumbline_deployments_total{${of},result="success"}`;

  /** A revision over another one, from minute 1 to 2, healthy at 3. */
  function deploy(metrics: Metrics): void {
    const first = step(undefined, applied(seen('a'), { changes: noChanges }), 0);
    const revision = { ...seen('b', 2), commit: { sha: sha('b'), subject: '', author: '', time: at(1) } };
    const second = step(first, applied(revision, { changes: { ...noChanges, changed: 1 } }), 2);
    metrics.sourceStatus('shop/prod', first);
    metrics.sourceStatus('shop/prod', second);
    metrics.sourceStatus('shop/prod', { ...second, revision: { ...second.revision, healthy: { commit: sha('b'), time: at(3) } } });
  }

  test('grows at once where Prometheus has seen it', async () => {
    const { metrics } = counted();
    expect(await toldOften(metrics, success, 2)).toEqual([0, 0]);
    deploy(metrics);
    expect(await told(metrics, success, 'Prometheus')).toBe(1);
  });

  test("grows later where a source's first deployment comes before the first scrape, histograms and exemplars too", async () => {
    const { metrics } = counted();
    deploy(metrics);
    const text = async (): Promise<string> => Buffer.concat((await metrics.scrape(openMetricsAccept, true)).body).toString();
    const lead = `plumbline_lead_time_seconds`;
    for (let count = 0; count < 2; count += 1) {
      const early = await text();
      for (const line of [`${success} 0`, `${lead}_count{${of}} 0`, `${lead}_sum{${of}} 0`, `${lead}_bucket{${of},le="120.0"} 0`]) {
        expect(early).toContain(`${line}\n`);
      }
    }
    const late = await text();
    for (const line of [`${success} 1`, `${lead}_count{${of}} 1`, `${lead}_sum{${of}} 120`]) expect(late).toContain(`${line}\n`);
    expect(late).toContain(`${lead}_bucket{${of},le="120.0"} 1 # {commit="${sha('b')}"} 120`);
  });
});
