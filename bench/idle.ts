/** One minute in which nothing changes: what the operator asks, and what it costs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../test/controlplane/wait-for.ts';
import { isUpkeep, ofOperator, tableOf } from './calls.ts';
import type { Calls } from './calls.ts';
import type { Plane } from './plane.ts';
import { usageOf } from './usage.ts';

export interface Idle {
  readonly seconds: number;
  /** But leases and watches that are opened again. */
  readonly calls: readonly Calls[];
  readonly lsRefs: number;
  /** Percent of one core, child processes included. */
  readonly cpuPercent: number;
  /** The most that was seen, child processes included. */
  readonly rssMib: number;
}

const minuteMs = 60_000;
const sampleMs = 5_000;

/** Watches `pid` for a minute. It begins right after the remote was asked, so that one question falls into it at most. */
export async function idleMinute(plane: Plane, pid: number, lsRefs: () => number): Promise<Idle> {
  const asked = lsRefs();
  await waitFor('the remote is asked again', () => lsRefs() > asked, 2 * minuteMs);
  const known = ofOperator(await plane.audit.events()).length;
  const before = await usageOf(pid);
  const lsRefsBefore = lsRefs();
  const began = Date.now();
  let rssMib = before.rssMib;
  let after = before;
  while (Date.now() - began < minuteMs) {
    await sleep(sampleMs);
    after = await usageOf(pid);
    rssMib = Math.max(rssMib, after.rssMib);
  }
  const seconds = (Date.now() - began) / 1_000;
  const events = ofOperator(await plane.audit.events()).slice(known);
  return {
    seconds,
    calls: tableOf(
      events.filter((event) => !isUpkeep(event)),
      0,
    ),
    lsRefs: lsRefs() - lsRefsBefore,
    cpuPercent: ((after.cpuSeconds - before.cpuSeconds) / seconds) * 100,
    rssMib,
  };
}
