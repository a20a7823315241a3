/** Reads a pack (gitformat-pack(5)) as it arrives, within bounds, in one pass, keeping what is wanted. */
import { createHash, hash } from 'node:crypto';
import { PlumblineError } from '../errors.ts';
import { sizeText } from './limits.ts';
import type { Limits } from './limits.ts';
import type { Pacer } from './pacer.ts';
import { applyDelta, deltaSizes } from './pack-delta.ts';
import { owned } from './inflate.ts';
import { unshared } from './pack-memory.ts';
import type { PackRoom } from './pack-memory.ts';
import { bytesAhead, drainEntry, headerBytes, inflateEntry, inflateLargeEntry, readEntryHeader } from './pack-entry.ts';
import { PackWindow } from './pack-window.ts';
import { notGit } from './pktline.ts';
import type { GitObject, ObjectReader } from './types.ts';

export interface PackObjects {
  /** Object id → object. */
  readonly objects: ReadonlyMap<string, GitObject>;
  /** Object id → size of what is wanted and was not kept: over the limit for a file, or beyond what may be kept. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Objects over the limit for a file that came as deltas, so that their ids are not known. */
  readonly nameless: number;
}

export type PackLimits = Pick<Limits, 'fileBytes' | 'packBytes' | 'objects' | 'keptBytes' | 'deltaChain'>;

/** Which blobs are wanted; what else is a blob is dropped once it has served as a base. */
export type Choice = ReadonlySet<string> | 'all' | 'none';

export interface PackAsked {
  readonly limits: PackLimits;
  readonly pacer: Pacer;
  readonly signal: AbortSignal;
  /** What deltas of a thin pack may stand on. */
  readonly held: ObjectReader;
  /** What it takes of the memory for all packs; cleared by whoever asked, when the objects are not needed any more. */
  readonly room?: PackRoom;
  /** Asked when the first blob comes: servers send the folders before. `undefined`: it cannot be told yet, keep all and ask again at the end. */
  choose(objects: ReadonlyMap<string, GitObject>): Choice | undefined | Promise<Choice | undefined>;
}

const types: Readonly<Record<number, GitObject['type']>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };

/** Blobs that nobody wants, as bases of what may follow. Bytes. */
const spareBytes = 24 * 1024 * 1024;
/** What an object, or a delta that waits, weighs beside its bytes while a pack is read: measured over 200,000 of four bytes. */
const overhead = 1000;
/** What it weighs that an object is in the pack once more. */
const againBytes = 100;

interface Base {
  readonly object: GitObject;
  /** Deltas below it. */
  readonly depth: number;
}

interface Delta {
  readonly offset: number;
  readonly data: Buffer;
}

/**
 * Everything in the pack but for deltas whose base is nowhere. Throws PlumblineError: GitError when it is broken,
 * RepositoryTooLarge.
 */
