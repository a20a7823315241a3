/** What a repository may hold and a source never reads, in words. */
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { cleaned, nearestFolders } from './names.ts';
import { parseTree } from './objects.ts';
import type { TreeEntry } from './objects.ts';
import { joined, treeAt } from './tree-path.ts';
import type { Place } from './tree-path.ts';
import type { ObjectReader } from './types.ts';

/** `why`: `a symlink to "../x", which leaves the repository`. `skip`: what to do to leave it out. */
export function refusedLink(file: string, skip: string, why: string): Fault {
  return {
    reason: 'RepositoryRefused',
    place: { file },
    message: why,
    remedy: `Put a plain file or folder in its place, or ${skip}.`,
  };
}

export function refusedModule(file: string, skip: string): Fault {
  return {
    reason: 'RepositoryRefused',
    place: { file },
    message: 'a submodule; submodules are not read',
    remedy: `Commit its files themselves, or ${skip}.`,
  };
}

/** It is shown as far as it can be. */
export function refusedName(path: string): Fault {
  return {
    reason: 'RepositoryRefused',
    place: { file: cleaned(path) },
    message: 'the name is no UTF-8, or holds control characters',
    remedy: 'Rename it (git mv); git ls-files shows how it is written.',
  };
}

/** spec.path leads to no folder. */
export function notThere(reader: ObjectReader, root: string, place: Place, path: string, commit: string): PlumblineError {
  const said = (message: string, remedy?: string): PlumblineError =>
    new PlumblineError({ reason: 'PathNotFound', message, ...(remedy === undefined ? {} : { remedy }) });
  const refused = (file: string, message: string): PlumblineError =>
    new PlumblineError({ reason: 'RepositoryRefused', place: { file }, message, remedy: 'Name a plain folder in spec.path.' });
  switch (place.kind) {
    case 'file':
      return said(`spec.path ${path}: ${place.path} is a file, not a folder`, 'Name the folder that holds it.');
    case 'module':
      return refused(place.path, 'spec.path leads through a submodule, which is not read');
    case 'outside':
      return refused(place.link, 'spec.path leads through a symlink that leaves the repository');
    case 'loop':
      return refused(place.link, 'spec.path leads through a symlink that leads in a circle');
    case 'no path':
      return refused(place.link, 'spec.path leads through a symlink whose target is no path');
    case 'nothing':
      return nothingThere(reader, root, place, path, commit);
    case 'folder':
    case 'unknown':
      throw new TypeError(`${path} is there`);
  }
}

function nothingThere(
  reader: ObjectReader,
  root: string,
  place: Extract<Place, { kind: 'nothing' }>,
  path: string,
  commit: string,
): PlumblineError {
  const said = (message: string, remedy?: string): PlumblineError =>
    new PlumblineError({ reason: 'PathNotFound', message, ...(remedy === undefined ? {} : { remedy }) });
  if (path.split('/').some((step) => step.startsWith('.')))
    return said(`spec.path ${path} is hidden (a leading dot), and hidden folders are not read`);
  if (place.asFile !== undefined)
    return said(`spec.path ${path}: ${place.asFile} is a file, not a folder`, 'Name the folder that holds it.');
  const beside = foldersOf(reader, place.tree, place.parent);
  // Where nothing is beside it, the folder that it should be in is the nearest.
  const candidates = beside.length > 0 ? beside : place.parent === '' ? [] : [place.parent];
  const near = nearestFolders(path, [...new Set([...movedTo(reader, root, path), ...candidates])], 3);
  const hint = near.length === 0 ? '' : `; nearest to it ${near.length === 1 ? 'is' : 'are'} ${near.map(cleaned).join(', ')}`;
  return said(`folder ${path} is not in commit ${commit.slice(0, 7)}${hint}`);
}

/** How many folders are looked through for one of the same name: a message waits for it. */
const mostSearched = 200;

/** Folders elsewhere of the name that is missing, breadth first. */
function movedTo(reader: ObjectReader, root: string, path: string): readonly string[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const waiting = [{ path: '', tree: root }];
  const found: string[] = [];
  for (let searched = 0; searched < Math.min(waiting.length, mostSearched); searched += 1) {
    const { path: at, tree } = waiting[searched] as (typeof waiting)[number];
    for (const entry of foldersIn(reader, tree)) {
      if (entry.name === name) found.push(joined(at, name));
      if (waiting.length < mostSearched) waiting.push({ path: joined(at, entry.name), tree: entry.oid });
    }
  }
  return found;
}

function foldersOf(reader: ObjectReader, tree: string, path: string): readonly string[] {
  return foldersIn(reader, tree).map(({ name }) => joined(path, name));
}

function foldersIn(reader: ObjectReader, tree: string): readonly TreeEntry[] {
  return parseTree(treeAt(reader, tree) ?? Buffer.alloc(0)).filter(({ kind, name }) => kind === 'folder' && !name.startsWith('.'));
}
