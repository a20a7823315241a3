/** Corrections of drift that no record counts yet. They stand nowhere else. */
import type { AttemptCorrections } from '../api/types.ts';
import { addCorrections, managersOf } from '../report/trail/health.ts';
import type { KeptRecord } from '../report/trail/retention.ts';

/** The record that is to count them; `ToCome` where it is yet to be made. */
export type CountingRecord = KeptRecord | 'ToCome' | undefined;

/** Of one source, by when the attempt that they belong to was first tried; '' is whatever has the last record. */
export class PendingCorrections {
  #counts = new Map<string, readonly AttemptCorrections[]>();

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  get all(): readonly AttemptCorrections[] {
    return [...this.#counts.values()].flat();
  }

  add(attempted: string, managers: readonly (string | undefined)[]): void {
    this.#counts.set(attempted, addCorrections(this.#counts.get(attempted) ?? [], managers));
  }

  /**
   * Has `note` count them on their records. Each is taken by one writer at a time and put back where that throws, or where
   * its record is to come; dropped where there is none. Throws what `note` does.
   */
  async write(
    recordOf: (attempted: string) => CountingRecord,
    note: (record: KeptRecord, corrections: readonly AttemptCorrections[]) => Promise<void>,
  ): Promise<void> {
    const waiting = [...this.#counts];
    this.#counts = new Map();
    let failure: { readonly error: unknown } | undefined;
    for (const [attempted, corrections] of waiting) {
      const record = recordOf(attempted);
      if (record === undefined) continue;
      if (record !== 'ToCome' && failure === undefined) {
        try {
          await note(record, corrections);
          continue;
        } catch (error) {
          failure = { error };
        }
      }
      this.add(attempted, managersOf(corrections));
    }
    if (failure !== undefined) throw failure.error;
  }
}
