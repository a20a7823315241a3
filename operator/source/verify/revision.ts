/** What spec.verify asks of a revision: its commit, its tag, or both, each signed by somebody whom the Secret names. */
import { PlumblineError } from '../../errors.ts';
import type { Fault } from '../../errors.ts';
import type { Checkout, RefSpec, ResolvedRef } from '../types.ts';
import { named, refuse } from './refusal.ts';
import type { Signed, VerifyKeys } from './types.ts';
import { verifyCommit, verifyTag } from './verify.ts';

export type VerifyMode = 'HEAD' | 'Tag' | 'TagAndHEAD';

/**
 * Who signed what the mode asks for. Throws PlumblineError with all that is wrong: SignatureMissing, SignatureInvalid,
 * SignatureUntrusted, SignatureExpired, SignatureRevoked, VerifyKeysInvalid.
 */
export async function verifyRevision(
  mode: VerifyMode,
  ref: ResolvedRef,
  { commit, signed }: Pick<Checkout, 'commit' | 'signed'>,
  keys: VerifyKeys,
  now: Date,
): Promise<readonly Signed[]> {
  const asked: Promise<Signed>[] = [];
  if (mode !== 'HEAD') asked.push(signedTag(ref, commit.sha, signed.tag, keys, now));
  if (mode !== 'Tag') asked.push(signedCommit(commit.sha, signed.commit, keys, now));
  const answers = await Promise.allSettled(asked);
  const faults = new Map<string, Fault>();
  for (const answer of answers) {
    if (answer.status === 'fulfilled') continue;
    if (!(answer.reason instanceof PlumblineError)) throw answer.reason;
    // A Secret that is broken is so for the tag and for the commit.
    for (const fault of answer.reason.faults) faults.set(`${fault.reason} ${fault.message}`, fault);
  }
  if (faults.size > 0) throw new PlumblineError([...faults.values()]);
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
}

/** Whether a ref of this spec can be an annotated tag at all: nothing else satisfies the modes Tag and TagAndHEAD. */
export function canBeTag({ tag, semver, name }: RefSpec): boolean {
  return tag !== undefined || semver !== undefined || name?.startsWith('refs/tags/') === true;
}

/** `Tag v1.2.0 is signed by Ada <ada@example.com> with OpenPGP key 0123…; commit 4f2a9c1 is …`, a full sentence. */
export function signedText(signed: readonly Signed[]): string {
  const parts = signed.map(({ what, by }) => `${what} is signed by ${by.signer} with ${by.kind} key ${by.key}`);
  const text = parts.join('; ');
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

async function signedCommit(sha: string, raw: Buffer, keys: VerifyKeys, now: Date): Promise<Signed> {
  return { what: `commit ${sha.slice(0, 7)}`, by: await verifyCommit({ sha, raw }, keys, now) };
}

async function signedTag(ref: ResolvedRef, commit: string, raw: Buffer | undefined, keys: VerifyKeys, now: Date): Promise<Signed> {
  if (ref.fullRef === undefined) {
    // Asked for by its id: what ran before a restart. Nothing is wrong with any tag.
    throw named(
      `commit ${commit.slice(0, 7)}`,
      refuse('SignatureMissing', 'was reached by its id alone, so that the signature of the tag that once led to it cannot be verified', {
        remedy: 'Nothing needs to be done to the commit or its tag: the next revision that is applied is verified by its own tag.',
      }),
    );
  }
  const name = ref.fullRef.replace(/^refs\/tags\//, '');
  if (ref.tag === undefined || raw === undefined) {
    throw named(
      `tag ${name}`,
      refuse('SignatureMissing', 'is a lightweight tag, which cannot carry a signature', {
        remedy: `Make it anew as a signed tag (git tag -s -f ${name} ${commit.slice(0, 7)}) and push it.`,
      }),
    );
  }
  return { what: `tag ${name}`, by: await verifyTag({ sha: ref.tag, raw, name, commit }, keys, now) };
}
