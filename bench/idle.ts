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

/** With an interval of a minute, give or take a tenth, the next question is due 54 to 66 s after the last. */
const afterQuestion = { least: 20_000, most: 45_000 };

/**
 * Watches `pid` for a minute, so placed that the remote is to be asked once in it. `askedAt` (milliseconds since 1970) is
 * when it was asked last, `lsRefs` counts how often.
 */
export async function idleMinute(plane: Plane, pid: number, askedAt: number, lsRefs: () => number): Promise<Idle> {
  let asked = askedAt;
  if (Date.now() - asked > afterQuestion.most) {
    const count = lsRefs();
    await waitFor('the remote is asked again', () => lsRefs() > count, 2 * minuteMs);
    asked = Date.now();
  }
  await sleep(Math.max(0, asked + afterQuestion.least - Date.now()));
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
