/** Runs a target in a thread and watches it: no crash, no hang, bounded memory, only errors of the catalogue. */
import { Worker } from 'node:worker_threads';
import type { Workplace } from '../source/verify/tools.ts';
import type { Target } from './target.ts';
import type { Finding, Tally, Task } from './worker.ts';

/** A round that takes longer than this is stopped and told as a hang; the bound on CPU time (worker.ts) is far below. */
const hangMs = 30_000;
/** JavaScript objects of a target, MiB; with what is fed and counted it needs far less. */
const heapMiB = 192;

export interface Campaign {
  readonly seed: number;
  readonly from?: number;
  readonly count: number;
  readonly place: Workplace;
  /** Every second, the rounds done so far. */
  readonly onProgress?: (rounds: number) => void;
}

/** What came of a target. Throws FuzzFinding on the first thing that must not be. */
export async function fuzz(target: Target, { seed, from = 0, count, place, onProgress }: Campaign): Promise<Tally> {
  const seeds = await target.seeds(place);
  const progress = new SharedArrayBuffer(4);
  const task: Task = { target: target.name, seeds, seed, from, count, progress };
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: heapMiB },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const found = (round: number, what: string, input = ''): FuzzFinding => new FuzzFinding(target.name, { seed, round }, what, input);
  return new Promise((resolve, reject) => {
    let [last, since] = [-1, performance.now()];
    const roundNow = (): number => Atomics.load(new Int32Array(progress), 0);
    const watch = setInterval(() => {
      const now = performance.now();
      if (roundNow() !== last) [last, since] = [roundNow(), now];
      else if (now - since > hangMs) settle(() => reject(found(last, `it hung for ${hangMs} ms`)));
      onProgress?.(last - from);
    }, 1_000);
    const settle = (end: () => void): void => {
      clearInterval(watch);
      void worker.terminate();
      end();
    };
    worker.once('message', (answer: Tally | Finding) => {
      settle(() => ('round' in answer ? reject(found(answer.round, answer.what, answer.input)) : resolve(answer)));
    });
    // Out of memory, or thrown outside of the parser's own promise.
    worker.once('error', (error: Error) => settle(() => reject(found(roundNow(), `the thread ended: ${error.stack ?? error.message}`))));
    worker.once('exit', (code) => settle(() => reject(found(roundNow(), `the thread ended with ${code}`))));
  });
}

/** Something that a parser must not do, and the input with which it does it. */
export class FuzzFinding extends Error {
  constructor(target: string, { seed, round }: { readonly seed: number; readonly round: number }, what: string, input: string) {
    const again = `make fuzz TARGET=${target} SEED=${seed} FROM=${round} COUNT=1`;
    super(`${target}, seed ${seed}, round ${round}: ${what}\ninput: ${input.slice(0, 20_000) || 'see round'}\nagain: ${again}`);
    this.name = 'FuzzFinding';
  }
}
