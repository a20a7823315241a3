/** One commit in memory, from which every source of the remote cuts its path. */
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { globMatcher } from './glob.ts';
import { sizeText } from './limits.ts';
import type { Limits } from './limits.ts';
import type { ListedFile, Listing } from './listing.ts';
import type { Checkout, Snapshot, SnapshotFile } from './types.ts';

/** `contents`: object id → bytes of every file listed as `manifest`. */
export function makeCheckout(listing: Listing, contents: ReadonlyMap<string, Buffer>, limits: Limits): Checkout {
  const folders = new Map(listing.folders);
  // Sorted by code units, so that everything below a folder lies together.
  const files = listing.files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const { commit, signed } = listing;
  let bytes = signed.commit.length + (signed.tag?.length ?? 0) + listing.files.length * 300 + listing.folders.length * 200;
  for (const content of contents.values()) bytes += content.length;

  return {
    commit,
    signed,
    bytes,
    snapshot(path, exclude): Snapshot {
      const folder = normalisePath(path);
      const tree = folders.get(folder);
      if (tree === undefined) throw notThere(folder, folders, files, commit.sha);
      const prefix = folder === '' ? '' : `${folder}/`;
      const isExcluded = excluder(exclude);
      const taken: SnapshotFile[] = [];
      const faults: Fault[] = [];
      let total = 0;
      for (let at = firstFrom(files, prefix); at < files.length; at += 1) {
        const file = files[at] as ListedFile;
        if (!file.path.startsWith(prefix)) break;
        if (isExcluded(file.path.slice(prefix.length))) continue;
        const fault = refusal(file, prefix, limits);
        const content = contents.get(file.oid);
        if (fault !== undefined) faults.push(fault);
        else if (content !== undefined) {
          taken.push({ path: file.path, oid: file.oid, content });
          total += content.length;
        }
      }
      if (faults.length > 0) throw new PlumblineError(faults);
      checkSums(taken.length, total, folder, limits);
      return { commit, path: folder, tree, files: taken };
    },
  };
}

/** `./prod/` → `prod`; the root is empty. Throws PlumblineError InvalidSpec for a path that leaves the repository. */
export function normalisePath(path: string): string {
  const steps = path.split('/').filter((step) => step !== '' && step !== '.');
  if (steps.includes('..'))
    throw new PlumblineError({ reason: 'InvalidSpec', message: `spec.path: ${JSON.stringify(path)} leaves the repository` });
  return steps.join('/');
}

/** A glob that matches a folder leaves out everything in it. */
function excluder(globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 0) return () => false;
  const matches = globMatcher(globs);
  const folders = new Map<string, boolean>();
  const isExcluded = (path: string): boolean => {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return matches(path);
    const folder = path.slice(0, slash);
    let known = folders.get(folder);
    if (known === undefined) {
      known = isExcluded(folder);
      folders.set(folder, known);
    }
    return known || matches(path);
  };
  return isExcluded;
}

function refusal(file: ListedFile, prefix: string, limits: Limits): Fault | undefined {
  const place = { file: file.path };
  const skip = `add "${file.path.slice(prefix.length)}" to spec.exclude`;
  switch (file.kind) {
    case 'manifest':
      return undefined;
    case 'large':
      return {
        reason: 'RepositoryTooLarge',
        place,
        message: `the file is ${file.note === undefined ? '' : `${file.note}, `}over the limit of ${sizeText(limits.fileBytes)}`,
        remedy: `Take it out of the path, or ${skip}.`,
      };
    case 'lfs':
      return {
        reason: 'RepositoryRefused',
        place,
        message: 'the file is in Git LFS, which is not read',
        remedy: `Commit the file itself, or ${skip}.`,
      };
    case 'link':
      return {
        reason: 'RepositoryRefused',
        place,
        message: `a symlink to ${JSON.stringify(file.note ?? '')}; symlinks are not followed`,
        remedy: `Put a plain file or folder in its place, or ${skip}.`,
      };
    case 'module':
      return {
        reason: 'RepositoryRefused',
        place,
        message: 'a submodule; submodules are not read',
        remedy: `Commit its files themselves, or ${skip}.`,
      };
  }
}

function checkSums(count: number, total: number, folder: string, limits: Limits): void {
  const where = folder === '' ? 'the repository' : folder;
  if (count > limits.files) {
    throw new PlumblineError({
      reason: 'RepositoryTooLarge',
      message: `${where} holds ${count} manifest files, over the limit of ${limits.files}`,
    });
  }
  if (total > limits.totalBytes) {
    throw new PlumblineError({
      reason: 'RepositoryTooLarge',
      message: `the manifest files in ${where} are ${sizeText(total)} together, over the limit of ${sizeText(limits.totalBytes)}`,
    });
  }
}

function notThere(folder: string, folders: ReadonlyMap<string, string>, files: readonly ListedFile[], sha: string): PlumblineError {
  const steps = folder.split('/');
  let parent = '';
  for (const step of steps) {
    const next = parent === '' ? step : `${parent}/${step}`;
    const file = files[firstFrom(files, next)];
    if (file?.path === next && (file.kind === 'link' || file.kind === 'module')) {
      return new PlumblineError({
        reason: 'RepositoryRefused',
        place: { file: next },
        message: `spec.path leads through a ${file.kind === 'link' ? 'symlink' : 'submodule'}, which is not followed`,
        remedy: 'Name a plain folder in spec.path.',
      });
    }
    if (file?.path === next) {
      return new PlumblineError({
        reason: 'PathNotFound',
        message: `spec.path ${folder}: ${next} is a file, not a folder`,
        remedy: 'Name the folder that holds it.',
      });
    }
    if (!folders.has(next)) break;
    parent = next;
  }
  if (steps.some((step) => step.startsWith('.'))) {
    return new PlumblineError({
      reason: 'PathNotFound',
      message: `spec.path ${folder} is hidden (a leading dot), and hidden folders are not read`,
    });
  }
  const prefix = parent === '' ? '' : `${parent}/`;
  const there = [...folders.keys()]
    .filter((path) => path !== '' && path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
    .slice(0, 5);
  const hint = there.length === 0 ? '' : `; ${parent === '' ? 'the repository' : parent} holds ${there.join(', ')}`;
  return new PlumblineError({ reason: 'PathNotFound', message: `folder ${folder} is not in commit ${sha.slice(0, 7)}${hint}` });
}

/** Index of the first file whose path is not before `prefix`. */
function firstFrom(files: readonly ListedFile[], prefix: string): number {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((files[middle] as ListedFile).path < prefix) low = middle + 1;
    else high = middle;
  }
  return low;
}
