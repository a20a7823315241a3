/** What is gone, as Jobs that the cluster has removed by itself: what it was is read from the applied commit (rule 26). */
import { hashAnnotation } from '../api/names.ts';
import { PlumblineError } from '../errors.ts';
import { objectKey } from '../kube/types.ts';
import { hasTimeToLive } from '../plan/plan.ts';
import type { Live } from '../plan/types.ts';
import type { Manifest } from '../render/types.ts';
import type { Sight } from './look.ts';
import { renderSnapshot } from './render-step.ts';
import type { Walk } from './types.ts';
import { verifySource } from './verify-step.ts';

/**
 * The hashes of the applied revision, by objectKey, where the plan asks for any: a Job of this one has a time to live and is
 * not there, or nothing is to be put back (spec.drift.mode) and something is gone or was changed. Else undefined, and where
 * the applied commit cannot be had any more: such an object counts as unchanged.
 */
export async function appliedHashes(
  self: Walk,
  manifests: readonly Manifest[],
  live: Sight,
): Promise<ReadonlyMap<string, string> | undefined> {
  const applied = self.source.status?.revision?.applied;
  if (applied === undefined) return undefined;
  if (!manifests.some((manifest) => isAskedFor(self, manifest, live(manifest.id)))) return undefined;
  if (self.memory?.commit === applied.commit && self.memory.generation === self.source.metadata.generation) return self.memory.hashes;
  if (self.seen.ref.commit === applied.commit) return hashes(manifests);
  const { spec } = self.source;
  try {
    const ref = { commit: applied.commit, fullRef: undefined, shortRef: undefined };
    const wanted = { path: spec.path ?? '', exclude: spec.exclude ?? [] };
    const checkout = await self.env.remotes.checkout(spec.url, self.credentials, ref, self.signal, wanted);
    // Keys that left the Secret since count no more: then it is as if the commit could not be had.
    await verifySource(self.env, self.source, ref, checkout, self.signal);
    const rendered = await renderSnapshot(self, await checkout.snapshot(wanted, self.signal));
    return hashes(rendered.manifests);
  } catch (error) {
    if (error instanceof PlumblineError) return undefined;
    throw error;
  }
}

function isAskedFor({ policy, applySet }: Walk, manifest: Manifest, live: Live | undefined): boolean {
  if (live === undefined) return policy.mode !== 'Correct' || hasTimeToLive(manifest);
  const isOurs = live.partOf === applySet && live.annotations[hashAnnotation] === manifest.hash;
  return policy.mode !== 'Correct' && !isOurs;
}

function hashes(manifests: readonly Manifest[]): ReadonlyMap<string, string> {
  return new Map(manifests.map((manifest) => [objectKey(manifest.id), manifest.hash]));
}
