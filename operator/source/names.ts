/** Names in a tree: which of them no manifest may have, which are too alike, and which is meant by one that is not there. Pure. */

// What moves a cursor, breaks a line or turns the direction of text: a message, a log or a review would show another name.
// eslint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** Whether a name, decoded from the bytes from `start` to `end`, is UTF-8 and shows as what it is. */
export function isCleanName(name: string, data: Buffer, start: number, end: number): boolean {
  if (control.test(name)) return false;
  // The sign that stands for broken UTF-8 may also be written by somebody who means it.
  return !name.includes('\ufffd') || Buffer.from(name).equals(data.subarray(start, end));
}

/** Whether git lets a ref have this name, as far as its characters go (git-check-ref-format(1)): it says nothing of one that has not. */
export function isRefName(name: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[\u0000-\u0020\u007f~^:?*[\\]/.test(name);
}

/** A text out of a repository, fit for a message: one line, nothing that moves a cursor. */
export function cleaned(text: string): string {
  return text.replace(new RegExp(control, 'g'), '\ufffd');
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

/** The `count` folders nearest to one that is not there: those of the same name, then by spelling. */
export function nearestFolders(wanted: string, folders: readonly string[], count: number): readonly string[] {
  const name = lastStep(wanted);
  const spelling = wanted.slice(-spellingCompared);
  return folders
    .slice(0, mostCompared)
    .map((folder) => ({ folder, distance: editDistance(folder.slice(-spellingCompared), spelling) - (lastStep(folder) === name ? 3 : 0) }))
    .toSorted((a, b) => a.distance - b.distance || (a.folder < b.folder ? -1 : 1))
    .slice(0, count)
    .map(({ folder }) => folder);
}

function lastStep(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
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
