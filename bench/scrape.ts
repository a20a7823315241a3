/**
 * What a scrape of very many sources costs the operator: in a process of its own, over HTTP, with a timer that sees how
 * long the event loop keeps it waiting.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createMetrics } from '../operator/report/metrics.ts';
import type { Metrics } from '../operator/report/metrics.ts';
import type { Phase } from '../operator/report/types.ts';
import { workloadImages } from '../operator/report/workloads.ts';
import { startWebServer } from '../operator/web/server.ts';

export interface ScrapeResult {
  readonly sources: number;
  readonly series: number;
  readonly bytes: number;
  /** Of one scrape, the median. */
  readonly milliseconds: number;
  /** The longest that the event loop was held in any of them, milliseconds of CPU: other processes count for nothing. */
  readonly longestBlock: number;
  /** The same by the clock, with what other processes took. */
  readonly longestByClock: number;
  /** As long by the clock while nothing is scraped: what this machine does to any process. */
  readonly longestUnscraped: number;
}

const sourceCount = 1_000;
const scrapeCount = 20;
const formats = ['text/plain', 'application/openmetrics-text'];
const phases: readonly Phase[] = ['source', 'render', 'plan', 'dryrun', 'apply', 'prune'];
const time = '2026-01-01T00:00:00Z';
const commit = '4f2a9c1d'.repeat(5);

const spec = { url: 'https://git.example.com/acme/deployer.git', path: './prod', interval: '1m', suspend: false };

/** Measures in a process of its own. */
export async function measureScrape(): Promise<ScrapeResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename]);
  return JSON.parse(stdout) as ScrapeResult;
}

/** Everything that a source of a few objects has. */
function fill(metrics: Metrics): void {
  const conditions = (['Ready', 'Reconciling', 'Stalled', 'Healthy'] as const).map((type) => ({
    type,
    status: 'False' as const,
    lastTransitionTime: time,
    reason: 'ObjectRefused',
    message: '',
  }));
  const stage = { commit, time };
  const status = {
    revision: { observed: stage, attempted: stage, applied: stage, healthy: stage },
    objects: { total: 4, healthy: 4, drifted: 0, failed: 0 },
    conditions,
  };
  for (let index = 0; index < sourceCount; index += 1) {
    const key = `team-${index % 50}/source-${index}`;
    const containers = [{ name: 'web', image: `registry.example.com/shop/web-${index}:1.4` }];
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { template: { spec: { containers } } },
    };
    metrics.sourceStatus(key, status, { ref: 'main', images: workloadImages([{ object }]) });
    metrics.sourceSpec(key, spec, () => 1_000);
    for (const phase of phases) metrics.observePhase(key, phase, 0.05 * (1 + (index % 7)));
    metrics.countError(key, 'ObjectRefused');
    metrics.drift(key, { objects: { missing: 0, removed: 0, modified: 0, extra: 0 }, since: undefined, fights: 0 });
    metrics.countCorrection(key, 'kubectl-edit');
  }
}

/** The longest times between two rounds of the event loop, from now on; milliseconds. The loop never waits meanwhile. */
function watchLoop(): { readonly end: () => Pick<ScrapeResult, 'longestBlock' | 'longestByClock'> } {
  const cpuNow = (): number => (({ user, system }) => (user + system) / 1_000)(process.threadCpuUsage());
  let [clock, cpu, longestBlock, longestByClock] = [performance.now(), cpuNow(), 0, 0];
  let next: NodeJS.Immediate;
  const round = (): void => {
    const [clockBefore, cpuBefore] = [clock, cpu];
    [clock, cpu] = [performance.now(), cpuNow()];
    longestBlock = Math.max(longestBlock, cpu - cpuBefore);
    longestByClock = Math.max(longestByClock, clock - clockBefore);
    next = setImmediate(round); // not unref: the loop would sleep until something happens, and that be taken for a block
  };
  round();
  return {
    end: () => {
      clearImmediate(next);
      return { longestBlock, longestByClock };
    },
  };
}

async function measure(): Promise<ScrapeResult> {
  const metrics = createMetrics({ version: 'bench' });
  fill(metrics);
  const stop = new AbortController();
  const ok = () => ({ ok: true, text: 'ok' });
  const server = await startWebServer({ address: { host: '127.0.0.1', port: 0 }, metrics, health: ok, ready: ok, signal: stop.signal });
  const scraper = `for (let i = 0; i < ${scrapeCount}; i += 1) {
    const accept = ${JSON.stringify(formats)}[i % 2], began = performance.now();
    const text = await (await fetch('http://127.0.0.1:${server.port}/metrics', { headers: { accept } })).text();
    const series = text.split('\\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    console.log(JSON.stringify({ milliseconds: performance.now() - began, bytes: text.length, series }));
  }`;
  // The one who scrapes is another process; neither its own work nor its start is measured.
  const scraping = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', scraper]);
  const began = performance.now();
  const loop = watchLoop();
  const { stdout } = await scraping;
  const longest = loop.end();
  stop.abort();
  const unscraped = watchLoop();
  await sleep(performance.now() - began);
  const longestUnscraped = unscraped.end().longestByClock;
  const scrapes = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { milliseconds: number; bytes: number; series: number });
  const sorted = scrapes.map((one) => one.milliseconds).toSorted((a, b) => a - b);
  const most = (of: 'series' | 'bytes'): number => Math.max(...scrapes.map((one) => one[of]));
  return {
    sources: sourceCount,
    series: most('series'),
    bytes: most('bytes'),
    milliseconds: sorted[scrapeCount >> 1] ?? 0,
    ...longest,
    longestUnscraped,
  };
}

if (import.meta.main) process.stdout.write(JSON.stringify(await measure()));
