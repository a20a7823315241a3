/** What a repository may hold and a source never reads, in words. */
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { parseTree } from './objects.ts';
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
    place: { file: path.replace(/\p{Cc}/gu, '\ufffd') },
    message: 'the name is no UTF-8, or holds a control character',
    remedy: 'Rename it.',
  };
}

/** spec.path leads to no folder. */
export function notThere(reader: ObjectReader, place: Place, path: string, commit: string): PlumblineError {
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
    case 'nothing':
      return nothingThere(reader, place, path, commit);
    case 'folder':
    case 'unknown':
      throw new TypeError(`${path} is there`);
  }
}

function nothingThere(reader: ObjectReader, place: Extract<Place, { kind: 'nothing' }>, path: string, commit: string): PlumblineError {
  const said = (message: string, remedy?: string): PlumblineError =>
    new PlumblineError({ reason: 'PathNotFound', message, ...(remedy === undefined ? {} : { remedy }) });
  if (path.split('/').some((step) => step.startsWith('.')))
    return said(`spec.path ${path} is hidden (a leading dot), and hidden folders are not read`);
  if (place.asFile !== undefined)
    return said(`spec.path ${path}: ${place.asFile} is a file, not a folder`, 'Name the folder that holds it.');
  const there = parseTree(treeAt(reader, place.tree) ?? Buffer.alloc(0))
    .flatMap(({ kind, name }) => (kind === 'folder' && !name.startsWith('.') ? [joined(place.parent, name)] : []))
    .toSorted()
    .slice(0, 5);
  const hint = there.length === 0 ? '' : `; ${place.parent === '' ? 'the repository' : place.parent} holds ${there.join(', ')}`;
  return said(`folder ${path} is not in commit ${commit.slice(0, 7)}${hint}`);
}
