/** bcrypt_pbkdf of OpenBSD, by which ssh-keygen makes the key of a key out of a passphrase. It computes for hundreds of milliseconds. */
import { createHash } from 'node:crypto';
import bcrypt from 'bcrypt-pbkdf';

/** What a key is made of. */
export interface KeyAsked {
  readonly passphrase: string;
  readonly salt: Uint8Array;
  readonly rounds: number;
  /** Bytes that are wanted. */
  readonly length: number;
}

export function bcryptKey({ passphrase, salt, rounds, length }: KeyAsked): Uint8Array {
  const secret = sha512(Buffer.from(passphrase));
  const key = new Uint8Array(length);
  const blocks = Math.ceil(length / bcrypt.HASHSIZE);
  for (let block = 1; block <= blocks; block += 1) {
    const sum = new Uint8Array(bcrypt.HASHSIZE);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(block);
    let last = sha512(salt, count);
    for (let round = 0; round < rounds; round += 1) {
      const hash = new Uint8Array(bcrypt.HASHSIZE);
      bcrypt.hash(secret, last, hash);
      for (const [index, byte] of hash.entries()) sum[index] = (sum[index] ?? 0) ^ byte;
      last = sha512(hash);
    }
    // The blocks lie in one another like the teeth of two combs.
    for (const [index, byte] of sum.entries()) {
      const to = index * blocks + block - 1;
      if (to < length) key[to] = byte;
    }
  }
  return key;
}

function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  return parts.reduce((hash, part) => hash.update(part), createHash('sha512')).digest();
}
