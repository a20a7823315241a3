/** Folders of two commits compared, and paths followed through them. */
import type { ObjectReader } from './types.ts';

/** An entry of a folder. */
export interface Entry {
  readonly oid: string;
  /** Only these are told apart, as by git: whatever else was stored counts as the nearest of them. */
  readonly mode: 'folder' | 'file' | 'program' | 'link' | 'module';
}

export interface Trees {
  /** The entries of a folder by name; undefined where it is not at hand. */
  entries(oid: string): ReadonlyMap<string, Entry> | undefined;
  /** The names whose entries differ; undefined where one of the folders is not at hand. */
  differences(a: string, b: string): ReadonlySet<string> | undefined;
}

/** How much is kept of what was parsed: many sources walk the same history. */
export interface Kept {
  /** Entries of folders. */
  readonly entries: number;
  /** Pairs of folders. */
  readonly pairs: number;
}

/** Folders never change: what was parsed once is kept while there is room. */
export function makeTrees(reader: ObjectReader, kept: Kept = { entries: 100_000, pairs: 20_000 }): Trees {
  const parsed = new Map<string, ReadonlyMap<string, Entry>>();
  const compared = new Map<string, ReadonlySet<string>>();
  let size = 0;
  const entries = (oid: string): ReadonlyMap<string, Entry> | undefined => {
    const before = parsed.get(oid);
    if (before !== undefined) return before;
    const object = reader.read(oid);
    if (object?.type !== 'tree') return undefined;
    const found = parseEntries(object.data);
    size += found.size;
    if (size > kept.entries) {
      parsed.clear();
      size = found.size;
    }
    parsed.set(oid, found);
    return found;
  };
  return {
    entries,
    differences(a, b) {
      const key = `${a} ${b}`;
      const before = compared.get(key);
      if (before !== undefined) return before;
      const [left, right] = [entries(a), entries(b)];
      if (left === undefined || right === undefined) return undefined;
      const names = new Set<string>();
      for (const [name, entry] of left) if (!isSame(entry, right.get(name))) names.add(name);
      for (const name of right.keys()) if (!left.has(name)) names.add(name);
      if (compared.size >= kept.pairs) compared.clear();
      compared.set(key, names);
      return names;
    },
  };
}

/** Whether git would show no difference. */
export function isSame(a: Entry | undefined, b: Entry | undefined): boolean {
  return a?.oid === b?.oid && a?.mode === b?.mode;
}

/** A broken entry ends the folder: what cannot be read is not there. */
function parseEntries(data: Buffer): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const end = space < 0 ? -1 : data.indexOf(0, space);
    if (end < 0 || end + 21 > data.length) break;
    const mode = modeOf(Number.parseInt(data.toString('latin1', at, space), 8));
    entries.set(data.toString('utf8', space + 1, end), { oid: data.toString('hex', end + 1, end + 21), mode });
    at = end + 21;
  }
  return entries;
}

function modeOf(mode: number): Entry['mode'] {
  switch (mode & 0o170000) {
    case 0o040000:
      return 'folder';
    case 0o120000:
      return 'link';
    case 0o100000:
      return (mode & 0o100) === 0 ? 'file' : 'program';
    default:
      return 'module';
  }
}

/** A path followed to its end. */
export interface Resolved {
  /** The file; undefined where there is none. */
  readonly file: Entry | undefined;
  /** Every path without a link in it that the answer hangs on: the links on the way, and where they lead in the end. */
  readonly paths: readonly string[];
}

/** As many links as a path may lead through; git and Linux give up after 40. */
const maxLinks = 40;

/**
 * Follows a path, symlinks of the repository included. Undefined where a folder or a link on the way is not at hand (the
 * link is noted in `missing`); a link that leaves the repository, loops or leads nowhere has no file.
 */
export function resolve(trees: Trees, reader: ObjectReader, root: string, path: string, missing: Set<string>): Resolved | undefined {
  const paths: string[] = [];
  let steps = stepsOf(path);
  for (let links = 0; links <= maxLinks; links += 1) {
    const walked = follow(trees, root, steps);
    if (walked === undefined) return undefined;
    const { entry, at } = walked;
    paths.push(steps.slice(0, at).join('/'));
    if (entry?.mode !== 'link') return { file: at === steps.length && isFile(entry) ? entry : undefined, paths };
    const target = reader.read(entry.oid);
    if (target === undefined) missing.add(entry.oid);
    if (target?.type !== 'blob') return undefined;
    const next = relink(steps, at, target.data.toString('utf8'));
    if (next === undefined) return { file: undefined, paths };
    steps = next;
  }
  return { file: undefined, paths };
}

/** Goes down as far as there are folders: the entry there, and how many steps led to it. */
function follow(
  trees: Trees,
  root: string,
  steps: readonly string[],
): { readonly entry: Entry | undefined; readonly at: number } | undefined {
  let entry: Entry | undefined = { oid: root, mode: 'folder' };
  for (let at = 0; at < steps.length; at += 1) {
    if (entry?.mode !== 'folder') return { entry, at };
    const entries = trees.entries(entry.oid);
    if (entries === undefined) return undefined;
    entry = entries.get(steps[at] ?? '');
  }
  return { entry, at: steps.length };
}

/** The path with the link in place of its first `at` steps. */
function relink(steps: readonly string[], at: number, target: string): string[] | undefined {
  if (target.startsWith('/')) return undefined;
  const next = steps.slice(0, at - 1);
  for (const step of stepsOf(target)) {
    if (step !== '..') next.push(step);
    else if (next.pop() === undefined) return undefined;
  }
  return [...next, ...steps.slice(at)];
}

function stepsOf(path: string): string[] {
  return path.split('/').filter((step) => step !== '' && step !== '.');
}

function isFile(entry: Entry | undefined): boolean {
  return entry?.mode === 'file' || entry?.mode === 'program';
}