export async function readPack(source: AsyncIterable<Buffer>, asked: PackAsked): Promise<PackObjects> {
  const { limits, pacer, signal, room = unshared } = asked;
  // Of a server that is asked once more, what came first is gone.
  room.clear();
  const window = new PackWindow(source, limits.packBytes);
  const reader = new Reader(asked);
  try {
    const header = await window.take(12);
    const version = header.readUInt32BE(4);
    if (header.toString('latin1', 0, 4) !== 'PACK' || (version !== 2 && version !== 3)) throw notGit('what it sends is no pack');
    const count = header.readUInt32BE(8);
    if (count > limits.objects) {
      throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `the commit holds ${count} objects, over ${limits.objects}` });
    }
    for (let index = 0; index < count; index += 1) {
      const turn = pacer.turn();
      if (turn !== undefined) await turn;
      const crowded = room.wait(signal);
      if (crowded !== undefined) await crowded;
      signal.throwIfAborted();
      const offset = window.position;
      if (!window.ready(headerBytes)) await window.fill(headerBytes);
      const { type, size, base } = readEntryHeader(window);
      const name = types[type];
      if (name === undefined && base === undefined) throw notGit(`its pack holds an object of type ${type}`);
      if (name === 'blob' && !reader.chosen) await reader.choose();
      if (size > limits.fileBytes) {
        const oid = await drainEntry(window, name ?? 'delta', size, signal);
        reader.leave(name === undefined ? undefined : oid, size);
        continue;
      }
      const ahead = bytesAhead(size);
      if (ahead !== undefined && !window.ready(ahead)) await window.fill(ahead);
      // No turn of the loop between here and where it is taken: the next object of any pack is unpacked into the same place.
      const data = ahead === undefined ? await inflateLargeEntry(window, size, signal) : inflateEntry(window, size);
      const taken =
        name === undefined
          ? reader.takeDelta(typeof base === 'number' ? offset - base : (base ?? ''), { offset, data })
          : reader.take(offset, { object: { type: name, data: owned(data) }, depth: 0 });
      if (taken !== undefined) await taken;
    }
    await window.finish();
    return await reader.finish();
  } finally {
    await window.cancel();
  }
}

/** What has come so far. */
class Reader {
  readonly #asked: PackAsked;
  readonly #room: PackRoom;
  readonly #objects = new Map<string, GitObject>();
  readonly #sizes = new Map<string, number>();
  /** By offset, as bases of OFS_DELTA; by id, of REF_DELTA. */
  readonly #byOffset = new Map<number, Base>();
  readonly #depths = new Map<string, number>();
  /** Deltas that wait for their base: bases can come after what is built on them. */
  readonly #waiting = new Map<number | string, Delta[]>();
  /** Blobs that nobody wants, oldest first: id → offset. */
  readonly #spare = new Map<string, { readonly offset: number; readonly base: Base }>();
  #spareBytes = 0;
  #keptBytes = 0;
  #nameless = 0;
  #choice: Choice | undefined;
  chosen = false;

  constructor(asked: PackAsked) {
    this.#asked = asked;
    this.#room = asked.room ?? unshared;
  }

  async choose(): Promise<void> {
    this.chosen = true;
    this.#choice = await this.#asked.choose(this.#objects);
  }

  /** Too large to be held. */
  leave(oid: string | undefined, size: number): void {
    if (oid === undefined) this.#nameless += 1;
    else this.#sizes.set(oid, size);
  }

  /** Takes an object in, and what waited for it. */
  take(offset: number, base: Base): Promise<void> | undefined {
    const oid = objectId(base.object.type, base.object.data);
    this.#keep(offset, oid, base);
    return this.#waiting.has(offset) || this.#waiting.has(oid) ? this.#release(offset, oid, base) : undefined;
  }

