/** Metrics that were told one of everything, and a scrape of them read back, for the tests of metrics. */
import { createMetrics } from '../../operator/report/metrics.ts';
import type { Metrics } from '../../operator/report/metrics.ts';
import { workloadImages } from '../../operator/report/workloads.ts';
import { applied, at, failed, seen, statusAfter } from './outcomes.ts';

export const openMetricsAccept = 'application/openmetrics-text; version=1.0.0';

/** Metrics of a process that began a second after the epoch, and whose clock says ten. */
export function fresh(): Metrics {
  return createMetrics({ version: '1.2.3', node: '24.0.0', startedAt: 1_000, now: () => 10_000 });
}

export const images = workloadImages([
  {
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop', annotations: { 'plumbline.dev/app-commit': 'abc123' } },
      spec: { template: { spec: { containers: [{ name: 'web', image: 'registry.example.com/web:1.4@sha256:0a1b' }] } } },
    },
  },
]);

export const spec = { url: 'https://git.example.com/acme/deployer.git', path: './prod', interval: '1m', suspend: false };

/** One of everything that metrics can be told. */
export function everything(metrics: Metrics, key = 'shop/prod'): void {
  metrics.sourceStatus(key, statusAfter(applied(seen('a'))), { images });
  metrics.sourceSpec(key, spec, () => 9_000);
  metrics.sourceStatus(key, statusAfter(applied(seen('a')), failed(seen('b'))));
  metrics.drift(key, { objects: { missing: 0, modified: 1 }, since: at(1), fights: 1 });
  metrics.countCorrection(key, 'kubectl-edit');
  metrics.observePhase(key, 'apply', 0.5);
  metrics.countError(key, 'ObjectRefused');
  metrics.apiRequest('patch', '200');
  metrics.gitRequest('success');
  metrics.queue(() => ({ depth: 3, oldestSeconds: 1.5 }));
  metrics.leading(true);
  metrics.watchUp({ group: 'apps', version: 'v1', kind: 'Deployment' }, true);
}

/** A scrape as text. */
export async function textOf(metrics: Metrics, accept?: string): Promise<string> {
  return Buffer.concat((await metrics.scrape(accept)).body).toString();
}

/** The lines of a scrape that hold a value, of the metrics whose name begins so. */
export async function series(metrics: Metrics, prefix = ''): Promise<readonly string[]> {
  return (await textOf(metrics)).split('\n').filter((line) => line !== '' && !line.startsWith('#') && line.startsWith(prefix));
}
