/** Texts that are kept by the thousand, as small as they go. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';

export interface Packed {
  /**
   * One character a byte. A small Buffer holds on to a block of 64 KiB, and one with memory of its own costs as much beside
   * it as many a text is long.
   */
  readonly deflated: string;
}

export function packText(text: string): Packed {
  return { deflated: deflateRawSync(text, { level: 1 }).toString('latin1') };
}

/** What was packed. */
export function unpackText({ deflated }: Packed): string {
  return inflateRawSync(Buffer.from(deflated, 'latin1')).toString('utf8');
}
