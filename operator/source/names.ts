/** Names in a tree: which of them no manifest may have, and which are too alike. Pure. */

/** Decoded, and what is wrong with it: git takes any bytes but a slash and NUL. */
export interface TreeName {
  /** What is not UTF-8 is decoded as U+FFFD. */
  readonly name: string;
  readonly fault: 'not UTF-8' | 'control characters' | undefined;
}

// What moves a cursor, breaks a line or turns the direction of text: a message, a log or a review would show another name.
// eslint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** The name that these bytes are. */
export function readName(raw: Buffer): TreeName {
  const name = raw.toString('utf8');
  if (name.includes('\ufffd') && !Buffer.from(name).equals(raw)) return { name, fault: 'not UTF-8' };
  return { name, fault: control.test(name) ? 'control characters' : undefined };
}

/** A path as git prints it where it is not plain (core.quotePath): `"prod/\303(.yaml"`; a plain one as it is. */
export function shownPath(raw: Buffer): string {
  const { name, fault } = readName(raw);
  if (fault === undefined) return name;
  let text = '';
  for (const byte of raw) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte === 0x09) text += '\\t';
    else if (byte === 0x0a) text += '\\n';
    else if (byte === 0x0d) text += '\\r';
    else text += byte < 0x20 || byte > 0x7e ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte);
  }
  return `"${text}"`;
}

/**
 * Paths that are one on a file system that ignores case (and how an accent is composed): the second and every further of
 * each such set, with the first. In the order of `paths`.
 */
export function caseTwins(paths: readonly string[]): readonly { readonly path: string; readonly of: string }[] {
  const first = new Map<string, string>();
  const twins: { path: string; of: string }[] = [];
  for (const path of paths) {
    const folded = path.normalize('NFC').toLowerCase();
    const known = first.get(folded);
    if (known === undefined) first.set(folded, path);
    else twins.push({ path, of: known });
  }
  return twins;
}

/** How many folders are compared with the one that is missing, and by how much of their spelling: this may block. */
const mostCompared = 200;
const spellingCompared = 40;

/** The `count` folders nearest to one that is not there: those of the same name elsewhere, then those beside it by spelling. */
export function nearestFolders(wanted: string, folders: readonly string[], count: number): readonly string[] {
  const name = lastStep(wanted);
  const there = new Set(folders);
  let parent = parentOf(wanted);
  while (parent !== '' && !there.has(parent)) parent = parentOf(parent);
  const moved = folders.filter((folder) => folder !== '' && lastStep(folder) === name);
  const beside = folders.filter((folder) => folder !== '' && parentOf(folder) === parent);
  const spelling = wanted.slice(-spellingCompared);
  return [...new Set([...moved, ...beside])]
    .slice(0, mostCompared)
    .map((folder) => ({ folder, distance: editDistance(folder.slice(-spellingCompared), spelling) - (lastStep(folder) === name ? 3 : 0) }))
    .toSorted((a, b) => a.distance - b.distance || (a.folder < b.folder ? -1 : 1))
    .slice(0, count)
    .map(({ folder }) => folder);
}

function lastStep(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

/** Levenshtein's. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
