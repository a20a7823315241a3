/** Which commits came in with a revision: everything that the new one comes from, and the old one does not. */
import { parseCommit } from './commit.ts';
import { byTime, reachable } from './graph.ts';
import type { Graph } from './graph.ts';
import { maxListed } from './types.ts';
import type { Commit, Incoming, ObjectReader } from './types.ts';

/** Commits looked at on either side; beyond, they are counted no further. */
const maxWalked = 20_000;

export interface IncomingOptions {
  /** The commit that was applied before; undefined for a first revision. */
  readonly old: string | undefined;
  readonly head: string;
  /**
   * Commits whose parents exist and were not fetched; any other parent that is not at hand belongs to the old revision.
   * `any`: nothing was fetched, so that nothing is known of what is not at hand.
   */
  readonly cut: ReadonlySet<string> | 'any';
}

/** In steps; history that is not at hand is told by `more`, never an error. */
export function* incoming(graph: Graph, reader: ObjectReader, options: IncomingOptions): Generator<void, Incoming, void> {
  const { old, head, cut } = options;
  const itself = commitsOf(reader, [head]);
  if (old === undefined) return { relation: 'First', commits: itself, count: 1, more: graph.links(head)?.parents.length !== 0 };
  if (old === head) return { relation: 'Same', commits: [], count: 0, more: false };

  const before = yield* reachable(graph, old, maxWalked);
  if (before.commits.has(head)) return { relation: 'Rollback', commits: [], count: 0, more: false };
  // The old commit itself is known by its id even where it is not at hand.
  const known = before.commits.has(old) ? before.commits : new Set([...before.commits, old]);
  const after = yield* reachable(graph, head, maxWalked, known);
  if (after.commits.size === 0) return { relation: 'Unrelated', commits: [], count: 1, more: true };

  const lacksParent = (sha: string): boolean => graph.links(sha)?.parents.some((parent) => after.absent.has(parent)) === true;
  const isLost = after.absent.size > 0 && (cut === 'any' || [...cut].some((sha) => after.commits.has(sha) && lacksParent(sha)));
  const shared = sharedParents(graph, after.commits, isLost ? known : new Set([...known, ...after.absent]));
  const order: string[] = [];
  for (const sha of byTime(graph, head, after.commits)) {
    order.push(sha);
    if (order.length >= maxListed) break;
  }
  const listed = { commits: commitsOf(reader, order), count: after.commits.size, more: after.cut || before.cut || isLost };
  if (shared.includes(old)) return { relation: 'Forward', ...listed };
  const base = yield* newestOf(graph, shared);
  return base === undefined ? { relation: 'Unrelated', ...listed } : { relation: 'Rewritten', ...listed, base };
}

/** Commits of the old revision that are parents of new ones. */
function sharedParents(graph: Graph, added: ReadonlySet<string>, before: ReadonlySet<string>): string[] {
  const shared = new Set<string>();
  for (const sha of added) for (const parent of graph.links(sha)?.parents ?? []) if (before.has(parent)) shared.add(parent);
  return [...shared];
}

/** The merge base: of what both have, the newest that no other of it comes from. */
function* newestOf(graph: Graph, shared: readonly string[]): Generator<void, string | undefined, void> {
  const behind = new Set<string>();
  for (const sha of shared) {
    if (behind.has(sha)) continue;
    for (const older of (yield* reachable(graph, sha, maxWalked)).commits) if (older !== sha) behind.add(older);
  }
  const timeOf = (sha: string): number => graph.links(sha)?.time ?? 0;
  return shared.filter((sha) => !behind.has(sha)).toSorted((a, b) => timeOf(b) - timeOf(a))[0];
}

function commitsOf(reader: ObjectReader, shas: readonly string[]): Commit[] {
  return shas.flatMap((sha) => {
    const object = reader.read(sha);
    return object?.type === 'commit' ? [parseCommit(sha, object.data)] : [];
  });
}
