/** What each source knows of its drift between walks: who fights, what is gone, and when it is told. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GitOpsSource } from '../api/types.ts';
import { isKubeError } from '../kube/client.ts';
import { getMetadata } from '../kube/operations.ts';
import { objectKey } from '../kube/types.ts';
import type { ObjectId } from '../kube/types.ts';
import { noDrift } from '../live/drift/types.ts';
import type { Member, MemberChange } from '../live/types.ts';
import { applySetId } from '../plan/applyset.ts';
import type { DriftPolicy } from '../plan/correction.ts';
import type { DriftReport } from '../report/drift.ts';
import { driftReport } from './drift-report.ts';
import { Fights, policyOf } from './fights.ts';
import { backOff } from './retry.ts';
import type { SourceLog } from './source-log.ts';
import type { SourceStore } from './source-store.ts';
import type { Teller } from './teller.ts';
import type { Gone, WalkEnv } from './types.ts';
import type { Pauses } from './wake-delay.ts';

export interface DriftWatchOptions {
  readonly env: Pick<WalkEnv, 'client' | 'inventory' | 'now'>;
  readonly store: SourceStore;
  readonly teller: Teller;
  readonly log: SourceLog;
  readonly random: () => number;
  readonly isWalking: (key: string) => boolean;
}

/** Drift that is corrected within this is told by its event alone, milliseconds. */
const tellAfter = 1_000;

interface Known {
  readonly fights: Fights;
  /** By objectKey. */
  gone: ReadonlyMap<string, Gone>;
  /** What is being looked up, by objectKey. */
  readonly sought: Set<string>;
  timer: NodeJS.Timeout | undefined;
  /** Tells that a fight is over: nothing else happens then. */
  ending: NodeJS.Timeout | undefined;
  /** What is being told. */
  telling: Promise<void>;
}

/** One for all sources; ends with `stop`. */
export class DriftWatch {
  readonly #options: DriftWatchOptions;
  readonly #known = new Map<string, Known>();
  readonly #stopped = new AbortController();

  constructor(options: DriftWatchOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopped.abort();
    // The sources live on: what is still to be told of them is not to be forgotten.
    for (const known of this.#known.values()) clearTimers(known);
  }

  /** The source is no more. */
  forget(key: string): void {
    const known = this.#known.get(key);
    if (known !== undefined) clearTimers(known);
    this.#known.delete(key);
    this.#options.teller.forget(key);
  }

  /** A member changed: whoever writes what was corrected is counted, and what differs is told if it stays. */
  note(key: string, change: MemberChange): void {
    const { before, after } = change;
    const known = this.#of(key);
    known.fights.note(change, performance.now());
    // One over the label shows in no drift.
    this.#awaitEnd(key, known);
    if ((before?.drift ?? noDrift) !== (after?.drift ?? noDrift)) this.#tellLater(key, known);
  }

  #awaitEnd(key: string, known: Known): void {
    clearTimeout(known.ending);
    const left = known.fights.endsIn(performance.now());
    if (left === undefined) return;
    known.ending = setTimeout(() => {
      this.#tellLater(key, known);
      this.#awaitEnd(key, known);
    }, left + 1);
  }

  /** What was found gone by the last walk that knew. */
  takeGone(key: string, gone: ReadonlyMap<string, Gone> | undefined): void {
    if (gone !== undefined) this.#of(key).gone = gone;
  }

  /**
   * Nobody walks over this source now, so what left its watch is looked up here (rule 26): once, and again as long as the API
   * server does not say. Never rejects.
   */
  async lookUp(key: string, { id, resource }: Member): Promise<void> {
    const { env, log, random } = this.#options;
    const { signal } = this.#stopped;
    const known = this.#of(key);
    const object = objectKey(id);
    if (known.sought.has(object)) return;
    known.sought.add(object);
    const since = new Date(env.now()).toISOString();
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        const live = await getMetadata(env.client, resource, id, { flow: key, signal });
        known.gone = new Map([...known.gone, [object, { id, isThere: live !== undefined, since }]]);
        this.#tellLater(key, known);
        break;
      } catch (error) {
        if (signal.aborted) break;
        log.of(key).debug('what left its watch cannot be looked up', { error });
        await sleep(backOff(tries, 0, random()), undefined, { signal, ref: false }).catch(() => {}); // the loop ends
        if (!this.#isSought(key, known, id)) break;
      }
    }
    known.sought.delete(object);
  }

  /** Once somebody walks, or the object is back, there is nothing to be looked up here. */
  #isSought(key: string, known: Known, id: ObjectId): boolean {
    const { store, env } = this.#options;
    return this.#known.get(key) === known && store.get(key)?.spec.suspend === true && env.inventory.find(id) === undefined;
  }

  /** Once nothing is on its way that could arrive after what a walk tells, and cover it. */
  async idle(key: string): Promise<void> {
    await this.#known.get(key)?.telling;
  }

  policy(key: string, source: GitOpsSource): DriftPolicy {
    return policyOf(source, this.#of(key).fights, () => performance.now());
  }

  /** When what is fought over is to be put back. */
  pauses(key: string): Pauses {
    const { fights } = this.#of(key);
    const now = performance.now();
    const soonest = (waits: readonly number[]): number | undefined => {
      const left = waits.filter((wait) => wait > 0);
      return left.length === 0 ? undefined : Math.min(...left) + 1;
    };
    return {
      now,
      pauseOf: (member) => soonest((member.drift?.fields ?? []).map((finding) => fights.wait(objectKey(member.id), finding, now))),
      pauseBack: (object) => soonest([fights.waitBack(object, now)]),
      pauseOfAny: () => soonest(fights.going(now).map(({ notBefore }) => notBefore - now)),
    };
  }

  /** What differs from git now; undefined as long as nothing is known. */
  report(key: string, source: GitOpsSource): DriftReport | undefined {
    const { fights, gone } = this.#of(key);
    const { inventory } = this.#options.env;
    return driftReport(applySetId(source.metadata), inventory, this.policy(key, source), gone, fights, performance.now());
  }

  #of(key: string): Known {
    const known = this.#known.get(key) ?? {
      fights: new Fights(),
      gone: new Map(),
      sought: new Set(),
      timer: undefined,
      ending: undefined,
      telling: Promise.resolve(),
    };
    this.#known.set(key, known);
    return known;
  }

  #tellLater(key: string, known: Known, delayMs = tellAfter): void {
    known.timer ??= setTimeout(() => {
      known.timer = undefined;
      known.telling = this.#tell(key, known);
    }, delayMs);
  }

  /** What is still there is told. A walk under way tells with its outcome; what changes after that comes here again. */
  async #tell(key: string, known: Known): Promise<void> {
    const { store, teller, log, isWalking } = this.#options;
    const { signal } = this.#stopped;
    const source = store.get(key);
    if (signal.aborted || source === undefined || source.metadata.deletionTimestamp !== undefined) return;
    if (isWalking(key)) return this.#tellLater(key, known);
    const wait = teller.waitOf(key);
    if (wait > 0) return this.#tellLater(key, known, wait);
    const report = this.report(key, source);
    if (report === undefined) return;
    try {
      const isTold = await teller.drift(source, report, signal);
      if (!isTold && !signal.aborted) this.#tellLater(key, known, teller.waitOf(key));
    } catch (error) {
      if (signal.aborted || isKubeError(error, 404)) return;
      log.of(key).debug('drift cannot be told yet', { error });
      this.#tellLater(key, known);
    }
  }
}

function clearTimers({ timer, ending }: Known): void {
  clearTimeout(timer);
  clearTimeout(ending);
}
