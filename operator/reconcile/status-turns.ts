/** Who writes the status of a source, and when: one at a time, and what may wait at most once a second (rule 35). */
import { setTimeout } from 'node:timers/promises';

/** What may wait is written this long after the last patch at the earliest, milliseconds. */
const pace = 1_000;

/** Knows the writers of every source, whoever they are. An outcome and the note of an attempt never wait for the pace, but count. */
export class StatusTurns {
  readonly #now: () => number;
  /** Of each source, what is being told. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Of each source, when its status was written last. */
  readonly #written = new Map<string, number>();

  /** `now`: milliseconds of a clock that is never set. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Does this once everything that was begun before is over. Rejects as it does. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const told = (this.#turns.get(key) ?? Promise.resolve()).then(work);
    const settled: Promise<void> = told.then(
      () => {},
      () => {}, // whoever asked is told
    );
    this.#turns.set(key, settled);
    void settled.then(() => this.#turns.get(key) === settled && this.#turns.delete(key));
    return await told;
  }

  /** The same for what may wait: not done, and false, where that is to wait for `waitOf` once its turn has come. */
  takePaced(key: string, work: () => Promise<void>): Promise<boolean> {
    return this.take(key, async () => {
      if (this.waitOf(key) > 0) return false;
      await work();
      return true;
    });
  }

  /** Waits as long as that takes, without holding a turn. Rejects once the signal is aborted. */
  async takeWhenDue(key: string, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    let isDone = false;
    while (!isDone) {
      const wait = this.waitOf(key);
      if (wait > 0) await setTimeout(Math.ceil(wait), undefined, { signal });
      isDone = await this.takePaced(key, work);
    }
  }

  /** The status was written just now. */
  written(key: string): void {
    this.#written.set(key, this.#now());
  }

  /** Milliseconds until what may wait may be written; 0 for now. */
  waitOf(key: string): number {
    const at = this.#written.get(key);
    return at === undefined ? 0 : Math.max(0, at + pace - this.#now());
  }

  /** The source is no more. */
  forget(key: string): void {
    this.#written.delete(key);
  }
}
