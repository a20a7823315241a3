/** What the guard has to know of namespaces and CRDs before they are pruned (rule 18); asked only when any would be. */
import { isKubeError } from '../kube/client.ts';
import { getMetadata, listMetadata } from '../kube/operations.ts';
import { groupKindText, gvkOf, objectKey, objectText } from '../kube/types.ts';
import type { KubeObject, OwnerReference, Resource } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import { guardQuestions } from '../plan/guard.ts';
import type { GuardFacts } from '../plan/types.ts';
import type { Walk } from './types.ts';

/** Enough to name a few and to count; a namespace of thousands of Pods is held by its first. */
const enough = 20;
/** Pod → ReplicaSet → Deployment → … : no chain of controllers is longer. */
const longestChain = 8;

const pods: Resource = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true, verbs: [] };
const claims: Resource = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  namespaced: true,
  verbs: [],
};

/** Looks into the namespaces and CRDs among what would be pruned. */
export async function guardFacts(self: Walk, prune: readonly Member[]): Promise<GuardFacts> {
  const { namespaces, crds } = guardQuestions(prune);
  const contents = await Promise.all(namespaces.map(async (name) => [name, await contentsOf(self, name)] as const));
  const objects = await Promise.all(crds.map(async (name) => [name, await objectsOf(self, name, prune)] as const));
  return { namespaceContents: new Map(contents), crdObjects: new Map(objects) };
}

/** Claims of storage, and Pods whose chain of controllers ends at no member of this source. */
async function contentsOf(self: Walk, namespace: string): Promise<readonly string[]> {
  const inside: string[] = [];
  for await (const claim of listMetadata(self.env.client, claims, { namespace, flow: self.key, signal: self.signal })) {
    inside.push(`PersistentVolumeClaim ${namespace}/${claim.metadata.name}`);
    if (inside.length === enough) return inside;
  }
  const roots = new Map<string, boolean>();
  for await (const pod of listMetadata(self.env.client, pods, { namespace, flow: self.key, signal: self.signal })) {
    if (await endsAtMember(self, namespace, pod, 'v1', 'Pod', roots)) continue;
    inside.push(`Pod ${namespace}/${pod.metadata.name}`);
    if (inside.length === enough) return inside;
  }
  return inside;
}

async function endsAtMember(
  self: Walk,
  namespace: string,
  object: Pick<KubeObject, 'metadata'>,
  apiVersion: string,
  kind: string,
  known: Map<string, boolean>,
): Promise<boolean> {
  let here: Pick<KubeObject, 'metadata'> | undefined = object;
  let gvk = gvkOf({ apiVersion, kind });
  const passed: string[] = [];
  let answer = false;
  for (let step = 0; step < longestChain && here !== undefined; step += 1) {
    const member = self.env.inventory.find({ ...gvk, namespace, name: here.metadata.name });
    answer = member !== undefined && member.uid === here.metadata.uid && member.partOf === self.applySet;
    const owner: OwnerReference | undefined = here.metadata.ownerReferences?.find((reference) => reference.controller === true);
    if (owner === undefined) break;
    const seen = known.get(owner.uid);
    if (seen !== undefined) {
      answer = seen;
      break;
    }
    passed.push(owner.uid);
    gvk = gvkOf(owner);
    here = await ownerOf(self, namespace, owner);
    if (here === undefined) answer = false;
  }
  for (const uid of passed) known.set(uid, answer);
  return answer;
}

async function ownerOf(self: Walk, namespace: string, owner: OwnerReference): Promise<KubeObject | undefined> {
  const gvk = gvkOf(owner);
  const [resource] = [...(await self.env.discovery.resolve([gvk], self.signal)).values()];
  if (resource === undefined) return undefined;
  const id = { ...gvk, namespace: resource.namespaced ? namespace : '', name: owner.name };
  const found = await getMetadata(self.env.client, resource, id, { flow: self.key, signal: self.signal });
  return found?.metadata.uid === owner.uid ? found : undefined;
}

/** Objects of the CRD's kind that are not pruned along with it. */
async function objectsOf(self: Walk, crd: string, prune: readonly Member[]): Promise<readonly string[]> {
  const [plural = '', ...group] = crd.split('.');
  const resources = await self.env.discovery.allResources(self.signal);
  const resource = resources.find((each) => each.plural === plural && each.group === group.join('.'));
  if (resource === undefined) return [];
  const going = new Set(prune.filter(({ id }) => groupKindText(id) === groupKindText(resource)).map(({ id }) => objectKey(id)));
  const staying: string[] = [];
  try {
    for await (const { metadata } of listMetadata(self.env.client, resource, { flow: self.key, signal: self.signal })) {
      const id = { ...resource, namespace: metadata.namespace ?? '', name: metadata.name };
      if (!going.has(objectKey(id))) staying.push(objectText(id));
      if (staying.length === enough) break;
    }
  } catch (error) {
    if (!isKubeError(error, 404)) throw error;
  }
  return staying;
}
