/** Work behind everything else: one after the other, bounded, tried again while the API server is away. */
import { KubeError } from '../kube/client.ts';

export interface BehindOptions {
  /** How many may wait; the oldest is dropped for the next. */
  readonly size: number;
  /** A piece of work failed for good, or was dropped (`error` undefined). */
  readonly onGivenUp: (name: string, error: unknown) => void;
  /** The pause after the n-th outage in a row; resolves early when aborted. Default: 1 s doubling to 30 s. */
  readonly pause?: (outages: number, signal: AbortSignal) => Promise<void>;
}

interface Work {
  readonly name: string;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

const firstPauseMs = 1_000;
const longestPauseMs = 30_000;

/** Runs from the first push to `close`. */
export class Behind {
  readonly #options: BehindOptions;
  readonly #waiting: Work[] = [];
  readonly #names = new Set<string>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: BehindOptions) {
    this.#options = options;
  }

  /** Takes a piece of work, unless one of that name waits already. Never throws. */
  push(name: string, run: Work['run']): void {
    if (this.#closed || this.#names.has(name)) return;
    this.#names.add(name);
    this.#waiting.push({ name, run });
    if (this.#waiting.length > this.#options.size) {
      const lost = this.#waiting.shift();
      if (lost !== undefined) {
        this.#names.delete(lost.name);
        this.#options.onGivenUp(lost.name, undefined);
      }
    }
    this.#running ??= this.#work();
  }

  /** Takes no more, and waits up to `graceMs` until all is done; the rest is dropped. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    const timer = setTimeout(() => this.#stop.abort(), graceMs);
    await this.#running;
    clearTimeout(timer);
    this.#stop.abort();
  }

  async #work(): Promise<void> {
    const { signal } = this.#stop;
    let outages = 0;
    await Promise.resolve(); // push() returns before anything is done
    for (let work = this.#waiting.shift(); work !== undefined && !signal.aborted; work = this.#waiting.shift()) {
      // What is under way no longer waits: the same may be pushed again meanwhile.
      this.#names.delete(work.name);
      try {
        await work.run(signal);
        outages = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (!isOutage(error)) {
          this.#options.onGivenUp(work.name, error);
        } else {
          if (!this.#names.has(work.name)) this.#waiting.unshift(work);
          this.#names.add(work.name);
          outages += 1;
          await (this.#options.pause ?? pauseFor)(outages, signal);
        }
      }
    }
    this.#running = undefined; // in the same turn in which nothing was left: the next push begins anew
  }
}

/** Whether it is worth trying again: nothing is wrong with the request itself. */
export function isOutage(error: unknown): boolean {
  return error instanceof KubeError && (error.code === 0 || error.code === 401 || error.code === 429 || error.code >= 500);
}

function pauseFor(outages: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(longestPauseMs, firstPauseMs * 2 ** (outages - 1)));
    signal.addEventListener('abort', done);
  });
}
