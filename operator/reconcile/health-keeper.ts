/**
 * Follows the health of every source between its walks and has it told: as it changes, at most once a second, and when it
 * was waited for too long. Nothing is asked for and nothing is walked over: what changes wakes its own source.
 */
import { isTrue } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import type { GitOpsSource } from '../api/types.ts';
import { isSameVerdict } from '../live/health/types.ts';
import { createPodReader } from '../live/pods.ts';
import type { PodReader } from '../live/pods.ts';
import type { MemberChange } from '../live/types.ts';
import { applySetId } from '../plan/applyset.ts';
import { healthDeadline, isAllWell, isAwaiting, isHealthAwaited } from '../report/health.ts';
import type { Health, HealthInput } from '../report/health.ts';
import type { Changes, Outcome } from '../report/types.ts';
import { createAiling } from './ailing.ts';
import type { Ailing } from './ailing.ts';
import { healthOf } from './health-view.ts';
import type { Assessed } from './health-view.ts';
import { memberKinds } from './look.ts';
import type { SourceLog } from './source-log.ts';
import type { SourceStore } from './source-store.ts';
import type { Teller } from './teller.ts';
import type { WalkEnv } from './types.ts';

export interface HealthKeeperOptions {
  readonly env: Pick<WalkEnv, 'client' | 'discovery' | 'inventory'>;
  readonly store: SourceStore;
  readonly teller: Teller;
  readonly log: SourceLog;
  readonly random: () => number;
  /** A walk tells the health with its outcome. */
  readonly isWalking: (key: string) => boolean;
  /** Sources wait for each other's requests. */
  readonly isStorm: () => boolean;
  /** Of the pods of a namespace; undefined: they are watched no more. */
  readonly onPodWatch: (namespace: string, up: boolean | undefined, error?: unknown) => void;
  readonly signal: AbortSignal;
}

/** What is followed of one source. */
interface Followed {
  assessed: Assessed;
  changes: Changes | undefined;
  /** When its health is told next. */
  timer: NodeJS.Timeout | undefined;
  due: number;
  /** When it has waited for too long. */
  deadline: NodeJS.Timeout | undefined;
  failures: number;
  telling: Promise<void>;
}

/** What is on its way may well have arrived after this, milliseconds. */
const pace = 1_000;
/** Changes that come together are told together, milliseconds. */
const gather = 20;
/** How long an applied revision may take to become healthy before it is told that it is waited for, milliseconds. */
const settleAfter = 1_000;
/** With many that wait at once each waits so much longer: their notes would come by the hundred. */
const settlePerSource = 40;
const longestSettle = 30_000;
const longestRetry = 30_000;

export class HealthKeeper {
  readonly #options: HealthKeeperOptions;
  readonly #pods: PodReader;
  readonly #ailing: Ailing;
  readonly #followed = new Map<string, Followed>();
  /** Walks that wait for health, each with what ends it. */
  readonly #settling = new Map<string, () => void>();
  readonly #unlisten: () => void;

  constructor(options: HealthKeeperOptions) {
    this.#options = options;
    const { env, random, signal, onPodWatch: onState } = options;
    this.#pods = createPodReader({ client: env.client, random, signal, onState, onChange: (key) => this.#onPods(key) });
    this.#ailing = createAiling(this.#pods);
    this.#unlisten = env.inventory.onChange((change) => this.#onMember(change));
  }

