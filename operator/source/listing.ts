/** What one commit holds that a source may care about: folders, manifest files, and what is refused. */
import { PlumblineError } from '../errors.ts';
import { sizeText } from './limits.ts';
import type { Limits } from './limits.ts';
import { parseCommitInfo, parseCommitLinks, parseTagTarget, parseTree } from './objects.ts';
import type { TreeEntry } from './objects.ts';
import type { PackObjects } from './pack.ts';
import { notGit } from './pktline.ts';
import type { CommitInfo, SignedBytes } from './types.ts';

export interface ListedFile {
  /** From the root of the repository. */
  readonly path: string;
  /** `manifest`: its content is read. The others are refused where a source reads them. */
  readonly kind: 'manifest' | 'large' | 'lfs' | 'link' | 'module';
  /** Object id of the blob. */
  readonly oid: string;
  /** `large`: the size, where it is known; `link`: the target. */
  readonly note?: string;
}

export interface Listing {
  readonly commit: CommitInfo;
  readonly signed: SignedBytes;
  /** Path (empty for the root) and object id of every folder that is not hidden. */
  readonly folders: readonly (readonly [path: string, tree: string])[];
  readonly files: readonly ListedFile[];
}

/** Walks the whole tree of a commit, which `oid` is or which a tag of that id leads to. Throws PlumblineError: RefNotFound, RepositoryTooLarge, GitError. */
export function listCommit(oid: string, pack: PackObjects, limits: Limits): Listing {
  const { sha, data } = peel(oid, pack);
  const root = parseCommitLinks(data).tree;
  const folders: [string, string][] = [];
  const files: ListedFile[] = [];
  let entries = 0;
  const walk = (path: string, tree: string): void => {
    folders.push([path, tree]);
    for (const entry of treeOf(pack, tree)) {
      if (entry.name.startsWith('.')) continue;
      entries += 1;
      if (entries > limits.entries) {
        throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `the commit holds over ${limits.entries} files and folders` });
      }
      const at = path === '' ? entry.name : `${path}/${entry.name}`;
      // Deeper than any repository that people made; a stack has an end.
      if (at.length > 4096)
        throw new PlumblineError({ reason: 'RepositoryTooLarge', message: `a path is over 4096 characters: ${at.slice(0, 100)}…` });
      if (entry.kind === 'folder') {
        walk(at, entry.oid);
      } else {
        const file = listed(at, entry, pack, root);
        if (file !== undefined) files.push(file);
      }
    }
  };
  walk('', root);
  const named = pack.objects.get(oid);
  const signed = { commit: data, tag: named?.type === 'tag' ? named.data : undefined };
  return { commit: parseCommitInfo(sha, data), signed, folders, files };
}

/** kubectl's own extensions, and what marks a kustomization or a chart (both are `.yaml` otherwise). */
export function isManifestName(name: string): boolean {
  return /\.(ya?ml|json)$/.test(name) || name === 'Kustomization';
}

function listed(path: string, entry: TreeEntry, pack: PackObjects, root: string): ListedFile | undefined {
  const { oid, name } = entry;
  if (entry.kind === 'module') return { path, kind: 'module', oid };
  const blob = pack.objects.get(oid);
  if (entry.kind === 'link') {
    const target = blob?.data.toString('utf8', 0, 500) ?? '';
    return isManifestName(name) || !leadsToFile(path, target, pack, root) ? { path, kind: 'link', oid, note: target } : undefined;
  }
  if (blob === undefined) {
    // Everything else is in the pack; only large files are left out, by the server or by us.
    const size = pack.large.get(oid);
    return { path, kind: 'large', oid, ...(size === undefined ? {} : { note: sizeText(size) }) };
  }
  if (!isManifestName(name)) return undefined;
  return { path, kind: blob.data.subarray(0, 60).includes('version https://git-lfs.github.com/spec/') ? 'lfs' : 'manifest', oid };
}

/** Whether a link surely leads to a plain file of this repository; one to a folder would hide manifests. */
function leadsToFile(path: string, target: string, pack: PackObjects, root: string): boolean {
  if (target.startsWith('/')) return false;
  const steps = path.split('/').slice(0, -1);
  for (const step of target.split('/')) {
    if (step === '' || step === '.') continue;
    if (step !== '..') steps.push(step);
    else if (steps.pop() === undefined) return false;
  }
  let tree = root;
  for (const [index, step] of steps.entries()) {
    const entry = treeOf(pack, tree).find(({ name }) => name === step);
    // A link that leads nowhere hides nothing.
    if (entry === undefined) return true;
    if (entry.kind !== 'folder') return entry.kind === 'file' && index === steps.length - 1;
    tree = entry.oid;
  }
  return false;
}

function treeOf(pack: PackObjects, oid: string): TreeEntry[] {
  const tree = pack.objects.get(oid);
  if (tree?.type !== 'tree') throw notGit(`its pack lacks the folder ${oid}`);
  return parseTree(tree.data);
}

/** The commit itself, or the one that an annotated tag points at. */
function peel(oid: string, pack: PackObjects): { readonly sha: string; readonly data: Buffer } {
  let at = oid;
  for (let depth = 0; depth < 10; depth += 1) {
    const object = pack.objects.get(at);
    if (object === undefined) throw notGit(`its pack lacks ${at}`);
    if (object.type === 'commit') return { sha: at, data: object.data };
    const target = object.type === 'tag' ? parseTagTarget(object.data) : undefined;
    if (target === undefined) {
      throw new PlumblineError({
        reason: 'RefNotFound',
        message: `${oid} is a ${object.type === 'tree' ? 'folder' : 'file'}, not a commit`,
      });
    }
    at = target;
  }
  throw new PlumblineError({ reason: 'RefNotFound', message: `${oid} is a tag of a tag of a tag without end` });
}
