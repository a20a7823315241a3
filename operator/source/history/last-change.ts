/**
 * At which commit each object's manifest last changed. For a file with one object that is what `git log -1 -- FILE` says:
 * of a merge, the first parent with the same file is followed, and a merge that equals none of its parents is itself the
 * change; a file that was moved changed when it was moved. Of a file with several objects, the object is compared, not
 * the file. Through a symlink, the link and what it leads to count alike (`git log -1 -- LINK TARGET`).
 */
import type { Links } from './commit.ts';
import { byTime, timeQueue } from './graph.ts';
import type { Graph } from './graph.ts';
import { differing, pathTree } from './tracked.ts';
import type { Differing, PathNode, Tracked } from './tracked.ts';
import { resolve } from './trees.ts';
import type { Trees } from './trees.ts';
import type { LastChange, ObjectReader } from './types.ts';

export interface History {
  readonly reader: ObjectReader;
  readonly graph: Graph;
  readonly trees: Trees;
  readonly files: FileReader;
}

/** The objects of one version of a file, each told apart by a value: the same value, the same manifest. */
export interface FileParts {
  /** Undefined where the file does not state it, or it cannot be read. */
  get(object: string): string | undefined;
  /** How many there are. */
  readonly size: number;
}

/** Files as their objects. */
export interface FileReader {
  /** Undefined where the blob is not at hand. */
  objectsOf(path: string, blob: string): FileParts | undefined;
  /** Whether it is at hand. */
  has(path: string, blob: string): boolean;
}

export interface Bounds {
  /** Commits that are passed at most. */
  readonly commits: number;
  /** Asked at each commit: true ends the walk there. */
  isOver(): boolean;
}

export interface LastChanges {
  /** By the id of what was asked for. */
  readonly changes: ReadonlyMap<string, LastChange>;
  /** Blobs that would have to be at hand to say more. */
  readonly missing: ReadonlySet<string>;
}

/** Commits between two turns; folders are compared in microseconds. */
const commitsAStep = 32;

/** In steps, a few commits each. Where history ends, a change is told at the oldest commit that is known to hold it, or before. */
export function* lastChanges(
  history: History,
  head: string,
  asked: readonly Tracked[],
  bounds: Bounds,
): Generator<void, LastChanges, void> {
  const { graph } = history;
  const changes = new Map<string, LastChange>();
  const missing = new Set<string>();
  const paths = pathTree(asked);
  // What has come as far as a commit unchanged; the latest goes first, so that what parted at a fork meets again.
  const arrived = new Map<string, Set<Tracked>>();
  const queue = timeQueue();
  const arrive = (commit: string, tracked: Set<Tracked>): void => {
    const there = arrived.get(commit);
    if (there !== undefined) for (const one of tracked) there.add(one);
    else {
      arrived.set(commit, tracked);
      queue.push(commit, graph.links(commit)?.time ?? 0);
    }
  };
  const settle = (tracked: Iterable<Tracked>, commit: string, exact: boolean): void => {
    for (const { id } of tracked) changes.set(id, { commit, exact });
  };

  let passed = 0;
  /** Undefined where the walk ends. */
  const next = (commit: string): Links | undefined => {
    passed += 1;
    return passed > bounds.commits || bounds.isOver() ? undefined : graph.links(commit);
  };

  arrive(head, new Set(asked));
  for (let from = queue.pop(); from !== undefined; from = queue.pop()) {
    let left = arrived.get(from) ?? new Set<Tracked>();
    arrived.delete(from);
    let commit = from;
    let links = next(commit);
    // Most of history is a line along which nothing changes of what is asked for.
    while (links !== undefined && arrived.size === 0) {
      const before = onlyParent(history, paths, links);
      if (before === undefined) break;
      commit = before;
      links = next(commit);
      if (passed % commitsAStep === 0) yield;
    }
    if (links === undefined) {
      settle(left, commit, false);
      continue;
    }
    for (const parent of links.parents) {
      if (left.size === 0) break;
      const to = graph.links(parent);
      if (to === undefined) {
        settle(left, commit, false);
        left = new Set();
        break;
      }
      const files = differing(history.trees, paths, links.tree, to.tree);
      if (files.changed.size + files.unknown.size === 0) {
        arrive(parent, left);
        left = new Set();
        break;
      }
      const { changed, unknown } = yield* compare(history, files, left, links.tree, to.tree, missing);
      settle(unknown, commit, false);
      for (const one of changed) left.delete(one);
      for (const one of unknown) left.delete(one);
      if (left.size > 0) arrive(parent, left);
      left = changed;
    }
    settle(left, commit, true);
    if (passed % commitsAStep === 0) yield;
  }
  return { changes, missing };
}

