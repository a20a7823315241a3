/** What one path of one commit holds: the files that are read, what is refused, and what has to be fetched to tell. */
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { globMatcher } from './glob.ts';
import { sizeText } from './limits.ts';
import type { Limits } from './limits.ts';
import { cleaned } from './names.ts';
import { parseTagTarget, treeEntries } from './objects.ts';
import type { TreeEntry } from './objects.ts';
import type { Pacer } from './pacer.ts';
import { notThere, refusedLink, refusedModule, refusedName } from './refusals.ts';
import { follow, joined, targetOf } from './tree-path.ts';
import type { GitObject, ObjectReader, SnapshotFile, Wanted } from './types.ts';

/** Objects, and the sizes of those that were seen and not kept. */
export interface SizedReader extends ObjectReader {
  sizeOf(oid: string): number | undefined;
}

export interface ListingAsked {
  readonly reader: SizedReader;
  /** Tree of the commit. */
  readonly root: string;
  /** For messages. */
  readonly commit: string;
  readonly wanted: Wanted;
  readonly limits: Limits;
  readonly pacer: Pacer;
  readonly signal: AbortSignal;
}

export interface Listing {
  /** Stands for all that was read: the id of the folder, and where symlinks lead. */
  readonly tree: string;
  /** Normalised. */
  readonly path: string;
  /** Sorted by path. */
  readonly files: readonly SnapshotFile[];
  /** Files and symlinks that are read, folders that are walked. */
  readonly used: ReadonlySet<string>;
  /** Of `used`, what is not in memory: with any, the rest is not complete. */
  readonly missing: ReadonlySet<string>;
  readonly faults: readonly Fault[];
}

/** Walks the folders under a path. Throws PlumblineError: InvalidSpec, PathNotFound, RepositoryRefused, RepositoryTooLarge, GitError. */
export async function list(asked: ListingAsked): Promise<Listing> {
  return new Walk(asked).run();
}

/** kubectl's own extensions, and what marks a kustomization or a chart (both are `.yaml` otherwise). */
export function isManifestName(name: string): boolean {
  return /\.(ya?ml|json)$/.test(name) || name === 'Kustomization';
}

/** `./prod/` → `prod`; the root is empty. Throws PlumblineError InvalidSpec for a path that leaves the repository. */
export function normalisePath(path: string): string {
  const steps = path.split('/').filter((step) => step !== '' && step !== '.');
  if (steps.includes('..'))
    throw new PlumblineError({ reason: 'InvalidSpec', message: `spec.path: ${JSON.stringify(path)} leaves the repository` });
  return steps.join('/');
}

/** The commit that `oid` is or that a chain of annotated tags leads to; `missing` where an object of the chain is not in memory. */
export function peel(reader: ObjectReader, oid: string): { readonly commit: string } | { readonly missing: string } {
  let at = oid;
  for (let depth = 0; depth < 10; depth += 1) {
    const object = reader.read(at);
    if (object === undefined) return { missing: at };
    if (object.type === 'commit') return { commit: at };
    const target = object.type === 'tag' ? parseTagTarget(object.data) : undefined;
    if (target === undefined) {
      const what = object.type === 'tree' ? 'folder' : 'file';
      throw new PlumblineError({ reason: 'RefNotFound', message: `${oid} is or points at a ${what}, not a commit` });
    }
    at = target;
  }
  throw new PlumblineError({ reason: 'RefNotFound', message: `${oid} is a tag of a tag of a tag without end` });
}

class Walk {
  readonly #asked: ListingAsked;
  readonly #path: string;
  readonly #isExcluded: (path: string) => boolean;
  readonly #files: SnapshotFile[] = [];
  readonly #faults: Fault[] = [];
  readonly #used = new Set<string>();
  readonly #missing = new Set<string>();
  /** Where symlinks led, as they change what is read without changing the folder. */
  readonly #led: string[] = [];
  #entries = 0;
  #count = 0;
  #total = 0;

  constructor(asked: ListingAsked) {
    this.#asked = asked;
    this.#path = normalisePath(asked.wanted.path);
    this.#isExcluded = excluder(asked.wanted.exclude);
  }

