/** The metrics about the process as a whole: few series, kept by prom-client, written by metric-format.ts. */
import process from 'node:process';
import { Counter, Gauge, Registry } from 'prom-client';
import { counterText, gaugeText, headOf, labelsText } from './metric-format.ts';
import type { Format } from './metric-format.ts';
import { processRows } from './metric-table.ts';
import type { ProcessMetric } from './metric-table.ts';

export interface ProcessMetrics {
  readonly gauges: Readonly<Record<'leader' | 'queueDepth' | 'watchUp', Gauge>>;
  readonly counters: Readonly<Record<'apiRequests' | 'gitRequests' | 'notifications', Counter>>;
  /** The families, whole. */
  text(format: Format): Promise<string>;
}

export interface ProcessFacts {
  readonly version: string;
  readonly node: string;
  /** Seconds since the epoch: also since when the counters count. */
  readonly startedAt: number;
}

/** A fresh set. */
export function createProcessMetrics({ version, node, startedAt }: ProcessFacts): ProcessMetrics {
  const registry = new Registry();
  const at = (key: ProcessMetric) => {
    const { name, help, labels } = processRows[key];
    return { name, help, labelNames: [...labels], registers: [registry] };
  };
  const measured = (key: ProcessMetric, value: () => number) => {
    const gauge: Gauge = new Gauge({ ...at(key), collect: () => gauge.set(value()) });
  };
  const gauges = { leader: new Gauge(at('leader')), queueDepth: new Gauge(at('queueDepth')), watchUp: new Gauge(at('watchUp')) };
  const counters = {
    apiRequests: new Counter(at('apiRequests')),
    gitRequests: new Counter(at('gitRequests')),
    notifications: new Counter(at('notifications')),
  };
  for (const result of ['delivered', 'failed', 'dropped']) counters.notifications.inc({ result }, 0);
  new Gauge(at('buildInfo')).set({ version, node }, 1);
  const cpu: Counter = new Counter({ ...at('processCpu'), collect: () => collectCpu(cpu) });
  measured('processMemory', () => process.memoryUsage.rss());
  new Gauge(at('processStart')).set(startedAt);
  measured('heapUsed', () => process.memoryUsage().heapUsed);

  return {
    gauges,
    counters,
    async text(format) {
      let lines = '';
      for (const row of Object.values(processRows)) {
        lines += headOf(row, format);
        const { values } = (await registry.getSingleMetric(row.name)?.get()) ?? { values: [] };
        for (const { labels, value } of values) {
          const told = labelsText(labels as Readonly<Record<string, string>>);
          lines += row.type === 'counter' ? counterText(row, told, value, startedAt, format) : gaugeText(row, told, value);
        }
      }
      return lines;
    },
  };
}

function collectCpu(metric: Counter): void {
  const { user, system } = process.cpuUsage();
  metric.reset();
  metric.inc((user + system) / 1_000_000);
}
