/** Takes turns at the CPU: what computes long runs a slice per round of the event loop, so that nothing else waits for it. */

export interface Turns {
  /**
   * Does the steps of `work` when its turns have come. Throws what it throws, and the signal's reason when that is
   * aborted before the end.
   */
  take<T>(work: Generator<void, T, void>, signal: AbortSignal): Promise<T>;
}

/** How long steps may run one after the other before the event loop gets a round, milliseconds. */
const slice = 8;

interface Work {
  /** Does one step; true when that was the last. */
  readonly step: () => boolean;
}

/** Works in the order in which they came, one after the other: the first done can go on to the API server. */
export function createTurns(): Turns {
  const waiting: Work[] = [];

  function round(): void {
    const end = performance.now() + slice;
    for (let work = waiting[0]; work !== undefined; work = waiting[0]) {
      if (work.step()) waiting.shift();
      if (performance.now() >= end) break;
    }
    if (waiting.length > 0) setImmediate(round);
  }

  return {
    take: (work, signal) =>
      new Promise((resolve, reject) => {
        const step = (): boolean => {
          try {
            signal.throwIfAborted();
            const { done, value } = work.next();
            if (done === true) resolve(value);
            return done === true;
          } catch (error) {
            reject(error);
            return true;
          }
        };
        waiting.push({ step });
        if (waiting.length === 1) setImmediate(round);
      }),
  };
}
