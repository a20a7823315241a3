/** How often each source may be hinted at: buckets of tokens, of the last so many sources that were. */

interface Bucket {
  readonly left: number;
  readonly at: number;
}

export interface PaceOptions {
  /** So many at once. */
  readonly burst: number;
  /** Then one each so many milliseconds. */
  readonly everyMs: number;
  /** How many keys are remembered; the one that was quiet for longest is forgotten first. */
  readonly keys: number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

export class Pace {
  readonly #options: PaceOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Takes one; resolves to 0, or to the milliseconds until there is one. */
  take(key: string): number {
    const { burst, everyMs, keys, monotonic } = this.#options;
    const now = monotonic();
    const before = this.#buckets.get(key) ?? { left: burst, at: now };
    const left = Math.min(burst, before.left + (now - before.at) / everyMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: left >= 1 ? left - 1 : left, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > keys && oldest !== undefined) this.#buckets.delete(oldest);
    return left >= 1 ? 0 : Math.ceil((1 - left) * everyMs);
  }
}
