/** One repository as one set of credentials sees it: what was learnt of its server, and what is asked of it. */
import { PlumblineError } from '../errors.ts';
import { StatusError } from './http-errors.ts';
import { hasFeature, introduce } from './introduction.ts';
import type { Introduction } from './introduction.ts';
import type { Limits } from './limits.ts';
import { peel } from './listing.ts';
import { folderIds, parseCommitLinks } from './objects.ts';
import type { Pacer } from './pacer.ts';
import type { PackMemory } from './pack-memory.ts';
import { readPack } from './pack.ts';
import type { Choice, PackObjects } from './pack.ts';
import { notGit, ServerError } from './pktline.ts';
import { fetchPack, givesById, lsRefs } from './protocol.ts';
import type { FetchAsked } from './protocol.ts';
import type { Service } from './service.ts';
import type { Hold, ObjectStore } from './store.ts';
import type { GitObject, HistoryAsked, RemoteRefs } from './types.ts';
import { metered, watched } from './watched.ts';
import type { Deadlines, Meter } from './watched.ts';

export interface RepositoryOptions {
  readonly service: Service;
  readonly store: ObjectStore;
  readonly limits: Limits;
  readonly deadlines: Deadlines;
  readonly pacer: Pacer;
  /** For what its packs unpack to, shared with all other repositories. */
  readonly memory: PackMemory;
}

/** Which files should come along with a commit. */
export interface Along {
  /** Files come at once, not only folders, where the server can tell them apart. */
  readonly files: boolean;
  /** Which of the files that come are kept; asked when its folders are there. */
  readonly choose: (objects: ReadonlyMap<string, GitObject>) => Promise<Choice | undefined>;
}

/** Where only commits are looked at, for a remark: what is larger than this is not worth the download. */
const remarkLimits = { packBytes: 16 * 1024 * 1024, keptBytes: 64 * 1024 * 1024 };
/** Commits that are told to the server as had. */
const maxHaves = 3;
/** Wants of one request. */
const maxWants = 20_000;
/** Commits of which it is remembered that the server gave them. */
const maxServed = 1000;

export class Repository {
  readonly #options: RepositoryOptions;
  #server: Introduction | undefined;
  /** Objects that this server gave when asked for, newest last: what another repository gave is not in this one. */
  readonly #served = new Set<string>();
  /** Commits that came with all their folders, newest last: how much was let go of when that was last looked at. */
  readonly #tips = new Map<string, number>();

  constructor(options: RepositoryOptions) {
    this.#options = options;
  }

  get store(): ObjectStore {
    return this.#options.store;
  }

  /** Where the server says that the repository is now, if it is not where it is asked for. */
  movedTo(): string | undefined {
    return this.#options.service.movedTo?.();
  }

  /** Ends its connections. */
  close(): Promise<void> {
    return this.#options.service.close();
  }

  /** One ls-refs. */
  refs(prefixes: readonly string[], signal: AbortSignal): Promise<RemoteRefs> {
    const { service, limits, deadlines } = this.#options;
    return watched(service.where, { ...deadlines, idleMs: deadlines.deadlineMs }, signal, (all) =>
      this.#asking(all, true, (server) => lsRefs(service, server, prefixes, limits.refsBytes, all)),
    );
  }

  /** Whether `oid` came from here and is still there, its folders and all. */
  async holds(oid: string, hold: Hold): Promise<boolean> {
    return this.#served.has(oid) && (await this.#whole(oid, hold)) !== undefined;
  }

  /**
   * Brings a commit, or an annotated tag and the commit that it leads to, with all folders, into the store and `hold`.
   * `bare`: nothing but its id is known. Throws PlumblineError: RefNotFound, RepositoryTooLarge, GitError and others.
   */
  async bring(oid: string, bare: boolean, along: Along, hold: Hold, signal: AbortSignal): Promise<void> {
    const haves = await this.#haves(oid);
    let commit = await this.#bring(oid, bare, along, haves, hold, signal);
    // The server took something for had that is not here.
    if (commit === undefined && haves.length > 0) commit = await this.#bring(oid, bare, along, [], hold, signal);
    if (commit === undefined) {
      const peeled = peel(this.store, oid);
      throw notGit(`its pack lacks ${'missing' in peeled ? peeled.missing : `folders of ${peeled.commit}`}`);
    }
  }

