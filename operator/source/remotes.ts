/** One Remote per URL and credentials, shared by every source that uses it. */
import { PlumblineError } from '../errors.ts';
import { Checkouts } from './checkouts.ts';
import { realClock } from './clock.ts';
import { HostPauses } from './host-pauses.ts';
import { HostSlots } from './host-slots.ts';
import { Pacer } from './pacer.ts';
import { Remote } from './remote.ts';
import type { Clock } from './remote.ts';
import type {
  Checkout,
  Credentials,
  Gate,
  GitClient,
  GitObject,
  History,
  HistoryAsked,
  ResolvedRef,
  SharedRemotes,
  SubscribeOptions,
  Subscription,
  Wanted,
} from './types.ts';
import { parseGitUrl, repositoryPlace } from './url.ts';

export interface RemotesOptions {
  readonly client: GitClient;
  /** In [0, 1); spreads the polls. */
  readonly random?: () => number;
  readonly clock?: Clock;
  /** One per request to a git server, for the metrics: `ok` or the reason. */
  readonly onRequest?: (result: string) => void;
  /** Told of each commit that was fetched and read. */
  readonly onCommitRead?: (url: string, commit: string, seconds: number) => void;
  /** Requests that one host gets at a time. */
  readonly perHost?: number;
  /** Answers younger than this serve a new subscriber without asking again. Milliseconds. */
  readonly freshMs?: number;
}

/** Polls remotes for their subscribers and keeps what was fetched last. */
export class Remotes implements SharedRemotes {
  readonly #options: RemotesOptions;
  readonly #clock: Clock;
  readonly #pacer = new Pacer();
  readonly #hosts: HostSlots;
  readonly #pauses: HostPauses;
  readonly #checkouts: Checkouts;
  readonly #remotes = new Map<string, Remote>();
  /** The keys of the remotes of a repository, by its place: one for each URL and credentials. */
  readonly #places = new Map<string, Set<string>>();
  /** Ancestry never changes: the last few answers, oldest first. */
  readonly #descents = new Map<string, boolean>();

