/** The commits that were fetched last, shared by everybody who wants the same one. */
import { PlumblineError } from '../errors.ts';
import { SharedWork } from './shared-work.ts';
import type { Checkout } from './types.ts';

export interface CheckoutsOptions {
  /** All that is kept, of all remotes. Bytes. */
  readonly bytes: number;
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
  /** 0 until it is there. */
  bytes: number;
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
    for (const [key, entry] of this.#entries) if (entry.work.done && entry.usedAt < before) this.#entries.delete(key);
  }

  /** Lets go everything of a remote that nobody uses any more. */
  forget(remote: string): void {
    for (const [key, entry] of this.#entries) if (entry.remote === remote && entry.work.done) this.#entries.delete(key);
  }

  #begin(key: string, remote: string, fetch: (signal: AbortSignal) => Promise<Checkout>): Entry {
    const work = new SharedWork(async (signal) => {
      try {
        const checkout = await fetch(signal);
        entry.bytes = checkout.bytes;
        return checkout;
      } catch (error) {
        const lasting = error instanceof PlumblineError && error.reason === 'RepositoryTooLarge';
        if (!lasting && this.#entries.get(key) === entry) this.#entries.delete(key);
        throw error;
      } finally {
        this.#evict(key, remote);
      }
    });
    const entry: Entry = { remote, work, bytes: 0, usedAt: 0 };
    return entry;
  }

  /** Down to what may be kept; the one that just came stays whatever it weighs. */
  #evict(newest: string, remote: string): void {
    let bytes = 0;
    let ofRemote = 0;
    for (const entry of this.#entries.values()) {
      bytes += entry.bytes;
      if (entry.remote === remote) ofRemote += 1;
    }
    for (const [key, entry] of this.#entries) {
      const tooMany = entry.remote === remote && ofRemote > this.#options.perRemote;
      if (key === newest || !entry.work.done || (bytes <= this.#options.bytes && !tooMany)) continue;
      this.#entries.delete(key);
      bytes -= entry.bytes;
      if (entry.remote === remote) ofRemote -= 1;
    }
  }
}