  /** What a source is assessed by from now on; `changes` of the revision just applied. */
  follow(key: string, assessed: Assessed, changes: Changes | undefined): void {
    const known = this.#followed.get(key);
    if (known !== undefined) {
      known.assessed = assessed;
      if (changes !== undefined) known.changes = changes;
      return;
    }
    this.#followed.set(key, {
      assessed,
      changes,
      timer: undefined,
      due: 0,
      deadline: undefined,
      failures: 0,
      telling: Promise.resolve(),
    });
  }

  /**
   * How the outcome of a walk over `source` tells its health. Of one that was healthy what is only on its way now is left
   * out: a moment later it has arrived, or that is told.
   */
  outcomeInput(key: string, source: GitOpsSource, outcome: Outcome): HealthInput | undefined {
    const input = this.input(key, source);
    const isPassing = input?.health.unhealthy[0]?.status === 'InProgress' && isTrue(source.status?.conditions, 'Healthy');
    const isMeant = outcome.kind === 'applied' && !(input?.wait === true && isHealthAwaited(source.status, outcome, input.generation));
    return isPassing && isMeant ? undefined : input;
  }

  /**
   * After a restart nothing is known of a source that does not get as far as to be planned (suspended, its git away): its
   * members are watched all the same. Within a walk of it; never rejects. Whether it was so.
   */
  async adopt(key: string, source: GitOpsSource, signal: AbortSignal): Promise<boolean> {
    if (this.#followed.has(key) || source.status?.revision?.applied === undefined) return false;
    try {
      const { env } = this.#options;
      await env.inventory.need(key, await memberKinds({ env, source, signal }), signal);
      this.follow(key, 'members', undefined);
      return true;
    } catch (error) {
      if (!signal.aborted) this.#options.log.of(key).debug('health cannot be seen yet', { error });
      return false;
    }
  }

  /** How `source` is told now; undefined where nothing is known of it yet. */
  input(key: string, source: GitOpsSource): HealthInput | undefined {
    const followed = this.#followed.get(key);
    if (followed === undefined) return undefined;
    const { wait, timeout } = source.spec.health;
    return {
      health: this.#health(followed.assessed, source),
      wait,
      timeoutMs: parseDuration(timeout) ?? 0,
      generation: source.metadata.generation ?? 0,
      changes: followed.changes,
      now: new Date(Date.now()).toISOString(),
    };
  }

  /**
   * An applied revision that is waited for: resolves once everything of the source is healthy, or when that takes so long
   * that it is to be told meanwhile, or at `interrupt`. Never rejects.
   */
  async settle(key: string, source: GitOpsSource, outcome: Outcome, signal: AbortSignal): Promise<void> {
    const generation = source.metadata.generation ?? 0;
    if (!source.spec.health.wait || isAwaiting(source.status) || !isHealthAwaited(source.status, outcome, generation)) return;
    const began = Date.now();
    let room = 0;
    while (!signal.aborted && !this.#isWell(key)) {
      const spent = Date.now() - began;
      // As the queue of whoever makes them healthy was at its longest: who is last in it waits for all of it.
      room = Math.max(room, Math.min(longestSettle, settleAfter + settlePerSource * this.#settling.size));
      const wait = this.#options.isStorm() && spent < longestSettle ? Math.max(settleAfter, room - spent) : room - spent;
      if (wait <= 0 || (await this.#settled(key, wait, signal)) === 'interrupted') return;
    }
  }

  /** Something else is to be done for this source: it settles no longer. */
  interrupt(key: string): void {
    this.#settling.get(key)?.();
  }

  /** No tell is under way any more: a walk begins. Never rejects. */
  async quiet(key: string): Promise<void> {
    await this.#followed.get(key)?.telling;
  }

  /** A walk has written the status, or ended: what changed meanwhile is told after it. */
  walked(key: string): void {
    const followed = this.#followed.get(key);
    const source = this.#options.store.get(key);
    if (followed === undefined || source === undefined) return;
    this.#arm(key, followed, source);
    this.#schedule(key, followed, pace);
  }

  forget(key: string): void {
    const followed = this.#followed.get(key);
    clearTimeout(followed?.timer);
    clearTimeout(followed?.deadline);
    this.#followed.delete(key);
    const [namespace = '', name = ''] = key.split('/');
    this.#ailing.forget(applySetId({ namespace, name }));
    this.interrupt(key);
  }

  /** Nothing is told any more; resolves once nothing is under way. */
  async stop(): Promise<void> {
    this.#unlisten();
    this.#ailing.stop();
    const telling = [...this.#followed.values()].map((followed) => followed.telling);
    for (const key of this.#followed.keys()) this.forget(key);
    await Promise.all(telling);
  }

  #onMember(change: MemberChange): void {
    const { before, after } = change;
    if (before?.uid === after?.uid && isSameVerdict(before?.health, after?.health)) return;
    this.#ailing.note(change);
    const key = this.#options.store.sourceOf((after ?? before)?.partOf ?? '');
    const followed = key === undefined ? undefined : this.#followed.get(key);
    if (key === undefined || followed === undefined) return;
    const isWell = after?.health?.status === 'Current';
    if (this.#settling.has(key)) {
      if (isWell && this.#isWell(key)) this.interrupt(key);
      return;
    }
    // That something arrived or failed is news.
    this.#schedule(key, followed, isWell || after?.health?.status === 'Failed' ? gather : pace);
  }

  #onPods(workload: string): void {
    const [group = '', kind = '', namespace = '', name = ''] = workload.split('/');
    const member = this.#options.env.inventory.find({ group, kind, namespace, name });
    const key = member && this.#options.store.sourceOf(member.partOf);
    const followed = key === undefined ? undefined : this.#followed.get(key);
    if (key !== undefined && followed !== undefined) this.#schedule(key, followed, gather);
  }

  #health(assessed: Assessed, source: GitOpsSource): Health {
    const members = this.#options.env.inventory.membersOf(applySetId(source.metadata));
    return healthOf(assessed, members, (key) => this.#pods.textOf(key));
  }

  #isWell(key: string): boolean {
    const source = this.#options.store.get(key);
    const followed = this.#followed.get(key);
    return source === undefined || followed === undefined || isAllWell(this.#health(followed.assessed, source));
  }

  #settled(key: string, waitMs: number, signal: AbortSignal): Promise<'waited' | 'interrupted'> {
    return new Promise((resolve) => {
      const end = (how: 'waited' | 'interrupted') => (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', interrupted);
        this.#settling.delete(key);
        resolve(how);
      };
      const interrupted = end('interrupted');
      const timer = setTimeout(end('waited'), waitMs);
      signal.addEventListener('abort', interrupted, { once: true });
      this.#settling.set(key, interrupted);
    });
  }

  #schedule(key: string, followed: Followed, delayMs: number): void {
    const now = Date.now();
    const due = now + Math.max(delayMs, this.#options.teller.waitOf(key));
    if (followed.timer !== undefined) {
      if (followed.due <= due) return;
      clearTimeout(followed.timer);
    }
    followed.due = due;
    followed.timer = setTimeout(() => {
      followed.timer = undefined;
      followed.telling = this.#tell(key, followed);
    }, due - now);
  }

  /** When the wait is over something is to be told though nothing has changed. */
  #arm(key: string, followed: Followed, { spec, status }: GitOpsSource): void {
    clearTimeout(followed.deadline);
    followed.deadline = undefined;
    if (status === undefined || !isAwaiting(status)) return;
    const left = healthDeadline(status, parseDuration(spec.health.timeout) ?? 0) - Date.now();
    if (left <= 0) return;
    followed.deadline = setTimeout(() => this.#schedule(key, followed, 0), left + 1);
  }

  async #tell(key: string, followed: Followed): Promise<void> {
    const { store, teller, log, signal, isWalking } = this.#options;
    const source = store.get(key);
    if (source?.status === undefined || source.metadata.deletionTimestamp !== undefined) return;
    if (isWalking(key) || this.#settling.has(key)) return; // the outcome tells it
    if (teller.waitOf(key) > 0) return this.#schedule(key, followed, 0);
    const input = this.input(key, source);
    if (input === undefined) return;
    try {
      const isTold = await teller.health(source, input, signal);
      if (!isTold && this.#followed.get(key) === followed) this.#schedule(key, followed, 0);
      followed.failures = 0;
      this.#arm(key, followed, store.get(key) ?? source);
    } catch (error) {
      if (signal.aborted) return;
      followed.failures += 1;
      log.of(key).debug('health cannot be told yet', { error });
      this.#schedule(key, followed, Math.min(longestRetry, pace * 2 ** (followed.failures - 1)));
    }
  }
}
