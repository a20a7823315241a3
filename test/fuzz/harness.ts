/** Runs targets in a thread and watches it: no crash, no hang, bounded memory, only errors of the catalogue. */
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
  /** Every second, the rounds done so far. */
  readonly onProgress?: (rounds: number) => void;
}

/** One thread for target after target, and a new one after a finding. */
export class Fuzzer {
  readonly #place: Workplace;
  #worker: Worker | undefined;

  /** `place`: where the tools make the real inputs. */
  constructor(place: Workplace) {
    this.#place = place;
  }

  /** What came of a target. Throws FuzzFinding on the first thing that must not be. */
  async run(target: Target, { seed, from = 0, count, onProgress }: Campaign): Promise<Tally> {
    const seeds = await target.seeds(this.#place);
    const progress = new SharedArrayBuffer(4);
    const task: Task = { target: target.name, seeds, seed, from, count, progress };
    this.#worker ??= new Worker(new URL('worker.ts', import.meta.url), {
      // Node ends a thread at its limit with 16 MiB to spare: what one collection of the young moves has to fit, else the process ends.
      resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: 12 },
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const worker = this.#worker;
    const found = (round: number, what: string, input = ''): FuzzFinding => new FuzzFinding(target.name, { seed, round }, what, input);
    return new Promise((resolve, reject) => {
      // Until the first round the thread loads what it needs, which a busy machine does slowly.
      Atomics.store(new Int32Array(progress), 0, -1);
      let [last, since] = [-2, performance.now()];
      const roundNow = (): number => Atomics.load(new Int32Array(progress), 0);
      const watch = setInterval(() => {
        const now = performance.now();
        if (roundNow() !== last) [last, since] = [roundNow(), now];
        else if (now - since > (last < 0 ? 4 * hangMs : hangMs)) fail(found(last, `it hung for ${hangMs} ms`));
        onProgress?.(Math.max(0, last - from));
      }, 1_000);
      const settle = (end: () => void): void => {
        clearInterval(watch);
        // By name: the thread has listeners of its own on itself.
        for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
        end();
      };
      const fail = (finding: FuzzFinding): void => {
        void worker.terminate();
        this.#worker = undefined;
        settle(() => reject(finding));
      };
      worker.once('message', (answer: Tally | Finding) => {
        if ('round' in answer) fail(found(answer.round, answer.what, answer.input));
        else settle(() => resolve(answer));
      });
      // Out of memory, or thrown outside of the parser's own promise.
      worker.once('error', (error: Error) => fail(found(roundNow(), `the thread ended: ${error.stack ?? error.message}`)));
      worker.once('exit', (code) => fail(found(roundNow(), `the thread ended with ${code}`)));
      // A thread's postMessage knows no origin; the rule takes it for a window's.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      worker.postMessage(task);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }
}

/** Something that a parser must not do, and the input with which it does it. */
export class FuzzFinding extends Error {
  constructor(target: string, { seed, round }: { readonly seed: number; readonly round: number }, what: string, input: string) {
    const again = `make fuzz TARGET='${target}' SEED=${seed} FROM=${round} COUNT=1`;
    super(`${target}, seed ${seed}, round ${round}: ${what}\ninput: ${input.slice(0, 20_000) || 'see round'}\nagain: ${again}`);
    this.name = 'FuzzFinding';
  }
}
