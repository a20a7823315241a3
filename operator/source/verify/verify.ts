/**
 * Whether a commit or an annotated tag is signed by somebody whom the Secret of spec.verify names. What is given is checked
 * against its object id first, so nobody's word is taken for what git holds.
 */
import { createHash } from 'node:crypto';
import { readAllowedSigners } from './allowed-signers.ts';
import { verifyOpenPgp } from './openpgp.ts';
import { inQuotes, named, refuse } from './refusal.ts';
import { splitCommit, splitTag, statedTime } from './signed-object.ts';
import type { SignedObject } from './signed-object.ts';
import { verifySsh } from './sshsig.ts';
import type { Verified, VerifyKeys } from './types.ts';

export interface SignedCommit {
  /** Object id, 40 hex digits. */
  readonly sha: string;
  /** As git cat-file commit prints it. */
  readonly raw: Buffer;
}

export interface SignedTag {
  /** Object id of the tag itself. */
  readonly sha: string;
  /** As git cat-file tag prints it. */
  readonly raw: Buffer;
  /** The name that it was found by, without refs/tags/. */
  readonly name: string;
  /** The commit that it has to point at. */
  readonly commit: string;
}

/**
 * Who signed the commit. Throws PlumblineError: SignatureMissing, SignatureInvalid, SignatureUntrusted, SignatureExpired,
 * SignatureRevoked, VerifyKeysInvalid.
 */
export async function verifyCommit({ sha, raw }: SignedCommit, keys: VerifyKeys, now: Date): Promise<Verified> {
  try {
    checkId('commit', sha, raw);
    const object = splitCommit(raw);
    return await verifyObject(object, statedTime(object, 'committer'), keys, now);
  } catch (error) {
    throw named(`commit ${sha.slice(0, 7)}`, error);
  }
}

/**
 * Who signed the tag; it must bear the name it was found by and point at the commit itself, else a signed tag could be
 * passed off for another. Throws as verifyCommit.
 */
export async function verifyTag({ sha, raw, name, commit }: SignedTag, keys: VerifyKeys, now: Date): Promise<Verified> {
  try {
    checkId('tag', sha, raw);
    const object = splitTag(raw);
    const verified = await verifyObject(object, statedTime(object, 'tagger'), keys, now);
    const header = (wanted: string): string => object.headers.find(([key]) => key === wanted)?.[1] ?? '';
    if (header('tag') !== name) throw refuse('SignatureInvalid', `was signed under another name, ${inQuotes(header('tag'), 100)}`);
    if (header('type') !== 'commit' || header('object') !== commit) {
      throw refuse(
        'SignatureInvalid',
        `was signed for ${header('type')} ${header('object').slice(0, 7)}, not for commit ${commit.slice(0, 7)}`,
      );
    }
    return verified;
  } catch (error) {
    throw named(`tag ${name}`, error);
  }
}

async function verifyObject(object: SignedObject, time: number | undefined, keys: VerifyKeys, now: Date): Promise<Verified> {
  const { payload, signature } = object;
  switch (signature?.format) {
    case undefined:
      throw refuse('SignatureMissing', 'is not signed');
    case 'OpenPGP':
      return verifyOpenPgp(payload, signature.text, keys.asc, now);
    case 'SSH': {
      const signers = keys.allowedSigners === undefined ? undefined : readAllowedSigners(keys.allowedSigners);
      return verifySsh(payload, signature.text, signers, time ?? Math.floor(now.getTime() / 1000));
    }
    case 'X.509':
      throw refuse('SignatureUntrusted', 'is signed with an X.509 certificate, which is not verified here', {
        remedy: 'Sign with an OpenPGP or SSH key.',
      });
  }
}

function checkId(kind: 'commit' | 'tag', sha: string, raw: Buffer): void {
  const id = createHash('sha1').update(`${kind} ${raw.length}\0`).update(raw).digest('hex');
  if (id !== sha) throw refuse('SignatureInvalid', `is not what its object id says: its bytes are those of ${id.slice(0, 7)}`);
}
