/** One entry of a pack: gitformat-pack(5), "pack-*.pack files have the following format". */
import { createHash } from 'node:crypto';
import { createInflate } from 'node:zlib';
import { PlumblineError } from '../errors.ts';
import { inflateOne } from './inflate.ts';
import type { PackWindow } from './pack-window.ts';
import { notGit } from './pktline.ts';

export interface EntryHeader {
  /** 1 to 4: commit, tree, blob, tag. 6 and 7: deltas. */
  readonly type: number;
  /** Of what it unpacks to. */
  readonly size: number;
  /** A delta's: how far before this entry its base lies, or the id of its base. */
  readonly base: number | string | undefined;
}

/** What unpacks to more is unpacked beside the event loop. */
const syncBytes = 2 * 1024 * 1024;

/** Ten bytes of type and size, at most twenty more for the base. */
export const headerBytes = 32;

/** Reads the header, which has to be there, and puts it behind. Throws GitError. */
export function readEntryHeader(window: PackWindow): EntryHeader {
  let at = 0;
  const next = (): number => {
    const byte = window.peek(at++);
    if (byte === undefined) throw notGit('its pack ends too early');
    return byte;
  };
  let byte = next();
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let factor = 16; (byte & 0x80) !== 0; factor *= 128) {
    byte = next();
    size += (byte & 0x7f) * factor;
    if (size > Number.MAX_SAFE_INTEGER) throw notGit('its pack is broken');
  }
  let base: number | string | undefined;
  if (type === 6) {
    byte = next();
    base = byte & 0x7f;
    while ((byte & 0x80) !== 0) {
      byte = next();
      base = (base + 1) * 128 + (byte & 0x7f);
      if (base > Number.MAX_SAFE_INTEGER) throw notGit('its pack is broken');
    }
  } else if (type === 7) {
    if (window.available < at + 20) throw notGit('its pack ends too early');
    base = window.view.toString('hex', at, at + 20);
    at += 20;
  }
  window.skip(at);
  return { type, size, base };
}

/** Bytes that have to be there to unpack an object at once; undefined for one that is unpacked beside the event loop. */
export function bytesAhead(size: number): number | undefined {
  // What deflate needs at most (RFC 1951, stored blocks) with room for the zlib header and trailer.
  return size > syncBytes ? undefined : size + (size >> 10) + 128;
}

/** Unpacks `size` bytes that are there, and puts them behind; good until the next call. Throws GitError when there are more or fewer. */
export function inflateEntry(window: PackWindow, size: number): Buffer {
  const inflated = inflateOne(window.view, size);
  if (inflated === undefined) throw doesNotUnpack(undefined);
  window.skip(inflated.consumed);
  return inflated.data;
}

/** The same of a large one, as it comes. */
export async function inflateLargeEntry(window: PackWindow, size: number, signal: AbortSignal): Promise<Buffer> {
  const whole = Buffer.allocUnsafeSlow(size);
  let at = 0;
  await stream(window, size, signal, (chunk) => {
    whole.set(chunk, at);
    at += chunk.length;
  });
  return whole;
}

/** Unpacks to nowhere, puts it behind, and gives the object id. Memory stays flat, whatever the size. */
export async function drainEntry(window: PackWindow, type: string, size: number, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha1').update(`${type} ${size}\0`);
  await stream(window, size, signal, (chunk) => hash.update(chunk));
  return hash.digest('hex');
}

async function stream(window: PackWindow, size: number, signal: AbortSignal, take: (chunk: Buffer) => void): Promise<void> {
  const engine = createInflate({ chunkSize: 128 * 1024 });
  let out = 0;
  let wake = (): void => undefined;
  let over: 'no' | 'ended' | 'broken' = 'no';
  engine.on('data', (chunk: Buffer) => {
    out += chunk.length;
    if (out > size) over = 'broken';
    else take(chunk);
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
      const piece = window.view.subarray(0, 64 * 1024);
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
  if (state() === 'broken' || out !== size) throw doesNotUnpack(undefined);
}

function doesNotUnpack(cause: unknown): PlumblineError {
  const message = 'the git server cannot be understood: an object in its pack does not unpack to the size it states';
  return new PlumblineError({ reason: 'GitError', message }, { cause });
}
