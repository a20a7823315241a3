/** Trust, before anything of a commit is read: every walk verifies, whatever it finds unchanged afterwards. */
import type { GitOpsSource } from '../api/types.ts';
import type { Checkout, ResolvedRef } from '../source/types.ts';
import { readVerifyKeys, verifyRevision } from '../source/verify/index.ts';
import type { Signed } from '../source/verify/index.ts';
import { readSecretData } from './secret.ts';
import type { WalkEnv } from './types.ts';

/**
 * Who signed what spec.verify asks for. The Secret is read anew each time, so that a key that left it counts no more.
 * Throws PlumblineError: the reasons of verifyRevision, SecretNotFound, OperatorForbidden.
 */
export async function verifySource(
  { client }: Pick<WalkEnv, 'client'>,
  { spec, metadata }: GitOpsSource,
  ref: ResolvedRef,
  checkout: Pick<Checkout, 'commit' | 'signed'>,
  signal: AbortSignal,
): Promise<readonly Signed[]> {
  if (spec.verify === undefined) return [];
  const { mode, secretRef } = spec.verify;
  const secret = { namespace: metadata.namespace, name: secretRef.name, field: 'spec.verify.secretRef' } as const;
  const keys = readVerifyKeys(await readSecretData(client, secret, signal));
  return verifyRevision(mode, ref, checkout, keys, new Date());
}
