/**
 * Pure: bounds the attempts in a status. An object over 1.5 MiB is refused by etcd, and a status that has grown to that could
 * never be written again; what the CRD takes of six attempts comes to more.
 */
import type { Attempt } from '../../api/types.ts';
import { cutText } from '../text.ts';

/** Of all attempts together, and of the newest one alone. Bytes of JSON. */
export const maxAttemptsBytes = 65_536;
const shortText = 200;

const counted = ['created', 'changed', 'pruned', 'letGo'] as const;
const byAge = { commits: 'moreCommits', origins: 'moreOrigins', unrecorded: 'moreUnrecorded', passed: 'morePassed' } as const;
type ListName = (typeof counted)[number] | keyof typeof byAge | 'images';
const listNames: readonly ListName[] = [...counted, 'commits', 'origins', 'unrecorded', 'passed', 'images'];

/**
 * The same value where they are small enough. Else those below the newest are cut down to counts, the oldest first; of the
 * newest the longest lists are cut, where it alone is too large.
 */
export function withinBytes(attempts: readonly Attempt[], max: number = maxAttemptsBytes): readonly Attempt[] {
  let sum = bytesOf(attempts);
  if (sum <= max) return attempts;
  const kept = [...attempts];
  for (const [index, attempt] of [...attempts.entries()].toReversed()) {
    if (sum <= max) break;
    kept[index] = index === 0 ? shortened(attempt, max) : bare(attempt);
    sum -= bytesOf(attempt) - bytesOf(kept[index]);
  }
  return kept.some((attempt, index) => attempt !== attempts[index]) ? kept : attempts;
}

function shortened(attempt: Attempt, max: number): Attempt {
  let cut = attempt;
  while (bytesOf(cut) > max) {
    const longest = listNames.toSorted((a, b) => bytesOf(cut[b]) - bytesOf(cut[a]))[0];
    const list = longest === undefined ? [] : (cut[longest] ?? []);
    const keep = Math.floor(list.length * 0.75);
    const next = longest === undefined ? cut : withList(cut, longest, keep);
    if (next === cut) return bare(cut);
    cut = next;
  }
  return cut;
}

/** Counts instead of lists. */
function bare(attempt: Attempt): Attempt {
  const cut = listNames.reduce((one, name) => withList(one, name, 0), attempt);
  const { failures, subject, author } = cut;
  const isLong = [subject, author, ...(failures ?? []).map(({ message }) => message)].some((text) => (text?.length ?? 0) > shortText);
  if (!isLong) return cut;
  return {
    ...cut,
    ...(subject === undefined ? {} : { subject: cutText(subject, shortText) }),
    ...(author === undefined ? {} : { author: cutText(author, shortText) }),
    ...(failures === undefined
      ? {}
      : {
          failures: failures.map(({ message, ...failure }) => ({
            ...failure,
            ...(message === undefined ? {} : { message: cutText(message, shortText) }),
          })),
        }),
  };
}

/** With no more than so many in a list, and the others counted. By the last commit to which it moved, a revision runs: that one stays. */
function withList(attempt: Attempt, name: ListName, most: number): Attempt {
  const list: readonly unknown[] = attempt[name] ?? [];
  const keep = name === 'passed' ? Math.max(1, most) : most;
  if (list.length <= keep) return attempt;
  const { [name]: _list, ...rest } = attempt;
  const isCounted = (counted as readonly string[]).includes(name);
  const isNewest = name in byAge;
  const kept = isNewest ? list.slice(list.length - keep) : list.slice(0, keep);
  const more = isNewest ? byAge[name as keyof typeof byAge] : 'moreImages';
  return {
    ...rest,
    ...(kept.length === 0 ? {} : { [name]: kept }),
    ...(isCounted
      ? { changes: { [name]: list.length, ...attempt.changes } }
      : { [more]: (attempt[more] ?? 0) + list.length - kept.length }),
  };
}

function bytesOf(value: unknown): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
}
