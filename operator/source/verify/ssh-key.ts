/** Public keys of SSH and their signatures: RFC 4253, 5656, 8332, 8709, and OpenSSH's PROTOCOL.u2f for security keys. */
import { createHash, createPublicKey, verify } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { inQuotes } from './refusal.ts';
import type { Fail } from './refusal.ts';
import { WireReader } from './wire.ts';

/** One public key; two are the same when their blobs are. */
export interface SshKey {
  /** `ssh-ed25519`. */
  readonly type: SshKeyType;
  /** As it stands in base64 in a .pub file. */
  readonly blob: Buffer;
  /** `SHA256:…`, as ssh-keygen -l shows it. */
  readonly fingerprint: string;
  /** Not imported before it is needed: lists hold thousands. */
  readonly jwk: JsonWebKey;
  /** Of a security key: what the device signs for, `ssh:`. */
  readonly application: Buffer | undefined;
}

const curves = {
  'ecdsa-sha2-nistp256': { wire: 'nistp256', jwk: 'P-256', bytes: 32, hash: 'sha256' },
  'ecdsa-sha2-nistp384': { wire: 'nistp384', jwk: 'P-384', bytes: 48, hash: 'sha384' },
  'ecdsa-sha2-nistp521': { wire: 'nistp521', jwk: 'P-521', bytes: 66, hash: 'sha512' },
  'sk-ecdsa-sha2-nistp256@openssh.com': { wire: 'nistp256', jwk: 'P-256', bytes: 32, hash: 'sha256' },
} as const;

export type SshKeyType = keyof typeof curves | 'ssh-ed25519' | 'sk-ssh-ed25519@openssh.com' | 'ssh-rsa';

/** As for OpenPGP keys. */
const leastRsaBits = 2048;
/** OpenSSL does not go further either. */
const mostRsaBits = 16_384;

export function isSshKeyType(type: string): type is SshKeyType {
  return type in curves || ['ssh-ed25519', 'sk-ssh-ed25519@openssh.com', 'ssh-rsa'].includes(type);
}

/** The key in a blob of its own. Throws what `fail` makes, also for kinds of keys that are not known. */
export function readSshKey(blob: Buffer, fail: Fail): SshKey {
  const reader = new WireReader(blob, fail);
  const type = reader.name();
  if (!isSshKeyType(type)) throw fail(`keys of type ${inQuotes(type, 60)} are not known`);
  const key = readKeyFields(type, reader, fail);
  reader.end();
  return key;
}

/** The fields that follow the type, in a key as in a certificate. */
export function readKeyFields(type: SshKeyType, reader: WireReader, fail: Fail): SshKey {
  const fields: Buffer[] = [Buffer.from(type)];
  let jwk: JsonWebKey;
  if (type === 'ssh-rsa') {
    const [e, n] = [reader.mpint(), reader.mpint()];
    fields.push(signed(e), signed(n));
    const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24;
    if (bits < leastRsaBits || bits > mostRsaBits) throw fail(`an RSA key of ${bits} bits is not taken, ${leastRsaBits} at least are`);
    jwk = { kty: 'RSA', e: e.toString('base64url'), n: n.toString('base64url') };
  } else if (type === 'ssh-ed25519' || type === 'sk-ssh-ed25519@openssh.com') {
    const point = reader.string();
    fields.push(point);
    if (point.length !== 32) throw fail('an Ed25519 key in it is not 32 bytes long');
    jwk = { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') };
  } else {
    const curve = curves[type];
    const [name, point] = [reader.name(), reader.string()];
    fields.push(Buffer.from(name), point);
    if (name !== curve.wire || point.length !== 1 + 2 * curve.bytes || point[0] !== 4) throw fail('an ECDSA key in it is broken');
    const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
    jwk = { kty: 'EC', crv: curve.jwk, x: x.toString('base64url'), y: y.toString('base64url') };
  }
  let application: Buffer | undefined;
  if (type.startsWith('sk-')) fields.push((application = reader.string()));
  const blob = Buffer.concat(fields.map(wireString));
  const fingerprint = `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
  return { type, blob, fingerprint, application, jwk };
}

function importKey(jwk: JsonWebKey, fail: Fail): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (error) {
    throw fail(`its key is no point on the curve or no key at all (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** Whether `signature` (a signature blob: its algorithm, then its bytes) is the key's over `data`. */
export function verifySshSignature(key: SshKey, data: Buffer, signature: Buffer, fail: Fail): boolean {
  const reader = new WireReader(signature, fail);
  const algorithm = reader.name();
  const bytes = reader.string();
  let message = data;
  if (key.application !== undefined) {
    const flagsAndCounter = reader.take(5);
    message = Buffer.concat([sha256(key.application), flagsAndCounter, sha256(data)]);
  }
  reader.end();
  const publicKey = importKey(key.jwk, fail);
  if (key.type === 'ssh-rsa') {
    const hash = rsaHashes[algorithm];
    if (hash === undefined) throw fail(`the algorithm ${inQuotes(algorithm, 60)} is not taken for an RSA key`);
    const size = Math.ceil((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
    // Some agents leave leading zeros out.
    const padded = bytes.length < size ? Buffer.concat([Buffer.alloc(size - bytes.length), bytes]) : bytes;
    return verify(hash, message, publicKey, padded);
  }
  if (algorithm !== key.type) throw fail('its algorithm is not that of its key');
  if (key.type === 'ssh-ed25519' || key.type === 'sk-ssh-ed25519@openssh.com') return verify(null, message, publicKey, bytes);
  const curve = curves[key.type];
  const numbers = new WireReader(bytes, fail);
  const [r, s] = [numbers.mpint(), numbers.mpint()];
  numbers.end();
  if (r.length > curve.bytes || s.length > curve.bytes) return false;
  const fixed = Buffer.alloc(2 * curve.bytes);
  r.copy(fixed, curve.bytes - r.length);
  s.copy(fixed, 2 * curve.bytes - s.length);
  return verify(curve.hash, message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, fixed);
}

const rsaHashes: Readonly<Record<string, string>> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}

/** With the byte before it that keeps it positive, as an mpint is written. */
function signed(number: Buffer): Buffer {
  return (number[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), number]) : number;
}

/** With its length before it. */
export function wireString(bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}
