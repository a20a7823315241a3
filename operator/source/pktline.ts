/** The framing of the git protocol: gitprotocol-common(5), pkt-line. */
import { PlumblineError } from '../errors.ts';
import { quote } from './http-errors.ts';
import { sizeText } from './limits.ts';

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

/** The packets of a body. Throws PlumblineError GitError on what is no packet, and on an `ERR` of the server. */
export async function* readPackets(body: AsyncIterable<Buffer>): AsyncGenerator<Packet> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 4) {
      const header = rest.toString('latin1', at, at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(header))
        throw notGit(`it answers what is no git protocol: ${quote(rest.toString('utf8', at, at + 400))}`);
      const length = Number.parseInt(header, 16);
      if (length < 4) {
        at += 4;
        if (length === 3) throw notGit('it answers what is no git protocol');
        yield { kind: length === 0 ? 'flush' : length === 1 ? 'delimiter' : 'end' };
        continue;
      }
      if (rest.length - at < length) break;
      const data = rest.subarray(at + 4, at + length);
      at += length;
      if (data.length >= 4 && data.toString('latin1', 0, 4) === 'ERR ') throw new ServerError(quote(data.toString('utf8', 4)));
      yield { kind: 'data', data };
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw notGit('its answer ends in the middle of a line');
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
