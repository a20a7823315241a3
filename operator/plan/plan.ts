/** Pure: from what git states and what is live to what is to be done. */
import {
  adoptAnnotation,
  applyAnnotation,
  fieldManager,
  forceAnnotation,
  hashAnnotation,
  ignoreAnnotation,
  pruneAnnotation,
} from '../api/names.ts';
import type { Fault } from '../errors.ts';
import { objectKey, objectText } from '../kube/types.ts';
import { isMark } from '../live/drift/ignore.ts';
import type { Member } from '../live/types.ts';
import type { Manifest } from '../render/types.ts';
import { correctionOf, judgedDrift } from './correction.ts';
import { mayHandOver, toolManagers } from './handover.ts';
import type { Live, Plan, PlanInput, Write } from './types.ts';

/** What PlanInput.appliedHash says where the applied revision cannot be had any more: such an object counts as unchanged. */
export const unknownHash = 'unknown';

/** What becomes of one manifest. */
type Verdict =
  | { readonly is: 'create' | 'change'; readonly write: Write }
  | { readonly is: 'unchanged' | 'leftOut' | 'missing' | 'unlabelled' }
  | { readonly is: 'terminating'; readonly fault: Fault }
  | { readonly is: 'refused'; readonly fault: Fault; readonly owner?: string };

/** Plans one revision of one source. Every refusal is collected, never only the first. */
export function plan(input: PlanInput): Plan {
  const creates: Write[] = [];
  const changes: Write[] = [];
  const unchanged: Manifest[] = [];
  const leftOut: Manifest[] = [];
  const missing: Manifest[] = [];
  const unlabelled: Manifest[] = [];
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
      case 'missing':
        leftOut.push(manifest);
        missing.push(manifest);
        break;
      case 'unlabelled':
        leftOut.push(manifest);
        unlabelled.push(manifest);
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

  const { prune, letGo, handed } = removals(input);
  const dryRun = input.appliedBefore || changes.length > 0 || prune.length > 0;
  return { creates, changes, unchanged, leftOut, missing, unlabelled, prune, letGo, handed, faults, contested, terminating, dryRun };
}

/** Whether the object, in git or live, says that it is to be left alone (rule 22). */
export function isIgnored(manifest: Manifest | undefined, live: Pick<Live, 'annotations'> | undefined): boolean {
  return manifest?.object.metadata.annotations?.[ignoreAnnotation] === 'true' || live?.annotations[ignoreAnnotation] === 'true';
}

/** Whether the manifest asks to be recreated when a field cannot be changed (rule 10). */
export function isForced(manifest: Manifest): boolean {
  return manifest.object.metadata.annotations?.[forceAnnotation] === 'enabled';
}

/** Proof that a labelled object is this source's: our Apply entry owns the label, and no controller made it (invariant 5). */
export function isProven(member: Pick<Member, 'ownsLabel' | 'controllerOwner'>): boolean {
  return member.ownsLabel && member.controllerOwner === undefined;
}

function judge(manifest: Manifest, input: PlanInput): Verdict {
  const live = input.live(manifest.id);
  if (isIgnored(manifest, live)) return { is: 'leftOut' };
  if (live === undefined) {
    if (isFinishedJob(manifest, input)) return { is: 'leftOut' };
    return isLeftAsItIs(manifest, input) ? { is: 'missing' } : create(manifest, input.wasThere(manifest));
  }
  const refusal = refuse(manifest, live, input);
  const onlyIfAbsent = manifest.object.metadata.annotations?.[applyAnnotation] === 'IfNotPresent';
  if (onlyIfAbsent && !live.deleting) return { is: 'leftOut' };
  if (refusal !== undefined) return refusal;
  if (live.deleting) {
    const message = 'is being deleted; it is made anew when it is gone';
    return { is: 'terminating', fault: { reason: 'ObjectTerminating', place: manifest.place, object: objectText(manifest.id), message } };
  }
  if (live.partOf === input.applySet && live.ownsHashAndLabel && live.annotations[hashAnnotation] === manifest.hash) {
    return putBack(manifest, live, input);
  }
  if (isLeftAsItIs(manifest, input) && !isOtherwiseWritten(live)) {
    if (live.partOf !== input.applySet) return { is: 'unlabelled' };
    const back = putBack(manifest, live, input);
    return back.is === 'change' ? back : { is: 'leftOut' };
  }
  const { ignored: leaveOut = [], fields = [] } = 'drift' in live ? judgedDrift(live, input.policy) : {};
  const puts = fields.length === 0 ? undefined : { back: fields, annotations: {} };
  const adopts = adoptedFrom(live, input);
  const handsOver = adopts === undefined ? undefined : handedOver(live);
  return { is: 'change', write: { verb: 'change', manifest, uid: live.uid, adopts, handsOver, leaveOut, puts } };
}

/** Whether the manifest asks to take the object over from the tool that manages it so far, or a source that is gone (rules 14 and 15). */
function adoptsByWord(manifest: Manifest): boolean {
  return manifest.object.metadata.annotations?.[adoptAnnotation] === 'true';
}

/** Undefined where nobody left anything to hand over: that costs no look. */
function handedOver(live: Live): readonly string[] | undefined {
  if (!('managers' in live)) return undefined;
  const tools = toolManagers(live.mark);
  return mayHandOver(live.managers, tools) ? tools : undefined;
}

/** An object whose manifest is the one last written: written all the same where others changed it, as spec.drift says. */
function putBack(manifest: Manifest, live: Live, { policy }: PlanInput): Verdict {
  const correction = 'drift' in live ? correctionOf(live, policy) : undefined;
  if (correction === undefined) return { is: 'unchanged' };
  const { leaveOut, overrules } = correction;
  const puts = { back: overrules, annotations: live.annotations };
  return { is: 'change', write: { verb: 'change', manifest, uid: live.uid, adopts: undefined, leaveOut, puts } };
}

