/** Reads a pack (gitformat-pack(5)) within bounds, in one pass, keeping no object that is over the limit. */
import { createHash } from 'node:crypto';
import { createInflate, inflateSync } from 'node:zlib';
import type { Inflate } from 'node:zlib';
import { PlumblineError } from '../errors.ts';
import { sizeText } from './limits.ts';
import type { Limits } from './limits.ts';
import { applyDelta, deltaSizes } from './pack-delta.ts';
import { PackWindow } from './pack-window.ts';
import { notGit } from './pktline.ts';

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';

export interface PackObject {
  readonly type: ObjectType;
  readonly data: Buffer;
}

export interface PackObjects {
  /** Object id → object. */
  readonly objects: ReadonlyMap<string, PackObject>;
  /** Object id → size of what was not kept. A large object that came as a delta is in neither. */
  readonly large: ReadonlyMap<string, number>;
}

export type PackLimits = Pick<Limits, 'fileBytes' | 'packBytes' | 'objects' | 'unpackedBytes'>;

const types: Readonly<Record<number, ObjectType>> = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' };

interface Delta {
  readonly offset: number;
  readonly base: number | string;
  readonly data: Buffer;
}

/** Everything in the pack. Throws PlumblineError: GitError when it is broken, RepositoryTooLarge. */
export async function readPack(source: AsyncIterable<Buffer>, limits: PackLimits, signal: AbortSignal): Promise<PackObjects> {
  const window = new PackWindow(source, limits.packBytes);
  try {
    const objects = new Map<string, PackObject>();
    const large = new Map<string, number>();
    const byOffset = new Map<number, PackObject>();
    const deltas: Delta[] = [];
    const budget = new Budget(limits.unpackedBytes);

    const header = await window.take(12);
    const version = header.readUInt32BE(4);
    if (header.toString('latin1', 0, 4) !== 'PACK' || (version !== 2 && version !== 3)) throw notGit('what it sends is no pack');
    const count = header.readUInt32BE(8);
    if (count > limits.objects) {
      throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `the commit holds ${count} objects, over ${limits.objects}` });
    }
    for (let index = 0; index < count; index += 1) {
      signal.throwIfAborted();
      const offset = window.position;
      const { type, size } = await entryHeader(window);
      const base = type === 6 ? offset - (await deltaDistance(window)) : type === 7 ? (await window.take(20)).toString('hex') : undefined;
      const name = types[type];
      if (name === undefined && base === undefined) throw notGit(`its pack holds an object of type ${type}`);
      if (size > limits.fileBytes) {
        const oid = await drain(window, name ?? 'delta', size, signal);
        if (name === 'blob') large.set(oid, size);
        continue;
      }
      budget.spend(size);
      const data = await inflate(window, size);
      if (name === undefined) {
        deltas.push({ offset, base: base ?? 0, data });
      } else {
        const object = { type: name, data };
        byOffset.set(offset, object);
        objects.set(objectId(name, data), object);
      }
    }
    await window.finish();
    resolveDeltas(deltas, objects, byOffset, limits.fileBytes, budget);
    return { objects, large };
  } finally {
    await window.cancel();
  }
}

/** What may still be kept in memory. */
class Budget {
  readonly #limit: number;
  #left: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#left = limit;
  }

  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) {
      throw new PlumblineError({
        reason: 'RepositoryTooLarge',
        message: `the files of the commit are over ${sizeText(this.#limit)} together`,
      });
    }
  }
}

/** Bases can come after what is built on them, and be built themselves: rounds until nothing more comes of it. */
function resolveDeltas(
  deltas: readonly Delta[],
  objects: Map<string, PackObject>,
  byOffset: Map<number, PackObject>,
  fileBytes: number,
  budget: Budget,
): void {
  let waiting = deltas;
  while (waiting.length > 0) {
    const next: Delta[] = [];
    for (const delta of waiting) {
      const base = typeof delta.base === 'number' ? byOffset.get(delta.base) : objects.get(delta.base);
      if (base === undefined) {
        next.push(delta);
        continue;
      }
      const { resultSize } = deltaSizes(delta.data);
      if (resultSize > fileBytes) continue;
      budget.spend(resultSize);
      const object = { type: base.type, data: applyDelta(base.data, delta.data) };
      byOffset.set(delta.offset, object);
      objects.set(objectId(object.type, object.data), object);
    }
    // What is left stands on objects that were not kept.
    if (next.length === waiting.length) return;
    waiting = next;
  }
}