  /** As bring(), with all that it should hold, whatever is there already. */
  async bringAnew(oid: string, choice: Choice, hold: Hold, signal: AbortSignal): Promise<void> {
    await this.#bring(oid, false, { files: true, choose: async () => choice }, [], hold, signal);
  }

  /** Whether objects can be asked for by id here. */
  async givesById(signal: AbortSignal): Promise<boolean> {
    return givesById(await this.#introduced(signal));
  }

  /**
   * Brings objects by their ids, in as few requests as may be. What does not come is not there afterwards; `onLeftOut` is
   * told of what is left out as too large, as far as can be told.
   */
  async bringObjects(
    oids: readonly string[],
    hold: Hold | undefined,
    signal: AbortSignal,
    onLeftOut?: (oid: string) => void,
  ): Promise<ReadonlyMap<string, GitObject>> {
    const got = new Map<string, GitObject>();
    for (let at = 0; at < oids.length; at += maxWants) {
      const wants = oids.slice(at, at + maxWants);
      const wanted = new Set(wants);
      const asked = { wants };
      const { objects, sizes, nameless } = await this.#fetch(
        asked,
        async () => wanted,
        signal,
        (answer) => this.#takeIn(answer, hold),
      );
      for (const oid of wants) {
        const object = objects.get(oid);
        if (object !== undefined) got.set(oid, object);
        // Asked for by its id and over the limit: what else could it be. It stays a guess, of which no other remote is told.
        else if (nameless > 0 && !sizes.has(oid)) onLeftOut?.(oid);
      }
    }
    return got;
  }

