/** What many want of the same thing at about the same time is fetched in one go. */
import { setImmediate } from 'node:timers/promises';
import { SharedWork } from './shared-work.ts';

export class Batches {
  readonly #fetch: (wanted: ReadonlySet<string>, signal: AbortSignal) => Promise<void>;
  #running: Promise<unknown> = Promise.resolve();
  #next: { readonly wanted: Set<string>; readonly work: SharedWork<void> } | undefined;

  /** `fetch`: called for one batch after the other. */
  constructor(fetch: (wanted: ReadonlySet<string>, signal: AbortSignal) => Promise<void>) {
    this.#fetch = fetch;
  }

  /** Resolves when a batch with these was fetched; rejects with its failure, or with the signal's reason. */
  need(ids: Iterable<string>, signal: AbortSignal): Promise<void> {
    let batch = this.#next;
    if (batch === undefined || batch.work.abandoned) {
      const wanted = new Set<string>();
      const work = new SharedWork<void>(async (shared) => {
        // Everybody of this turn of the event loop, and whoever comes while an earlier batch is on its way.
        await setImmediate();
        await this.#running;
        if (this.#next?.work === work) this.#next = undefined;
        const fetching = shared.aborted ? Promise.resolve() : this.#fetch(wanted, shared);
        this.#running = fetching.catch(() => undefined);
        await fetching;
      });
      batch = { wanted, work };
      this.#next = batch;
    }
    for (const id of ids) batch.wanted.add(id);
    return batch.work.join(signal);
  }
}
