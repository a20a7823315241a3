/**
 * Brings to endpoints what the status of a source holds for them, in order, outside of every walk. The status is the queue:
 * what is told is noted there, and whoever leads next goes on from it.
 */
import type { GitOpsSource, Notification } from '../api/types.ts';
import { catalogue, PlumblineError } from '../errors.ts';
import { notificationId, webhookRequest } from './cloud-event.ts';
import { commitStatusRequest, isToldAlready } from './commit-status.ts';
import { Endpoints } from './endpoints.ts';
import type { EndpointLimits, Standing } from './endpoints.ts';
import { forgeRepository } from './repository.ts';
import type { Provider } from './repository.ts';
import type { Send } from './send.ts';
import type { EndpointSecret, Question, Settled } from './types.ts';
import { pauseAfter, verdictOn } from './verdict.ts';
import type { Verdict } from './verdict.ts';
import { waitingOf } from './waiting.ts';

export type SecretField = 'spec.notify.commitStatus.secretRef' | 'spec.notify.webhook.secretRef';

export interface DelivererOptions {
  readonly send: Send;
  /** Throws PlumblineError. */
  readonly secretOf: (namespace: string, name: string, field: SecretField, signal: AbortSignal) => Promise<EndpointSecret>;
  /** Notes in the status of a source (`namespace/name`) what was told or given up. What it rejects with is tried again. */
  readonly note: (key: string, settled: readonly Settled[], signal: AbortSignal) => Promise<void>;
  /** Every try: `failed` is tried again. */
  readonly onResult: (result: 'delivered' | 'failed' | 'dropped', source: GitOpsSource, entry: Notification, why: string) => void;
  /** Whether this process may still act. */
  readonly leads: () => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  /** Requests at once, to one server at once, and for one namespace at once. */
  readonly limits: EndpointLimits;
  /** What cannot be told for so long is given up after one more try. Milliseconds. */
  readonly giveUpMs: number;
  /** So is what is left of a source that is gone, after so long. Milliseconds. */
  readonly lastWordsMs: number;
  /** What was told is collected for so long before it is noted: a status is patched at most once a second. Milliseconds. */
  readonly noteMs: number;
  /** Replaces pauseAfter. */
  readonly pause?: (failures: number) => number;
}