  async #release(offset: number, oid: string, base: Base): Promise<void> {
    const ready: { readonly key: number | string; readonly base: Base }[] = [
      { key: offset, base },
      { key: oid, base },
    ];
    for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
      const waiting = this.#waiting.get(next.key) ?? [];
      this.#waiting.delete(next.key);
      for (const delta of waiting) {
        await this.#asked.pacer.turn();
        await this.#room.wait(this.#asked.signal);
        this.#asked.signal.throwIfAborted();
        const result = this.#resolve(next.base, delta.data);
        if (result === undefined) continue;
        const id = objectId(result.object.type, result.object.data);
        this.#keep(delta.offset, id, result);
        ready.push({ key: delta.offset, base: result }, { key: id, base: result });
      }
    }
  }

  /** Keeps nothing of the delta itself, unless it has to wait. */
  takeDelta(base: number | string, delta: Delta): Promise<void> | undefined {
    const found = typeof base === 'number' ? this.#byOffset.get(base) : this.#byId(base);
    if (found !== undefined) {
      const result = this.#resolve(found, delta.data);
      if (result === undefined) return undefined;
      if (result.object.type !== 'blob' || this.chosen) return this.take(delta.offset, result);
      return this.choose().then(() => this.take(delta.offset, result));
    }
    this.#count(delta.data.length + overhead);
    const kept = { offset: delta.offset, data: owned(delta.data) };
    const waiting = this.#waiting.get(base);
    if (waiting === undefined) this.#waiting.set(base, [kept]);
    else waiting.push(kept);
    return undefined;
  }

  async finish(): Promise<PackObjects> {
    const choice = this.#choice ?? (this.chosen ? await this.#asked.choose(this.#objects) : undefined);
    if (this.#choice === undefined && choice !== undefined && choice !== 'all') {
      for (const [oid, { type }] of this.#objects)
        if (type === 'blob' && (choice === 'none' || !choice.has(oid))) this.#objects.delete(oid);
    }
    return { objects: this.#objects, sizes: this.#sizes, nameless: this.#nameless };
  }

  #byId(oid: string): Base | undefined {
    const object = this.#objects.get(oid) ?? this.#spare.get(oid)?.base.object ?? this.#asked.held.read(oid);
    return object === undefined ? undefined : { object, depth: this.#depths.get(oid) ?? 0 };
  }

  #keep(offset: number, oid: string, base: Base): void {
    // What a pack holds twice is held once.
    const known = this.#objects.get(oid);
    if (known !== undefined) {
      this.#count(againBytes);
      this.#byOffset.set(offset, { object: known, depth: base.depth });
      return;
    }
    if (this.#spare.has(oid)) return;
    if (base.depth > 0) this.#depths.set(oid, base.depth);
    this.#byOffset.set(offset, base);
    const { type, data } = base.object;
    const weight = data.length + overhead;
    if (type !== 'blob' || this.#choice === undefined || this.#choice === 'all') {
      this.#count(weight);
      this.#objects.set(oid, base.object);
      return;
    }
    const wanted = this.#choice !== 'none' && this.#choice.has(oid);
    if (wanted && this.#keptBytes + weight <= this.#asked.limits.keptBytes) {
      this.#count(weight);
      this.#objects.set(oid, base.object);
      return;
    }
    if (wanted) this.#sizes.set(oid, data.length);
    this.#spare.set(oid, { offset, base });
    this.#spareBytes += weight;
    this.#room.add(weight);
    for (const [oldest, { offset: at, base: gone }] of this.#spare) {
      if (this.#spareBytes <= spareBytes) break;
      this.#spare.delete(oldest);
      this.#byOffset.delete(at);
      const less = gone.object.data.length + overhead;
      this.#spareBytes -= less;
      this.#room.add(-less);
    }
  }

  /** undefined when the result would be over the limit for a file: nobody reads it then. */
  #resolve(base: Base, delta: Buffer): Base | undefined {
    const { deltaChain, fileBytes } = this.#asked.limits;
    const depth = base.depth + 1;
    if (depth > deltaChain) {
      throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `its pack chains over ${deltaChain} deltas` });
    }
    if (deltaSizes(delta).resultSize > fileBytes) {
      this.#nameless += 1;
      return undefined;
    }
    return { object: { type: base.object.type, data: applyDelta(base.object.data, delta) }, depth };
  }

  /** Bytes of objects and what they weigh beside: many small ones take more than they hold. */
  #count(bytes: number): void {
    this.#keptBytes += bytes;
    this.#room.add(bytes);
    const { keptBytes } = this.#asked.limits;
    if (this.#keptBytes <= keptBytes) return;
    throw new PlumblineError({
      reason: 'RepositoryTooLarge',
      message: `what is read of the commit takes over ${sizeText(keptBytes)} of memory`,
    });
  }
}

function objectId(type: string, data: Buffer): string {
  if (data.length > 64 * 1024) return createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
  // For small objects, joining them and hashing once is the fastest.
  const header = Buffer.from(`${type} ${data.length}\0`, 'latin1');
  return hash('sha1', Buffer.concat([header, data], header.length + data.length), 'hex');
}
