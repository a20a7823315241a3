/** Pure: what a source followed before, so that a ref that was moved otherwise than forward is noticed. */
import type { GitOpsSource } from '../api/types.ts';
import type { ResolvedRef } from '../source/types.ts';

/** What a walk was over; `fullRef` is empty for a bare commit. */
export interface Followed {
  readonly url: string;
  readonly commit: string;
  readonly fullRef: string;
}

/** After a restart the status knows the commit; which ref it was under only if the spec is the same and names one. */
export function followedBefore({ metadata, spec, status }: GitOpsSource, now: ResolvedRef): Followed | undefined {
  const commit = status?.revision?.observed?.commit;
  if (commit === undefined || status?.observedGeneration !== metadata.generation || spec.ref?.semver !== undefined) return undefined;
  return { url: spec.url, commit, fullRef: now.fullRef ?? '' };
}
