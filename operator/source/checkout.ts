/** One commit, from which every source of the remote cuts its path; files are fetched when somebody first wants them. */
import { PlumblineError } from '../errors.ts';
import { Batches } from './batches.ts';
import type { Limits } from './limits.ts';
import { isManifestName, list, normalisePath, peel } from './listing.ts';
import { parseCommitInfo, parseCommitLinks, treeEntries } from './objects.ts';
import type { Pacer } from './pacer.ts';
import type { Choice } from './pack.ts';
import { notGit, ServerError } from './pktline.ts';
import type { Along, Repository } from './repository.ts';
import type { Checkout, Gate, GitObject, ObjectReader, ResolvedRef, Snapshot, Wanted } from './types.ts';

export interface CheckoutAsked {
  readonly repository: Repository;
  readonly ref: ResolvedRef;
  /** What will be read first. */
  readonly wanted: Wanted | undefined;
  readonly gate: Gate;
  readonly limits: Limits;
  readonly pacer: Pacer;
}

/** From so many paths of one commit on, the files of all others are fetched as well. */
const manyPaths = 8;
/** A file behind symlinks behind symlinks is found step by step. */
const maxRounds = 50;

/** Fetches a commit. Throws as GitClient.checkout. */
export async function openCheckout(asked: CheckoutAsked, signal: AbortSignal): Promise<Checkout> {
  const { repository, ref, wanted, gate, limits, pacer } = asked;
  const { store } = repository;
  const oid = ref.tag ?? ref.commit;
  const hold = store.hold();
  try {
    if (!(await repository.holds(oid, hold))) {
      const along: Along = {
        files: wanted !== undefined && normalisePath(wanted.path) === '',
        choose: (objects) => chooseManifests(over(objects, store), oid, pacer),
      };
      await gate(signal, () => repository.bring(oid, ref.fullRef === undefined, along, hold, signal));
    }
    const peeled = peel(store, oid);
    const commit = 'commit' in peeled ? store.read(peeled.commit) : undefined;
    if (commit === undefined || 'missing' in peeled) throw notGit(`its pack lacks ${oid}`);
    if (ref.tag !== undefined && peeled.commit !== ref.commit)
      throw notGit(`it says that tag ${ref.tag} leads to ${ref.commit}, and it leads to ${peeled.commit}`);
    const info = parseCommitInfo(peeled.commit, commit.data);
    const root = parseCommitLinks(commit.data).tree;
    const tag = store.read(oid);
    const signed = { commit: commit.data, tag: tag?.type === 'tag' ? tag.data : undefined };

    /** Some came with an earlier batch, while these were written down. */
    const notThere = (oids: ReadonlySet<string>): ReadonlySet<string> => {
      const absent = new Set<string>();
      for (const one of oids) {
        if (store.has(one)) hold.add(one);
        else absent.add(one);
      }
      return absent;
    };
    /** What this server left out of this commit as too large. */
    const leftOut = new Set<string>();
    const sizeOf = (one: string): number | undefined => store.sizeOf(one) ?? (leftOut.has(one) ? Infinity : undefined);
    const batches = new Batches((needed, shared) =>
      gate(shared, async () => {
        const oids = notThere(needed);
        if (oids.size === 0) return;
        if (await repository.givesById(shared)) {
          try {
            await repository.bringObjects([...oids], hold, shared, (one) => leftOut.add(one));
            return;
          } catch (error) {
            if (!(error instanceof ServerError)) throw error;
          }
        }
        // All at once, from a server that gives nothing by its id.
        await repository.bringAnew(oid, oids, hold, shared);
      }),
    );
    const reader = { read: (one: string): GitObject | undefined => store.read(one), sizeOf };
    const paths = new Set<string>();
    let everything: Promise<Choice | undefined> | undefined;
    let isAskedFor = false;
    /** What all the paths of the commit might ask for that is not there, for the first who wants to know: one batch brings it to all. */
    const wantedByOthers = async (): Promise<readonly string[]> => {
      if (isAskedFor) return [];
      everything ??= chooseManifests(store, oid, pacer);
      // Whoever waited with us has it then; it is long, and wanted once.
      const chosen = await everything.finally(() => (everything = undefined));
      if (typeof chosen !== 'object' || isAskedFor) return [];
      isAskedFor = true;
      return [...chosen].filter((one) => !store.has(one) && sizeOf(one) === undefined);
    };

    const snapshot = async (what: Wanted, asking: AbortSignal): Promise<Snapshot> => {
      paths.add(normalisePath(what.path));
      let before: ReadonlySet<string> = new Set();
      for (let round = 0; round < maxRounds; round += 1) {
        const listing = await list({ reader, root, commit: info.sha, wanted: what, limits, pacer, signal: asking });
        const { missing, faults, files, tree, path } = listing;
        if (missing.size === 0) {
          if (faults.length > 0) throw new PlumblineError(faults);
          for (const used of listing.used) hold.add(used);
          return { commit: info, path, tree, files };
        }
        const [still] = missing;
        if (missing.size === before.size && missing.isSubsetOf(before)) throw notGit(`its pack lacks ${still ?? ''}`);
        before = missing;
        const others = paths.size > manyPaths ? await wantedByOthers() : [];
        try {
          await batches.need([...missing, ...others], asking);
        } catch (error) {
          if (others.length > 0) isAskedFor = false;
          throw error;
        }
      }
      throw notGit('its symlinks lead on and on');
    };
    return { commit: info, signed, objects: store, snapshot, release: () => hold.release() };
  } catch (error) {
    hold.release();
    throw error;
  }
}

/** The files of a commit that a source might read, whatever its path. undefined: not all of its folders are there. */
async function chooseManifests(reader: ObjectReader, oid: string, pacer: Pacer): Promise<Choice | undefined> {
  const peeled = peel(reader, oid);
  const commit = 'commit' in peeled ? reader.read(peeled.commit) : undefined;
  if (commit === undefined) return undefined;
  const chosen = new Set<string>();
  const seen = new Set<string>();
  const waiting = [parseCommitLinks(commit.data).tree];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    await pacer.turn();
    const tree = reader.read(at);
    if (tree?.type !== 'tree') return undefined;
    for (const { name, kind, oid: id } of treeEntries(tree.data)) {
      if (name.startsWith('.')) continue;
      if (kind === 'folder') waiting.push(id);
      else if (kind === 'link' || (kind === 'file' && isManifestName(name))) chosen.add(id);
    }
  }
  return chosen;
}

/** What has just come, before what was there. */
function over(objects: ReadonlyMap<string, GitObject>, below: ObjectReader): ObjectReader {
  return { read: (oid) => objects.get(oid) ?? below.read(oid) };
}
