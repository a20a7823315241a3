/** Long work in this process gives way to everything else: the event loop is never held up for long, however much there is to do. */

export class Pacer {
  readonly #sliceMs: number;
  readonly #waiting: (() => void)[] = [];
  #sliceEnd = 0;
  #scheduled = false;

  /** `sliceMs`: how long all work together holds a turn of the event loop, about. */
  constructor(sliceMs = 8) {
    this.#sliceMs = sliceMs;
  }

  /** Called between pieces of work of under a millisecond or so; undefined as long as the work may simply go on. */
  turn(): Promise<void> | undefined {
    if (performance.now() < this.#sliceEnd) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#sliceEnd = performance.now() + this.#sliceMs;
      // One at a time, so that many who wait share the slices.
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }
}