/** What one endpoint of one source waits for. */
interface Lane {
  /** Among all lanes: the source and whom it tells; of one that is gone its uid too, since another may have its name. */
  id: string;
  readonly key: string;
  readonly to: Notification['to'];
  source: GitOpsSource;
  /** Ids that need no more telling, though the status that is known may not say so yet. */
  readonly done: Set<string>;
  failures: number;
  /** The last one was taken: what follows is told with it, and noted with it. */
  goesOn: boolean;
  busy: boolean;
  /** Since when the source is gone: nothing is noted any more. Milliseconds since the epoch. */
  goneAt: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

interface Notes {
  settled: Settled[];
  timer: NodeJS.Timeout | undefined;
  writing: Promise<void>;
}

const maxDone = 64;
/** Sources that are gone and have something left to tell. */
const maxGone = 1_000;

/** Runs from the first offer to `close`. */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #endpoints: Endpoints;
  readonly #lanes = new Map<string, Lane>();
  readonly #notes = new Map<string, Notes>();
  /** Of requests, and of notes: what was told by the end still gets its note. */
  readonly #stop = new AbortController();
  readonly #stopNotes = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #gone = new Set<Lane>();
  #closed = false;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#endpoints = new Endpoints(options.limits);
  }

  /** A source as it is now: what its status holds is brought out. Costs nothing where that is nothing. Never throws. */
  offer(source: GitOpsSource): void {
    if (this.#closed) return;
    const key = `${source.metadata.namespace}/${source.metadata.name}`;
    for (const to of ['CommitStatus', 'Webhook'] as const) {
      const id = `${key} ${to}`;
      const known = this.#lanes.get(id);
      if (known === undefined && nextOf(source, to, new Set()) === undefined) continue;
      const fresh = { failures: 0, goesOn: false, busy: false, goneAt: undefined, timer: undefined };
      const lane: Lane = known ?? { id, key, to, source, done: new Set(), ...fresh };
      this.#lanes.set(id, lane);
      // The endpoint, or its Secret, may be another one.
      if (lane.source.metadata.generation !== source.metadata.generation) this.#rest(lane, 0);
      lane.source = source;
      this.#go(lane);
    }
  }

  /** The source is no more: what it has left to tell is still told, for a while. */
  forget(key: string): void {
    for (const to of ['CommitStatus', 'Webhook']) {
      const lane = this.#lanes.get(`${key} ${to}`);
      if (lane === undefined) continue;
      this.#lanes.delete(lane.id);
      const left = this.#closed ? undefined : nextOf(lane.source, lane.to, lane.done);
      const isRoom = this.#gone.size < maxGone;
      if (left !== undefined && !isRoom) this.#options.onResult('dropped', lane.source, left, 'too many sources that are gone wait');
      if (left === undefined || !isRoom) {
        clearTimeout(lane.timer);
        continue;
      }
      lane.id = `${lane.id} ${lane.source.metadata.uid}`;
      lane.goneAt = this.#options.now();
      this.#lanes.set(lane.id, lane);
      this.#gone.add(lane);
    }
    clearTimeout(this.#notes.get(key)?.timer);
    this.#notes.delete(key);
  }

  /** Begins nothing more, waits up to `graceMs` for what is under way, and as long for notes of it. The rest stands in the status. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    for (const lane of this.#lanes.values()) clearTimeout(lane.timer);
    const requests = setTimeout(() => this.#stop.abort(), graceMs);
    await Promise.all(this.#underWay);
    clearTimeout(requests);
    this.#stop.abort();
    const notes = setTimeout(() => this.#stopNotes.abort(), graceMs);
    await Promise.all([...this.#notes.keys()].map((key) => this.#write(key)));
    clearTimeout(notes);
    this.#stopNotes.abort();
  }

  #rest(lane: Lane, failures: number): void {
    clearTimeout(lane.timer);
    lane.timer = undefined;
    lane.failures = failures;
  }

  #go(lane: Lane): void {
    if (lane.busy || lane.timer !== undefined || this.#closed || !this.#isKnown(lane)) return;
    const entry = nextOf(lane.source, lane.to, lane.done);
    if (entry === undefined) {
      // Until the status says so too, it is remembered what was told.
      if (lane.goneAt === undefined && nextOf(lane.source, lane.to, new Set()) !== undefined) return;
      this.#lanes.delete(lane.id);
      this.#gone.delete(lane);
      return;
    }
    lane.busy = true;
    const work = this.#deliver(lane, lane.source, entry).then(() => {
      lane.busy = false;
      this.#underWay.delete(work);
      this.#go(lane);
    });
    this.#underWay.add(work);
  }

  #isKnown(lane: Lane): boolean {
    return this.#lanes.get(lane.id) === lane;
  }

  async #deliver(lane: Lane, source: GitOpsSource, entry: Notification): Promise<void> {
    const { now, random, giveUpMs, lastWordsMs, pause, onResult } = this.#options;
    const verdict = await this.#try(source, entry, lane.failures > 0 ? 'failed' : lane.goesOn ? 'goesOn' : 'fresh');
    lane.goesOn = verdict?.kind === 'delivered';
    if (!this.#isKnown(lane)) return;
    if (verdict === undefined) return this.#finish(lane, entry);
    const isOver = now() - Date.parse(entry.time) > giveUpMs || (lane.goneAt !== undefined && now() - lane.goneAt > lastWordsMs);
    if (verdict.kind === 'retry' && !isOver) {
      this.#rest(lane, lane.failures + 1);
      const waitMs = Math.max(pause?.(lane.failures) ?? pauseAfter(lane.failures, random()), verdict.retryAfterMs ?? 0);
      lane.timer = setTimeout(() => {
        lane.timer = undefined;
        this.#go(lane);
      }, waitMs);
      onResult('failed', source, entry, verdict.why);
      return;
    }
    this.#finish(lane, entry);
    if (lane.goneAt === undefined) this.#noteLater(lane.key, { entry, result: verdict.kind === 'delivered' ? 'Delivered' : 'Dropped' });
    if (verdict.kind === 'delivered') onResult('delivered', source, entry, '');
    else onResult('dropped', source, entry, verdict.why);
  }

  #finish(lane: Lane, entry: Notification): void {
    this.#rest(lane, 0);
    lane.done.add(notificationId('', entry));
    const [oldest] = lane.done;
    if (lane.done.size > maxDone && oldest !== undefined) lane.done.delete(oldest);
  }

  /** Undefined where it was not tried, and is not to be. */
  async #try(source: GitOpsSource, entry: Notification, standing: Standing): Promise<Verdict | undefined> {
    const { signal } = this.#stop;
    const { commitStatus, webhook } = source.spec.notify ?? {};
    try {
      if (entry.to === 'CommitStatus') {
        if (commitStatus === undefined) return undefined;
        const { api } = forgeRepository(commitStatus, source.spec.url);
        const field = 'spec.notify.commitStatus.secretRef';
        const build = (token: Buffer): Question => commitStatusRequest(source, commitStatus, entry, token);
        return await this.#ask(source, api, { name: commitStatus.secretRef.name, field }, build, standing, commitStatus.provider);
      }
      if (webhook === undefined) return undefined;
      const build = (token: Buffer): Question => webhookRequest(source, webhook, entry, token);
      const secret = { name: webhook.secretRef.name, field: 'spec.notify.webhook.secretRef' } as const;
      return await this.#ask(source, webhook.url, secret, build, standing, undefined);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof PlumblineError)) return { kind: 'retry', why: error instanceof Error ? error.message : String(error) };
      const { retry, remedy } = catalogue[error.reason];
      return { kind: retry === 'edit' ? 'refused' : 'retry', why: `${error.message}. ${error.faults[0]?.remedy ?? remedy}` };
    }
  }

  /** Asks once it is its turn; the Secret is read then, so that many who wait cost nothing. `provider`: of a forge. */
  async #ask(
    { metadata: { namespace } }: GitOpsSource,
    server: string,
    secret: { readonly name: string; readonly field: SecretField },
    build: (token: Buffer) => Question,
    standing: Standing,
    provider: Provider | undefined,
  ): Promise<Verdict | undefined> {
    const { signal } = this.#stop;
    const { send, secretOf, leads, now } = this.#options;
    return await this.#endpoints.run({ server: new URL(server).origin, namespace, standing }, signal, async () => {
      if (this.#closed) return undefined;
      const { token, ca } = await secretOf(namespace, secret.name, secret.field, signal);
      if (!leads()) return undefined;
      const answer = await send(build(token), ca, signal);
      if (provider !== undefined && isToldAlready(provider, answer.status, answer.text)) return { kind: 'delivered' };
      return verdictOn(answer, provider !== undefined, now(), token.toString('latin1'));
    });
  }

  #noteLater(key: string, settled: Settled): void {
    const notes = this.#notes.get(key) ?? { settled: [], timer: undefined, writing: Promise.resolve() };
    this.#notes.set(key, notes);
    notes.settled.push(settled);
    if (!this.#closed) notes.timer ??= setTimeout(() => void this.#write(key), this.#options.noteMs);
  }

  /** Notes what was told. Never throws: what cannot be noted is noted later, and stays known here meanwhile. */
  async #write(key: string): Promise<void> {
    const notes = this.#notes.get(key);
    if (notes === undefined) return;
    clearTimeout(notes.timer);
    notes.timer = undefined;
    await notes.writing;
    const { settled } = notes;
    notes.settled = [];
    if (settled.length === 0) return;
    notes.writing = this.#options.note(key, settled, this.#stopNotes.signal).catch(() => {
      notes.settled.unshift(...settled);
      if (!this.#closed && this.#notes.get(key) === notes) {
        notes.timer ??= setTimeout(() => void this.#write(key), this.#options.noteMs);
      }
    });
    await notes.writing;
    if (notes.settled.length === 0 && notes.timer === undefined && this.#notes.get(key) === notes) this.#notes.delete(key);
  }
}

/** The oldest that is not done. */
function nextOf(source: GitOpsSource, to: Notification['to'], done: ReadonlySet<string>): Notification | undefined {
  return waitingOf(source).find((entry) => entry.to === to && !done.has(notificationId('', entry)));
}
