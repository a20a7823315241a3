/**
 * The outside of an OpenPGP signature (RFC 9580 section 5.2), read strictly before any library sees it: what its hash does
 * not cover may say one thing only, so that a signature that was touched anywhere is refused.
 */
import { malformed, refuse } from './refusal.ts';

export interface SignaturePacket {
  readonly version: 4 | 6;
  readonly type: number;
  readonly hash: number;
  /** Fingerprints (40 or 64 hex digits) and key IDs (16) that it names its key by, in capitals; all of them. */
  readonly issuers: readonly string[];
  /** Seconds since the epoch. */
  readonly created: number;
  /** Seconds since the epoch; undefined when it never ends. */
  readonly expires: number | undefined;
}

/** The signature is of bytes as they are; of text, line ends would not count. */
export const binaryDocument = 0x00;

const subpacket = { created: 2, expires: 3, keyId: 16, notation: 20, policy: 26, signer: 28, fingerprint: 33, recipient: 35 } as const;
/** What may be marked as critical. */
const understood: readonly number[] = [
  subpacket.created,
  subpacket.expires,
  subpacket.keyId,
  subpacket.signer,
  subpacket.fingerprint,
  subpacket.recipient,
];

/** Algorithm → number of multi-precision integers, or bytes of a fixed form. */
const signatureForms: Readonly<Record<number, { readonly integers: number } | { readonly bytes: number }>> = {
  1: { integers: 1 }, // RSA
  3: { integers: 1 },
  17: { integers: 2 }, // DSA
  19: { integers: 2 }, // ECDSA
  22: { integers: 2 }, // EdDSA of old
  27: { bytes: 64 }, // Ed25519
  28: { bytes: 114 }, // Ed448
};

/** The one signature packet that `bytes` are. Throws PlumblineError SignatureInvalid. */
export function readSignaturePacket(bytes: Buffer): SignaturePacket {
  const body = onlyPacket(bytes);
  const version = body[0];
  if (version !== 4 && version !== 6) throw malformed(`OpenPGP signatures of version ${version ?? 'none'} are not taken`);
  const [, type = 0, algorithm = 0, hash = 0] = body;
  const wide = version === 6 ? 4 : 2;
  const hashedEnd = areaEnd(body, 4, wide);
  const hashed = readSubpackets(body.subarray(4 + wide, hashedEnd));
  const unhashedEnd = areaEnd(body, hashedEnd, wide);
  const unhashed = readSubpackets(body.subarray(hashedEnd + wide, unhashedEnd));

  const strange = hashed.find((part) => part.isCritical && !understood.includes(part.type));
  if (strange !== undefined) throw malformed(`it asks for something that is not known (critical subpacket ${strange.type})`);
  if (unhashed.some((part) => part.isCritical || (part.type !== subpacket.keyId && part.type !== subpacket.fingerprint))) {
    throw malformed('it says more than its issuer outside of what it signs');
  }
  const dates = hashed.filter((part) => part.type === subpacket.created || part.type === subpacket.expires);
  const [created, expires] = [subpacket.created, subpacket.expires].map((wanted) => dates.filter((part) => part.type === wanted));
  if (created?.length !== 1 || (expires?.length ?? 0) > 1 || dates.some((part) => part.body.length !== 4))
    throw malformed('its times are broken');
  const createdAt = created[0]?.body.readUInt32BE() ?? 0;
  const lifetime = expires?.[0]?.body.readUInt32BE() ?? 0;

  let at = unhashedEnd + 2;
  if (version === 6) at += 1 + (body[at] ?? 0);
  checkForm(body.subarray(at), algorithm);
  return {
    version,
    type,
    hash,
    issuers: [...hashed, ...unhashed].flatMap(issuerOf),
    created: createdAt,
    expires: lifetime === 0 ? undefined : createdAt + lifetime,
  };
}

/** RFC 9580 section 4.2: a header of either format, a length that is known, and nothing behind. */
function onlyPacket(bytes: Buffer): Buffer {
  const [first = 0, second = 0] = bytes;
  let start: number;
  let length: number;
  if (first === 0xc2) {
    const size = newLength(bytes, 1);
    [start, length] = [1 + size.bytes, size.value];
  } else if (first === 0x88) [start, length] = [2, second];
  else if (first === 0x89 && bytes.length >= 3) [start, length] = [3, bytes.readUInt16BE(1)];
  else throw malformed('it is no OpenPGP signature');
  if (start + length !== bytes.length) throw malformed('it is cut short, or more than one signature');
  return bytes.subarray(start);
}

/** The shortest form only. */
function newLength(bytes: Buffer, at: number): { readonly bytes: number; readonly value: number } {
  const [first = 0, second = 0] = bytes.subarray(at, at + 2);
  if (first < 192) return { bytes: 1, value: first };
  if (first < 224) return { bytes: 2, value: ((first - 192) << 8) + second + 192 };
  const value = first === 255 && at + 5 <= bytes.length ? bytes.readUInt32BE(at + 1) : 0;
  if (value < 8384) throw malformed('a length in it is broken');
  return { bytes: 5, value };
}

function areaEnd(body: Buffer, at: number, wide: number): number {
  if (at + wide > body.length) throw malformed('it is cut short');
  const end = at + wide + body.readUIntBE(at, wide);
  if (end > body.length) throw malformed('it is cut short');
  return end;
}

interface Subpacket {
  readonly type: number;
  readonly isCritical: boolean;
  readonly body: Buffer;
}

function readSubpackets(area: Buffer): Subpacket[] {
  const parts: Subpacket[] = [];
  for (let at = 0; at < area.length;) {
    const size = newLength(area, at);
    const start = at + size.bytes;
    at = start + size.value;
    if (size.value === 0 || at > area.length) throw malformed('a subpacket is broken');
    const type = area[start] ?? 0;
    parts.push({ type: type & 0x7f, isCritical: type >= 0x80, body: area.subarray(start + 1, at) });
  }
  return parts;
}

function issuerOf({ type, body }: Subpacket): string[] {
  if (type === subpacket.keyId) {
    if (body.length !== 8) throw malformed('its issuer is broken');
    return [body.toString('hex').toUpperCase()];
  }
  if (type !== subpacket.fingerprint) return [];
  const size = body[0] === 4 ? 20 : body[0] === 6 ? 32 : 0;
  if (body.length !== 1 + size) throw malformed('its issuer is broken');
  return [body.toString('hex', 1).toUpperCase()];
}

function checkForm(values: Buffer, algorithm: number): void {
  const form = signatureForms[algorithm];
  if (form === undefined) throw refuse('SignatureInvalid', `has a signature of OpenPGP algorithm ${algorithm}, which is not taken`);
  if ('bytes' in form) {
    if (values.length !== form.bytes) throw malformed('its values are broken');
    return;
  }
  let at = 0;
  for (let count = 0; count < form.integers; count += 1) {
    if (at + 2 > values.length) throw malformed('its values are broken');
    const bits = values.readUInt16BE(at);
    const first = values[at + 2] ?? 0;
    const bytes = Math.ceil(bits / 8);
    // The count of bits is that of the value: the top bit that it speaks of is set, and none above.
    if (bytes === 0 || first === 0 || 32 - Math.clz32(first) + (bytes - 1) * 8 !== bits) throw malformed('its values are broken');
    at += 2 + bytes;
  }
  if (at !== values.length) throw malformed('its values are broken');
}
