/** How soon a source walks again because its members change: at once, but not for ever where somebody keeps changing them. */

const atOnce = 5;
const within = 60_000;
const longest = 30_000;

/** Counts the corrections of one source. */
export class CorrectionPace {
  #recent: number[] = [];

  /** Milliseconds to wait before the next correction: 0 for the first five in a minute, then 1 s doubling to 30 s. `now` in milliseconds. */
  next(now: number): number {
    this.#recent = [...this.#recent.filter((time) => now - time < within), now].slice(-20);
    const over = this.#recent.length - atOnce;
    return over <= 0 ? 0 : Math.min(longest, 1_000 * 2 ** (over - 1));
  }
}
