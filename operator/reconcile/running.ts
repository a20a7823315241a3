/** Pure: what of the revision that runs is to be put back while a newer one fails. */
import { hashAnnotation } from '../api/names.ts';
import { objectKey } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import { correctionOf, isUndecided } from '../plan/correction.ts';
import type { DriftPolicy } from '../plan/correction.ts';
import { isIgnored } from '../plan/plan.ts';
import type { Live } from '../plan/types.ts';
import type { Manifest } from '../render/types.ts';
import type { ResolvedRef } from '../source/types.ts';
import type { Memory, Running } from './types.ts';

/** After a revision was applied whole. */
export function runningOf({ hashes, expected }: Pick<Memory, 'hashes' | 'expected'>, ref: ResolvedRef): Running {
  return { ref, hashes, present: new Set(expected.keys()) };
}

/** Whether this member carries what the running revision states, and is not as it was written. What a newer revision wrote is left alone. */
export function isOff(running: Running, member: Member, policy: DriftPolicy): boolean {
  if (member.deleting || isIgnored(undefined, member)) return false;
  const hash = running.hashes.get(objectKey(member.id));
  if (hash === undefined || hash !== member.annotations[hashAnnotation]) return false;
  return !member.ownsHashAndLabel || isUndecided(member, policy) || correctionOf(member, policy) !== undefined;
}

/** Whether only a dry run can say what this member is, which carries what the running revision states. */
export function isToBeSettled(running: Running, member: Member, policy: DriftPolicy): boolean {
  if (member.deleting || isIgnored(undefined, member) || !isUndecided(member, policy)) return false;
  return running.hashes.get(objectKey(member.id)) === member.annotations[hashAnnotation];
}

/** Whether there is any such member. */
export function isAnyUndecided(running: Running, members: readonly Member[], policy: DriftPolicy): boolean {
  return members.some((member) => isToBeSettled(running, member, policy));
}

/** Whether anything of it is changed or gone. */
export function isAnyOff(running: Running, members: readonly Member[], policy: DriftPolicy): boolean {
  if (members.some((member) => isOff(running, member, policy))) return true;
  const there = new Set(members.map(({ id }) => objectKey(id)));
  return [...running.present].some((key) => !there.has(key));
}

/**
 * The manifests of the running revision that may be written: what carries exactly this manifest as a member, or did before
 * somebody took the label off, and what was there and is gone.
 */
export function restorable(
  manifests: readonly Manifest[],
  live: (manifest: Manifest) => Live | undefined,
  running: Running | undefined,
  applySet: string,
): readonly Manifest[] {
  return manifests.filter((manifest) => {
    const key = objectKey(manifest.id);
    const wasThere = running?.present.has(key) === true && running.hashes.get(key) === manifest.hash;
    const found = live(manifest);
    if (found === undefined) return wasThere;
    if (found.deleting || found.annotations[hashAnnotation] !== manifest.hash) return false;
    return found.partOf === applySet || (found.partOf === '' && wasThere);
  });
}

/**
 * A newer revision got as far as to remove what it does not state, or that waits for a person to let it go: what of it goes
 * is not made anew.
 */
export function withoutLeaving(running: Running, stated: ReadonlySet<string>): Running {
  return { ...running, present: new Set([...running.present].filter((key) => stated.has(key))) };
}