  constructor(options: RemotesOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#hosts = new HostSlots(options.perHost ?? 4);
    this.#pauses = new HostPauses(this.#clock);
    this.#checkouts = new Checkouts({
      isFull: () => options.client.isFull(),
      perRemote: 3,
      idleMs: 600_000,
      now: () => this.#clock.now(),
    });
  }

  /** Throws PlumblineError InvalidSpec for the URL. */
  subscribe(options: SubscribeOptions): Subscription {
    const { url, credentials } = options;
    const { host } = parseGitUrl(url);
    const key = keyOf(url, credentials);
    let remote = this.#remotes.get(key);
    if (remote === undefined) {
      remote = new Remote({
        clock: this.#clock,
        random: this.#options.random ?? Math.random,
        freshMs: this.#options.freshMs ?? 5000,
        pacer: this.#pacer,
        listRefs: (prefixes, signal) => this.#ask(host, signal, () => this.#options.client.listRefs(url, credentials, signal, prefixes)),
        onAnswer: () => this.#checkouts.sweep(),
      });
      this.#remotes.set(key, remote);
      this.#place(url).add(key);
    }
    const shared = remote;
    const subscription = shared.subscribe(options);
    return {
      pollNow: () => subscription.pollNow(),
      answeredAt: () => subscription.answeredAt(),
      close: () => {
        subscription.close();
        if (!shared.unused || this.#remotes.get(key) !== shared) return;
        shared.close();
        this.#remotes.delete(key);
        this.#displace(url, key);
        this.#checkouts.forget(key);
        this.#options.client.forget(url, credentials);
      },
    };
  }

  hint(url: string, asked?: Credentials): void {
    const known = asked === undefined ? undefined : keyOf(url, asked);
    for (const key of this.#places.get(repositoryPlace(url)) ?? []) {
      if (key !== known) this.#remotes.get(key)?.hint();
    }
  }

  async checkout(url: string, credentials: Credentials, ref: ResolvedRef, signal: AbortSignal, wanted?: Wanted): Promise<Checkout> {
    const { host } = parseGitUrl(url);
    const gate: Gate = (waiting, request) => this.#ask(host, waiting, request);
    return this.#checkouts.get(keyOf(url, credentials), ref.tag ?? ref.commit, signal, async (shared) => {
      const began = performance.now();
      const checkout = await this.#options.client.checkout(url, credentials, ref, shared, { wanted, gate });
      this.#options.onCommitRead?.(url, ref.commit, (performance.now() - began) / 1_000);
      return checkout;
    });
  }

  async history(url: string, credentials: Credentials, asked: HistoryAsked, signal: AbortSignal): Promise<History> {
    const { host } = parseGitUrl(url);
    return this.#ask(host, signal, () => this.#options.client.history(url, credentials, asked, signal));
  }

  async objects(
    url: string,
    credentials: Credentials,
    oids: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, GitObject>> {
    const { host } = parseGitUrl(url);
    return this.#ask(host, signal, () => this.#options.client.objects(url, credentials, oids, signal));
  }

  async descends(
    url: string,
    credentials: Credentials,
    ancestor: string,
    commit: string,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    const key = `${keyOf(url, credentials)} ${ancestor} ${commit}`;
    const known = this.#descents.get(key);
    if (known !== undefined) return known;
    try {
      const { host } = parseGitUrl(url);
      const answer = await this.#ask(host, signal, () => this.#options.client.descends(url, credentials, ancestor, commit, signal));
      if (answer !== undefined) this.#rememberDescent(key, answer);
      return answer;
    } catch (error) {
      // Only a remark hangs on it; what is wrong with the server is told where it matters.
      if (error instanceof PlumblineError) return undefined;
      throw error;
    }
  }

  async sharesHistory(
    url: string,
    credentials: Credentials,
    before: string,
    now: string,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    try {
      const { host } = parseGitUrl(url);
      return await this.#ask(host, signal, () => this.#options.client.sharesHistory(url, credentials, before, now, signal));
    } catch (error) {
      // As above: only a remark hangs on it.
      if (error instanceof PlumblineError) return undefined;
      throw error;
    }
  }

  movedTo(url: string, credentials: Credentials): string | undefined {
    return this.#options.client.movedTo(url, credentials);
  }

  async close(): Promise<void> {
    for (const remote of this.#remotes.values()) remote.close();
    this.#remotes.clear();
    this.#places.clear();
    await this.#options.client.close();
  }

  #place(url: string): Set<string> {
    const place = repositoryPlace(url);
    const keys = this.#places.get(place) ?? new Set();
    this.#places.set(place, keys);
    return keys;
  }

  #displace(url: string, key: string): void {
    const keys = this.#place(url);
    keys.delete(key);
    if (keys.size === 0) this.#places.delete(repositoryPlace(url));
  }

  #rememberDescent(key: string, answer: boolean): void {
    this.#descents.set(key, answer);
    const [oldest] = this.#descents.keys();
    if (this.#descents.size > 500 && oldest !== undefined) this.#descents.delete(oldest);
  }

  /** When the host has room, and does not ask to be left alone. */
  #ask<T>(host: string, signal: AbortSignal, request: () => Promise<T>): Promise<T> {
    return this.#hosts.with(host, signal, () => this.#pauses.respecting(host, signal, () => this.#counted(request)));
  }

  async #counted<T>(ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask();
      this.#options.onRequest?.('ok');
      return answer;
    } catch (error) {
      // What was given up is nobody's failure.
      if (error instanceof PlumblineError) this.#options.onRequest?.(error.reason);
      throw error;
    }
  }
}

function keyOf(url: string, credentials: Credentials): string {
  return `${url} ${credentials.id}`;
}
