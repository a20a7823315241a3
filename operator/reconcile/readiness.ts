/** Rule 36: when a replica is ready, and what its `/readyz` says. */

/** What the answer rests on. */
export interface ReadinessFacts {
  /** The watch of GitOpsSources had its first list. */
  readonly synced: boolean;
  readonly leads: boolean;
  /** Each member watch had a first list, or could not have one. */
  readonly tried: boolean;
  /** What cannot be watched now, whoever watches it, a line each. */
  readonly broken: readonly string[];
}

/**
 * A standby is ready once its watch of GitOpsSources is in, the leader once each member watch was tried as well.
 * A broken watch is told in the text and never takes readiness away: restarting would not mend it.
 */
export function readiness({ synced, leads, tried, broken }: ReadinessFacts): { readonly ok: boolean; readonly text: string } {
  if (!synced) return { ok: false, text: 'the watch of GitOpsSources has no first list yet' };
  if (leads && !tried) return { ok: false, text: 'some watches were not tried yet' };
  const role = leads ? 'leader' : 'standby';
  return { ok: true, text: [`ok (${role})`, ...broken.map((watch) => `broken watch: ${watch}`)].join('\n') };
}
