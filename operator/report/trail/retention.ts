/** Pure: which records are to go. */

/** A record, as far as keeping it goes. */
export interface KeptRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly sourceUid: string;
  /** When it was first tried, RFC 3339; of records of one source the order. */
  readonly attempted: string;
  readonly commit: string;
  /** When it was made, milliseconds since the epoch. */
  readonly createdAt: number;
}

/** The oldest records of a source beyond its limit, oldest first. */
export function beyondLimit(records: readonly KeptRecord[], limit: number): readonly KeptRecord[] {
  return records.toSorted(older).slice(0, Math.max(0, records.length - limit));
}

/**
 * The records of sources that are gone, once the youngest of each is older than `retentionMs`: while one is kept, so is what
 * led to it.
 */
export function outlived(
  records: readonly KeptRecord[],
  isLiving: (sourceUid: string) => boolean,
  retentionMs: number,
  now: number,
): readonly KeptRecord[] {
  const youngest = new Map<string, number>();
  for (const { sourceUid, createdAt } of records) youngest.set(sourceUid, Math.max(youngest.get(sourceUid) ?? 0, createdAt));
  return records.filter(({ sourceUid }) => !isLiving(sourceUid) && now - (youngest.get(sourceUid) ?? now) > retentionMs);
}

function older(a: KeptRecord, b: KeptRecord): number {
  return a.attempted === b.attempted ? a.createdAt - b.createdAt : a.attempted < b.attempted ? -1 : 1;
}
