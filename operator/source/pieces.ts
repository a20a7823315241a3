/** Bytes that come in pieces, to be one in the end. */

/** Smaller pieces are copied together: on its own each would cost more memory than it holds. */
export const smallPiece = 4096;

const roomBytes = 16 * 1024;
const nothing = Buffer.alloc(0);

export class Pieces {
  readonly #pieces: Buffer[] = [];
  /** A small one that may be the only one in its place; those are left as they are. */
  #lone: Buffer | undefined;
  /** Where small ones are copied to. */
  #room = nothing;
  #from = 0;
  #to = 0;
  length = 0;

  add(piece: Buffer): void {
    this.length += piece.length;
    if (piece.length >= smallPiece) {
      this.#close();
      this.#pieces.push(piece);
    } else if (this.#lone === undefined && this.#to === this.#from) {
      this.#lone = piece;
    } else {
      const lone = this.#lone;
      this.#lone = undefined;
      if (lone !== undefined) this.#copy(lone);
      this.#copy(piece);
    }
  }

  /** All of it. One piece alone is not copied. */
  join(): Buffer {
    this.#close();
    const [only = nothing] = this.#pieces;
    return this.#pieces.length > 1 ? Buffer.concat(this.#pieces, this.length) : only;
  }

  #copy(piece: Buffer): void {
    if (this.#room.length - this.#to < piece.length) {
      this.#close();
      this.#room = Buffer.allocUnsafeSlow(roomBytes);
      [this.#from, this.#to] = [0, 0];
    }
    piece.copy(this.#room, this.#to);
    this.#to += piece.length;
  }

  #close(): void {
    if (this.#lone !== undefined) this.#pieces.push(this.#lone);
    if (this.#to > this.#from) this.#pieces.push(this.#room.subarray(this.#from, this.#to));
    this.#lone = undefined;
    this.#from = this.#to;
  }
}
