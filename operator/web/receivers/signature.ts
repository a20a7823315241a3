/** What a sender proves its knowledge of the token with; compared in constant time. */
import { createHmac, timingSafeEqual } from 'node:crypto';

const hexDigest = /^[0-9a-f]{64}$/i;
/** Compared with in place of a signature that is missing or malformed, so that the work done is the same. */
const noDigest = Buffer.alloc(32);

/** Whether `stated` is the HMAC-SHA-256 of the body under the token, in hexadecimal after `prefix`. */
export function isSigned(body: Buffer, token: Buffer, stated: string | undefined, prefix: string): boolean {
  const hex = stated?.startsWith(prefix) === true ? stated.slice(prefix.length) : '';
  const wellFormed = hexDigest.test(hex);
  const digest = createHmac('sha256', token).update(body).digest();
  return timingSafeEqual(digest, wellFormed ? Buffer.from(hex, 'hex') : noDigest) && wellFormed;
}

/** Whether two secrets are the same, whatever their lengths, without telling where they differ. */
export function isSameSecret(one: Buffer, other: Buffer): boolean {
  const key = noDigest;
  return timingSafeEqual(createHmac('sha256', key).update(one).digest(), createHmac('sha256', key).update(other).digest());
}
