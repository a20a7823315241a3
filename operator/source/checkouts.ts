/** The commits that were fetched last, shared by everybody who wants the same one. */
import { PlumblineError } from '../errors.ts';
import { SharedWork } from './shared-work.ts';
import type { Checkout } from './types.ts';

export interface CheckoutsOptions {
  /** Whether what is held takes more memory than it may, so that something has to be let go. */
  readonly isFull: () => boolean;
  /** Commits kept of one remote. */
  readonly perRemote: number;
  /** What nobody asked for so long is let go. Milliseconds. */
  readonly idleMs: number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

interface Entry {
  readonly remote: string;
  readonly work: SharedWork<Checkout>;
  /** undefined until it is there. */
  checkout: Checkout | undefined;
  usedAt: number;
}

export class Checkouts {
  readonly #options: CheckoutsOptions;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: CheckoutsOptions) {
    this.#options = options;
  }

  /** The commit, fetched at most once at a time. What is over a limit stays so, and is not fetched again while it is remembered. */
  get(remote: string, commit: string, signal: AbortSignal, fetch: (signal: AbortSignal) => Promise<Checkout>): Promise<Checkout> {
    const key = `${remote} ${commit}`;
    const known = this.#entries.get(key);
    const entry = known === undefined || known.work.abandoned ? this.#begin(key, remote, fetch) : known;
    entry.usedAt = this.#options.now();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.work.join(signal);
  }

  /** Lets go what nobody asked for lately. */
  sweep(): void {
    const before = this.#options.now() - this.#options.idleMs;
    for (const [key, entry] of this.#entries)
      if (entry.work.done && (entry.usedAt < before || this.#options.isFull())) this.#drop(key, entry);
  }

  /** Lets go everything of a remote that nobody uses any more. */
  forget(remote: string): void {
    for (const [key, entry] of this.#entries) if (entry.remote === remote && entry.work.done) this.#drop(key, entry);
  }

  #begin(key: string, remote: string, fetch: (signal: AbortSignal) => Promise<Checkout>): Entry {
    const work = new SharedWork(async (signal) => {
      try {
        const checkout = await fetch(signal);
        entry.checkout = checkout;
        return checkout;
      } catch (error) {
        const lasting = error instanceof PlumblineError && error.reason === 'RepositoryTooLarge';
        if (!lasting && this.#entries.get(key) === entry) this.#entries.delete(key);
        throw error;
      } finally {
        this.#evict(key, remote);
      }
    });
    const entry: Entry = { remote, work, checkout: undefined, usedAt: 0 };
    return entry;
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key);
    entry.checkout?.release();
  }

  /** Down to what may be kept; the one that just came stays. */
  #evict(newest: string, remote: string): void {
    let ofRemote = [...this.#entries.values()].filter((entry) => entry.remote === remote).length;
    for (const [key, entry] of this.#entries) {
      const tooMany = entry.remote === remote && ofRemote > this.#options.perRemote;
      if (key === newest || !entry.work.done || !(tooMany || this.#options.isFull())) continue;
      this.#drop(key, entry);
      if (entry.remote === remote) ofRemote -= 1;
    }
  }
}
