/** Commits and trees as git writes them: gitformat of `git cat-file`, see git-hash-object(1). */
import { notGit } from './pktline.ts';
import type { CommitInfo } from './types.ts';

export interface TreeEntry {
  readonly name: string;
  readonly oid: string;
  readonly kind: 'folder' | 'file' | 'link' | 'module';
}

/** The entries of a tree, in git's order. Throws GitError for names that no tree may hold. */
export function parseTree(data: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const end = data.indexOf(0, space);
    if (space < 0 || end < 0 || end + 21 > data.length) throw notGit('a folder in its pack is broken');
    const name = data.toString('utf8', space + 1, end);
    if (name === '' || name.includes('/')) throw notGit('a folder in its pack holds a name with a slash');
    entries.push({ name, oid: data.toString('hex', end + 1, end + 21), kind: kindOf(data.toString('latin1', at, space)) });
    at = end + 21;
  }
  return entries;
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
