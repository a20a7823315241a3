/** Pure: what was measured of many sources that live, beside what must be reached. */
import { median } from '../targets.ts';
import type { Verdict } from '../targets.ts';
import type { Calls } from '../calls.ts';
import type { Idle } from '../idle.ts';
import type { OperatorResult } from '../sides.ts';
import type { Busy } from './busy.ts';
import { changesPerSecond } from './busy.ts';
import { percentile } from './latency.ts';
import type { Restart } from './restart.ts';

export interface Storm {
  readonly sources: number;
  /** Seconds each. */
  readonly bare: readonly number[];
  readonly operator: readonly Pick<OperatorResult, 'startup' | 'seconds' | 'git' | 'net'>[];
  /** The most memory that each operator had. */
  readonly peakMib: readonly number[];
}

export interface LiveMeasured {
  readonly storms: readonly Storm[];
  /** Sources that are at rest in what follows. */
  readonly sources: number;
  readonly objects: number;
  /** Milliseconds until each edit was put back. */
  readonly edits: readonly number[];
  readonly idle: Idle;
  readonly busy: Busy;
  readonly restart: Restart;
}

const leastPace = 80;
const mostRssMib = 200;
const mostCpuPercent = 5;
const mostCorrectionMs = 1_000;

/** The operator's pace in percent of the bare client's: medians of all rounds. With `net`, the time of the first fetch is taken off. */
export function stormPace({ bare, operator }: Storm, clock: 'seconds' | 'net'): number {
  return (median(bare) / median(operator.map((one) => one[clock]))) * 100;
}

export function liveVerdicts(measured: LiveMeasured): readonly Verdict[] {
  const { storms, edits, idle, busy, restart, sources, objects } = measured;
  const most = (what: string, value: number, limit: number, unit: string): Verdict => ({
    what,
    measured: `${value.toFixed(unit === 'ms' ? 0 : 1)} ${unit}`,
    target: `< ${limit} ${unit}`,
    met: value < limit,
  });
  const told = (what: string, value: string): Verdict => ({ what, measured: value, target: '', met: true });
  const none = (what: string, calls: readonly Calls[]): Verdict => ({
    what,
    measured: calls.length === 0 ? '0' : calls.map(({ verb, resource, count }) => `${count} × ${verb} ${resource}`).join(', '),
    target: '0',
    met: calls.length === 0,
  });
  return [
    ...storms.flatMap((storm) => {
      const pace = stormPace(storm, 'net');
      return [
        {
          what: `${storm.sources} sources from nothing to all healthy: pace of the bare client, git taken off`,
          measured: `${pace.toFixed(0)} % (${stormPace(storm, 'seconds').toFixed(0)} % with git)`,
          target: `≥ ${leastPace} %`,
          met: pace >= leastPace,
        },
        most(`${storm.sources} sources: most memory on the way`, Math.max(...storm.peakMib), mostRssMib, 'MiB'),
      ];
    }),
    told(`edit → corrected, ${edits.length} edits over ${sources} sources: p50`, `${percentile(edits, 50).toFixed(0)} ms`),
    most(`edit → corrected, ${edits.length} edits over ${sources} sources: p99`, percentile(edits, 99), mostCorrectionMs, 'ms'),
    none(`idle, ${sources} sources, ${objects} objects: API calls in a minute`, idle.calls),
    most('idle: CPU', idle.cpuPercent, mostCpuPercent, '% of a core'),
    most('idle: RSS', idle.rssMib, mostRssMib, 'MiB'),
    none(`${changesPerSecond} objects a second change status: API calls`, busy.calls),
    most(`${changesPerSecond} objects a second change status: CPU`, busy.cpuPercent, mostCpuPercent, '% of a core'),
    most(`${changesPerSecond} objects a second change status: RSS`, busy.rssMib, mostRssMib, 'MiB'),
    none(`restart, ${sources} sources, ${objects} objects: writes`, restart.writes),
    told(
      'restart: until every verdict is in',
      `${restart.seconds.toFixed(2)} s (${restart.startup.toFixed(2)} s of them to the first request)`,
    ),
    most('restart: most memory on the way', restart.peakMib, mostRssMib, 'MiB'),
  ];
}
