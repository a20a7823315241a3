/** Takes turns at the CPU: what computes long runs a slice per round of the event loop, so that nothing else waits for it. */

export interface Turns {
  /** A place in line, behind all that were given before. */
  place(): number;
  /**
   * Does the steps of `work` when its turns have come: before everything that has a later place. Throws what it throws,
   * and the signal's reason when that is aborted before the end.
   */
  take<T>(work: Generator<void, T, void>, place: number, signal: AbortSignal): Promise<T>;
}

/** How long steps may run one after the other before the event loop gets a round, milliseconds. */
const slice = 8;

interface Work {
  readonly place: number;
  /** Does one step; true when that was the last. */
  readonly step: () => boolean;
}

/**
 * Works in the order of their places, one after the other. Who has several works to do keeps its place between them, so
 * that the first source is done with all of its own, and goes on to the API server, before the second begins.
 */
export function createTurns(): Turns {
  /** By place. */
  const waiting: Work[] = [];
  let places = 0;

  function enter(work: Work): void {
    const before = waiting.findLastIndex((one) => one.place <= work.place);
    waiting.splice(before + 1, 0, work);
    if (waiting.length === 1) setImmediate(round);
  }

  function round(): void {
    const end = performance.now() + slice;
    const [work] = waiting;
    if (work === undefined) return;
    let over = work.step();
    while (!over && performance.now() < end) over = work.step();
    // Whoever waited for it may come back before the next in line.
    if (over) waiting.splice(waiting.indexOf(work), 1);
    if (waiting.length > 0) setImmediate(round);
  }

  return {
    place: () => (places += 1),
    take: (work, place, signal) =>
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
        enter({ place, step });
      }),
  };
}
