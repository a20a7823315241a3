/** Pure: what spec.drift makes of an object that git did not change. */
import { objectKey } from '../kube/types.ts';
import { applyIgnore, isMark } from '../live/drift/ignore.ts';
import type { IgnoreRule, Judged } from '../live/drift/ignore.ts';
import { belowAny } from '../live/drift/path.ts';
import type { Path } from '../live/drift/path.ts';
import { noDrift } from '../live/drift/types.ts';
import type { Finding } from '../live/drift/types.ts';
import type { Member } from '../live/types.ts';

export interface DriftPolicy {
  readonly mode: 'Correct' | 'Report' | 'Ignore';
  readonly ignore: readonly IgnoreRule[];
  /** The field of the object with this objectKey is fought over, and left alone for now. */
  readonly heldBack: (key: string, finding: Finding) => boolean;
}

/** A write that puts an object back, or takes back what is as stated but no longer ours (rule 27). */
export interface Correction {
  /** Left out of the apply: not ours, and to stay so. */
  readonly leaveOut: readonly Path[];
  /** What it puts right. */
  readonly overrules: readonly Finding[];
}

/** The verdict about a member, as the ignore rules leave it. */
export function judgedDrift(member: Pick<Member, 'id' | 'drift'>, policy: Pick<DriftPolicy, 'ignore'>): Judged {
  return applyIgnore(member.drift ?? noDrift, member.id, policy.ignore);
}

/** The write that this member needs although its manifest did not change, or undefined. */
export function correctionOf(member: Pick<Member, 'id' | 'drift'>, policy: DriftPolicy): Correction | undefined {
  if (member.drift === undefined || member.drift === noDrift || policy.mode === 'Ignore') return undefined;
  const { fields, lost, ignored, restarted, undecided, unheld } = judgedDrift(member, policy);
  const left = [...ignored, ...restarted];
  if (policy.mode === 'Report') {
    // The mark by which an object is known to be ours is nothing that git states.
    const theirs = fields.filter(({ path }) => !isMark(path));
    const leaveOut = [...left, ...theirs.map(({ path }) => path), ...unheld];
    if (lost.every(belowAny(leaveOut)) && theirs.length === fields.length) return undefined;
    // What we hold still cannot be left out: that would reset it.
    if (fields.some((finding) => finding.held === true) || undecided.length > unheld.length) return undefined;
    return { leaveOut, overrules: [] };
  }
  const key = objectKey(member.id);
  const waiting = fields.filter((finding) => policy.heldBack(key, finding));
  const leaveOut = [...left, ...waiting.filter((finding) => finding.held !== true).map(({ path }) => path)];
  const isLeftOut = belowAny(leaveOut);
  const overrules = fields.filter((finding) => !waiting.includes(finding) && !isLeftOut(finding.path));
  if (overrules.length === 0 && lost.every(isLeftOut)) return undefined;
  return { leaveOut, overrules };
}

/** Whether a dry run has to say what the object is. */
export function isUndecided(member: Pick<Member, 'id' | 'drift'>, policy: DriftPolicy): boolean {
  if (member.drift === undefined || member.drift.undecided.length === 0 || policy.mode === 'Ignore') return false;
  return judgedDrift(member, policy).undecided.length > 0;
}
