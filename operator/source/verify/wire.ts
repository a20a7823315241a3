/** The data types of SSH (RFC 4251 section 5), read one after the other. */
import type { Fail } from './refusal.ts';

/** A place in bytes that moves on with each read; throws what `fail` makes where the bytes end early. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #fail: Fail;
  #at = 0;

  constructor(bytes: Buffer, fail: Fail) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  /** The next `count` bytes as they are. */
  take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw this.#fail('it ends early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  uint8(): number {
    return this.take(1).readUInt8();
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.take(8).readBigUInt64BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  /** A string of printable ASCII: names of algorithms, curves and namespaces. */
  name(): string {
    const text = this.string().toString('latin1');
    if (!/^[\x20-\x7e]*$/.test(text)) throw this.#fail('a name in it is no text');
    return text;
  }

  /** A positive number in the shortest form, without its sign byte. */
  mpint(): Buffer {
    const bytes = this.string();
    const [first = 0, second = 0] = bytes;
    if (bytes.length === 0 || first >= 0x80 || (first === 0 && second < 0x80))
      throw this.#fail('a number in it is not in its shortest form');
    return first === 0 ? bytes.subarray(1) : bytes;
  }

  /** How many bytes were read so far. */
  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  end(): void {
    if (!this.isAtEnd) throw this.#fail('something follows its end');
  }
}
