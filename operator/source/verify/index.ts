/** Trust: what of a repository is signed by whom. */
export { readVerifyKeys } from './keys.ts';
export { canBeTag, signedText, verifyRevision } from './revision.ts';
export type { VerifyMode } from './revision.ts';
export type { Signed, Verified, VerifyKeys } from './types.ts';
export { verifyCommit, verifyTag } from './verify.ts';
export type { SignedCommit, SignedTag } from './verify.ts';
