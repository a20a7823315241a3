/** What is live of a revision: watches for every kind in use, look-ups for what no watch can see (rule 1). */
import { gvkKey, groupKindText, objectKey } from '../kube/types.ts';
import type { ObjectId, Resource } from '../kube/types.ts';
import type { LookedUp } from '../live/types.ts';
import { readParent } from '../plan/applyset.ts';
import type { Live } from '../plan/types.ts';
import type { Manifest } from '../render/types.ts';
import type { Walk } from './types.ts';

/** The live objects of a revision, as plan reads them. */
export type Sight = (id: ObjectId) => Live | undefined;

/**
 * Has every kind of the revision and of the source's members watched, and looks up what the watches do not show.
 * A kind that the API server does not serve yet (its CRD is in the revision) has no objects.
 */
export async function look(self: Walk, manifests: readonly Manifest[]): Promise<Sight> {
  const { env, lookUps, signal } = self;
  const served = await watchKinds(self, manifests);
  const unknown = new Map<string, { resource: Resource; ids: ObjectId[] }>();
  for (const { id, resource } of manifests) {
    const key = gvkKey(resource);
    if (!served.has(key) || env.inventory.find(id) !== undefined) continue;
    const ofKind = unknown.get(key) ?? { resource, ids: [] };
    ofKind.ids.push(id);
    unknown.set(key, ofKind);
  }
  const answers = await Promise.all([...unknown.values()].map(({ resource, ids }) => lookUps.find(resource, ids, signal)));
  const found = new Map<string, LookedUp>(answers.flatMap((answer) => [...answer]));
  return (id) => env.inventory.find(id) ?? found.get(objectKey(id));
}

/** Has every kind watched that the revision states or the source has members of; returns the keys of those that are served. */
export async function watchKinds(self: Walk, manifests: readonly Manifest[]): Promise<ReadonlySet<string>> {
  const { env, key, signal } = self;
  const stated = new Map(manifests.map(({ resource }) => [gvkKey(resource), resource]));
  const served = await env.discovery.resolve([...stated.values()], signal);
  const kinds = new Map(served);
  const statedKinds = new Set([...served.values()].map(groupKindText));
  for (const resource of await memberKinds(self)) {
    if (!statedKinds.has(groupKindText(resource))) kinds.set(gvkKey(resource), resource);
  }
  await env.inventory.need(key, [...kinds.values()], signal);
  return new Set(served.keys());
}

interface MemberKindsInput extends Pick<Walk, 'source' | 'signal'> {
  readonly env: Pick<Walk['env'], 'discovery'>;
}

/** The kinds that the parent's annotation lists, in the version that the API server prefers; what is not served is left out. */
export async function memberKinds({ source, env, signal }: MemberKindsInput): Promise<readonly Resource[]> {
  const { groupKinds } = readParent(source.metadata.annotations);
  return groupKinds.length === 0 ? [] : env.discovery.preferred(groupKinds, signal);
}
