/** What the comparison of a manifest with a live object says. */
import type { Path } from './path.ts';

/** `missing` is an object that is gone, never a field. */
export type DriftClass = 'modified' | 'removed' | 'missing' | 'extra';

/** One field that is not as git states it. */
export interface Finding {
  readonly path: Path;
  readonly class: Exclude<DriftClass, 'missing'>;
  /** The field manager that holds it now; undefined where the API server recorded none. A program, never a person. */
  readonly manager: string | undefined;
  readonly operation: 'Apply' | 'Update' | undefined;
  /** Our entry holds it all the same: an order of items, or another manifest under our own name. */
  readonly held?: true;
  /** RFC 3339, as the API server recorded it; undefined where it did not. */
  readonly since: string | undefined;
}

/** What is known of one object against the manifest last written to it. */
export interface Drift {
  /** Fields that were changed or removed. */
  readonly fields: readonly Finding[];
  /** Fields that kubectl added and git does not state: told, never removed (rule 29). */
  readonly extra: readonly Finding[];
  /** Stated fields that we hold no longer, though their value is as stated: to be taken back, not told (rule 27). */
  readonly lost: readonly Path[];
  /** Fields of which only a dry run of the object can say what they are. Empty: the rest is certain. */
  readonly undecided: readonly Path[];
  /** Those of them that our entry does not hold, so that a write may leave them out. */
  readonly unheld: readonly Path[];
}

/** Nothing to tell. One value for all, so that an object that did not drift costs nothing. */
export const noDrift: Drift = { fields: [], extra: [], lost: [], undecided: [], unheld: [] };

/** Whether there is nothing to tell, take back or ask. */
export function isClean(drift: Drift): boolean {
  return drift.fields.length + drift.extra.length + drift.lost.length + drift.undecided.length === 0;
}
