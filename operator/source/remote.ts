/** One remote: polled for all its subscribers at the shortest of their intervals, one ls-refs at a time. */
import { toPlumblineError } from '../errors.ts';
import type { PlumblineError } from '../errors.ts';
import { toldWithPast } from './moves.ts';
import type { Pacer } from './pacer.ts';
import { neededPrefixes, resolveRange, resolveRef } from './refs.ts';
import { gathered, pauseMs } from './schedule.ts';
import type { Observation, RefSpec, RemoteRefs, ResolvedRef, SubscribeOptions, Subscription } from './types.ts';

/** Time, for polls; tests bring their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `then` after `ms`, unless the result is called before. */
  after(ms: number, then: () => void): () => void;
}

export interface RemoteOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Answers younger than this serve a new subscriber without asking again. Milliseconds. */
  readonly freshMs: number;
  /** Gives way while ranges are looked for among many tags. */
  readonly pacer: Pacer;
  listRefs(prefixes: readonly string[], signal: AbortSignal): Promise<RemoteRefs>;
  /** Called after each answer. */
  onAnswer?(): void;
}

type Answer = { readonly refs: RemoteRefs; readonly error?: undefined } | { readonly refs?: undefined; readonly error: PlumblineError };
/** `ranges`: what the ranges that were asked for mean. */
type Known = Answer & { readonly at: number; readonly prefixes: readonly string[]; readonly ranges: ReadonlyMap<string, Resolution> };
type Resolution =
  | { readonly resolved: ResolvedRef; readonly error?: undefined }
  | { readonly resolved?: undefined; readonly error: PlumblineError };

interface Subscriber {
  readonly options: SubscribeOptions;
  /** What it was told last, to tell only changes. */
  told: string | undefined;
  lastCommit: string | undefined;
  /** It wants the next answer, changed or not. */
  waiting: boolean;
  closed: boolean;
}

export class Remote {
  readonly #options: RemoteOptions;
  readonly #subscribers = new Set<Subscriber>();
  readonly #controller = new AbortController();
  #known: Known | undefined;
  #failures = 0;
  #answeredAt: number | undefined;
  /** The prefixes of the question that is on its way. */
  #asked: readonly string[] | undefined;
  /** Asked for while a question was on its way, which may have left too early. */
  #again = false;
  #timer: { readonly due: number; readonly cancel: () => void } | undefined;

  constructor(options: RemoteOptions) {
    this.#options = options;
  }

  get unused(): boolean {
    return this.#subscribers.size === 0;
  }

  subscribe(options: SubscribeOptions): Subscription {
    const subscriber: Subscriber = { options, told: undefined, lastCommit: options.lastCommit, waiting: false, closed: false };
    this.#subscribers.add(subscriber);
    this.#serve(subscriber);
    return {
      pollNow: () => {
        if (subscriber.closed) return;
        if (isPinned(options.ref)) {
          this.#tellPinned(subscriber);
          return;
        }
        subscriber.waiting = true;
        this.#askNow();
      },
      answeredAt: () => this.#answeredAt,
      close: () => {
        subscriber.closed = true;
        this.#subscribers.delete(subscriber);
      },
    };
  }

  /** Asks now, where anybody follows what can move; whoever it has news for is told. */
  hint(): void {
    if (this.#asking().length > 0) this.#askNow();
  }

  /** Ends polling; nobody is told anything any more. */
  close(): void {
    this.#timer?.cancel();
    this.#controller.abort();
    for (const subscriber of this.#subscribers) subscriber.closed = true;
    this.#subscribers.clear();
  }

  /** A new subscriber gets what is known while it is fresh, else makes the remote be asked. */
  #serve(subscriber: Subscriber): void {
    if (isPinned(subscriber.options.ref)) {
      this.#tellPinned(subscriber);
      return;
    }
    const known = this.#known;
    const { ref } = subscriber.options;
    // A range that nobody looked for is looked for when the remote is asked again.
    const isLooked = ref.semver === undefined || known?.ranges.has(ref.semver) === true;
    const covered = known !== undefined && isLooked && covers(known.prefixes, ref);
    const age = known === undefined ? Infinity : this.#options.clock.now() - known.at;
    // A clock that was set back makes nothing fresh.
    const fresh = age >= 0 && age < Math.min(this.#options.freshMs, subscriber.options.intervalMs);
    const answer = known !== undefined && covered && fresh ? resolution(known, ref) : undefined;
    // A ref that is not there may have been pushed since, just before the source that follows it was made.
    if (known !== undefined && answer?.resolved !== undefined) {
      this.#tell(subscriber, answer, known.at, true);
      this.#schedule(this.#pause());
    } else if (this.#asked !== undefined) {
      this.#again ||= !covers(this.#asked, ref);
    } else {
      this.#schedule(0);
    }
  }

  /** A question that is on its way may have left too early. */
  #askNow(): void {
    if (this.#asked !== undefined) this.#again = true;
    else this.#schedule(0);
  }

  #tellPinned(subscriber: Subscriber): void {
    const spec = subscriber.options.ref;
    this.#tell(
      subscriber,
      attempt(() => resolveRef(noRefs, spec)),
      this.#options.clock.now(),
      true,
    );
  }

