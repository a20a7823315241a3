/** Pure: from what was measured to what must be reached. */
import type { Calls } from './calls.ts';
import type { Idle } from './idle.ts';
import type { ScrapeResult } from './scrape.ts';
import type { BareResult, OperatorResult } from './sides.ts';

export interface Measured {
  readonly sources: number;
  readonly bare: readonly BareResult[];
  readonly operator: readonly OperatorResult[];
  readonly idle: Idle;
  readonly scrape: ScrapeResult;
}

export interface Verdict {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  readonly met: boolean;
}

const leastPace = 80;
const mostCpuPercent = 1;
const mostRssMib = 150;
const mostBlockMs = 50;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The operator's pace in percent of the bare client's, git taken off: medians of all rounds. */
export function paceOf({ bare, operator }: Pick<Measured, 'bare' | 'operator'>): number {
  return (median(bare.map((one) => one.seconds)) / median(operator.map((one) => one.net))) * 100;
}

export function verdicts(measured: Measured): readonly Verdict[] {
  const { operator, idle, scrape } = measured;
  const pace = paceOf(measured);
  const excess = operator.flatMap(({ calls }) => calls.filter((call) => call.count > call.allowed));
  const idleCalls = sum(idle.calls);
  return [
    {
      what: 'pace of the bare client, git taken off',
      measured: `${pace.toFixed(0)} %`,
      target: `≥ ${leastPace} %`,
      met: pace >= leastPace,
    },
    { what: 'calls beyond the allowed', measured: textOf(excess), target: 'none', met: excess.length === 0 },
    { what: 'idle: API calls in a minute', measured: idleCalls === 0 ? '0' : textOf(idle.calls), target: '0', met: idleCalls === 0 },
    { what: 'idle: ls-refs per remote and interval', measured: String(idle.lsRefs), target: '1', met: idle.lsRefs === 1 },
    {
      what: 'idle: CPU, git included',
      measured: `${idle.cpuPercent.toFixed(2)} % of a core`,
      target: `< ${mostCpuPercent} %`,
      met: idle.cpuPercent < mostCpuPercent,
    },
    {
      what: 'idle: RSS, git included',
      measured: `${idle.rssMib.toFixed(0)} MiB`,
      target: `< ${mostRssMib} MiB`,
      met: idle.rssMib < mostRssMib,
    },
    {
      what: `scrape of ${scrape.sources} sources, ${scrape.series} series: longest block of the event loop`,
      measured: `${scrape.longestBlock.toFixed(0)} ms (by the clock ${scrape.longestByClock.toFixed(0)} ms, ${scrape.longestUnscraped.toFixed(0)} ms with nothing scraped)`,
      target: `< ${mostBlockMs} ms`,
      met: scrape.longestBlock < mostBlockMs,
    },
  ];
}

function sum(calls: readonly Calls[]): number {
  return calls.reduce((total, call) => total + call.count, 0);
}

function textOf(calls: readonly Calls[]): string {
  const texts = calls.map(
    ({ verb, resource, count, allowed }) => `${count} × ${verb} ${resource}${allowed > 0 ? ` (${allowed} allowed)` : ''}`,
  );
  return texts.length === 0 ? 'none' : texts.join(', ');
}
