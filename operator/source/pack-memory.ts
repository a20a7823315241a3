/**
 * Memory for what packs unpack to while they are read: one bound for all of them together, so that it does not matter how
 * many servers send large ones at the same time.
 */
import { PlumblineError } from '../errors.ts';

/** What one pack takes of it. */
export interface PackRoom {
  /** Takes so much; less than nothing gives back. */
  add(bytes: number): void;
  /** undefined: there is room to go on. Otherwise resolves when there is; rejects with the signal's reason, or PlumblineError GitTimeout when that takes too long. */
  wait(signal: AbortSignal): Promise<void> | undefined;
  /** Gives back all. */
  clear(): void;
}

export interface PackMemoryOptions {
  /** Bytes of all packs together from which on those wait that have more than their share, but for one. */
  readonly bytes: number;
  /** Bytes that every pack may take, however many are read. */
  readonly shareBytes: number;
  /** How long a pack waits for room, milliseconds. */
  readonly patienceMs: number;
}

/** For one that is read alone. */
export const unshared: PackRoom = { add: () => undefined, wait: () => undefined, clear: () => undefined };

export class PackMemory {
  readonly #options: PackMemoryOptions;
  /** Packs that have more than their share, the longest first: that one always goes on, so that there is an end. */
  readonly #large = new Set<PackRoom>();
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(options: PackMemoryOptions) {
    this.#options = options;
  }

  /** What all packs take now. Bytes. */
  get taken(): number {
    return this.#taken;
  }

  /** For one pack; cleared by whoever asked for it. */
  room(): PackRoom {
    const { bytes: limit, shareBytes, patienceMs } = this.#options;
    let own = 0;
    const mayGoOn = (): boolean => own <= shareBytes || this.#taken <= limit || this.#large.values().next().value === room;
    const room: PackRoom = {
      add: (bytes) => {
        own += bytes;
        this.#taken += bytes;
        if (own > shareBytes) this.#large.add(room);
      },
      wait: (signal) => (mayGoOn() ? undefined : this.#until(mayGoOn, patienceMs, signal)),
      clear: () => {
        this.#taken -= own;
        own = 0;
        this.#large.delete(room);
        for (const look of this.#waiting) look();
      },
    };
    return room;
  }

  #until(mayGoOn: () => boolean, patienceMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (mayGoOn()) resolve();
    };
    const leave = (): void => reject(signal.reason as Error);
    const giveUp = (): void => {
      const message = `packs that are read at the same time take all memory that there is for them, since ${Math.round(patienceMs / 1_000)} s`;
      reject(
        new PlumblineError({ reason: 'GitTimeout', message, remedy: 'Nothing needs to be done: the commit is fetched again by itself.' }),
      );
    };
    const timer = setTimeout(giveUp, patienceMs);
    this.#waiting.add(look);
    signal.addEventListener('abort', leave, { once: true });
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(look);
      signal.removeEventListener('abort', leave);
    });
  }
}
