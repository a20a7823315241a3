/**
 * How soon a source walks again because its members change: at once, but not for ever where the same thing is off again
 * and again.
 */
import { objectKey } from '../kube/types.ts';
import { pathText } from '../live/drift/path.ts';
import type { Member } from '../live/types.ts';

const atOnce = 5;
const within = 60_000;
const longest = 30_000;
/** More than these of one source are not counted: the oldest are forgotten first. */
const mostSubjects = 1_000;
const mostOfObject = 20;

/** Counts, for one source, what its walks were for. */
export class CorrectionPace {
  /** When each was off last, the longest ago first. */
  readonly #recent = new Map<string, readonly number[]>();

  /**
   * Milliseconds to wait before the next walk for these: the shortest of any, which for each is 0 the first five times in a
   * minute, then 1 s doubling to 30 s. `now` in milliseconds.
   */
  next(subjects: readonly string[], now: number): number {
    const delay = Math.min(...subjects.map((subject) => this.#delayOf(subject, now)));
    for (const [subject, times] of this.#recent) {
      if (this.#recent.size <= mostSubjects && now - (times.at(-1) ?? 0) < within) break;
      this.#recent.delete(subject);
    }
    return delay;
  }

  #delayOf(subject: string, now: number): number {
    const times = [...(this.#recent.get(subject) ?? []).filter((time) => now - time < within), now].slice(-20);
    this.#recent.delete(subject);
    this.#recent.set(subject, times);
    const over = times.length - atOnce;
    return over <= 0 ? 0 : Math.min(longest, 1_000 * 2 ** (over - 1));
  }
}

/** What is counted of an object that is off: the places that a dry run has to decide, else the object as one. */
export function subjectsOf(member: Member): readonly string[] {
  const key = objectKey(member.id);
  const undecided = member.drift?.undecided ?? [];
  return undecided.length === 0 ? [key] : undecided.slice(0, mostOfObject).map((path) => `${key} ${pathText(path)}`);
}
