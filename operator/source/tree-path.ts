/** Where a path leads within a commit, symlinks followed as a file system would, but never out of the repository. */
import { findEntry } from './objects.ts';
import { notGit } from './pktline.ts';
import type { ObjectReader } from './types.ts';

/** As Linux: ELOOP, path_resolution(7). */
const maxHops = 40;
/** PATH_MAX. */
const maxTarget = 4096;

export type Place =
  | { readonly kind: 'folder' | 'file'; readonly oid: string; readonly path: string }
  | { readonly kind: 'module'; readonly path: string }
  /** `parent`: the last folder that is there; `asFile`: what stands where a folder should be. */
  | { readonly kind: 'nothing'; readonly parent: string; readonly tree: string; readonly asFile: string | undefined }
  /** `no path`: what the link says is none. */
  | { readonly kind: 'outside' | 'loop' | 'no path'; readonly link: string }
  /** An object that has to be fetched first. */
  | { readonly kind: 'unknown'; readonly oid: string };

/** Follows `path` from the folder `at` (steps from the root, with their trees). */
export function follow(reader: ObjectReader, root: string, from: string, path: string): Place {
  const folders: { readonly path: string; readonly tree: string }[] = [{ path: '', tree: root }];
  const waiting = [...from.split('/'), ...path.split('/')];
  let hops = 0;
  let link = '';
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    if (step === '' || step === '.') continue;
    const here = folders.at(-1) ?? { path: '', tree: root };
    if (step === '..') {
      if (folders.length === 1) return { kind: 'outside', link };
      folders.pop();
      continue;
    }
    const tree = treeAt(reader, here.tree);
    if (tree === undefined) return { kind: 'unknown', oid: here.tree };
    const entry = findEntry(tree, step);
    if (entry === undefined) return { kind: 'nothing', parent: here.path, tree: here.tree, asFile: undefined };
    const at = joined(here.path, step);
    if (entry.kind === 'folder') {
      folders.push({ path: at, tree: entry.oid });
    } else if (entry.kind === 'link') {
      link = at;
      const target = targetOf(reader, entry.oid);
      if (target === undefined) return { kind: 'unknown', oid: entry.oid };
      if (!isPath(target)) return { kind: 'no path', link };
      if (target.startsWith('/')) return { kind: 'outside', link };
      hops += 1;
      if (hops > maxHops) return { kind: 'loop', link };
      waiting.unshift(...target.split('/'));
    } else if (entry.kind === 'module') {
      return { kind: 'module', path: at };
    } else if (waiting.every((rest) => rest === '' || rest === '.')) {
      return { kind: 'file', oid: entry.oid, path: at };
    } else {
      return { kind: 'nothing', parent: here.path, tree: here.tree, asFile: at };
    }
  }
  const last = folders.at(-1) ?? { path: '', tree: root };
  return { kind: 'folder', oid: last.tree, path: last.path };
}

/** What a symlink says; undefined where it is not in memory. */
export function targetOf(reader: ObjectReader, oid: string): string | undefined {
  return reader.read(oid)?.data.toString('utf8', 0, maxTarget + 1);
}

/** A file system would not make a link of anything else; what is not UTF-8 names nothing that is read. */
function isPath(target: string): boolean {
  return target !== '' && target.length <= maxTarget && !/[\0\ufffd]/.test(target);
}

/** undefined where the tree is not in memory. */
export function treeAt(reader: ObjectReader, oid: string): Buffer | undefined {
  const tree = reader.read(oid);
  if (tree === undefined) return undefined;
  if (tree.type !== 'tree') throw notGit(`${oid} is a ${tree.type}, not a folder`);
  return tree.data;
}

export function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
