/** The metrics about the process as a whole: few series; gauges are kept by prom-client, all are written by metric-format.ts. */
import process from 'node:process';
import { Counter, Gauge, Registry } from 'prom-client';
import { countFor, countIn, newCounter } from './metric-counter.ts';
import type { Counter as Count, Scraper } from './metric-counter.ts';
import { counterText, gaugeText, headOf, labelsText } from './metric-format.ts';
import type { Format } from './metric-format.ts';
import { processRows } from './metric-table.ts';
import type { ProcessMetric } from './metric-table.ts';

/** What a queue holds. */
export interface QueueLoad {
  /** Sources that are due or under way. */
  readonly depth: number;
  /** For how long the first of them has been due; 0 where there is none. */
  readonly oldestSeconds: number;
}

export interface ProcessMetrics {
  readonly gauges: Readonly<Record<'leader' | 'watchUp', Gauge>>;
  /** Counts one more. `now`: seconds since the epoch. */
  count(metric: Counted, labels: Readonly<Record<string, string>>, now: number): void;
  /** Where the queue's load is asked for from now on. */
  queue(load: () => QueueLoad): void;
  /** The families, whole. */
  text(format: Format, scraper: Scraper): Promise<string>;
}

type Counted = 'apiRequests' | 'gitRequests' | 'notifications';

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
  const gauges = { leader: new Gauge(at('leader')), watchUp: new Gauge(at('watchUp')) };
  let queueLoad = (): QueueLoad => ({ depth: 0, oldestSeconds: 0 });
  measured('queueDepth', () => queueLoad().depth);
  measured('queueOldest', () => queueLoad().oldestSeconds);
  /** By their labels, as text: verbs, codes and reasons are few. */
  const counted: Readonly<Record<Counted, Map<string, Count>>> = {
    apiRequests: new Map(),
    gitRequests: new Map(),
    notifications: new Map(['delivered', 'failed', 'dropped'].map((result) => [labelsText({ result }), newCounter(startedAt)])),
  };
  new Gauge(at('buildInfo')).set({ version, node }, 1);
  const cpu: Counter = new Counter({ ...at('processCpu'), collect: () => collectCpu(cpu) });
  measured('processMemory', () => process.memoryUsage.rss());
  new Gauge(at('processStart')).set(startedAt);
  measured('heapUsed', () => process.memoryUsage().heapUsed);

  return {
    gauges,
    count: (metric, labels, now) => countIn(counted[metric], labelsText(labels), now),
    queue: (load) => (queueLoad = load),
    async text(format, scraper) {
      let lines = '';
      for (const [key, row] of Object.entries(processRows)) {
        lines += headOf(row, format);
        if (key in counted) {
          for (const [told, one] of counted[key as Counted]) {
            lines += counterText(row, told, countFor(one, scraper), one.createdAt, format);
          }
          continue;
        }
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