  /** The next question goes out in `ms`, or sooner where that was already meant. */
  #schedule(ms: number): void {
    if (this.#controller.signal.aborted || this.#asked !== undefined) return;
    const due = this.#options.clock.now() + ms;
    if (this.#timer !== undefined && this.#timer.due <= due) return;
    this.#timer?.cancel();
    const cancel = this.#options.clock.after(ms, () => {
      this.#timer = undefined;
      void this.#poll();
    });
    this.#timer = { due, cancel };
  }

  async #poll(): Promise<void> {
    const { signal } = this.#controller;
    const asking = this.#asking();
    if (asking.length === 0 || signal.aborted) return;
    const prefixes = [...new Set(asking.flatMap(({ options }) => neededPrefixes(options.ref)))];
    const wanted = new Set(asking.filter(({ waiting }) => waiting));
    for (const subscriber of wanted) subscriber.waiting = false;
    this.#asked = prefixes;
    this.#again = false;
    let answer: Answer;
    try {
      answer = { refs: await this.#options.listRefs(prefixes, signal) };
    } catch (error) {
      answer = { error: toPlumblineError(error) };
    }
    const ranges = answer.refs === undefined ? new Map<string, Resolution>() : await this.#ranges(answer.refs);
    this.#asked = undefined;
    if (signal.aborted) return;
    this.#failures = answer.error === undefined ? 0 : this.#failures + 1;
    this.#known = { ...answer, at: this.#options.clock.now(), prefixes, ranges };
    if (answer.error === undefined) this.#answeredAt = this.#known.at;
    this.#tellAll(this.#known, wanted);
    if (this.#asking().length > 0) this.#schedule(this.#again ? 0 : this.#pause());
    this.#options.onAnswer?.();
  }

  /** What the ranges mean that anybody follows, those who came meanwhile included. */
  async #ranges(refs: RemoteRefs): Promise<ReadonlyMap<string, Resolution>> {
    const { pacer } = this.#options;
    const found = new Map<string, Resolution>();
    const next = (): string | undefined =>
      [...this.#subscribers].map(({ options }) => options.ref.semver).find((range) => range !== undefined && !found.has(range));
    for (let range = next(); range !== undefined; range = next()) {
      const steps = resolveRange(refs, range);
      try {
        let step = steps.next();
        for (; step.done !== true; step = steps.next()) await pacer.turn();
        found.set(range, { resolved: step.value });
      } catch (error) {
        found.set(range, { error: toPlumblineError(error) });
      }
    }
    return found;
  }

  #tellAll(known: Known, wanted: ReadonlySet<Subscriber>): void {
    // Sources of one remote mostly ask for the same ref.
    const resolutions = new Map<string, Resolution>();
    for (const subscriber of this.#subscribers) {
      const { ref } = subscriber.options;
      if (isPinned(ref) || (known.error === undefined && !covers(known.prefixes, ref))) continue;
      const key = JSON.stringify(ref);
      const result = resolutions.get(key) ?? resolution(known, ref);
      resolutions.set(key, result);
      this.#tell(subscriber, result, known.at, wanted.has(subscriber));
    }
  }

  /** `always`: also what it was told before. */
  #tell(subscriber: Subscriber, result: Resolution, at: number, always: boolean): void {
    const error = result.error === undefined ? undefined : toldWithPast(result.error, subscriber.options.ref, subscriber.lastCommit);
    const news =
      error === undefined
        ? `${result.resolved?.commit} ${result.resolved?.tag} ${result.resolved?.fullRef}`
        : `${error.reason} ${error.message}`;
    if (news === subscriber.told && !always) return;
    subscriber.told = news;
    if (result.resolved !== undefined) subscriber.lastCommit = result.resolved.commit;
    const observation: Observation =
      result.resolved === undefined ? { error: error ?? result.error, at } : { resolved: result.resolved, at };
    // Never from within subscribe() or pollNow(), and no subscriber's fault becomes another's.
    queueMicrotask(() => {
      if (!subscriber.closed) subscriber.options.onObserved(observation);
    });
  }

  #asking(): Subscriber[] {
    return [...this.#subscribers].filter(({ options }) => !isPinned(options.ref));
  }

  #pause(): number {
    const intervals = this.#asking().map(({ options }) => options.intervalMs);
    const intervalMs = Math.min(...intervals);
    const pause = pauseMs({
      intervalMs,
      failures: this.#failures,
      retryAfterMs: this.#known?.error?.retryAfterMs,
      random: this.#options.random(),
    });
    return gathered(this.#options.clock.now(), pause, intervalMs);
  }
}

const noRefs: RemoteRefs = { refs: new Map(), tags: new Map(), head: undefined, headRef: undefined };

function covers(prefixes: readonly string[], ref: RefSpec): boolean {
  return neededPrefixes(ref).every((prefix) => prefixes.includes(prefix));
}

/** A commit needs no asking: it cannot move. */
function isPinned(ref: RefSpec): boolean {
  return ref.commit !== undefined;
}

function resolution(known: Known, ref: RefSpec): Resolution {
  const { refs, error } = known;
  if (refs === undefined) return { error };
  const range = ref.semver === undefined ? undefined : known.ranges.get(ref.semver);
  return range ?? attempt(() => resolveRef(refs, ref));
}

function attempt(resolve: () => ResolvedRef): Resolution {
  try {
    return { resolved: resolve() };
  } catch (error) {
    return { error: toPlumblineError(error) };
  }
}