  /** Brings commits and their folders; gives them, and those commits at which the server stopped. */
  async bringHistory(
    { tip, known, depth: deep, depthWithFiles = deep }: HistoryAsked,
    signal: AbortSignal,
  ): Promise<{ readonly objects: Map<string, GitObject>; readonly cut: ReadonlySet<string> }> {
    const server = await this.#introduced(signal);
    const haves: string[] = [];
    for (const oid of known) if (oid !== tip && (await this.#whole(oid)) !== undefined) haves.push(oid);
    const filters = hasFeature(server, 'filter');
    const filter = filters ? { filter: 'blob:none' } : {};
    const depth = filters ? deep : Math.min(deep, depthWithFiles);
    const asked = { wants: [tip], haves, depth, ...filter };
    const { objects, cut } = await this.#fetch(
      asked,
      async () => 'none',
      signal,
      (answer) => this.#takeIn(answer, undefined),
    );
    const all = new Map(objects);
    // A folder that is as it was before what is had may be taken for had as well (a revert).
    for (const missing = new Set<string>(); haves.length > 0; missing.clear()) {
      await this.#missingFolders(all, missing);
      if (missing.size === 0 || !givesById(server)) break;
      const brought = await this.bringObjects([...missing], undefined, signal);
      if (brought.size === 0) break;
      for (const [oid, object] of brought) all.set(oid, object);
    }
    return { objects: all, cut };
  }

  /** Whether `ancestor` comes before `commit`; undefined when that cannot be found out cheaply. */
  async descends(ancestor: string, commit: string, signal: AbortSignal): Promise<boolean | undefined> {
    const server = await this.#introduced(signal);
    if (server.version !== 2) return undefined;
    const filter = hasFeature(server, 'filter') ? { filter: 'tree:0' } : {};
    const limits = { ...this.#options.limits, ...remarkLimits };
    try {
      const asked = { wants: [commit], haves: [ancestor], tentative: true, ...filter };
      const answer = await this.#fetch(asked, async () => 'none', signal, notKept, limits);
      return answer.nothing ? false : reaches(answer.objects, commit, ancestor);
    } catch (error) {
      if (error instanceof PlumblineError && error.reason === 'RepositoryTooLarge') return undefined;
      throw error;
    }
  }

  /**
   * Whether two commits have one before them in common, or are one before the other. Undefined when that cannot be found
   * out cheaply, or when the server does not give `before` and nothing is known of it here.
   */
  async sharesHistory(before: string, now: string, signal: AbortSignal): Promise<boolean | undefined> {
    const server = await this.#introduced(signal);
    if (server.version !== 2) return undefined;
    const filter = hasFeature(server, 'filter') ? { filter: 'tree:0' } : {};
    const limits = { ...this.#options.limits, ...remarkLimits };
    const all = async (wants: readonly string[]): Promise<ReadonlyMap<string, GitObject>> =>
      (await this.#fetch({ wants, ...filter }, async () => 'none', signal, notKept, limits)).objects;
    const readBefore = (oid: string): GitObject | undefined => this.store.read(oid);
    try {
      try {
        const objects = await all([before, now]);
        return !ancestry(before, (oid) => objects.get(oid)).isDisjointFrom(ancestry(now, (oid) => objects.get(oid)));
      } catch (error) {
        if (!(error instanceof ServerError)) throw error;
      }
      // It is not there any more, as far as this server says. What it came from may be.
      if (readBefore(before) === undefined) return undefined;
      const objects = await all([now]);
      return !ancestry(before, readBefore).isDisjointFrom(ancestry(now, (oid) => objects.get(oid)));
    } catch (error) {
      if (error instanceof PlumblineError && error.reason === 'RepositoryTooLarge') return undefined;
      throw error;
    }
  }

  async #bring(
    oid: string,
    bare: boolean,
    along: Along,
    haves: readonly string[],
    hold: Hold,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const server = await this.#introduced(signal);
    const files = along.files ? `blob:limit=${this.#options.limits.fileBytes + 1}` : 'blob:none';
    const filter = hasFeature(server, 'filter') ? { filter: files } : {};
    const asked = { wants: [oid], haves, shallow: haves, depth: 1, ...filter };
    try {
      await this.#fetch(asked, along.choose, signal, (answer) => this.#takeIn(answer, hold));
    } catch (error) {
      if (!bare || !(error instanceof ServerError)) throw error;
      const message = `${this.#options.service.where} does not give commit ${oid}: ${error.words}`;
      throw new PlumblineError({ reason: 'RefNotFound', message }, { cause: error });
    }
    const commit = await this.#whole(oid, hold);
    if (commit === undefined) return undefined;
    note(this.#served, oid);
    this.#tips.delete(commit);
    this.#tips.set(commit, this.store.evictions);
    const [oldest] = this.#tips.keys();
    if (this.#tips.size > maxHaves && oldest !== undefined) this.#tips.delete(oldest);
    return commit;
  }

  /** `take`: what is done with the objects while they count against the memory for packs. */
  async #fetch(
    asked: FetchAsked,
    choose: (objects: ReadonlyMap<string, GitObject>) => Promise<Choice | undefined>,
    signal: AbortSignal,
    take: (answer: PackObjects) => Promise<void>,
    limits = this.#options.limits,
  ): Promise<PackObjects & { readonly cut: ReadonlySet<string>; readonly nothing: boolean }> {
    const { service, deadlines, pacer, store, memory } = this.#options;
    const room = memory.room();
    try {
      const answered = await watched(service.where, deadlines, signal, (all, meter) =>
        this.#asking(all, false, async (server) => {
          const answer = await fetchPack(service, server, asked, all, meter);
          if (answer === undefined) return { objects: new Map(), sizes: new Map(), nameless: 0, cut: new Set<string>(), nothing: true };
          const read = await readPack(metered(answer.pack, meter), { limits, pacer, signal: all, held: store, room, choose });
          return { ...read, cut: answer.cut, nothing: false };
        }),
      );
      await take(answered);
      return answered;
    } finally {
      room.clear();
    }
  }

  /** Asks with what is known of the server; where that may have changed, once more with what it says now. */
  async #asking<T>(signal: AbortSignal, refs: boolean, ask: (server: Introduction) => Promise<T>): Promise<T> {
    const known = this.#server;
    // What a server of version 0 says of itself is the list of refs.
    if (known !== undefined && !(refs && known.version === 0)) {
      try {
        return await ask(known);
      } catch (error) {
        if (signal.aborted || !mayHaveChanged(error)) throw error;
        this.#server = undefined;
      }
    }
    if (refs) this.#server = undefined;
    return ask(await this.#introduced(signal));
  }

  /** Whoever asks first, it has an end: a server that drips holds up nobody for longer than any other. */
  async #introduced(signal: AbortSignal): Promise<Introduction> {
    const { service, limits, deadlines } = this.#options;
    const introduction = (all: AbortSignal, meter: Meter): Promise<Introduction> => introduce(service, limits.refsBytes, all, meter);
    this.#server ??= await watched(service.where, deadlines, signal, introduction, 'its introduction');
    return this.#server;
  }

  async #takeIn({ objects, sizes }: PackObjects, hold: Hold | undefined): Promise<void> {
    for (const [oid, object] of objects) {
      await this.#options.pacer.turn();
      this.store.add(oid, object, hold);
    }
    for (const [oid, size] of sizes) this.store.noteSize(oid, size);
  }

