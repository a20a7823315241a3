/**
 * Many small objects unpacked one after the other. zlib.inflateSync makes and drops an engine for each, which costs more
 * than the unpacking itself; here one engine serves all of them. Node has no public call for that, so what is used of its
 * inside is tried first, and inflateSync does the work where it is not as it is expected to be. Most of what comes is a
 * delta, of which nothing is kept: it is unpacked into a buffer that the next one uses again.
 */
import { constants, createInflate, deflateSync, inflateSync } from 'node:zlib';
import type { Inflate } from 'node:zlib';
import { codeOf } from './http-errors.ts';

export interface Inflated {
  /** Good until the next call; see owned(). */
  readonly data: Buffer;
  /** Bytes of the input that belong to it. */
  readonly consumed: number;
}

/** Unpacks what begins `input` and is `size` bytes long; undefined where it is not, or does not end within `input`. */
export type Inflater = (input: Buffer, size: number) => Inflated | undefined;

/** The inside of node:zlib, as far as it is used. */
interface Engine {
  readonly _handle?: null | {
    reset(): void;
    writeSync(flush: number, input: Buffer, inAt: number, inLength: number, output: Buffer, outAt: number, outLength: number): void;
  };
  /** Set by each write: room left in the output, bytes left in the input. */
  readonly _writeState?: Uint32Array;
}

const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** What was unpacked, to keep. */
export function owned(data: Buffer): Buffer {
  return data.buffer === scratch.buffer ? Buffer.from(data) : data;
}

/** By the public call. */
export const inflateAlone: Inflater = (input, size) => {
  try {
    const output = inflateSync(input, { info: true, chunkSize: Math.max(size + 1, 64), maxOutputLength: Math.max(size, 1) });
    // With `info`, zlib gives the engine beside the buffer; the types do not say so.
    const { buffer, engine } = output as unknown as { buffer: Buffer; engine: Inflate };
    return buffer.length === size ? { data: buffer, consumed: engine.bytesWritten } : undefined;
  } catch (error) {
    if (isUnpacking(error)) return undefined;
    throw error;
  }
};

/** By one engine; undefined where Node does not work as it is expected to. */
export function inflaterOfOneEngine(): Inflater | undefined {
  let engine: (Engine & Inflate) | undefined;
  const inflate: Inflater = (input, size) => {
    if (engine === undefined) {
      engine = createInflate();
      // A failure ends an engine; the next object gets a new one.
      engine.on('error', () => undefined);
    }
    const { _handle: handle, _writeState: state } = engine;
    if (handle === undefined || handle === null || state === undefined) throw new TypeError('node:zlib is not as it was');
    // One byte more than there should be: what is longer shows.
    const output = size < scratch.length ? scratch : Buffer.allocUnsafeSlow(size + 1);
    handle.reset();
    handle.writeSync(constants.Z_FINISH, input, 0, input.length, output, 0, size + 1);
    const [room = 0, left = 0] = state;
    if (engine.destroyed || room !== 1) {
      engine.destroy();
      engine = undefined;
      return undefined;
    }
    return { data: output.subarray(0, size), consumed: input.length - left };
  };
  return works(inflate) ? inflate : undefined;
}

/** Whether it unpacks what is right, twice, and refuses what is not. */
function works(inflate: Inflater): boolean {
  const plain = Buffer.from('apiVersion: v1\n'.repeat(9));
  const packed = deflateSync(plain);
  const broken = Buffer.from(packed);
  broken.writeUInt8((broken.at(-1) ?? 0) ^ 1, broken.length - 1);
  try {
    for (let round = 0; round < 2; round += 1) {
      const right = inflate(Buffer.concat([packed, plain]), plain.length);
      if (right?.consumed !== packed.length || !right.data.equals(plain)) return false;
      const wrong = [
        [packed, plain.length + 1],
        [packed, plain.length - 1],
        [packed.subarray(0, -1), plain.length],
        [broken, plain.length],
      ] as const;
      if (wrong.some(([input, size]) => inflate(input, size) !== undefined)) return false;
    }
    return true;
  } catch (error) {
    // Of a Node that is built otherwise; there is another way.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function isUnpacking(error: unknown): boolean {
  return /^(Z_|ERR_BUFFER_TOO_LARGE$)/.test(codeOf(error) ?? '');
}

let chosen: Inflater | undefined;

/** By one engine where that works. */
export const inflateOne: Inflater = (input, size) => (chosen ??= inflaterOfOneEngine() ?? inflateAlone)(input, size);
