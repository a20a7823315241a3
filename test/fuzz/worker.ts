/** Feeds one target, in a thread of its own: it can be stopped in the middle of an input, and its memory has an end. */
import { getHeapStatistics } from 'node:v8';
import { isMainThread, parentPort } from 'node:worker_threads';
import { PlumblineError } from '../../operator/errors.ts';
import { brokenTargets } from './broken-targets.ts';
import { diceOf } from './dice.ts';
import { mutate } from './mutate.ts';
import type { Dice, Target } from './target.ts';
import { targets } from './targets.ts';

/** What one input may cost: CPU time in milliseconds, and bytes outside of the heap (the heap has its own end). */
export const mostCpuMs = 1_000;
export const mostBytes = 128 * 1024 * 1024;
/** And all of them together, however many. */
const mostHeld = 512 * 1024 * 1024;

export interface Task {
  readonly target: string;
  readonly seeds: readonly Uint8Array[];
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Where the round under way is told, for whoever watches. */
  readonly progress: SharedArrayBuffer;
}

export interface Tally {
  readonly taken: number;
  /** Reason → how often. */
  readonly refused: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly slowestRound: number;
}

export interface Finding {
  readonly round: number;
  readonly what: string;
  /** In hexadecimal. */
  readonly input: string;
}

/** The input of one round: grown by the grammar, or real and changed. */
export function inputOf(target: Target, seeds: readonly Buffer[], dice: Dice): Buffer {
  if (dice.oneIn(3)) return target.generate(dice);
  const base = dice.oneIn(4) ? [target.generate(dice), ...seeds] : seeds;
  const changed = mutate(base, target.words, dice);
  return target.mend !== undefined && dice.oneIn(2) ? target.mend(changed) : changed;
}

async function feed(task: Task): Promise<Tally | Finding> {
  const target = [...targets, ...brokenTargets].find(({ name }) => name === task.target);
  if (target === undefined) throw new Error(`there is no target ${task.target}`);
  const seeds = task.seeds.map((bytes) => Buffer.from(bytes));
  const progress = new Int32Array(task.progress);
  const refused: Record<string, number> = {};
  let [taken, slowestMs, slowestRound] = [0, 0, 0];
  for (let round = task.from; round < task.from + task.count; round += 1) {
    Atomics.store(progress, 0, round);
    const dice = diceOf(task.seed, round);
    const input = inputOf(target, seeds, dice);
    const finding = (what: string): Finding => ({ round, what, input: input.toString('hex') });
    const memory = getHeapStatistics().external_memory;
    const began = performance.now();
    const cpu = process.threadCpuUsage();
    try {
      // Awaited only where it has to be: a million turns of the loop cost more than the parsers.
      const answer = target.parse(Buffer.from(input), dice);
      if (answer instanceof Promise) await answer;
      taken += 1;
    } catch (error) {
      if (!(error instanceof PlumblineError)) return finding(error instanceof Error ? (error.stack ?? error.message) : String(error));
      const fault = unfit(error);
      if (fault !== undefined) return finding(fault);
      refused[error.reason] = (refused[error.reason] ?? 0) + 1;
    }
    const held = getHeapStatistics().external_memory;
    if (held - memory > mostBytes || held > mostHeld) return finding(`it took ${held - memory} of ${held} bytes outside of the heap`);
    // A machine that is busy makes everything slow; what counts is the time that was computed.
    const wall = performance.now() - began;
    if (wall <= slowestMs) continue;
    const { user, system } = process.threadCpuUsage(cpu);
    const ms = Math.min(wall, (user + system) / 1_000);
    if (ms > slowestMs) [slowestMs, slowestRound] = [ms, round];
    if (ms > mostCpuMs) return finding(`it took ${Math.round(ms)} ms`);
  }
  return { taken, refused, slowestMs, slowestRound };
}

/** An error that is no message for people: too long, not of the catalogue, or with what moves a cursor. */
function unfit(error: PlumblineError): string | undefined {
  if (error.reason === 'InternalError') return `InternalError: ${error.stack}`;
  if (error.message.length > 20_000) return `a message of ${error.message.length} characters`;
  // eslint-disable-next-line no-control-regex
  return /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/.test(error.message)
    ? `a message with control characters: ${JSON.stringify(error.message)}`
    : undefined;
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  port.on('message', (task: Task) => void feed(task).then((answer) => port.postMessage(answer)));
}
