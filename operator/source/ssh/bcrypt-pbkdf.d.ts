/** What is used of bcrypt-pbkdf, which brings no types. */
declare module 'bcrypt-pbkdf' {
  const bcrypt: {
    /** Bytes of one hash. */
    readonly HASHSIZE: number;
    /** The bcrypt of bcrypt_pbkdf: both inputs are 64 bytes, `out` is HASHSIZE. */
    hash(secret: Uint8Array, salt: Uint8Array, out: Uint8Array): void;
  };
  export default bcrypt;
}
