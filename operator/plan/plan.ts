/** Pure: from what git states and what is live to what is to be done. */
import { applyAnnotation, fieldManager, forceAnnotation, hashAnnotation, ignoreAnnotation, pruneAnnotation } from '../api/names.ts';
import type { Fault } from '../errors.ts';
import { objectKey, objectText } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import type { Manifest } from '../render/types.ts';
import type { Live, Plan, PlanInput, Write } from './types.ts';

/** What becomes of one manifest. */
type Verdict =
  | { readonly is: 'create' | 'change'; readonly write: Write }
  | { readonly is: 'unchanged' | 'leftOut' }
  | { readonly is: 'terminating'; readonly fault: Fault }
  | { readonly is: 'refused'; readonly fault: Fault; readonly owner?: string };

/** Plans one revision of one source. Every refusal is collected, never only the first. */
export function plan(input: PlanInput): Plan {
  const creates: Write[] = [];
  const changes: Write[] = [];
  const unchanged: Manifest[] = [];
  const leftOut: Manifest[] = [];
  const faults: Fault[] = [];
  const terminating: Fault[] = [];
  const contested = new Map<string, Manifest[]>();

  for (const manifest of input.manifests) {
    const verdict = judge(manifest, input);
    switch (verdict.is) {
      case 'create':
        creates.push(verdict.write);
        break;
      case 'change':
        changes.push(verdict.write);
        break;
      case 'unchanged':
        unchanged.push(manifest);
        break;
      case 'leftOut':
        leftOut.push(manifest);
        break;
      case 'terminating':
        terminating.push(verdict.fault);
        break;
      case 'refused':
        faults.push(verdict.fault);
        if (verdict.owner !== undefined) contested.set(verdict.owner, [...(contested.get(verdict.owner) ?? []), manifest]);
        break;
    }
  }

  const { prune, letGo } = removals(input);
  const dryRun = input.appliedBefore || changes.length > 0 || prune.length > 0;
  return { creates, changes, unchanged, leftOut, prune, letGo, faults, contested, terminating, dryRun };
}

/** Whether the object, in git or live, says that it is to be left alone (rule 22). */
export function isIgnored(manifest: Manifest | undefined, live: Live | undefined): boolean {
  return manifest?.object.metadata.annotations?.[ignoreAnnotation] === 'true' || live?.annotations[ignoreAnnotation] === 'true';
}

/** Whether the manifest asks to be recreated when a field cannot be changed (rule 10). */
export function isForced(manifest: Manifest): boolean {
  return manifest.object.metadata.annotations?.[forceAnnotation] === 'enabled';
}

/** Proof that a labelled object is this source's: our Apply entry owns the label, and no controller made it (invariant 5). */
export function isProven(member: Member): boolean {
  return member.ownsLabel && member.controllerOwner === undefined;
}

function judge(manifest: Manifest, input: PlanInput): Verdict {
  const live = input.live(manifest.id);
  if (isIgnored(manifest, live)) return { is: 'leftOut' };
  if (live === undefined) return isFinishedJob(manifest, input) ? { is: 'leftOut' } : create(manifest);
  const refusal = refuse(manifest, live, input);
  const onlyIfAbsent = manifest.object.metadata.annotations?.[applyAnnotation] === 'IfNotPresent';
  if (onlyIfAbsent && !live.deleting) return { is: 'leftOut' };
  if (refusal !== undefined) return refusal;
  if (live.deleting) {
    const message = 'is being deleted; it is made anew when it is gone';
    return { is: 'terminating', fault: { reason: 'ObjectTerminating', place: manifest.place, object: objectText(manifest.id), message } };
  }
  if (live.partOf === input.applySet && live.ownsHashAndLabel && live.annotations[hashAnnotation] === manifest.hash) {
    return { is: 'unchanged' };
  }
  return { is: 'change', write: { verb: 'change', manifest, uid: live.uid, adopts: adoptedFrom(live, input) } };
}

/** The managers of an object that no source owned; one that still says which hash it had lost only its label, and is taken back. */
function adoptedFrom(live: Live, input: PlanInput): readonly string[] | undefined {
  if (live.partOf === input.applySet) return undefined;
  if (live.partOf === '' && live.annotations[hashAnnotation] !== undefined) return undefined;
  return 'managers' in live ? live.managers : [fieldManager];
}

function create(manifest: Manifest): Verdict {
  return { is: 'create', write: { verb: 'create', manifest, uid: undefined, adopts: undefined } };
}

/** Rule 14: the owner keeps it. A label without a living parent binds nobody if our own Apply entry owns it. */
function refuse(manifest: Manifest, live: Live, input: PlanInput): Verdict | undefined {
  const about = { place: manifest.place, object: objectText(manifest.id) };
  if (live.partOf !== '' && live.partOf !== input.applySet) {
    const owner = input.sourceOf(live.partOf);
    if (owner !== undefined) {
      const message = `belongs to GitOpsSource ${owner}`;
      const remedy = `Take the manifest out of this source or out of ${owner}.`;
      return { is: 'refused', fault: { reason: 'OwnedByOther', ...about, message, remedy }, owner };
    }
    if (live.ownsLabel) return undefined;
    const message = `belongs to ApplySet ${live.partOf}, which is no GitOpsSource`;
    const remedy = 'Find its tool by `kubectl get -A -l applyset.kubernetes.io/id` and take the object out of that set.';
    return { is: 'refused', fault: { reason: 'OwnedByOther', ...about, message, remedy } };
  }
  if (live.partOf === '' && 'mark' in live && live.mark !== undefined) {
    const message = `is managed by ${live.mark.tool} (${live.mark.owner})`;
    return { is: 'refused', fault: { reason: 'OwnedByOther', ...about, message, remedy: live.mark.detach } };
  }
  return undefined;
}

/** Rule 26: a Job with a time to live that is gone is done, until a revision changes its manifest. */
function isFinishedJob(manifest: Manifest, input: PlanInput): boolean {
  if (!input.appliedBefore || !hasTimeToLive(manifest)) return false;
  const before = input.appliedHash(manifest.id);
  return before === undefined || before === manifest.hash;
}

/** Whether this is a Job that the cluster removes by itself once it is done. */
export function hasTimeToLive(manifest: Manifest): boolean {
  if (manifest.id.group !== 'batch' || manifest.id.kind !== 'Job') return false;
  const spec = manifest.object['spec'] as { readonly ttlSecondsAfterFinished?: unknown } | undefined;
  return spec?.ttlSecondsAfterFinished !== undefined && spec.ttlSecondsAfterFinished !== null;
}

/** What leaves git: pruned with proof of membership, or let go where git, the object or the source says so (rule 20). */
function removals(input: PlanInput): { prune: Member[]; letGo: Member[] } {
  const stated = new Set(input.manifests.map((manifest) => objectKey(manifest.id)));
  const prune: Member[] = [];
  const letGo: Member[] = [];
  for (const member of input.members) {
    if (stated.has(objectKey(member.id)) || !isProven(member) || isIgnored(undefined, member)) continue;
    const stays = !input.prune || member.annotations[pruneAnnotation] === 'disabled';
    if (stays) letGo.push(member);
    else prune.push(member);
  }
  return { prune, letGo };
}
