/** Finished Jobs that the cluster has removed by itself: what they were is read from the applied commit (rule 26). */
import { PlumblineError } from '../errors.ts';
import { objectKey } from '../kube/types.ts';
import { hasTimeToLive } from '../plan/plan.ts';
import type { Manifest } from '../render/types.ts';
import type { Sight } from './look.ts';
import { renderSnapshot } from './render-step.ts';
import type { Walk } from './types.ts';

const nothing: ReadonlyMap<string, string> = new Map();

/**
 * The hashes of the applied revision, by objectKey, if any Job of this one has a time to live and is not there; else
 * nothing. Where the applied commit cannot be had any more, nothing either: such a Job counts as unchanged.
 */
export async function appliedHashes(self: Walk, manifests: readonly Manifest[], live: Sight): Promise<ReadonlyMap<string, string>> {
  const applied = self.source.status?.revision?.applied;
  if (applied === undefined) return nothing;
  if (!manifests.some((manifest) => hasTimeToLive(manifest) && live(manifest.id) === undefined)) return nothing;
  if (self.memory?.commit === applied.commit && self.memory.generation === self.source.metadata.generation) return self.memory.hashes;
  if (self.seen.ref.commit === applied.commit) return hashes(manifests);
  const { spec } = self.source;
  try {
    const ref = { commit: applied.commit, fullRef: undefined, shortRef: undefined };
    const wanted = { path: spec.path ?? '', exclude: spec.exclude ?? [] };
    const checkout = await self.env.remotes.checkout(spec.url, self.credentials, ref, self.signal, wanted);
    const rendered = await renderSnapshot(self, await checkout.snapshot(wanted, self.signal));
    return hashes(rendered.manifests);
  } catch (error) {
    if (error instanceof PlumblineError) return nothing;
    throw error;
  }
}

function hashes(manifests: readonly Manifest[]): ReadonlyMap<string, string> {
  return new Map(manifests.map((manifest) => [objectKey(manifest.id), manifest.hash]));
}
