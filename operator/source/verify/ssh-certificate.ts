/** Certificates of SSH keys (OpenSSH, PROTOCOL.certkeys): a CA says whose key it is, and for how long. */
import { isSshKeyType, readKeyFields, readSshKey, verifySshSignature } from './ssh-key.ts';
import type { SshKey } from './ssh-key.ts';
import { inQuotes } from './refusal.ts';
import type { Fail } from './refusal.ts';
import { WireReader } from './wire.ts';

/** A certificate whose CA's signature was checked; whether the CA is trusted is another question. */
export interface SshCertificate {
  readonly authority: SshKey;
  readonly isForUser: boolean;
  /** What its CA calls it. */
  readonly id: string;
  readonly principals: readonly string[];
  /** Seconds since the epoch; the first that counts. */
  readonly validAfter: number;
  /** Seconds since the epoch; the first that no longer counts; Infinity when it never ends. */
  readonly validBefore: number;
  readonly criticalOptions: readonly string[];
}

export interface SshIdentity {
  readonly key: SshKey;
  readonly certificate: SshCertificate | undefined;
}

const suffix = '-cert-v01@openssh.com';
const forever = 0xffff_ffff_ffff_ffffn;
const forUser = 1;

/** A key, or a certificate with the key that it is about. Throws what `fail` makes, also when the CA's signature is wrong. */
export function readSshIdentity(blob: Buffer, fail: Fail): SshIdentity {
  const type = new WireReader(blob, fail).name();
  if (!type.endsWith(suffix)) return { key: readSshKey(blob, fail), certificate: undefined };
  const plain = type.slice(0, -suffix.length);
  // sk-ssh-ed25519-cert-v01@openssh.com is about a key of type sk-ssh-ed25519@openssh.com.
  const keyType = plain.startsWith('sk-') ? `${plain}@openssh.com` : plain;
  if (!isSshKeyType(keyType)) throw fail(`certificates of type ${inQuotes(type, 60)} are not known`);
  const reader = new WireReader(blob, fail);
  reader.name();
  reader.string(); // the nonce
  const key = readKeyFields(keyType, reader, fail);
  reader.uint64(); // the serial number
  const isForUser = reader.uint32() === forUser;
  const id = reader.string().toString('utf8');
  const principals = readStrings(reader.string(), fail);
  const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
  const criticalOptions = readOptions(reader.string(), fail);
  readOptions(reader.string(), fail); // extensions, none of which speaks of signatures
  reader.string(); // reserved
  const authority = readSshKey(reader.string(), fail);
  const signedBytes = blob.subarray(0, reader.at);
  const signature = reader.string();
  reader.end();
  if (!verifySshSignature(authority, signedBytes, signature, fail)) throw fail("the CA's signature in its certificate is wrong");
  return {
    key,
    certificate: {
      authority,
      isForUser,
      id,
      principals,
      validAfter: Number(validAfter),
      validBefore: validBefore === forever ? Number.POSITIVE_INFINITY : Number(validBefore),
      criticalOptions,
    },
  };
}

function readStrings(bytes: Buffer, fail: Fail): string[] {
  const reader = new WireReader(bytes, fail);
  const strings: string[] = [];
  while (!reader.isAtEnd) strings.push(reader.string().toString('utf8'));
  return strings;
}

/** The names of options; their values say nothing to us. */
function readOptions(bytes: Buffer, fail: Fail): string[] {
  const reader = new WireReader(bytes, fail);
  const names: string[] = [];
  while (!reader.isAtEnd) {
    names.push(reader.name());
    reader.string();
  }
  return names;
}
