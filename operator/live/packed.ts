/** Texts that are kept by the thousand, as small as they go. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';

export interface Packed {
  /**
   * One character a byte. A small Buffer holds on to a block of 64 KiB, and one with memory of its own costs as much beside
   * it as many a text is long.
   */
  readonly deflated: string;
}

/** Manifests are a few KiB: zlib's own 300 KiB of memory a call cost more time than the deflating, and stay with the process. */
const small = { windowBits: 13, chunkSize: 4_096 };

export function packText(text: string): Packed {
  return { deflated: deflateRawSync(text, { ...small, level: 1, memLevel: 6 }).toString('latin1') };
}

/** What was packed. */
export function unpackText({ deflated }: Packed): string {
  return inflateRawSync(Buffer.from(deflated, 'latin1'), small).toString('utf8');
}
