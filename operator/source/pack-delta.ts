/** Deltas of packs: gitformat-pack(5), "Deltified representation". */
import { notGit } from './pktline.ts';

interface Sizes {
  readonly baseSize: number;
  readonly resultSize: number;
  /** Where the instructions begin. */
  readonly at: number;
}

/** What a delta says of its own base and result. Throws GitError. */
export function deltaSizes(delta: Buffer): Sizes {
  const [baseSize, afterBase] = size(delta, 0);
  const [resultSize, at] = size(delta, afterBase);
  return { baseSize, resultSize, at };
}

/** The result. Its size is the caller's to check first. Throws GitError when base and delta do not fit. */
export function applyDelta(base: Buffer, delta: Buffer): Buffer {
  const { baseSize, resultSize, at: start } = deltaSizes(delta);
  if (baseSize !== base.length) throw broken();
  const result = Buffer.allocUnsafeSlow(resultSize);
  let at = start;
  let out = 0;
  while (at < delta.length) {
    const op = delta[at++] ?? 0;
    if ((op & 0x80) !== 0) {
      let offset = 0;
      let length = 0;
      for (let bit = 0; bit < 4; bit += 1) if ((op & (1 << bit)) !== 0) offset += (delta[at++] ?? 0) * 2 ** (8 * bit);
      for (let bit = 0; bit < 3; bit += 1) if ((op & (0x10 << bit)) !== 0) length += (delta[at++] ?? 0) * 2 ** (8 * bit);
      if (length === 0) length = 0x10000;
      if (at > delta.length || offset + length > base.length || out + length > resultSize) throw broken();
      base.copy(result, out, offset, offset + length);
      out += length;
    } else {
      if (op === 0 || at + op > delta.length || out + op > resultSize) throw broken();
      delta.copy(result, out, at, at + op);
      at += op;
      out += op;
    }
  }
  if (out !== resultSize) throw broken();
  return result;
}

function size(delta: Buffer, from: number): [size: number, next: number] {
  let at = from;
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = delta[at++];
    if (byte === undefined || factor > 2 ** 49) throw broken();
    value += (byte & 0x7f) * factor;
    if ((byte & 0x80) === 0) return [value, at];
  }
}

function broken(): Error {
  return notGit('a delta in its pack does not fit its base');
}
