/** Commits and trees as git writes them: gitformat of `git cat-file`, see git-hash-object(1). */
import { isCleanName } from './names.ts';
import { notGit } from './pktline.ts';
import type { CommitInfo } from './types.ts';

export interface TreeEntry {
  readonly name: string;
  readonly oid: string;
  readonly kind: 'folder' | 'file' | 'link' | 'module';
  /** The name is no UTF-8, or does not show as what it is. */
  readonly unclean?: true;
}

/** The entries of a tree, in git's order. Throws GitError for names that no tree may hold. */
export function parseTree(data: Buffer): TreeEntry[] {
  return [...treeEntries(data)];
}

/** As parseTree, one at a time: a folder may be large. */
export function* treeEntries(data: Buffer): Generator<TreeEntry> {
  for (let at = 0; at < data.length;) {
    const space = endOf(data, at, 0x20);
    const end = endOf(data, space, 0);
    const name = data.toString('utf8', space + 1, end);
    if (name === '' || name.includes('/')) throw notGit('a folder in its pack holds a name with a slash');
    const entry = { name, oid: data.toString('hex', end + 1, end + 21), kind: kindOf(data.toString('latin1', at, space)) };
    yield isCleanName(name, data, space + 1, end) ? entry : { ...entry, unclean: true };
    at = end + 21;
  }
}

/** The entry of this name, without reading the others: a folder may hold thousands. */
export function findEntry(data: Buffer, name: string): TreeEntry | undefined {
  const wanted = Buffer.from(name);
  for (let at = 0; at < data.length;) {
    const space = endOf(data, at, 0x20);
    const end = endOf(data, space, 0);
    if (end - space - 1 === wanted.length && holds(data, space + 1, wanted)) {
      return treeEntries(data.subarray(at, end + 21)).next().value as TreeEntry;
    }
    at = end + 21;
  }
  return undefined;
}

function holds(data: Buffer, from: number, wanted: Buffer): boolean {
  for (let index = 0; index < wanted.length; index += 1) if (data[from + index] !== wanted[index]) return false;
  return true;
}

/** The folders of a tree alone, quickly. */
export function folderIds(data: Buffer): string[] {
  const oids: string[] = [];
  for (let at = 0; at < data.length;) {
    const end = endOf(data, at, 0);
    // Modes are 40000 (or, from old tools, 040000) for folders, 1… for all else.
    if (data[at] === 0x34 || data[at] === 0x30) oids.push(data.toString('hex', end + 1, end + 21));
    at = end + 21;
  }
  return oids;
}

/** Where `byte` comes next, with room for an id behind it. Calls into Buffer cost more than the few bytes of a name. */
function endOf(data: Buffer, from: number, byte: number): number {
  let at = from;
  while (at < data.length && data[at] !== byte) at += 1;
  if (at + 21 > data.length) throw notGit('a folder in its pack is broken');
  return at;
}

function kindOf(mode: string): TreeEntry['kind'] {
  if (mode === '40000' || mode === '040000') return 'folder';
  if (mode === '120000') return 'link';
  return mode === '160000' ? 'module' : 'file';
}

/** The id of the root tree, and the commits before. */
export function parseCommitLinks(data: Buffer): { readonly tree: string; readonly parents: readonly string[] } {
  const headers = headersOf(data);
  const tree = headers.find(([key]) => key === 'tree')?.[1] ?? '';
  const parents = headers.filter(([key]) => key === 'parent').map(([, oid]) => oid);
  // They are asked for by these names, and shown.
  if (![tree, ...parents].every(isObjectId)) throw notGit('a commit in its pack is broken');
  return { tree, parents };
}

/** The object that an annotated tag points at. Throws GitError where it names none. */
export function parseTagTarget(data: Buffer): string {
  const oid = headersOf(data).find(([key]) => key === 'object')?.[1] ?? '';
  if (!isObjectId(oid)) throw notGit('a tag in its pack is broken');
  return oid;
}

/** What people are told of a commit. */
export function parseCommitInfo(sha: string, data: Buffer): CommitInfo {
  const headers = headersOf(data);
  const author = /^(.*?) ?<([^>]*)>/.exec(headers.find(([key]) => key === 'author')?.[1] ?? '');
  const seconds = Number(/> (-?\d+) /.exec(headers.find(([key]) => key === 'committer')?.[1] ?? '')?.[1] ?? 0);
  const end = data.indexOf('\n\n');
  const message = end < 0 ? '' : data.toString('utf8', end + 2, end + 2 + 8000);
  const subject = message.split('\n').find((text) => text.trim() !== '') ?? '';
  return {
    sha,
    subject: plain(subject),
    author: author === null ? '' : plain(`${author[1] ?? ''} <${author[2] ?? ''}>`),
    time: new Date(Math.abs(seconds) < 8.64e12 ? seconds * 1000 : 0).toISOString().replace('.000Z', 'Z'),
  };
}

/** 40 hexadecimal digits, as git writes them. */
function isObjectId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** Header lines up to the empty one; continued lines (a signature) are left out. */
function headersOf(data: Buffer): [key: string, value: string][] {
  const end = data.indexOf('\n\n');
  return data
    .toString('utf8', 0, end < 0 ? data.length : end)
    .split('\n')
    .filter((text) => !text.startsWith(' '))
    .map((text) => {
      const space = text.indexOf(' ');
      return [text.slice(0, space), text.slice(space + 1)];
    });
}

/** One line, without what moves a cursor or hides. */
function plain(text: string): string {
  const clean = text.replace(/\p{C}+/gu, ' ').trim();
  return clean.length > 200 ? `${clean.slice(0, 199)}…` : clean;
}
