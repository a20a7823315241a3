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
  /** Since when its source is gone, where the record says so; milliseconds since the epoch. */
  readonly endedAt: number | undefined;
}

const sweepAgain = 3_600_000;

/** The oldest records of a source beyond its limit, oldest first. */
export function beyondLimit(records: readonly KeptRecord[], limit: number): readonly KeptRecord[] {
  return records.toSorted(older).slice(0, Math.max(0, records.length - limit));
}

/**
 * The records of sources that are gone for longer than `retentionMs`. The one that says since when comes last of its source:
 * whoever is killed in between leaves it, and the next one goes on.
 */
export function outlived(
  records: readonly KeptRecord[],
  isLiving: (sourceUid: string) => boolean,
  retentionMs: number,
  now: number,
): readonly KeptRecord[] {
  const ended = endOfEach(records);
  const isOver = ({ sourceUid }: KeptRecord): boolean => now - (ended.get(sourceUid) ?? now) > retentionMs;
  return records
    .filter((record) => !isLiving(record.sourceUid) && isOver(record))
    .toSorted((a, b) => Number(a.endedAt !== undefined) - Number(b.endedAt !== undefined));
}

/** When the records are to be looked through again, milliseconds since the epoch: never, where no source of theirs is gone. */
export function nextSweep(
  records: readonly KeptRecord[],
  isLiving: (sourceUid: string) => boolean,
  retentionMs: number,
  now: number,
): number | undefined {
  // What is to be done now may fail, and is tried again.
  const isLeft = unended(records, isLiving).length > 0 || outlived(records, isLiving, retentionMs, now).length > 0;
  const ends = [...endOfEach(records)].filter(([uid]) => !isLiving(uid)).map(([, end]) => end + retentionMs + 1);
  const due = [...ends.filter((at) => at > now), ...(isLeft ? [now + sweepAgain] : [])];
  return due.length === 0 ? undefined : due.reduce((first, at) => Math.min(first, at));
}

/** Of each source that is gone and whose end nobody noted, the last record: the end is yet to be noted there. */
export function unended(records: readonly KeptRecord[], isLiving: (sourceUid: string) => boolean): readonly KeptRecord[] {
  const ended = endOfEach(records);
  const last = new Map<string, KeptRecord>();
  for (const record of records.toSorted(older)) last.set(record.sourceUid, record);
  return [...last.values()].filter(({ sourceUid }) => !isLiving(sourceUid) && !ended.has(sourceUid));
}

/**
 * Of the records of one source, that of the revision that was applied at `time` (RFC 3339), whatever failed since. A commit
 * that changed nothing has none, and runs by the one before it.
 */
export function recordOfRunning(records: readonly KeptRecord[], { commit, time }: Pick<KeptRecord, 'commit'> & { readonly time: string }) {
  const ofIt = records.filter((record) => record.commit === commit);
  const before = records.filter(({ attempted }) => Date.parse(attempted) <= Date.parse(time));
  return (ofIt.length > 0 ? ofIt : before).toSorted(older).at(-1);
}

function endOfEach(records: readonly KeptRecord[]): ReadonlyMap<string, number> {
  const ended = new Map<string, number>();
  for (const { sourceUid, endedAt } of records) {
    if (endedAt !== undefined) ended.set(sourceUid, Math.max(ended.get(sourceUid) ?? 0, endedAt));
  }
  return ended;
}

function older(a: KeptRecord, b: KeptRecord): number {
  return a.attempted === b.attempted ? a.createdAt - b.createdAt : a.attempted < b.attempted ? -1 : 1;
}
