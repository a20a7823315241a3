/**
 * OpenPGP signatures, judged as git does with gpg: by the key as it is now. A key that is expired or revoked today is not
 * trusted for what it signed before either, since the time of a signature is only what its maker says; a key whose end was
 * moved forward is trusted again.
 */
import type { Key, Subkey } from 'openpgp';
import { PlumblineError } from '../../errors.ts';
import { readArmor } from './armor.ts';
import { keyNamed, lastSelfSignature, loadOpenPgp, noDate, readPublicKeys } from './openpgp-keys.ts';
import { binaryDocument, readSignaturePacket } from './openpgp-packet.ts';
import type { SignaturePacket } from './openpgp-packet.ts';
import { malformed, refuse, shown } from './refusal.ts';
import type { Verified, VerifyKeys } from './types.ts';

/** What is verified here, by the library's names; the curves are those of Node, NIST's and Edwards'. */
const algorithms = /^(rsa|eddsa|ed25519|ed448|ecdsa$)/;
const curves = ['nistP256', 'nistP384', 'nistP521', 'ed25519Legacy'];

/** SHA-2 and SHA-3; nothing that was ever broken. */
const hashes: readonly number[] = [8, 9, 10, 11, 12, 14];

/**
 * Who signed `payload`, if one of the keys did. Throws PlumblineError: SignatureInvalid, SignatureUntrusted,
 * SignatureExpired, SignatureRevoked, VerifyKeysInvalid.
 */
export async function verifyOpenPgp(payload: Buffer, armored: string, files: VerifyKeys['asc'], now: Date): Promise<Verified> {
  const bytes = readArmor(armored, 'PGP SIGNATURE', malformed);
  const packet = readSignaturePacket(bytes);
  const issuer = packet.issuers.toSorted((a, b) => b.length - a.length)[0];
  if (issuer === undefined) throw malformed('it does not say which key made it');
  if (packet.type !== binaryDocument) throw malformed('it is not made over the bytes as they are (type 0x00)');
  if (!hashes.includes(packet.hash)) throw malformed('its hash is one that is broken (SHA-1, MD5), or not known');
  if (files.length === 0) {
    throw refuse('SignatureUntrusted', `is signed with OpenPGP key ${issuer}, and the Secret of spec.verify has no *.asc`);
  }
  const library = await loadOpenPgp();
  const keys = (await readPublicKeys(library, files)).filter((key) => keyNamed(key, packet.issuers) !== undefined);
  if (keys.length === 0) {
    throw refuse('SignatureUntrusted', `is signed with OpenPGP key ${issuer}, which no *.asc in the Secret of spec.verify holds`);
  }
  const reasons: PlumblineError[] = [];
  // One subkey may belong to several keys.
  for (const copies of Map.groupBy(keys, (key) => key.getFingerprint()).values()) {
    try {
      checkAlgorithm(keyNamed(copies[0] as Key, packet.issuers) as Key | Subkey);
      await checkBytes(copies[0] as Key);
      return await checkKey(copies, packet, now);
    } catch (error) {
      if (!(error instanceof PlumblineError)) throw error;
      reasons.push(error);
    }
  }
  throw reasons[0] as PlumblineError;

  async function checkBytes(key: Key): Promise<void> {
    const signer = keyNamed(key, packet.issuers) as Key | Subkey;
    try {
      const { packets } = await library.readSignature({ binarySignature: bytes });
      const message = await library.createMessage({ binary: payload });
      const literal = message.packets[0];
      if (packets[0] === undefined || packets.length !== 1 || literal === undefined) throw malformed('it is not one signature');
      await packets[0].verify(signer.keyPacket, library.enums.signature.binary, literal, noDate, true);
    } catch (error) {
      if (error instanceof PlumblineError) throw error;
      // The library has words for what went wrong, but no codes; with the form checked before, it is one thing.
      const message = `does not match its signature by OpenPGP key ${fingerprint(signer)}: it, or the signature, was altered after signing`;
      throw refuse('SignatureInvalid', message, { cause: error });
    }
  }
}

function checkAlgorithm(key: Key | Subkey): void {
  const { algorithm, curve } = key.getAlgorithmInfo();
  if (algorithms.test(algorithm) && (curve === undefined || curves.includes(curve))) return;
  const kind = curve === undefined ? algorithm : `${algorithm} on ${curve}`;
  throw refuse('SignatureUntrusted', `is signed with OpenPGP key ${fingerprint(key)} of a kind that is not verified here (${kind})`);
}

/** Whether the key may speak for its owner now; `copies` are the same key out of several files. */
async function checkKey(copies: readonly Key[], packet: SignaturePacket, now: Date): Promise<Verified> {
  const newest = copies.reduce((best, key) => (lastSelfSignature(key) > lastSelfSignature(best) ? key : best));
  const signer = keyNamed(newest, packet.issuers) as Key | Subkey;
  const isPrimary = signer === newest;
  const owner = shown(await ownerOf(newest, now));
  const whose = `OpenPGP key ${fingerprint(newest)} of ${owner}`;
  const what = `is signed with ${isPrimary ? whose : `subkey ${fingerprint(signer)} of ${whose}`}`;
  const expired = (why: string): PlumblineError => refuse('SignatureExpired', `${what}, ${why}`);

  // A revocation counts in whichever copy it is, whatever its reason and time.
  for (const key of copies) {
    if (await key.isRevoked(undefined, undefined, noDate)) throw refuse('SignatureRevoked', `${what}, which is revoked`);
    const subkey = keyNamed(key, packet.issuers);
    if (subkey !== undefined && 'mainKey' in subkey && (await isSubkeyRevoked(subkey))) {
      throw refuse('SignatureRevoked', `${what}; the subkey is revoked`);
    }
  }
  if (packet.expires !== undefined && packet.expires * 1000 <= now.getTime()) {
    throw expired(`and the signature itself was good until ${timeText(new Date(packet.expires * 1000))} only`);
  }
  if (signer.getCreationTime().getTime() > packet.created * 1000) {
    throw expired(`which was made later (${timeText(signer.getCreationTime())}) than the signature says it was`);
  }
  const ends: readonly (readonly [string, Date | number | null])[] = [
    ['which', await newest.getExpirationTime()],
    ...('mainKey' in signer ? [['whose subkey', await signer.getExpirationTime(now)] as const] : []),
  ];
  for (const [which, end] of ends) {
    if (end instanceof Date && end <= now) throw expired(`${which} expired at ${timeText(end)}`);
  }
  try {
    const able = await newest.getSigningKey(signer.getKeyID(), now);
    if (able.getFingerprint() === signer.getFingerprint()) return { kind: 'OpenPGP', signer: owner, key: fingerprint(newest) };
  } catch (error) {
    const message = `${what}, which may not sign: no valid user ID, no right to sign, or too weak`;
    throw refuse('SignatureUntrusted', message, { cause: error });
  }
  throw refuse('SignatureUntrusted', `${what}, which may not sign`);
}

async function isSubkeyRevoked(subkey: Subkey): Promise<boolean> {
  return subkey.isRevoked(undefined as never, undefined as never, noDate);
}

/** The primary user ID that is valid, else any. */
async function ownerOf(key: Key, now: Date): Promise<string> {
  try {
    return (await key.getPrimaryUser(now)).user.userID?.userID ?? 'nobody';
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return key.getUserIDs()[0] ?? 'nobody';
  }
}

function fingerprint(key: Key | Subkey): string {
  return key.getFingerprint().toUpperCase();
}

function timeText(time: Date): string {
  return time.toISOString().replace('.000Z', 'Z');
}
