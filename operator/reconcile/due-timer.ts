/** One timer, for the earliest of what is due. */

/** What a timer of Node takes, milliseconds; it fires at once for more. */
const longestTimer = 2 ** 31 - 1;

export interface DueTimer {
  /** Something is due in `delayMs`: at `due`, by any clock that is the same each time. */
  at(delayMs: number, due: number): void;
  /** It fires no more. */
  stop(): void;
}

/** Keeps no process alive; after it has fired it waits to be told what is due next. It fires early where that is weeks away. */
export function createDueTimer(run: () => void): DueTimer {
  let timer: NodeJS.Timeout | undefined;
  let next = Infinity;
  let stopped = false;
  return {
    at(delayMs, due) {
      if (stopped || due >= next) return;
      clearTimeout(timer);
      next = due;
      timer = setTimeout(
        () => {
          next = Infinity;
          run();
        },
        Math.min(longestTimer, Math.max(0, delayMs)),
      );
      timer.unref();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
