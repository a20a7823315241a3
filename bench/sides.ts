/** The two sides of a round: a bare client that sends what the operator sends, and the operator. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GiveUp, NotYet, waitFor } from '../test/controlplane/wait-for.ts';
import type { Operator } from '../test/e2e/operator.ts';
import { startOperator } from '../test/e2e/operator.ts';
import type { AuditEvent } from '../test/e2e/audit.ts';
import { clockOf, isUpkeep, ofOperator, rolledAt, tableOf } from './calls.ts';
import type { Calls } from './calls.ts';
import { appNames, countHealthy, waitUntilDone } from './fleet.ts';
import { followStatuses } from './follow.ts';
import type { Idle } from './idle.ts';
import { idleMinute } from './idle.ts';
import type { Field, Plane } from './plane.ts';
import { onFreshPlane } from './plane.ts';
import { startRecorder } from './recorder.ts';
import type { Recording } from './recorder.ts';
import { replay } from './replay.ts';

/** As the operator's default --concurrency. */
const connections = 16;
const stormDeadline = 1_200_000;
const root = join(import.meta.dirname, '..');
const bundle = join(root, 'dist/plumbline.mjs');
const run = promisify(execFile);

export interface BareResult {
  readonly seconds: number;
}

/** One run of the operator; times in seconds. */
export interface OperatorResult {
  /** From the start of the process to its first request. */
  readonly startup: number;
  /** From the first request to the last status. */
  readonly seconds: number;
  /** From the moment the operator leads, so that it asks git, until the first snapshot is there. */
  readonly git: number;
  /** `seconds` without `git`. */
  readonly net: number;
  readonly calls: readonly Calls[];
}

/** Makes the file that the image runs, as the Dockerfile does. */
export async function makeBundle(): Promise<void> {
  await run('npm', ['run', '--silent', 'bundle'], { cwd: root });
}

/** Lets the operator deploy everything through a proxy that keeps what it writes. */
export function record(field: Field): Promise<Recording> {
  return onFreshPlane(field, async (plane) => {
    const recorder = await startRecorder(plane.control);
    try {
      await using operator = await launch(recorder.kubeconfigPath);
      await untilHealthy(field, plane, operator);
      return recorder.recording(appNames(field.count));
    } finally {
      await recorder.close();
    }
  });
}

/** With `untilDone` the clock stops when every Deployment is done, else with the last write of the client itself. */
export function runBare(field: Field, recording: Recording, untilDone = false): Promise<BareResult> {
  return onFreshPlane(field, async (plane) => {
    await replay(recording, plane.versions, plane.control.admin, connections);
    const healthy = await countHealthy(plane.control.request, field.commit);
    if (healthy !== field.count) throw new Error(`the bare client brought ${healthy} of ${field.count} sources in`);
    if (untilDone) await waitUntilDone(plane.control.request, field.count);
    const events = await plane.audit.events();
    const { first, last } = clockOf(ofOperator(events));
    return { seconds: (Math.max(last, untilDone ? rolledAt(events) : last) - first) / 1_000 };
  });
}

export interface OperatorRun {
  readonly result: OperatorResult;
  readonly idle: Idle | undefined;
}

/** `lsRefs` counts what the git server was asked; with it, the minute in which nothing changes is measured as well. */
export function runOperator(field: Field, lsRefs?: () => number): Promise<OperatorRun> {
  return withOperator(field, async ({ plane, operator, ledAt, result }) => ({
    result,
    idle: lsRefs && (await idleMinute(plane, operator.pid, ledAt, lsRefs)),
  }));
}

/** An operator that has brought everything in. */
export interface Settled {
  readonly plane: Plane;
  readonly operator: Operator;
  /** Milliseconds since 1970. */
  readonly ledAt: number;
  readonly result: OperatorResult;
}

/** Lets an operator deploy everything on a fresh control plane, and goes on with both. */
export function withOperator<T>(field: Field, work: (settled: Settled) => Promise<T>): Promise<T> {
  return onFreshPlane(field, async (plane) => {
    const spawned = Date.now();
    await using operator = await launch(plane.control.kubeconfigPath);
    await untilHealthy(field, plane, operator);
    const events = await untilQuiet(plane);
    const { first, last } = clockOf(events);
    const ledAt = timeOf(operator, 'leading');
    const read = timeOf(operator, 'commit read');
    const seconds = (last - first) / 1_000;
    const git = (read - ledAt) / 1_000;
    const calls = tableOf(events, field.count);
    const result = { startup: (first - spawned) / 1_000, seconds, git, net: seconds - git, calls };
    return await work({ plane, operator, ledAt, result });
  });
}

/** As image and chart start it, but for its log, which tells when the commit was there. */
export async function launch(kubeconfigPath: string): Promise<Operator> {
  const flags = ['--leader-elect=true', '--leader-election-namespace=default', '--log-level=debug'];
  // Asking whether it is ready would take part in what is measured.
  return await startOperator({ kubeconfigPath, entry: bundle, ...(await asInImage()), flags, unready: true });
}

/** What the image's entry point gives to Node, and its environment. */
export async function asInImage(): Promise<{ nodeOptions: readonly string[]; env: Readonly<Record<string, string>> }> {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
  const [, entryPoint = '[]'] = /^ENTRYPOINT (.*)$/m.exec(dockerfile) ?? [];
  const [, assignments = ''] = /^ENV (.*)$/m.exec(dockerfile) ?? [];
  return {
    nodeOptions: (JSON.parse(entryPoint) as string[]).filter((word) => word.startsWith('--')),
    env: Object.fromEntries(assignments.split(' ').map((one) => one.split('=') as [string, string])),
  };
}

/** The audit log tells first; then every source is looked at, which costs the API server a list. */
async function untilHealthy(field: Field, plane: Plane, operator: Operator): Promise<void> {
  let ended = false;
  void operator.ended.then(() => (ended = true));
  const statuses = followStatuses(plane.control.auditLog);
  const probe = async (): Promise<boolean> => {
    if (ended) throw new GiveUp(`the operator ended\n${operator.output()}`);
    const told = await statuses();
    if (told < field.count) throw new NotYet(`${told} of ${field.count} sources have a status`);
    const healthy = await countHealthy(plane.control.request, field.commit);
    if (healthy < field.count) throw new NotYet(`${healthy} of ${field.count} sources are healthy`);
    return true;
  };
  await waitFor('every source is healthy', probe, stormDeadline);
}

/** What goes behind (events) is done when two looks in a row find nothing new. */
async function untilQuiet(plane: Plane): Promise<readonly AuditEvent[]> {
  const quietMs = 3_000;
  return await waitFor(
    'the operator has nothing left to send',
    async () => {
      const events = ofOperator(await plane.audit.events());
      const calls = events.filter((event) => !isUpkeep(event)).map((event) => Date.parse(event.stageTimestamp));
      return Date.now() - Math.max(...calls) > quietMs && events;
    },
    stormDeadline,
  );
}

function timeOf(operator: Operator, message: string): number {
  const line = operator.logs().find((one) => one['message'] === message);
  if (line === undefined) throw new Error(`the operator did not say '${message}'\n${operator.output()}`);
  return Date.parse(String(line['time']));
}
