/** What is remembered of an applied revision, so that a commit that touches nothing of it only moves the revision (rule 8). */
import { applyAnnotation, hashAnnotation } from '../api/names.ts';
import type { GitOpsSource } from '../api/types.ts';
import { isWholeParent } from '../apply/parent.ts';
import type { Origin } from '../apply/desired.ts';
import { objectKey } from '../kube/types.ts';
import type { Inventory, Member } from '../live/types.ts';
import { correctionOf, isUndecided } from '../plan/correction.ts';
import type { DriftPolicy } from '../plan/correction.ts';
import { isIgnored } from '../plan/plan.ts';
import type { Plan } from '../plan/types.ts';
import type { Manifest } from '../render/types.ts';
import type { Snapshot } from '../source/types.ts';
import { originOf } from './history-step.ts';
import type { Gone, Memory, Walk } from './types.ts';

/** What the next walk may rely on after this one was applied whole. */
export function remember(self: Walk, snapshot: Snapshot, plan: Plan, manifests: readonly Manifest[]): Memory {
  const expected = new Map<string, string | undefined>();
  const hashes = new Map<string, string>();
  const origins = new Map<string, Origin>();
  const leftOut = new Set(plan.leftOut);
  for (const manifest of manifests) {
    const key = objectKey(manifest.id);
    hashes.set(key, manifest.hash);
    const origin = originOf(self.env.inventory.find(manifest.id)?.annotations ?? {});
    if (origin !== undefined) origins.set(key, origin);
    if (leftOut.has(manifest) && !isLeftOutMember(self, manifest)) continue;
    const presenceOnly = manifest.object.metadata.annotations?.[applyAnnotation] === 'IfNotPresent';
    expected.set(key, presenceOnly ? undefined : manifest.hash);
  }
  return {
    commit: snapshot.commit.sha,
    path: snapshot.path,
    tree: snapshot.tree,
    exclude: (self.source.spec.exclude ?? []).join('\n'),
    generation: self.source.metadata.generation ?? 0,
    expected,
    hashes,
    origins,
    handed: plan.handed.map(({ id }) => objectKey(id)),
    gone: goneOf(self, plan),
    total: manifests.length,
  };
}

/** What is told of and not put back; what was gone before is so since then. */
function goneOf(self: Walk, { missing, unlabelled }: Plan): Memory['gone'] {
  const since = new Date(self.env.now()).toISOString();
  const gone = new Map<string, Gone>();
  for (const [manifests, isThere] of [
    [missing, false],
    [unlabelled, true],
  ] as const) {
    for (const { id } of manifests) {
      const key = objectKey(id);
      const known = self.memory?.gone.get(key);
      gone.set(key, known?.isThere === isThere ? known : { id, isThere, since });
    }
  }
  return gone;
}

/** Left out for now, and a member all the same: it is missed when it goes, and looked at again when it is no longer ignored live. */
function isLeftOutMember({ env, applySet }: Walk, manifest: Manifest): boolean {
  return !isIgnored(manifest, undefined) && env.inventory.find(manifest.id)?.partOf === applySet;
}

/** Whether this snapshot renders to what is applied already, and every member is there with its hash. */
export function isCurrent(self: Walk, snapshot: Snapshot): self is Walk & { readonly memory: Memory } {
  const { memory, source, applySet, env, policy } = self;
  if (memory === undefined || memory.generation !== source.metadata.generation) return false;
  if (memory.tree !== snapshot.tree || memory.path !== snapshot.path) return false;
  if (memory.handed.length > 0 && env.inventory.membersOf(applySet).some(({ id }) => memory.handed.includes(objectKey(id)))) return false;
  return isIntact(memory, source, applySet, env.inventory, policy);
}

/** Whether every object that was applied is there as it was written, and the source is still the parent of them all. */
export function isIntact(memory: Memory, source: GitOpsSource, applySet: string, inventory: Inventory, policy: DriftPolicy): boolean {
  let intact = 0;
  const members = inventory.membersOf(applySet);
  for (const member of members) {
    if (memory.expected.has(objectKey(member.id)) && isAsWritten(memory, member, policy)) intact += 1;
  }
  return intact === memory.expected.size && isWholeParent(source, members);
}

/** Whether nothing is to be written to this member, nor to be asked about it: it is as it was written, or none of the revision's. */
export function isAsWritten(memory: Memory, member: Member, policy: DriftPolicy): boolean {
  const key = objectKey(member.id);
  if (!memory.expected.has(key)) return true;
  if (isIgnored(undefined, member)) return true;
  if (member.deleting) return false;
  const hash = memory.expected.get(key);
  if (hash === undefined) return true;
  if (isUndecided(member, policy) || correctionOf(member, policy) !== undefined) return false;
  return policy.mode !== 'Correct' || (member.ownsHashAndLabel && member.annotations[hashAnnotation] === hash);
}
