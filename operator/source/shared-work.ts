/** One piece of work for many who want it: it goes on as long as one of them still waits. */

export class SharedWork<T> {
  readonly #controller = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;
  /** Whether everybody left before it was done; it must not be joined then. */
  abandoned = false;
  done = false;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    // Begun a moment later, so that whoever made this can hold it first.
    this.#result = Promise.resolve().then(() => work(this.#controller.signal));
    // Each who waits gets the failure; with nobody there it is nobody's.
    this.#result.then(
      () => (this.done = true),
      () => (this.done = true),
    );
  }

  /** The result, or the signal's reason; the last one to leave ends the work. */
  async join(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    this.#waiting += 1;
    try {
      return await unlessAborted(this.#result, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && !this.done) {
        this.abandoned = true;
        this.#controller.abort();
      }
    }
  }
}

/** The result, or the signal's reason, whichever comes first; the work itself goes on. */
export async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  // Whoever leaves is not told of its failure any more.
  result.catch(() => undefined);
  signal.throwIfAborted();
  let leave = (): void => undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([result, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
