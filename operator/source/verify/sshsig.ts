/**
 * SSH signatures (OpenSSH, PROTOCOL.sshsig) of the namespace `git`, trusted as git does: whoever the list names for the
 * key, at the time that the signed object states.
 */
import { createHash } from 'node:crypto';
import { allowedSignersKey } from './allowed-signers.ts';
import type { AllowedSigner } from './allowed-signers.ts';
import { readArmor } from './armor.ts';
import { matchesPatternList } from './pattern.ts';
import { inQuotes, malformed, refuse, shown } from './refusal.ts';
import { readSshIdentity } from './ssh-certificate.ts';
import type { SshIdentity } from './ssh-certificate.ts';
import { verifySshSignature, wireString } from './ssh-key.ts';
import type { Verified } from './types.ts';
import { WireReader } from './wire.ts';

const namespace = 'git';
const magic = 'SSHSIG';

export interface SshSignature {
  readonly identity: SshIdentity;
  readonly namespace: string;
  readonly hash: 'sha256' | 'sha512';
  /** A signature blob: its algorithm, then its bytes. */
  readonly signature: Buffer;
}

/** The signature in an armoured block. Throws PlumblineError SignatureInvalid. */
export function readSshSignature(armored: string): SshSignature {
  const reader = new WireReader(readArmor(armored, 'SSH SIGNATURE', malformed), malformed);
  if (reader.take(magic.length).toString('latin1') !== magic) throw malformed('it does not begin with SSHSIG');
  const version = reader.uint32();
  if (version !== 1) throw malformed(`version ${version} is not known`);
  const key = reader.string();
  const stated = reader.name();
  if (reader.string().length > 0) throw malformed('its reserved field is in use');
  const hash = reader.name();
  const signature = reader.string();
  reader.end();
  if (hash !== 'sha256' && hash !== 'sha512') throw malformed(`the hash ${inQuotes(hash, 40)} is not taken`);
  return { identity: readSshIdentity(key, malformed), namespace: stated, hash, signature };
}

/**
 * Who signed `payload`, if the list trusts the key at `at` (seconds since the epoch). Throws PlumblineError:
 * SignatureInvalid, SignatureUntrusted, SignatureExpired.
 */
export function verifySsh(payload: Buffer, armored: string, signers: readonly AllowedSigner[] | undefined, at: number): Verified {
  const signature = readSshSignature(armored);
  const { key } = signature.identity;
  if (signature.namespace !== namespace) {
    throw refuse(
      'SignatureInvalid',
      `has a signature made for ${inQuotes(signature.namespace)} by SSH key ${key.fingerprint}, not for git`,
    );
  }
  const signedBytes = Buffer.concat([
    Buffer.from(magic),
    wireString(signature.namespace),
    wireString(''),
    wireString(signature.hash),
    wireString(createHash(signature.hash).update(payload).digest()),
  ]);
  if (!verifySshSignature(key, signedBytes, signature.signature, malformed)) {
    throw refuse(
      'SignatureInvalid',
      `does not match its signature by SSH key ${key.fingerprint}: it, or the signature, was altered after signing`,
    );
  }
  if (signers === undefined) {
    throw refuse(
      'SignatureUntrusted',
      `is signed with SSH key ${key.fingerprint}, and the Secret of spec.verify has no key ${allowedSignersKey}`,
    );
  }
  return { kind: 'SSH', signer: shown(signerOf(signature.identity, signers, at)), key: key.fingerprint };
}

/** What one line says about a key: who it is, or why not. */
type Opinion = { readonly signer: string } | { readonly refused: 'SignatureUntrusted' | 'SignatureExpired'; readonly because: string };

/** Lines are asked in their order, the first that agrees counts; else the first that knows the key says why not. */
function signerOf(identity: SshIdentity, signers: readonly AllowedSigner[], at: number): string {
  const opinions: Exclude<Opinion, { signer: string }>[] = [];
  for (const signer of signers) {
    const opinion = opinionOf(identity, signer, at);
    if (opinion === undefined) continue;
    if ('signer' in opinion) return opinion.signer;
    opinions.push(opinion);
  }
  const { certificate, key } = identity;
  const what =
    certificate === undefined
      ? `is signed with SSH key ${key.fingerprint}`
      : `is signed with SSH key ${key.fingerprint}, certified by ${certificate.authority.fingerprint} as ${inQuotes(certificate.id)}`;
  // Of one key on several lines, an end of its time says more than a namespace that it never had.
  const opinion = opinions.find(({ refused }) => refused === 'SignatureExpired') ?? opinions[0];
  if (opinion !== undefined) throw refuse(opinion.refused, `${what}: ${opinion.because}`);
  throw refuse('SignatureUntrusted', `${what}, which no line of ${allowedSignersKey} in the Secret of spec.verify names`);
}

function opinionOf({ key, certificate }: SshIdentity, line: AllowedSigner, at: number): Opinion | undefined {
  const expected = line.isAuthority ? certificate?.authority : certificate === undefined ? key : undefined;
  if (expected === undefined || !expected.blob.equals(line.key.blob)) return undefined;
  const where = `line ${line.line} of ${allowedSignersKey}`;
  const untrusted = (because: string): Opinion => ({ refused: 'SignatureUntrusted', because });
  const expired = (because: string): Opinion => ({ refused: 'SignatureExpired', because });

  if (line.namespaces !== undefined && !matchesPatternList(namespace, line.namespaces))
    return untrusted(`${where} allows the key for ${inQuotes(line.namespaces)}, not for git`);
  if (line.validAfter !== undefined && at < line.validAfter)
    return expired(`${where} says valid-after ${timeText(line.validAfter)}, and it is of ${timeText(at)}`);
  if (line.validBefore !== undefined && at > line.validBefore)
    return expired(`${where} says valid-before ${timeText(line.validBefore)}, and it is of ${timeText(at)}`);

  if (certificate !== undefined) {
    if (!certificate.isForUser) return untrusted('the certificate is for a host');
    if (certificate.criticalOptions.length > 0)
      return untrusted(`the certificate has critical options (${shown(certificate.criticalOptions.join(', '))}), none of which is known`);
    if (at < certificate.validAfter)
      return expired(`the certificate is valid from ${timeText(certificate.validAfter)}, and it is of ${timeText(at)}`);
    if (at >= certificate.validBefore)
      return expired(`the certificate was valid until ${timeText(certificate.validBefore)}, and it is of ${timeText(at)}`);
  }
  // For a bare key the list itself says who it is; a certificate has its own principals.
  const names = certificate === undefined ? line.principals.split(',') : certificate.principals;
  const matching = names.filter((name) => !name.startsWith('!') && matchesPatternList(name, line.principals));
  if (matching.length > 0) return { signer: matching.join(', ') };
  return untrusted(
    certificate === undefined
      ? `${where} names nobody for it`
      : `its principals (${names.length === 0 ? 'none' : shown(names.join(', '))}) are not those of ${where}`,
  );
}

/** RFC 3339; times out of a certificate can be beyond what a date holds. */
function timeText(seconds: number): string {
  return Math.abs(seconds) <= 8.64e12 ? new Date(seconds * 1000).toISOString().replace('.000Z', 'Z') : `${seconds} s after 1970`;
}
