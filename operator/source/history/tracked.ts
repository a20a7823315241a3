/** The paths whose changes are looked for, as a tree of their own: a folder that is the same on both sides is never entered. */
import type { Entry, Trees } from './trees.ts';

/** Something whose last change is asked for: it has changed when any of its paths has. */
export interface Tracked {
  readonly id: string;
  /** From the root of the repository, with no link in between: see resolve() in trees.ts. */
  readonly paths: readonly string[];
  /** For one of several objects in a file: the path as the revision states it, and which object. Else the file counts as a whole. */
  readonly part?: { readonly path: string; readonly object: string } | undefined;
}

/** One folder of such paths. */
export interface PathNode {
  /** What ends here. */
  readonly here: Set<Tracked>;
  readonly below: Map<string, PathNode>;
}

/** The paths of all these. */
export function pathTree(tracked: Iterable<Tracked>): PathNode {
  const root = emptyNode();
  for (const one of tracked) {
    for (const path of one.paths) {
      let node = root;
      for (const step of path === '' ? [] : path.split('/')) {
        let next = node.below.get(step);
        if (next === undefined) node.below.set(step, (next = emptyNode()));
        node = next;
      }
      node.here.add(one);
    }
  }
  return root;
}

function emptyNode(): PathNode {
  return { here: new Set(), below: new Map() };
}

/** What differs between two root folders. */
export interface Differing {
  readonly changed: ReadonlySet<Tracked>;
  /** Cannot be told: a folder is not at hand. */
  readonly unknown: ReadonlySet<Tracked>;
}

/** Compares two root folders along the paths. */
export function differing(trees: Trees, paths: PathNode, a: string, b: string): Differing {
  // Of most commits nothing that is asked for is touched.
  const top = a === b ? nothing.names : trees.differences(a, b);
  if (top !== undefined && !hasCommon(top, paths.below)) return nothing;
  const changed = new Set<Tracked>();
  const unknown = new Set<Tracked>();
  const enter = (node: PathNode, left: string, right: string): void => {
    if (left === right) return;
    const differences = trees.differences(left, right);
    if (differences === undefined) {
      collect(node, unknown);
      return;
    }
    const names = differences.size < node.below.size ? differences.keys() : node.below.keys();
    for (const name of names) {
      const next = node.below.get(name);
      const differs = differences.get(name);
      if (next === undefined || differs === undefined) continue;
      for (const tracked of next.here) changed.add(tracked);
      if (isFolder(differs.left) && isFolder(differs.right)) enter(next, differs.left.oid, differs.right.oid);
      else collect(next, changed);
    }
  };
  enter(paths, a, b);
  for (const tracked of changed) unknown.delete(tracked);
  return { changed, unknown };
}

const nothing = { changed: new Set<Tracked>(), unknown: new Set<Tracked>(), names: new Map<string, never>() } as const;

function hasCommon(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  for (const name of few.keys()) if (many.has(name)) return true;
  return false;
}

function isFolder(entry: Entry | undefined): entry is Entry {
  return entry?.mode === 'folder';
}

function collect(node: PathNode, into: Set<Tracked>): void {
  for (const tracked of node.here) into.add(tracked);
  for (const next of node.below.values()) collect(next, into);
}
