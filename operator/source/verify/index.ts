/** Trust: what of a repository is signed by whom. */
export { readVerifyKeys } from './keys.ts';
export type { Verified, VerifyKeys } from './types.ts';
export { verifyCommit, verifyTag } from './verify.ts';
export type { SignedCommit, SignedTag } from './verify.ts';