/** The parent, where there is just one and it holds the same of what is asked for. */
function onlyParent({ graph, trees }: History, paths: PathNode, links: Links): string | undefined {
  const [parent] = links.parents;
  const to = parent === undefined || links.parents.length > 1 ? undefined : graph.links(parent);
  if (to === undefined) return undefined;
  const { changed, unknown } = differing(trees, paths, links.tree, to.tree);
  return changed.size + unknown.size === 0 ? parent : undefined;
}

/** Of what is asked for: what differs between two folders, and what cannot be told. */
function* compare(
  history: History,
  files: Differing,
  asked: ReadonlySet<Tracked>,
  tree: string,
  parent: string,
  missing: Set<string>,
): Generator<void, { readonly changed: Set<Tracked>; readonly unknown: Set<Tracked> }, void> {
  const changed = new Set<Tracked>();
  const unknown = new Set<Tracked>();
  for (const one of files.unknown) if (asked.has(one)) unknown.add(one);
  for (const one of files.changed) {
    if (!asked.has(one)) continue;
    if (one.part === undefined) {
      changed.add(one);
      continue;
    }
    const now = partOf(history, tree, one.part, missing);
    const before = partOf(history, parent, one.part, missing);
    if (now === 'unknown' || before === 'unknown') unknown.add(one);
    else if (now.value !== before.value) changed.add(one);
    yield;
  }
  return { changed, unknown };
}

/**
 * The blobs that tell the parts of files apart, as far as history is at hand: of each file that holds several of what is
 * asked for, every version that is not at hand itself. At most `most`, the newest first.
 */
export function* versionsOf(
  { reader, graph, trees, files }: History,
  head: string,
  asked: readonly Tracked[],
  bounds: Bounds,
  most: number,
): Generator<void, ReadonlySet<string>, void> {
  const parts = asked.filter(({ part }) => part !== undefined);
  const missing = new Set<string>();
  if (parts.length === 0) return missing;
  const paths = pathTree(parts);
  let passed = 0;
  for (const commit of byTime(graph, head)) {
    passed += 1;
    if (passed > bounds.commits || bounds.isOver() || missing.size >= most) break;
    const links = graph.links(commit);
    for (const parent of links?.parents ?? []) {
      const to = graph.links(parent);
      if (links === undefined || to === undefined) continue;
      const changed = new Set([...differing(trees, paths, links.tree, to.tree).changed].map(({ part }) => part?.path ?? ''));
      for (const path of changed) {
        for (const root of [links.tree, to.tree]) {
          const oid = resolve(trees, reader, root, path, missing)?.file?.oid;
          if (oid !== undefined && !files.has(path, oid)) missing.add(oid);
        }
      }
    }
    yield;
  }
  return missing;
}

/** What an object is at a commit, which may be nothing. */
function partOf(
  { reader, trees, files }: History,
  root: string,
  { path, object }: NonNullable<Tracked['part']>,
  missing: Set<string>,
): { readonly value: string | undefined } | 'unknown' {
  const resolved = resolve(trees, reader, root, path, missing);
  if (resolved === undefined) return 'unknown';
  if (resolved.file === undefined) return { value: undefined };
  const { oid } = resolved.file;
  const objects = files.objectsOf(path, oid);
  if (objects !== undefined) return { value: objects.get(object) };
  missing.add(oid);
  return 'unknown';
}
