/** Work that is done in steps: long computations that give way to others between two of them. */

/** Does every step at once. */
export function finish<T>(steps: Generator<unknown, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
