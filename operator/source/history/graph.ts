/** The commits that are at hand, as a graph: read once, walked often. */
import { parseLinks } from './commit.ts';
import type { Links } from './commit.ts';
import type { ObjectReader } from './types.ts';

/** Links of commits by id; undefined for what is not at hand. */
export interface Graph {
  links(sha: string): Links | undefined;
}

/** Commits never change: what was read once is kept, the latest `kept` of them. */
export function makeGraph(reader: ObjectReader, kept = 20_000): Graph {
  const known = new Map<string, Links>();
  return {
    links(sha) {
      const before = known.get(sha);
      if (before !== undefined) return before;
      const object = reader.read(sha);
      if (object?.type !== 'commit') return undefined;
      const links = parseLinks(object.data);
      if (known.size >= kept) known.clear();
      known.set(sha, links);
      return links;
    },
  };
}

/** How far a walk over commits may go, and what lies behind its end. */
export interface Reached {
  readonly commits: ReadonlySet<string>;
  /** Parents that are not at hand. */
  readonly absent: ReadonlySet<string>;
  /** Stopped by its bound. */
  readonly cut: boolean;
}

/** Commits between two turns. */
const step = 200;

/** Everything that `from` comes from, itself included, but for `without` and what lies behind it. */
export function* reachable(
  graph: Graph,
  from: string,
  bound: number,
  without: ReadonlySet<string> = new Set(),
): Generator<void, Reached, void> {
  const commits = new Set<string>();
  const absent = new Set<string>();
  const waiting = [from];
  let turn = 0;
  for (let sha = waiting.pop(); sha !== undefined; sha = waiting.pop()) {
    if (commits.has(sha) || without.has(sha)) continue;
    const links = graph.links(sha);
    if (links === undefined) {
      absent.add(sha);
      continue;
    }
    if (commits.size >= bound) return { commits, absent, cut: true };
    commits.add(sha);
    waiting.push(...links.parents);
    turn += 1;
    if (turn % step === 0) yield;
  }
  return { commits, absent, cut: false };
}

/**
 * What `from` comes from, newest first by committer time, as git log gives it: of two of the same second, the one that was
 * met first. Only commits at hand are given, and only those of `among` where that is set. Where clocks went backwards, a
 * parent may come before one of its children.
 */
export function* byTime(graph: Graph, from: string, among?: ReadonlySet<string>): Generator<string, void, void> {
  const queue = timeQueue();
  const met = new Set<string>();
  const meet = (sha: string): void => {
    const links = met.has(sha) || among?.has(sha) === false ? undefined : graph.links(sha);
    if (links === undefined) return;
    met.add(sha);
    queue.push(sha, links.time);
  };
  meet(from);
  for (let sha = queue.pop(); sha !== undefined; sha = queue.pop()) {
    yield sha;
    for (const parent of graph.links(sha)?.parents ?? []) meet(parent);
  }
}

/** A heap of commits: the latest first, among those of one second the first that came. */
export function timeQueue(): { push(sha: string, time: number): void; pop(): string | undefined } {
  const heap: { readonly sha: string; readonly time: number; readonly turn: number }[] = [];
  let turns = 0;
  const isBefore = (a: number, b: number): boolean => {
    const [x, y] = [heap[a], heap[b]];
    if (x === undefined || y === undefined) return false;
    return x.time > y.time || (x.time === y.time && x.turn < y.turn);
  };
  const swap = (a: number, b: number): void => {
    const [x, y] = [heap[a], heap[b]];
    if (x === undefined || y === undefined) return;
    heap[a] = y;
    heap[b] = x;
  };
  return {
    push(sha, time) {
      heap.push({ sha, time, turn: turns++ });
      for (let at = heap.length - 1; at > 0 && isBefore(at, (at - 1) >> 1); at = (at - 1) >> 1) swap(at, (at - 1) >> 1);
    },
    pop() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined || heap.length === 0) return first?.sha;
      heap[0] = last;
      for (let at = 0; ;) {
        const left = 2 * at + 1;
        const next = isBefore(left + 1, left) ? left + 1 : left;
        if (!isBefore(next, at)) return first.sha;
        swap(at, next);
        at = next;
      }
    },
  };
}