/** What the applied revision states already is touched by no mode but Correct, whatever became of it. */
function isLeftAsItIs(manifest: Manifest, input: PlanInput): boolean {
  if (input.policy.mode === 'Correct' || !input.appliedBefore) return false;
  const before = input.appliedHash(manifest.id);
  return before === unknownHash || before === manifest.hash;
}

/** Whether it carries, of our own hand, another manifest than the applied one: a revision that failed half-way wrote it. */
function isOtherwiseWritten(live: Live): boolean {
  if (!live.ownsHashAndLabel || !('drift' in live) || live.drift === undefined) return false;
  return !live.drift.fields.some(({ path }) => isMark(path));
}

/** The managers of an object that no source owned; one that still says which hash it had lost only its label, and is taken back. */
function adoptedFrom(live: Live, input: PlanInput): readonly string[] | undefined {
  if (live.partOf === input.applySet || input.isFreed(live.id)) return undefined;
  if (live.partOf === '' && live.annotations[hashAnnotation] !== undefined) return undefined;
  return 'managers' in live ? live.managers : [fieldManager];
}

function create(manifest: Manifest, wasThere: boolean): Verdict {
  const puts = wasThere ? { back: [], annotations: {} } : undefined;
  return { is: 'create', write: { verb: 'create', manifest, uid: undefined, adopts: undefined, puts } };
}

/** Rule 14: the owner keeps it. A label without a living parent binds nobody if our own Apply entry owns it and every source is seen. */
function refuse(manifest: Manifest, live: Live, input: PlanInput): Verdict | undefined {
  const about = { place: manifest.place, object: objectText(manifest.id) };
  if (live.partOf !== '' && live.partOf !== input.applySet) {
    const owner = input.sourceOf(live.partOf);
    if (owner !== undefined && input.isFreed(manifest.id)) return undefined;
    if (owner !== undefined) {
      const message = `belongs to GitOpsSource ${owner}`;
      const remedy = `Take the manifest out of this source or out of ${owner}.`;
      return { is: 'refused', fault: { reason: 'OwnedByOther', ...about, message, remedy }, owner };
    }
    if (live.ownsLabel) return unseenOwner(manifest, live, input);
    const message = `belongs to ApplySet ${live.partOf}, which is no GitOpsSource`;
    const remedy = 'Find its tool by `kubectl get -A -l applyset.kubernetes.io/id` and take the object out of that set.';
    return { is: 'refused', fault: { reason: 'OwnedByOther', ...about, message, remedy } };
  }
  if (live.partOf === '' && 'mark' in live && live.mark !== undefined && !adoptsByWord(manifest)) {
    const message = `is managed by ${live.mark.tool} (${live.mark.owner})`;
    const remedy = `${live.mark.detach} Or annotate the manifest with ${adoptAnnotation}: "true" to take it over as it is.`;
    return { is: 'refused', fault: { reason: 'OwnedByOther', ...about, message, remedy } };
  }
  return undefined;
}

/** An operator that serves some namespaces does not see the sources of others: whether the owner is gone, a person says. */
function unseenOwner(manifest: Manifest, { partOf }: Live, { servedNamespaces }: PlanInput): Verdict | undefined {
  if (servedNamespaces.length === 0 || adoptsByWord(manifest)) return undefined;
  const place = { place: manifest.place, object: objectText(manifest.id) };
  const served = servedNamespaces.join(', ');
  const message = `belongs to a GitOpsSource (ApplySet ${partOf}) that is in none of the namespaces which this operator serves (${served}), or is gone`;
  const remedy = `Find it by \`kubectl get gos -A -l applyset.kubernetes.io/id=${partOf}\`. If it is there, take the manifest out of one of the two; if it is gone, annotate the manifest with ${adoptAnnotation}: "true" to take the object over.`;
  return { is: 'refused', fault: { reason: 'OwnedByOther', ...place, message, remedy } };
}

/** Rule 26: a Job with a time to live that is gone is done, until a revision changes its manifest. */
function isFinishedJob(manifest: Manifest, input: PlanInput): boolean {
  if (!input.appliedBefore || !hasTimeToLive(manifest)) return false;
  const before = input.appliedHash(manifest.id);
  return before === unknownHash || before === manifest.hash;
}

/** Whether this is a Job that the cluster removes by itself once it is done. */
export function hasTimeToLive(manifest: Manifest): boolean {
  if (manifest.id.group !== 'batch' || manifest.id.kind !== 'Job') return false;
  const spec = manifest.object['spec'] as { readonly ttlSecondsAfterFinished?: unknown } | undefined;
  return spec?.ttlSecondsAfterFinished !== undefined && spec.ttlSecondsAfterFinished !== null;
}

/** What leaves git: pruned with proof of membership, or let go where git, the object or the source says so (rule 20). */
function removals(input: PlanInput): { prune: Member[]; letGo: Member[]; handed: Member[] } {
  const stated = new Set(input.manifests.map((manifest) => objectKey(manifest.id)));
  const prune: Member[] = [];
  const letGo: Member[] = [];
  const handed: Member[] = [];
  for (const member of input.members) {
    if (stated.has(objectKey(member.id)) || !isProven(member) || isIgnored(undefined, member)) continue;
    if (input.isHanded(member)) {
      handed.push(member);
      continue;
    }
    const stays = !input.prune || member.annotations[pruneAnnotation] === 'disabled';
    if (stays) letGo.push(member);
    else prune.push(member);
  }
  return { prune, letGo, handed };
}
