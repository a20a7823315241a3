/** The framing of the git protocol: gitprotocol-common(5), pkt-line. */
import { PlumblineError } from '../errors.ts';
import { quote } from './http-errors.ts';
import { sizeText } from './limits.ts';
import { noMask } from './mask.ts';
import type { Mask } from './mask.ts';
import { smallPiece } from './pieces.ts';

export type Packet =
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'flush' }
  | { readonly kind: 'delimiter' }
  | { readonly kind: 'end' };

export const flush = Buffer.from('0000');
export const delimiter = Buffer.from('0001');

/** One line of text with its length before it and a line feed after it. */
export function line(text: string): Buffer {
  const length = Buffer.byteLength(text) + 5;
  return Buffer.from(`${length.toString(16).padStart(4, '0')}${text}\n`);
}

/** The packets of a body. Throws PlumblineError GitError on what is no packet, and on an `ERR` of the server; `mask`: what may not be told of its words. */
export async function* readPackets(body: AsyncIterable<Buffer>, mask: Mask = noMask): AsyncGenerator<Packet> {
  const packets = new PacketStream(body, mask);
  try {
    for (let packet = await packets.next(); packet !== undefined; packet = await packets.next()) yield packet;
  } finally {
    await packets.cancel();
  }
}

/** As readPackets, and then what the side bands hold. */
export class PacketStream {
  readonly #source: AsyncIterator<Buffer>;
  readonly #mask: Mask;
  #rest: Buffer = Buffer.alloc(0);

  constructor(body: AsyncIterable<Buffer>, mask: Mask = noMask) {
    this.#mask = mask;
    this.#source = body[Symbol.asyncIterator]();
  }

  /** The next packet; undefined at the end. */
  async next(): Promise<Packet | undefined> {
    const length = await this.#length();
    if (length === undefined) return undefined;
    if (length < 4) return { kind: length === 0 ? 'flush' : length === 1 ? 'delimiter' : 'end' };
    const data = await this.#take(length - 4);
    if (data.length >= 4 && data.toString('latin1', 0, 4) === 'ERR ') throw new ServerError(this.#quoted(data.subarray(4)));
    return { kind: 'data', data };
  }

  /**
   * What comes in band 1, as it comes, in pieces of the body: only small ones are copied, together. Band 2 is for people
   * who watch, 3 is the server giving up: gitprotocol-pack(5) "Packfile Data".
   */
  async *pack(): AsyncGenerator<Buffer> {
    try {
      for (let length = await this.#length(); length !== undefined && length >= 4; length = await this.#length()) {
        const band = length === 4 ? undefined : (await this.#take(1))[0];
        let left = length - 5;
        if (band === 3) {
          const words = this.#quoted(await this.#take(Math.min(left, 8192)));
          throw new PlumblineError({ reason: 'GitError', message: `the git server gave up: ${words}` });
        }
        if (band !== 1 && band !== 2) throw notGit('it sends what belongs to no band');
        while (left > 0) {
          if (this.#rest.length === 0 && !(await this.#more())) throw notGit('its answer ends in the middle of a line');
          const piece = this.#rest.subarray(0, left);
          this.#rest = this.#rest.subarray(piece.length);
          left -= piece.length;
          if (band === 1) yield left === 0 && piece.length < smallPiece ? this.#gathered(piece) : piece;
        }
      }
    } finally {
      await this.cancel();
    }
  }

  /** Reads no further. */
  async cancel(): Promise<void> {
    await this.#source.return?.();
  }

  /** A small piece with the small ones that follow it and are there already: a turn for each costs more than it holds. */
  #gathered(piece: Buffer): Buffer {
    const rest = this.#rest;
    const ends: number[] = [];
    let [at, length] = [0, piece.length];
    while (rest.length - at > 5 && rest[at + 4] === 1) {
      const size = lengthOf(rest, at);
      if (size < 5 || size - 5 >= smallPiece || at + size > rest.length) break;
      at += size;
      length += size - 5;
      ends.push(at);
    }
    if (at === 0) return piece;
    const whole = Buffer.allocUnsafeSlow(length);
    piece.copy(whole);
    let [from, to] = [0, piece.length];
    for (const end of ends) {
      to += rest.copy(whole, to, from + 5, end);
      from = end;
    }
    this.#rest = rest.subarray(at);
    return whole;
  }

  /** What stands before a packet; undefined at the end. */
  async #length(): Promise<number | undefined> {
    while (this.#rest.length < 4) {
      if (await this.#more()) continue;
      if (this.#rest.length > 0) throw notGit('its answer ends in the middle of a line');
      return undefined;
    }
    const length = lengthOf(this.#rest, 0);
    if (length === 3) throw notGit(`it answers what is no git protocol: ${this.#quoted(this.#rest)}`);
    this.#rest = this.#rest.subarray(4);
    return length;
  }

  /** Masked before anything of it is cut off. */
  #quoted(words: Buffer): string {
    return quote(this.#mask(words.toString('utf8', 0, 8192)));
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#rest.length < count) if (!(await this.#more())) throw notGit('its answer ends in the middle of a line');
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    return true;
  }
}

/** What a packet says of its length, itself included; 3, which no packet has, where it says nothing of the kind. */
function lengthOf(bytes: Buffer, at: number): number {
  const header = bytes.toString('latin1', at, at + 4);
  return /^[0-9a-fA-F]{4}$/.test(header) ? Number.parseInt(header, 16) : 3;
}

/** What the server itself said is wrong (`ERR …`), for those who know what it then means. */
export class ServerError extends PlumblineError {
  /** The server's words, cleaned. */
  readonly words: string;

  constructor(words: string) {
    super({ reason: 'GitError', message: `the git server says: ${words}` });
    this.words = words;
  }
}

/** The text of a line, without its line feed. */
export function textOf(data: Buffer): string {
  return data.toString('utf8', 0, data.at(-1) === 0x0a ? data.length - 1 : data.length);
}

export function notGit(what: string): PlumblineError {
  return new PlumblineError({ reason: 'GitError', message: `the git server cannot be understood: ${what}` });
}

/** Refuses what is longer. */
export async function* capped(body: AsyncIterable<Buffer>, bytes: number, what: string): AsyncGenerator<Buffer> {
  let seen = 0;
  for await (const chunk of body) {
    seen += chunk.length;
    if (seen > bytes) throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `${what} is over ${sizeText(bytes)}` });
    yield chunk;
  }
}
