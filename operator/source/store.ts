/**
 * Objects in memory, by id: one store for each credential scope, all of them together within one bound. What a checkout
 * holds stays; of the rest the longest unused goes first.
 */
import type { GitObject, ObjectReader } from './types.ts';

/** What an object weighs beside its bytes: two entries of maps, its id, its buffer. */
const overhead = 500;

/** Objects that stay for as long as it is not released. */
export interface Hold {
  add(oid: string): void;
  release(): void;
}

interface Entry {
  readonly object: GitObject;
  holds: number;
}

export class ObjectCache {
  readonly limit: number;
  /** Least recently used first. */
  readonly #scopes = new Map<string, ObjectStore>();
  bytes = 0;
  /** Of `bytes`, what nobody holds. */
  freeBytes = 0;
  /** Objects let go so far: as long as it stays the same, what was there is there. */
  evictions = 0;

  /** `limit`: bytes of all stores together, what is held included. */
  constructor(limit: number) {
    this.limit = limit;
  }

  scope(key: string): ObjectStore {
    const known = this.#scopes.get(key) ?? new ObjectStore(this);
    this.#scopes.delete(key);
    this.#scopes.set(key, known);
    return known;
  }

  /** Down to the limit, as far as what is there is not held. */
  trim(): void {
    if (this.bytes <= this.limit || this.freeBytes === 0) return;
    for (const [key, store] of this.#scopes) {
      store.shrink();
      if (store.empty) this.#scopes.delete(key);
      if (this.bytes <= this.limit) return;
    }
  }
}

export class ObjectStore implements ObjectReader {
  readonly #cache: ObjectCache;
  readonly #held = new Map<string, Entry>();
  /** Least recently used first. */
  readonly #free = new Map<string, Entry>();
  /** Sizes of what was not kept, the latest few. */
  readonly #sizes = new Map<string, number>();

  constructor(cache: ObjectCache) {
    this.#cache = cache;
  }

  /** As ObjectCache.evictions. */
  get evictions(): number {
    return this.#cache.evictions;
  }

  get empty(): boolean {
    return this.#held.size === 0 && this.#free.size === 0 && this.#sizes.size === 0;
  }

  has(oid: string): boolean {
    return this.#held.has(oid) || this.#free.has(oid);
  }

  read(oid: string): GitObject | undefined {
    const held = this.#held.get(oid);
    if (held !== undefined) return held.object;
    const free = this.#free.get(oid);
    if (free === undefined) return undefined;
    this.#free.delete(oid);
    this.#free.set(oid, free);
    return free.object;
  }

  /** Adds an object, into `hold` at once where there is one: the cache may be too full to keep it otherwise. */
  add(oid: string, object: GitObject, hold?: Hold): void {
    if (!this.has(oid)) {
      this.#free.set(oid, { object: { ...object, data: ownBytes(object.data) }, holds: 0 });
      const weight = object.data.length + overhead;
      this.#cache.bytes += weight;
      this.#cache.freeBytes += weight;
    }
    hold?.add(oid);
    this.#cache.trim();
  }

  /** The size of an object that was seen and not kept. */
  sizeOf(oid: string): number | undefined {
    return this.#sizes.get(oid);
  }

  noteSize(oid: string, size: number): void {
    this.#sizes.set(oid, size);
    const [oldest] = this.#sizes.keys();
    if (this.#sizes.size > 10_000 && oldest !== undefined) this.#sizes.delete(oldest);
  }

  /** What is added to it stays, if it is there. */
  hold(): Hold {
    const mine = new Map<string, Entry>();
    return {
      add: (oid) => {
        if (mine.has(oid)) return;
        const entry = this.#held.get(oid) ?? this.#free.get(oid);
        if (entry === undefined) return;
        mine.set(oid, entry);
        entry.holds += 1;
        if (entry.holds > 1) return;
        this.#free.delete(oid);
        this.#held.set(oid, entry);
        this.#cache.freeBytes -= entry.object.data.length + overhead;
      },
      release: () => {
        for (const [oid, entry] of mine) {
          entry.holds -= 1;
          if (entry.holds > 0) continue;
          this.#held.delete(oid);
          this.#free.set(oid, entry);
          this.#cache.freeBytes += entry.object.data.length + overhead;
        }
        mine.clear();
        this.#cache.trim();
      },
    };
  }

  /** Lets go of what nobody holds until the cache is within its limit. */
  shrink(): void {
    for (const [oid, { object }] of this.#free) {
      if (this.#cache.bytes <= this.#cache.limit) return;
      this.#free.delete(oid);
      this.#cache.evictions += 1;
      this.#cache.bytes -= object.data.length + overhead;
      this.#cache.freeBytes -= object.data.length + overhead;
    }
  }
}

/** Bytes in memory of their own: a slice would keep all of the buffer that it was cut from. */
function ownBytes(data: Buffer): Buffer {
  if (data.length === data.buffer.byteLength) return data;
  const own = Buffer.allocUnsafeSlow(data.length);
  own.set(data);
  return own;
}
