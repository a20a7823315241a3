/**
 * Who may have an object that nobody owns yet (rule 14): the older source, decided in memory before the first write.
 * Once it is written, the label on the object says whose it is.
 */
import { objectKey } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';

export interface Claimant {
  /** `namespace/name` */
  readonly source: string;
  /** RFC 3339; the older source wins, then the lesser name. */
  readonly createdAt: string;
}

interface Claim {
  readonly claimant: Claimant;
  writing: boolean;
}

/** The claims of the walks that are under way. */
export class Claims {
  readonly #claims = new Map<string, Claim>();

  /** Claims `ids` for `claimant`; returns those that another source has, with its name. */
  take(claimant: Claimant, ids: readonly ObjectId[]): ReadonlyMap<string, string> {
    const refused = new Map<string, string>();
    for (const id of ids) {
      const key = objectKey(id);
      const claim = this.#claims.get(key);
      if (claim === undefined || claim.claimant.source === claimant.source || (!claim.writing && isOlder(claimant, claim.claimant))) {
        this.#claims.set(key, { claimant, writing: false });
      } else {
        refused.set(key, claim.claimant.source);
      }
    }
    return refused;
  }

  /** Right before the first write: from here on an older source does not take them over. Same answer as `take`. */
  beginWriting(claimant: Claimant, ids: readonly ObjectId[]): ReadonlyMap<string, string> {
    const refused = this.take(claimant, ids);
    if (refused.size > 0) return refused;
    for (const id of ids) this.#claims.set(objectKey(id), { claimant, writing: true });
    return refused;
  }

  /** Drops every claim of `source`: its walk has ended. */
  release(source: string, ids: readonly ObjectId[]): void {
    for (const id of ids) {
      const key = objectKey(id);
      if (this.#claims.get(key)?.claimant.source === source) this.#claims.delete(key);
    }
  }
}

/** Whether `a` goes before `b`: by creation, then by name. */
export function isOlder(a: Claimant, b: Claimant): boolean {
  return a.createdAt === b.createdAt ? a.source < b.source : a.createdAt < b.createdAt;
}
