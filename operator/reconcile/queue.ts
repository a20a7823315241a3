/**
 * One walk per source at a time. A source that is woken while it walks walks once more afterwards, however often it was
 * woken; the newest cause and the earliest time win.
 */

export interface QueueOptions {
  /** Walks once. Must not throw; ends soon after its signal is aborted. */
  readonly run: (key: string, cause: string, signal: AbortSignal) => Promise<void>;
  /** A source that walks is woken. */
  readonly onAgain?: (key: string) => void;
}

/** What a timer of Node takes, milliseconds; it fires at once for more. */
const longestTimer = 2 ** 31 - 1;

interface Item {
  timer: NodeJS.Timeout | undefined;
  /** When the timer fires, `performance.now()`. */
  due: number;
  cause: string;
  walk: { readonly abort: AbortController; readonly ended: Promise<void>; readonly since: number } | undefined;
  again: boolean;
}

/** Wakes sources now or later. */
export class WalkQueue {
  readonly #options: QueueOptions;
  readonly #items = new Map<string, Item>();
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Has `key` walk after `delayMs`, or earlier if it was to walk earlier; at once when 0. */
  wake(key: string, cause: string, delayMs = 0): void {
    if (this.#closed) return;
    const item = this.#item(key);
    item.cause = cause;
    if (item.walk !== undefined && delayMs === 0) {
      item.again = true;
      this.#options.onAgain?.(key);
      return;
    }
    const delay = Math.min(delayMs, longestTimer);
    const due = performance.now() + delay;
    if (item.timer !== undefined) {
      if (item.due <= due) return;
      clearTimeout(item.timer);
    }
    item.due = due;
    item.timer = setTimeout(() => this.#start(key, item), delay);
  }

  /** Aborts the walk that `key` is on, if any; it does not walk again by itself. */
  abort(key: string, reason: string): void {
    this.#items.get(key)?.walk?.abort.abort(new Error(reason));
  }

  /** Drops `key`: its timer, and its walk by abortion. */
  remove(key: string): void {
    const item = this.#items.get(key);
    if (item === undefined) return;
    clearTimeout(item.timer);
    item.timer = undefined;
    item.again = false;
    item.walk?.abort.abort(new Error('the source is gone'));
    if (item.walk === undefined) this.#items.delete(key);
  }

  /** Starts nothing any more; gives the walks `graceMs` to end, then aborts them, and resolves once all have ended. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    for (const item of this.#items.values()) {
      clearTimeout(item.timer);
      item.again = false;
    }
    const walks = [...this.#items.values()].flatMap((item) => (item.walk === undefined ? [] : [item.walk]));
    const timer = setTimeout(() => walks.forEach((walk) => walk.abort.abort(new Error('the operator stops'))), graceMs);
    await Promise.all(walks.map((walk) => walk.ended));
    clearTimeout(timer);
  }

  /** How many walks are due or under way, and for how long the one that was due first has been. */
  load(): { readonly depth: number; readonly oldestSeconds: number } {
    const now = performance.now();
    let depth = 0;
    let oldest = now;
    for (const { timer, due, walk } of this.#items.values()) {
      if (walk === undefined && (timer === undefined || due > now)) continue;
      depth += 1;
      oldest = Math.min(oldest, walk?.since ?? due);
    }
    return { depth, oldestSeconds: (now - oldest) / 1_000 };
  }

  #item(key: string): Item {
    const known = this.#items.get(key);
    if (known !== undefined) return known;
    const item: Item = { timer: undefined, due: 0, cause: '', walk: undefined, again: false };
    this.#items.set(key, item);
    return item;
  }

  #start(key: string, item: Item): void {
    item.timer = undefined;
    if (item.walk !== undefined) {
      item.again = true;
      this.#options.onAgain?.(key);
      return;
    }
    const abort = new AbortController();
    const ended = this.#options.run(key, item.cause, abort.signal).finally(() => this.#ended(key, item));
    item.walk = { abort, ended, since: item.due };
  }

  #ended(key: string, item: Item): void {
    item.walk = undefined;
    if (item.again) {
      item.again = false;
      clearTimeout(item.timer);
      item.timer = undefined;
      this.wake(key, item.cause);
    } else if (item.timer === undefined) {
      this.#items.delete(key);
    }
  }
}
