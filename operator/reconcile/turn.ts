/** Takes turns at the CPU: work that computes runs one piece per round of the event loop, so that nothing else waits long. */

export interface Turns {
  /** Runs `work` when its turn has come. Throws what it throws, and the signal's reason when aborted before. */
  take<T>(work: () => T, signal: AbortSignal): Promise<T>;
}

/** How long pieces may run one after the other before the event loop gets a round, milliseconds. */
const slice = 8;

export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  let scheduled = false;

  function round(): void {
    const end = performance.now() + slice;
    do waiting.shift()?.();
    while (waiting.length > 0 && performance.now() < end);
    scheduled = waiting.length > 0;
    if (scheduled) setImmediate(round);
  }

  return {
    take: (work, signal) =>
      new Promise((resolve, reject) => {
        waiting.push(() => {
          try {
            signal.throwIfAborted();
            resolve(work());
          } catch (error) {
            reject(error);
          }
        });
        if (scheduled) return;
        scheduled = true;
        setImmediate(round);
      }),
  };
}
