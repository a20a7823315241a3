/**
 * The history of one commit of one remote since another, shared by all sources that ask for the same. What is in memory
 * is walked first; the server is asked only for what that leaves open. Nothing here fails but by its signal: what cannot
 * be had in time is told as not known.
 */
import { PlumblineError } from '../../errors.ts';
import { SharedWork } from '../shared-work.ts';
import { parseCommit } from './commit.ts';
import { makeFiles } from './files.ts';
import type { ReadObjects } from './files.ts';
import { makeGraph, reachable } from './graph.ts';
import { incoming } from './incoming.ts';
import { lastChanges, versionsOf } from './last-change.ts';
import type { History, LastChanges } from './last-change.ts';
import type { Tracked } from './tracked.ts';
import { makeTrees, resolve } from './trees.ts';
import type { Commit, GitObject, Incoming, LastChange, ObjectReader } from './types.ts';

/** Commits that were fetched, their folders, and which of them have parents that were not. */
export type Fetched = ObjectReader & { readonly cut: ReadonlySet<string> };

/** How the server is asked. Each throws PlumblineError. */
export interface HistoryServer {
  /** Commits before `tip` and the folders of each; `known` and what is before it may be left out. */
  history(
    asked: { readonly tip: string; readonly known: readonly string[]; readonly depth: number; readonly depthWithFiles: number },
    signal: AbortSignal,
  ): Promise<Fetched>;
  objects(oids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, GitObject>>;
  /** Undefined where that cannot be found out. */
  descends(ancestor: string, commit: string, signal: AbortSignal): Promise<boolean | undefined>;
}

export interface PastOptions {
  readonly server: HistoryServer;
  /** The commit applied before; undefined for a first revision. */
  readonly old: string | undefined;
  readonly head: string;
  /** What is in memory: the commit with its folders, and whatever else is there. */
  readonly atHand: ObjectReader;
  readonly readObjects: ReadObjects;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Told why the server did not answer. */
  readonly onFault: (error: PlumblineError) => void;
}

/** Somebody who asks. */
export interface Asking {
  readonly signal: AbortSignal;
  /** Does the steps of a computation when their turns have come; throws when the signal is aborted before the end. */
  readonly run: <T>(work: Generator<void, T, void>, signal: AbortSignal) => Promise<T>;
}

/** A file, or one of several objects in it, by whatever id the caller likes. */
export interface Asked {
  readonly id: string;
  /** As the revision states it; it may lead through symlinks. */
  readonly path: string;
  /** As render names it, where the file states others too. */
  readonly object?: string | undefined;
}

export interface Past {
  /** Begins to ask the server for what will be needed, if anything. */
  prepare(asking: Asking): void;
  /** The commits that came in. */
  incoming(asking: Asking): Promise<Incoming>;
  /** Where each last changed; at the commit itself, or before, where nothing more is known. */
  lastChanges(asked: readonly Asked[], asking: Asking): Promise<ReadonlyMap<string, LastChange>>;
  /** The commit applied before and all before it, as far as they are in memory. */
  before(asking: Asking): Promise<ReadonlySet<string>>;
  /** A commit that is in memory. */
  commit(sha: string): Commit | undefined;
}

/** Commits along each line that are asked for at most: between two revisions, and where there was none before. */
const depthBetween = 2_000;
const depthFirst = 250;
/** Where the server sends every version of every file along: for a first revision, which waits for a second only. */
const depthWithFiles = { between: 250, first: 50 } as const;
/** How long a walk between two revisions waits for the server, each time, and what it may compute; milliseconds. */
const waitBetween = 10_000;
const maxBusy = 1_000;
/** What all waiting and computing of a walk over a first revision may take together, milliseconds. */
const timeFirst = 1_000;
/** Versions of files that are asked for to tell the objects in them apart. */
const maxVersions = 1_000;
/** Questions for versions, one after the other, before what is left open is left so. */
const rounds = { none: 0, next: 3, all: 2 } as const;
const none: ReadonlySet<string> = new Set();
/**
 * What a walk did not wait for is fetched behind the apply, for this long, milliseconds: it is in memory then for the next
 * edit of the spec or revision.
 */
const waitBehind = 60_000;
/** Commits before the one applied that are looked at. */
const maxBefore = 20_000;

/** What a walk has left. */
interface Time {
  /** Milliseconds. */
  left(): number;
  computed(ms: number): void;
  /** Undefined when it is not there in time. */
  wait<T>(work: Shared<T>, asking: Asking): Promise<T | undefined>;
}

export function openPast(options: PastOptions): Past {
  const { server, old, head, atHand, now, onFault } = options;
  const fetched: ObjectReader[] = [];
  const versions = new Map<string, GitObject>();
  /** Commits that a walk passes at most. */
  const depth = old === undefined ? depthFirst : Number.POSITIVE_INFINITY;
  let walks = 0;
  const reader: ObjectReader = {
    read(oid) {
      let object = atHand.read(oid) ?? versions.get(oid);
      for (let at = 0; object === undefined && at < fetched.length; at += 1) object = fetched[at]?.read(oid);
      return object;
    },
  };
  const graph = makeGraph(reader);
  const history: History = { reader, graph, trees: makeTrees(reader), files: makeFiles(reader, options.readObjects) };

  /** Undefined instead of a failure of the server. */
  const ask = async <T>(asking: Promise<T>, signal: AbortSignal): Promise<T | undefined> => {
    try {
      return await asking;
    } catch (error) {
      if (signal.aborted || !(error instanceof PlumblineError)) throw error;
      onFault(error);
      return undefined;
    }
  };
  const fetchOnce = (known: readonly string[], deep: number, withFiles: number) =>
    once(async (signal) => {
      const asked = { tip: head, known, depth: deep, depthWithFiles: withFiles };
      const answer = await ask(server.history(asked, signal), signal);
      if (answer !== undefined) fetched.push(answer);
      return answer;
    }, waitBehind);
  const between = fetchOnce(old === undefined ? [] : [old], depthBetween, depthWithFiles.between);
  const first = fetchOnce([], depthFirst, depthWithFiles.first);

  const isAtHand = (sha: string): boolean => {
    const links = graph.links(sha);
    return links !== undefined && reader.read(links.tree) !== undefined;
  };
  const isRoot = (): boolean => graph.links(head)?.parents.length === 0;
  const needsAsking = (): boolean => old !== head && !isRoot() && graph.links(head)?.parents.some((parent) => !isAtHand(parent)) === true;

  const nearby = once((signal, run) => run(incoming(graph, reader, { old, head, cut: 'any' }), signal), waitBehind);
  const told = once(async (signal, run) => {
    const known = await nearby({ signal, run });
    if (old === undefined || old === head || !known.more) return known;
    const answer = await within(between, waitBetween, { signal, run });
    const more = answer && (await run(incoming(graph, reader, { old, head, cut: answer.cut }), signal));
    return more?.relation === 'Forward' ? more : related(more ?? { ...known, relation: 'Unknown' }, old, signal);
  }, waitBehind);

  /** What cannot be seen from the commits that are here, the server may still know. */
  const related = async (seen: Incoming, before: string, signal: AbortSignal): Promise<Incoming> => {
    const mayFollow = seen.relation !== 'Rewritten' && (await ask(server.descends(before, head, signal), signal)) === true;
    if (mayFollow) return { ...seen, relation: 'Forward' };
    if ((await ask(server.descends(head, before, signal), signal)) !== true) return seen;
    return { relation: 'Rollback', commits: [], count: 0, more: false };
  };

  /** Runs down; where `waits`, also while the server is waited for. */
  const timeOf = (ms: number, waits: boolean): Time => {
    let left = ms;
    const took = (more: number): void => {
      left -= more;
    };
    return {
      left: () => left,
      computed: took,
      async wait(work, asking) {
        if (!waits) return within(work, waitBetween, asking);
        if (left <= 0) return undefined;
        const began = now();
        try {
          return await within(work, Math.ceil(left), asking);
        } finally {
          took(now() - began);
        }
      },
    };
  };

  /**
   * One walk over what is here. `bring`: which versions of files the server is asked for, to tell the objects in them
   * apart: those at which the walk stops, from one to the next, or before that every one that there is.
   */
  const walk = async (tracked: readonly Tracked[], bring: 'none' | 'next' | 'all', time: Time, { signal, run }: Asking) => {
    const bounds = { commits: depth, isOver: () => time.left() <= 0 };
    const timed = <T>(work: Generator<void, T, void>): Promise<T> =>
      run(
        clocked(work, now, (ms) => time.computed(ms)),
        signal,
      );
    const brings = async (oids: ReadonlySet<string>): Promise<boolean> => {
      const wanted = [...oids].slice(0, maxVersions);
      const answer = await time.wait(({ signal: all }) => ask(server.objects(wanted, all), all), { signal, run });
      for (const [oid, object] of answer ?? []) versions.set(oid, object);
      return answer !== undefined && answer.size > 0;
    };
    let result: LastChanges | undefined;
    for (let round = 0; round <= rounds[bring] && (result === undefined || !bounds.isOver()); round += 1) {
      // What it stops at first is all that most need; who needs more gets every version at once, not one after the other.
      const isFar = bring === 'all' || round > 1;
      const every = isFar ? await timed(versionsOf(history, head, tracked, bounds, maxVersions)) : none;
      const wanted = new Set([...(result?.missing ?? none), ...every]);
      if (result !== undefined && (wanted.size === 0 || !(await brings(wanted)))) break;
      if (result === undefined && wanted.size > 0) await brings(wanted);
      result = await timed(lastChanges(history, head, tracked, bounds));
      if (result.missing.size === 0) break;
    }
    return result?.changes ?? new Map<string, LastChange>();
  };

  return {
    prepare(asking) {
      // Whoever needs it asks again, and is told.
      if (needsAsking()) (old === undefined ? first : between)(asking).catch(() => {});
    },
    async incoming(asking) {
      return (await within(told, waitBetween, asking)) ?? { ...(await nearby(asking)), relation: 'Unknown' };
    },
    async lastChanges(asked, asking) {
      const changes = new Map<string, LastChange>();
      let open = await asking.run(tracking(history, head, asked), asking.signal);
      const step = async (bring: 'none' | 'next' | 'all', time: Time): Promise<void> => {
        for (const [id, change] of await walk(open, bring, time, asking)) changes.set(id, change);
        open = open.filter(({ id }) => changes.get(id)?.exact !== true);
      };
      walks += 1;
      try {
        const all = timeOf(timeFirst, true);
        await step('none', old === undefined ? all : timeOf(maxBusy, false));
        if (open.length > 0 && old !== undefined && old !== head) {
          if ((await nearby(asking)).more) await within(between, waitBetween, asking);
          await step('next', timeOf(maxBusy, false));
        }
        if (open.length > 0 && !isRoot()) {
          await all.wait(first, asking);
          if (all.left() > 0) await step('all', all);
        }
      } finally {
        walks -= 1;
        if (walks === 0) versions.clear();
      }
      return changes;
    },
    before: async ({ signal, run }) => {
      if (old === undefined) return new Set();
      const { commits } = await run(reachable(graph, old, maxBefore), signal);
      return new Set([...commits, old]);
    },
    commit(sha) {
      const object = reader.read(sha);
      return object?.type === 'commit' ? parseCommit(sha, object.data) : undefined;
    },
  };
}

/** The paths of the files, links followed. */
function* tracking(history: History, head: string, asked: readonly Asked[]): Generator<void, readonly Tracked[], void> {
  const root = history.graph.links(head)?.tree;
  const tracked: Tracked[] = [];
  for (const { id, path, object } of asked) {
    const resolved = root === undefined ? undefined : resolve(history.trees, history.reader, root, path, new Set());
    tracked.push({ id, paths: resolved?.paths ?? [path], part: object === undefined ? undefined : { path, object } });
    if (tracked.length % 100 === 0) yield;
  }
  return tracked;
}

type Shared<T> = (asking: Asking) => Promise<T>;

/** Does the work once for all who ask; it goes on a while when all have left, since somebody may come back for it. */
function once<T>(work: (signal: AbortSignal, run: Asking['run']) => Promise<T>, goOnMs: number): Shared<T> {
  let shared: SharedWork<T> | undefined;
  return ({ signal, run }) => {
    if (shared === undefined || shared.abandoned) {
      shared = new SharedWork((all) => work(all, run));
      shared.join(AbortSignal.timeout(goOnMs)).catch(() => {}); // nobody's failure: who waits is told
    }
    return shared.join(signal);
  };
}

/** Undefined when it is not there in time. */
async function within<T>(work: Shared<T>, ms: number, { signal, run }: Asking): Promise<T | undefined> {
  const deadline = AbortSignal.timeout(ms);
  try {
    return await work({ signal: AbortSignal.any([signal, deadline]), run });
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) return undefined;
    throw error;
  }
}

/** The same steps, each measured. */
function* clocked<T>(work: Generator<void, T, void>, now: () => number, took: (ms: number) => void): Generator<void, T, void> {
  for (;;) {
    const began = now();
    const step = work.next();
    took(now() - began);
    if (step.done === true) return step.value;
    yield;
  }
}
