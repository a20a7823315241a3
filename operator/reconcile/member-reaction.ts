/** Pure: what a change of a member asks of its source. */
import { findCondition } from '../api/conditions.ts';
import type { GitOpsSource } from '../api/types.ts';
import { objectKey } from '../kube/types.ts';
import { isEqual } from '../live/drift/settle.ts';
import type { Inventory, Member, MemberChange } from '../live/types.ts';
import { applySetId } from '../plan/applyset.ts';
import { correctionOf } from '../plan/correction.ts';
import type { DriftPolicy } from '../plan/correction.ts';
import { isAsWritten, isIntact } from './memory.ts';
import { isAnyOff, isAnyUndecided, isOff, isToBeSettled } from './running.ts';
import type { Memory, Running } from './types.ts';

/**
 * `gone`: something of it left; `changed`: something is to be put back, at once; `paced`: so it is, or is to be asked about, but
 * not for ever at once; `fought`: only once a fight lets it be; `lookUp`: it left, and nobody walks over the source.
 */
export type Reaction = 'nothing' | 'gone' | 'lookUp' | 'changed' | 'paced' | 'fought';

/** What is known of the source. */
export interface ReactionInput {
  /** As the last walk left it: undefined after one that failed. */
  readonly memory: Memory | undefined;
  readonly running: Running | undefined;
  /** Walks that failed in a row. */
  readonly failures: number;
  readonly suspended: boolean;
  readonly policy: DriftPolicy;
}

/** Of a change of a member of the source, between its walks. */
export function reactionTo({ before, after }: MemberChange, input: ReactionInput): Reaction {
  const { memory, failures, suspended, policy } = input;
  const member = after ?? before;
  if (member === undefined) return 'nothing';
  const left = after === undefined || (before !== undefined && after.partOf !== before.partOf);
  // What a failed revision waits for may be that something goes.
  if (memory === undefined && after === undefined) return failures > 0 ? 'gone' : 'nothing';
  if (left) {
    if (!isAwaited(objectKey(member.id), input)) return 'nothing';
    return suspended ? 'lookUp' : 'gone';
  }
  const isIt = isToPutBack(after, input);
  if (isIt === undefined) return 'nothing';
  if (!isIt) return 'fought';
  return isEdit({ before, after }, policy) ? 'changed' : 'paced';
}

/** Whether something of this member is to be written or asked; undefined where nothing is put back now, nor to be asked. */
export function isToPutBack(member: Member, { memory, running, failures, suspended, policy }: ReactionInput): boolean | undefined {
  // What is put back by nobody is told all the same.
  const isToldOnly = suspended || (memory === undefined && failures > 0 && policy.mode === 'Report');
  if (isToldOnly) return (running !== undefined && isToBeSettled(running, member, policy)) || undefined;
  if (memory !== undefined) return !isAsWritten(memory, member, policy);
  if (failures === 0 || running === undefined || policy.mode !== 'Correct') return undefined;
  return isOff(running, member, policy);
}

/**
 * Whether a field was changed by this that is to be put back. Fields have a pace of their own, by who writes them; what a
 * dry run has to decide may be undecided again at each change.
 */
export function isEdit({ before, after }: MemberChange, policy: DriftPolicy): boolean {
  if (after?.drift === undefined || after.drift.undecided.length > 0 || correctionOf(after, policy) === undefined) return false;
  return !isEqual(before?.drift, after.drift);
}

/** Whether an object is to be there. */
export function isAwaited(key: string, { memory, running, failures, policy }: Omit<ReactionInput, 'suspended'>): boolean {
  const known = memory?.expected ?? (failures > 0 && policy.mode === 'Correct' ? running?.present : undefined);
  return known?.has(key) === true;
}

/** Whether the source, as its spec is now, was told to be suspended: there is no outcome to tell again. */
export function isToldSuspended({ metadata, status }: GitOpsSource): boolean {
  const told = findCondition(status?.conditions, 'Reconciling');
  return told?.reason === 'Suspended' && told.observedGeneration === metadata.generation;
}

/** Whether nothing of what runs is to be written or asked about, as far as that is known; nothing is of a source that failed to begin with. */
export function isWell(
  { memory, running, failures }: Pick<ReactionInput, 'memory' | 'running' | 'failures'>,
  source: GitOpsSource,
  inventory: Inventory,
  policy: DriftPolicy,
): boolean {
  const applySet = applySetId(source.metadata);
  const isToldOnly = source.spec.suspend || (memory === undefined && failures > 0 && policy.mode === 'Report');
  if (isToldOnly) return running === undefined || !isAnyUndecided(running, inventory.membersOf(applySet), policy);
  if (memory !== undefined) return isIntact(memory, source, applySet, inventory, policy);
  if (running === undefined || failures === 0 || policy.mode !== 'Correct') return true;
  return !isAnyOff(running, inventory.membersOf(applySet), policy);
}