/** Type in bits 4 to 6 of the first byte; size in its low four bits and seven of each that follows. */
async function entryHeader(window: PackWindow): Promise<{ type: number; size: number }> {
  let byte = (await window.take(1))[0] ?? 0;
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let factor = 16; (byte & 0x80) !== 0; factor *= 128) {
    byte = (await window.take(1))[0] ?? 0;
    size += (byte & 0x7f) * factor;
    if (size > Number.MAX_SAFE_INTEGER) throw notGit('its pack is broken');
  }
  return { type, size };
}

async function deltaDistance(window: PackWindow): Promise<number> {
  let byte = (await window.take(1))[0] ?? 0;
  let distance = byte & 0x7f;
  while ((byte & 0x80) !== 0) {
    byte = (await window.take(1))[0] ?? 0;
    distance = (distance + 1) * 128 + (byte & 0x7f);
    if (distance > Number.MAX_SAFE_INTEGER) throw notGit('its pack is broken');
  }
  return distance;
}

async function inflate(window: PackWindow, size: number): Promise<Buffer> {
  // What deflate needs at most (RFC 1951, stored blocks) with room for the zlib header and trailer.
  await window.fill(size + (size >> 10) + 128);
  try {
    const output = inflateSync(window.view, { info: true, chunkSize: Math.max(size + 1, 64), maxOutputLength: Math.max(size, 1) });
    // With `info`, zlib gives the engine beside the buffer; the types do not say so.
    const { buffer, engine } = output as unknown as { buffer: Buffer; engine: Inflate };
    if (buffer.length !== size) throw notGit('an object in its pack is not of the size it states');
    window.skip(engine.bytesWritten);
    return buffer;
  } catch (error) {
    if (error instanceof PlumblineError) throw error;
    throw new PlumblineError(
      { reason: 'GitError', message: 'the git server cannot be understood: an object in its pack does not unpack' },
      { cause: error },
    );
  }
}

/** Unpacks to nowhere and gives the object id. Memory stays flat, whatever the size. */
async function drain(window: PackWindow, type: string, size: number, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha1').update(`${type} ${size}\0`);
  const engine = createInflate();
  let out = 0;
  let wake = (): void => undefined;
  let over: 'no' | 'ended' | 'broken' = 'no';
  engine.on('data', (chunk: Buffer) => {
    out += chunk.length;
    if (out > size) over = 'broken';
    else hash.update(chunk);
  });
  const finish = (how: 'ended' | 'broken'): void => {
    if (over === 'no') over = how;
    wake();
  };
  engine.once('end', () => finish('ended')).on('error', () => finish('broken'));
  // Gives way to the engine; a failure and the end wake as well.
  const wait = (start: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
      start(resolve);
    });
  const state = (): typeof over => over;
  try {
    while (state() === 'no') {
      signal.throwIfAborted();
      await window.fill(1);
      if (window.available === 0) throw notGit('its pack ends too early');
      const piece = window.view.subarray(0, 256 * 1024);
      const before = engine.bytesWritten;
      await wait((done) => engine.write(piece, () => done()));
      const consumed = engine.bytesWritten - before;
      window.skip(consumed);
      // The engine takes nothing beyond the end of the object.
      if (consumed < piece.length && state() === 'no') await wait(() => engine.end());
    }
  } finally {
    engine.destroy();
  }
  if (state() === 'broken' || out !== size) throw notGit('an object in its pack does not unpack');
  return hash.digest('hex');
}

function objectId(type: string, data: Buffer): string {
  return createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
}
