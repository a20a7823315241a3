/**
 * Pure: the commits that the annotations of what a revision wrote name. The commits that came in with it are listed anyway;
 * what was in the repository before the source was there is told here alone.
 */
import type { Attempt, ListedCommit, OriginCommit } from '../../api/types.ts';
import { writtenBy } from '../message.ts';
import { cutText } from '../text.ts';
import type { Outcome } from '../types.ts';

/** What the CRD takes. */
const maxOrigins = 50;
const maxText = 1_024;

/** The origins of an attempt after one more walk of it, oldest first; `commits`: those that it lists. */
export function originsAfter(
  top: Attempt | undefined,
  outcome: Exclude<Outcome, { kind: 'suspended' }>,
  commits: readonly ListedCommit[],
): Pick<Attempt, 'origins' | 'moreOrigins'> {
  const isWritten = outcome.kind === 'applied' || writtenBy(outcome.changes) > 0;
  const listed = new Set([top?.commit ?? outcome.seen?.ref.commit, ...commits.map(({ commit }) => commit)]);
  const all = new Map((top?.origins ?? []).map((one) => [one.commit, one]));
  for (const { sha, subject, author, time } of isWritten ? (outcome.origins ?? []) : []) {
    if (listed.has(sha)) continue;
    all.set(sha, { commit: sha, subject: cutText(subject, maxText), author: cutText(author, maxText), committed: time });
  }
  if (all.size === 0) return {};
  const origins: readonly OriginCommit[] = [...all.values()].toSorted((a, b) => timeOf(a) - timeOf(b)).slice(-maxOrigins);
  // Those that had no room before may be among these again.
  const more = Math.max(top?.moreOrigins ?? 0, all.size - origins.length);
  return { origins, ...(more === 0 ? {} : { moreOrigins: more }) };
}

function timeOf({ committed }: OriginCommit): number {
  return committed === undefined ? 0 : Date.parse(committed);
}
