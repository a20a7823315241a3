/** Folders of two commits compared, and paths followed through them. */
import type { ObjectReader } from './types.ts';

/** An entry of a folder. */
export interface Entry {
  readonly oid: string;
  /** Only these are told apart, as by git: whatever else was stored counts as the nearest of them. */
  readonly mode: 'folder' | 'file' | 'program' | 'link' | 'module';
}

/** One name in two folders. */
export interface Difference {
  readonly left: Entry | undefined;
  readonly right: Entry | undefined;
}

export interface Trees {
  /** The entries of a folder by name; undefined where it is not at hand. */
  entries(oid: string): ReadonlyMap<string, Entry> | undefined;
  /** The names whose entries differ; undefined where one of the folders is not at hand. */
  differences(left: string, right: string): ReadonlyMap<string, Difference> | undefined;
}

/** How much is kept of what was parsed: many sources walk the same history. */
export interface Kept {
  /** Entries of folders. */
  readonly entries: number;
  /** Pairs of folders, and what differs between them. */
  readonly differences: number;
}

/** Folders never change: what was parsed once is kept while there is room, then all is begun anew. */
export function makeTrees(reader: ObjectReader, kept: Kept = { entries: 20_000, differences: 50_000 }): Trees {
  const parsed = new Map<string, ReadonlyMap<string, Entry>>();
  // By one, then by the other: to make one key of both would cost more than the rest.
  const compared = new Map<string, Map<string, ReadonlyMap<string, Difference>>>();
  const weight = { entries: 0, differences: 0 };
  const dataOf = (oid: string): Buffer | undefined => {
    const object = reader.read(oid);
    return object?.type === 'tree' ? object.data : undefined;
  };
  const makeRoom = (of: keyof Kept, more: number, all: Map<string, unknown>): void => {
    weight[of] += more + 1;
    if (weight[of] <= kept[of]) return;
    all.clear();
    weight[of] = more + 1;
  };
  return {
    entries(oid) {
      const known = parsed.get(oid);
      if (known !== undefined) return known;
      const data = dataOf(oid);
      if (data === undefined) return undefined;
      const entries = parseEntries(data, 0);
      makeRoom('entries', entries.size, parsed);
      parsed.set(oid, entries);
      return entries;
    },
    differences(left, right) {
      const known = compared.get(left)?.get(right);
      if (known !== undefined) return known;
      const [a, b] = [dataOf(left), dataOf(right)];
      if (a === undefined || b === undefined) return undefined;
      const differences = compareTrees(a, b);
      makeRoom('differences', differences.size, compared);
      const others = compared.get(left) ?? new Map<string, ReadonlyMap<string, Difference>>();
      compared.set(left, others.set(right, differences));
      return differences;
    },
  };
}

/** Whether git would show no difference. */
function isSame(a: Entry | undefined, b: Entry | undefined): boolean {
  return a?.oid === b?.oid && a?.mode === b?.mode;
}

/** Mostly a folder differs from the next in the ids of a few entries: as long as the names are the same, the rest is not even read. */
function compareTrees(a: Buffer, b: Buffer): ReadonlyMap<string, Difference> {
  const differences = new Map<string, Difference>();
  const note = (name: string, left: Entry | undefined, right: Entry | undefined): void => {
    if (!isSame(left, right)) differences.set(name, { left, right });
  };
  let [at, other] = [0, 0];
  while (at < a.length && other < b.length) {
    const same = sameEntry(a, at, b, other);
    if (same > 0) {
      at += same;
      other += same;
      continue;
    }
    const [left, right] = [entryAt(a, at), entryAt(b, other)];
    if (left === undefined || right === undefined || left.name !== right.name) break;
    note(left.name, left.entry, right.entry);
    at = left.end;
    other = right.end;
  }
  const [left, right] = [parseEntries(a, at), parseEntries(b, other)];
  for (const [name, entry] of left) note(name, entry, right.get(name));
  for (const [name, entry] of right) if (!left.has(name)) note(name, undefined, entry);
  return differences;
}

/** The length of the entry at these places if it is the same in both, else 0. */
function sameEntry(a: Buffer, at: number, b: Buffer, other: number): number {
  let length = 0;
  while (a[at + length] === b[other + length]) {
    const byte = a[at + length];
    length += 1;
    if (byte === undefined) return 0;
    if (byte !== 0) continue;
    for (let more = 0; more < 20; more += 1) if (a[at + length + more] !== b[other + length + more]) return 0;
    return at + length + 20 <= a.length ? length + 20 : 0;
  }
  return 0;
}

function entryAt(data: Buffer, at: number): { readonly name: string; readonly entry: Entry; readonly end: number } | undefined {
  const space = data.indexOf(0x20, at);
  const nul = space < 0 ? -1 : data.indexOf(0, space);
  if (nul < 0 || nul + 21 > data.length) return undefined;
  const mode = modeOf(Number.parseInt(data.toString('latin1', at, space), 8));
  return { name: data.toString('utf8', space + 1, nul), entry: { oid: data.toString('hex', nul + 1, nul + 21), mode }, end: nul + 21 };
}

/** A broken entry ends the folder: what cannot be read is not there. */
function parseEntries(data: Buffer, from: number): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (let next = entryAt(data, from); next !== undefined; next = entryAt(data, next.end)) entries.set(next.name, next.entry);
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
