/** How many requests one git host gets at a time, from all remotes together. */

export class HostSlots {
  readonly #limit: number;
  readonly #taken = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs `work` when the host has a slot. Rejects with the signal's reason while it waits. */
  async with<T>(host: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#acquire(host, signal);
    try {
      return await work();
    } finally {
      this.#release(host);
    }
  }

  #acquire(host: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const taken = this.#taken.get(host) ?? 0;
    if (taken < this.#limit) {
      this.#taken.set(host, taken + 1);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(host) ?? [];
      this.#waiting.set(host, queue);
      const onAbort = (): void => {
        queue.splice(queue.indexOf(enter), 1);
        reject(signal.reason as Error);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      queue.push(enter);
    });
  }

  /** A slot goes straight to whoever waits longest. */
  #release(host: string): void {
    const next = this.#waiting.get(host)?.shift();
    if (next !== undefined) {
      next();
      return;
    }
    this.#waiting.delete(host);
    const taken = (this.#taken.get(host) ?? 1) - 1;
    if (taken === 0) this.#taken.delete(host);
    else this.#taken.set(host, taken);
  }
}
