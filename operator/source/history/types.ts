/** What history is read from, and what it says. Everything here is plain values over objects that are there already. */
import type { CommitInfo } from '../types.ts';

/** One object as git keeps it, without its header. */
export interface GitObject {
  readonly type: 'commit' | 'tree' | 'blob' | 'tag';
  readonly data: Buffer;
}

/** Where objects are read by id. History ends where it gives nothing: what is not there is never asked for here. */
export interface ObjectReader {
  read(oid: string): GitObject | undefined;
}

/** A line at the end of a message that says something by name, `Reviewed-by: Ada <ada@example.com>`. */
export interface Trailer {
  readonly key: string;
  readonly value: string;
}

/** A commit as the audit trail tells it: CommitInfo, and the rest that git knows. */
export interface Commit extends CommitInfo {
  /** RFC 3339: when it was written; `time` is when it was committed. */
  readonly authorTime: string;
  /** `Grace Hopper <grace@example.com>`. */
  readonly committer: string;
  readonly parents: readonly string[];
  /** At most 20, each cut at 200 characters. */
  readonly trailers: readonly Trailer[];
}

/**
 * How a commit stands to the one that was applied before. `First`: there was none. `Forward`: it came after it.
 * `Rollback`: it came before it. `Rewritten`: both come from a third one (a force-push, or another branch).
 * `Unrelated`: they have nothing in common, as far as is known. `Unknown`: that could not be found out.
 */
export type Relation = 'First' | 'Same' | 'Forward' | 'Rollback' | 'Rewritten' | 'Unrelated' | 'Unknown';

/** The commits that came in with a revision. */
export interface Incoming {
  readonly relation: Relation;
  /** Newest first, as `git log OLD..NEW` tells them; at most 250. Of a first revision only the commit itself. */
  readonly commits: readonly Commit[];
  /** How many there are, those that are not listed included. */
  readonly count: number;
  /** Whether there may be more than `count`: history was not followed to its end. */
  readonly more: boolean;
  /** Rewritten: the last commit that both have in common. */
  readonly base?: string | undefined;
}

/** Where something last changed. */
export interface LastChange {
  readonly commit: string;
  /** False: at that commit or before; history was not followed further. */
  readonly exact: boolean;
}

/** Commits that are listed one by one; the rest is counted. */
export const maxListed = 250;
