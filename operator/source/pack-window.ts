/** A pack as it arrives: bytes ahead can be looked at, bytes behind are hashed and let go. */
import { createHash } from 'node:crypto';
import { PlumblineError } from '../errors.ts';
import { sizeText } from './limits.ts';
import { Pieces } from './pieces.ts';
import { notGit } from './pktline.ts';

export class PackWindow {
  readonly #source: AsyncIterator<Buffer>;
  readonly #hash = createHash('sha1');
  readonly #limit: number;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Up to here the buffer went into the hash. */
  #hashed = 0;
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

  /** Whether `count` bytes are there, or the pack has ended: nothing to wait for. */
  ready(count: number): boolean {
    return this.#ended || this.available >= count;
  }

  /** Waits until `count` bytes are there, or the pack has ended. */
  async fill(count: number): Promise<void> {
    if (this.ready(count)) return;
    this.#hashBehind();
    const pieces = new Pieces();
    if (this.available > 0) pieces.add(this.view);
    while (pieces.length < count) {
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
      pieces.add(next.value);
    }
    // Mostly one piece follows another just so.
    this.#buffer = pieces.join();
    this.#at = 0;
    this.#hashed = 0;
  }

  /** The byte at `index` of the window; undefined beyond what is there. */
  peek(index: number): number | undefined {
    return this.#buffer[this.#at + index];
  }

  /** Lets `count` bytes go. */
  skip(count: number): void {
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
    this.#hashBehind();
    const expected = this.#hash.copy().digest();
    const stated = await this.take(20);
    if (!expected.equals(stated)) throw notGit('the checksum of its pack is wrong');
    await this.fill(1);
    if (this.available > 0) throw notGit('its pack goes on after its end');
  }

  /** Stops the download. */
  async cancel(): Promise<void> {
    await this.#source.return?.();
  }

  /** In large pieces: a call for each object costs more than the hashing. */
  #hashBehind(): void {
    if (this.#at > this.#hashed) this.#hash.update(this.#buffer.subarray(this.#hashed, this.#at));
    this.#hashed = this.#at;
  }
}