  async run(): Promise<Listing> {
    const { reader, root, commit } = this.#asked;
    const place = this.#path.split('/').some((step) => step.startsWith('.'))
      ? ({ kind: 'nothing', parent: '', tree: root, asFile: undefined } as const)
      : follow(reader, root, '', this.#path);
    let tree = root;
    if (place.kind === 'unknown') {
      this.#use(place.oid);
    } else if (place.kind === 'folder') {
      tree = place.oid;
      await this.#folder(this.#path, place.path, tree, []);
    } else {
      throw notThere(reader, root, place, this.#path, commit);
    }
    this.#files.sort((a, b) => (a.path < b.path ? -1 : 1));
    const named = this.#led.length === 0 ? tree : `${tree} ${this.#led.join(' ')}`;
    return { tree: named, path: this.#path, files: this.#files, used: this.#used, missing: this.#missing, faults: this.#faults };
  }

  /** `path`: as it is told; `real`: where it lies, other than that behind a symlink; `above`: where the folders lie that lead here. */
  async #folder(path: string, real: string, tree: string, above: readonly string[]): Promise<void> {
    if (above.includes(real)) {
      this.#faults.push(refusedLink(path, this.#skip(path), 'a symlink that leads in a circle'));
      return;
    }
    const object = this.#use(tree);
    if (object === undefined) return;
    let sinceTurn = 0;
    for (const entry of treeEntries(object.data)) {
      sinceTurn += 1;
      if (sinceTurn % 100 === 0) {
        await this.#asked.pacer.turn();
        this.#asked.signal.throwIfAborted();
      }
      if (entry.name.startsWith('.')) continue;
      const at = joined(path, entry.name);
      if (this.#isExcluded(this.#below(at))) continue;
      this.#checkEntry(at);
      if (entry.unclean === true && (entry.kind !== 'file' || isManifestName(entry.name))) {
        this.#faults.push(refusedName(at));
      } else if (entry.kind === 'folder') {
        await this.#folder(at, joined(real, entry.name), entry.oid, [...above, real]);
      } else if (entry.kind === 'module') this.#faults.push(refusedModule(at, this.#skip(at)));
      else if (entry.kind === 'link') await this.#link(at, real, entry, [...above, real]);
      else if (isManifestName(entry.name)) this.#file(at, entry);
      else this.#isLarge(at, entry.oid);
    }
  }

  #checkEntry(at: string): void {
    const { entries } = this.#asked.limits;
    this.#entries += 1;
    const where = this.#path === '' ? 'the commit' : this.#path;
    if (this.#entries > entries)
      throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `${where} holds over ${entries} files and folders` });
    // Deeper than any repository that people made; a stack has an end.
    if (at.length > 4096)
      throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `a path is over 4096 characters: ${at.slice(0, 100)}…` });
  }

  async #link(at: string, real: string, entry: TreeEntry, above: readonly string[]): Promise<void> {
    const { reader, root } = this.#asked;
    this.#use(entry.oid);
    const target = targetOf(reader, entry.oid);
    if (target === undefined) return;
    const place = follow(reader, root, real, entry.name);
    const says = `a symlink to ${JSON.stringify(cleaned(target.slice(0, 200)))}`;
    switch (place.kind) {
      case 'unknown':
        this.#use(place.oid);
        return;
      case 'folder':
        this.#led.push(`${at}=${place.oid}`);
        await this.#folder(at, place.path, place.oid, above);
        return;
      case 'file':
        if (!isManifestName(entry.name)) return;
        this.#led.push(`${at}=${place.oid}`);
        this.#file(at, { ...entry, oid: place.oid });
        return;
      case 'module':
        this.#faults.push(refusedLink(at, this.#skip(at), `${says}, which is in a submodule`));
        return;
      case 'outside':
        this.#faults.push(refusedLink(at, this.#skip(at), `${says}, which leaves the repository`));
        return;
      case 'loop':
        this.#faults.push(refusedLink(at, this.#skip(at), `${says}, which leads in a circle`));
        return;
      case 'no path':
        this.#faults.push(refusedLink(at, this.#skip(at), 'a symlink whose target is no path'));
        return;
      case 'nothing':
        // One that leads nowhere hides nothing, unless it stands for a manifest.
        if (isManifestName(entry.name)) this.#faults.push(refusedLink(at, this.#skip(at), `${says}, which is not there`));
        return;
    }
  }

  #file(path: string, { oid }: TreeEntry): void {
    const { reader, limits } = this.#asked;
    this.#count += 1;
    if (this.#count > limits.files) {
      const where = this.#path === '' ? 'the repository' : this.#path;
      const message = `${where} holds over ${limits.files} manifest files`;
      throw new PlumblineError({ reason: 'RepositoryTooLarge', message });
    }
    if (this.#isLarge(path, oid)) return;
    const content = this.#use(oid)?.data;
    this.#total += content?.length ?? reader.sizeOf(oid) ?? 0;
    if (this.#total > limits.totalBytes) {
      const where = this.#path === '' ? 'the repository' : this.#path;
      const message = `the manifest files in ${where} are over ${sizeText(limits.totalBytes)} together`;
      throw new PlumblineError({ reason: 'RepositoryTooLarge', message });
    }
    if (content === undefined) return;
    if (isLfsPointer(content)) {
      this.#faults.push({
        reason: 'RepositoryRefused',
        place: { file: path },
        message: 'the file is in Git LFS, which is not read',
        remedy: `Commit the file itself, or ${this.#skip(path)}.`,
      });
    } else this.#files.push({ path, oid, content });
  }

  /** Whether a file is known to be too large; one that is not read may be so unknown. */
  #isLarge(path: string, oid: string): boolean {
    const { reader, limits } = this.#asked;
    const size = reader.sizeOf(oid);
    if (size === undefined || size <= limits.fileBytes) return false;
    this.#faults.push({
      reason: 'RepositoryTooLarge',
      place: { file: path },
      message: `the file is ${Number.isFinite(size) ? `${sizeText(size)}, ` : ''}over the limit of ${sizeText(limits.fileBytes)}`,
      remedy: `Take it out of the path, or ${this.#skip(path)}.`,
    });
    return true;
  }

  #use(oid: string): GitObject | undefined {
    this.#used.add(oid);
    const object = this.#asked.reader.read(oid);
    if (object === undefined) this.#missing.add(oid);
    return object;
  }

  #below(path: string): string {
    return this.#path === '' ? path : path.slice(this.#path.length + 1);
  }

  #skip(path: string): string {
    return `add ${JSON.stringify(this.#below(path))} to spec.exclude`;
  }
}

/** Git LFS, docs/spec.md "The Pointer": under 1024 bytes, the version first. */
function isLfsPointer(content: Buffer): boolean {
  return (
    content.length < 1024 && content[0] === 0x76 && content.toString('latin1', 0, 60).startsWith('version https://git-lfs.github.com/spec/')
  );
}

/** A glob that matches a folder leaves out everything in it: the walk does not go there. */
function excluder(globs: readonly string[]): (path: string) => boolean {
  return globs.length === 0 ? () => false : globMatcher(globs);
}
