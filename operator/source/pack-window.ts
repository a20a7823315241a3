/** A pack as it arrives: bytes ahead can be looked at, bytes behind are hashed and let go. */
import { createHash } from 'node:crypto';
import { PlumblineError } from '../errors.ts';
import { sizeText } from './limits.ts';
import { notGit } from './pktline.ts';

export class PackWindow {
  readonly #source: AsyncIterator<Buffer>;
  readonly #hash = createHash('sha1');
  readonly #limit: number;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #received = 0;
  #ended = false;
  /** Offset in the pack of the first byte of the window. */
  position = 0;

  /** `limit`: bytes the whole pack may have. */
  constructor(source: AsyncIterable<Buffer>, limit: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#limit = limit;
  }

  /** What has arrived and is not yet behind. */
  get view(): Buffer {
    return this.#at === 0 ? this.#buffer : this.#buffer.subarray(this.#at);
  }

  get available(): number {
    return this.#buffer.length - this.#at;
  }

  /** Waits until `count` bytes are there, or the pack has ended. */
  async fill(count: number): Promise<void> {
    if (this.available >= count || this.#ended) return;
    // Joined in large steps, so that bytes are copied about once.
    const target = Math.max(count, 256 * 1024);
    const chunks: Buffer[] = [this.view];
    let length = this.available;
    while (length < target) {
      const next = await this.#source.next();
      if (next.done === true) {
        this.#ended = true;
        break;
      }
      this.#received += next.value.length;
      if (this.#received > this.#limit) {
        throw new PlumblineError({
          reason: 'RepositoryTooLarge',
          message: `the commit is over ${sizeText(this.#limit)} as the server packs it`,
        });
      }
      chunks.push(next.value);
      length += next.value.length;
    }
    this.#buffer = Buffer.concat(chunks, length);
    this.#at = 0;
  }

  /** Lets `count` bytes go. */
  skip(count: number): void {
    this.#hash.update(this.#buffer.subarray(this.#at, this.#at + count));
    this.#at += count;
    this.position += count;
  }

  /** `count` bytes, and behind they are. Throws GitError when the pack ends before. */
  async take(count: number): Promise<Buffer> {
    await this.fill(count);
    if (this.available < count) throw notGit('its pack ends too early');
    const taken = this.view.subarray(0, count);
    this.skip(count);
    return taken;
  }

  /** Compares the checksum at the end of the pack. */
  async finish(): Promise<void> {
    const expected = this.#hash.copy().digest();
    const stated = await this.take(20);
    if (!expected.equals(stated)) throw notGit('the checksum of its pack is wrong');
  }

  /** Stops the download. */
  async cancel(): Promise<void> {
    await this.#source.return?.();
  }
}