  async #haves(oid: string): Promise<readonly string[]> {
    const haves: string[] = [];
    for (const [tip, evictions] of this.#tips) {
      if (tip === oid) continue;
      const whole = evictions === this.store.evictions || (await this.#whole(tip)) !== undefined;
      if (!whole) this.#tips.delete(tip);
      else haves.push(tip);
    }
    return haves;
  }

  /** The commit that `oid` is or leads to, if it is in the store with every folder; then into `hold` with it. */
  async #whole(oid: string, hold?: Hold): Promise<string | undefined> {
    const peeled = peel(this.store, oid);
    const commit = 'commit' in peeled ? this.store.read(peeled.commit) : undefined;
    if (commit === undefined || 'missing' in peeled) return undefined;
    const seen = new Set<string>();
    const waiting = [parseCommitLinks(commit.data).tree];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      await this.#options.pacer.turn();
      const tree = this.store.read(at);
      if (tree?.type !== 'tree') return undefined;
      waiting.push(...folderIds(tree.data));
    }
    for (const at of [oid, peeled.commit, ...seen]) hold?.add(at);
    return peeled.commit;
  }

  async #missingFolders(objects: ReadonlyMap<string, GitObject>, missing: Set<string>): Promise<void> {
    const lacks = (oid: string): boolean => !objects.has(oid) && !this.store.has(oid);
    for (const { type, data } of objects.values()) {
      await this.#options.pacer.turn();
      if (type === 'commit') {
        const { tree } = parseCommitLinks(data);
        if (lacks(tree)) missing.add(tree);
      } else if (type === 'tree') {
        for (const oid of folderIds(data)) if (lacks(oid)) missing.add(oid);
      }
    }
  }
}

/** What only answers a question. */
async function notKept(): Promise<void> {}

/** A commit and all before it, those that are only known by their ids included. */
function ancestry(commit: string, read: (oid: string) => GitObject | undefined): Set<string> {
  const seen = new Set<string>();
  const waiting = [commit];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const object = read(at);
    if (object?.type === 'commit') waiting.push(...parseCommitLinks(object.data).parents);
  }
  return seen;
}

function note(set: Set<string>, oid: string): void {
  set.delete(oid);
  set.add(oid);
  const [oldest] = set;
  if (set.size > maxServed && oldest !== undefined) set.delete(oldest);
}

/** Whether a server that is asked anew might answer otherwise: not one that is busy, or that understood. */
function mayHaveChanged(error: unknown): boolean {
  if (!(error instanceof PlumblineError) || error instanceof ServerError) return false;
  if (error instanceof StatusError) return error.status !== 429 && error.status < 500;
  return error.reason === 'GitError';
}

/** Follows parents through the commits that are new. */
function reaches(objects: ReadonlyMap<string, GitObject>, commit: string, ancestor: string): boolean {
  const seen = new Set<string>();
  const waiting = [commit];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (at === ancestor) return true;
    const object = objects.get(at);
    if (seen.has(at) || object?.type !== 'commit') continue;
    seen.add(at);
    waiting.push(...parseCommitLinks(object.data).parents);
  }
  return false;
}
