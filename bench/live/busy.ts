/** Status that changes all the time, without any change of health: what the operator costs then. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isUpkeep, ofOperator, tableOf } from '../calls.ts';
import type { Calls } from '../calls.ts';
import { appNames, namespace } from '../fleet.ts';
import type { Plane } from '../plane.ts';
import { usageOf } from '../usage.ts';

export const changesPerSecond = 50;

export interface Busy {
  readonly seconds: number;
  readonly changes: number;
  /** Percent of one core, child processes included. */
  readonly cpuPercent: number;
  readonly rssMib: number;
  /** But leases and watches that are opened again. */
  readonly calls: readonly Calls[];
}

/** Has a condition of one Deployment after the other change for so many seconds. */
export async function measureBusy(plane: Plane, pid: number, sources: number, seconds: number): Promise<Busy> {
  const { audit, control } = plane;
  const known = ofOperator(await audit.events()).length;
  const before = await usageOf(pid);
  const began = performance.now();
  const names = appNames(sources);
  const wanted = seconds * changesPerSecond;
  const running = new Set<Promise<unknown>>();
  for (let change = 0; change < wanted; change += 1) {
    await sleep(Math.max(0, began + (change * 1_000) / changesPerSecond - performance.now()));
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${names[change % names.length]}/status`;
    const conditions = [{ type: 'example.com/Seen', status: change % 2 === 0 ? 'True' : 'False', reason: 'Bench', message: `${change}` }];
    const one = control.request.ok('PATCH', path, {
      body: { status: { conditions } },
      contentType: 'application/strategic-merge-patch+json',
    });
    running.add(one);
    void one.finally(() => running.delete(one)).catch(() => {}); // rejected below
    if (running.size >= changesPerSecond) await Promise.all(running);
  }
  await Promise.all(running);
  const took = (performance.now() - began) / 1_000;
  const after = await usageOf(pid);
  const events = ofOperator(await audit.events()).slice(known);
  const calls = tableOf(
    events.filter((event) => !isUpkeep(event)),
    0,
  );
  const cpuPercent = ((after.cpuSeconds - before.cpuSeconds) / took) * 100;
  return { seconds: took, changes: wanted, cpuPercent, rssMib: after.rssMib, calls };
}
