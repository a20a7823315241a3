/**
 * The limit on requests in flight. Flows take turns of a bounded number of requests: one whose turn has begun goes
 * before those that still wait for theirs, so that of many sources the first are done early instead of all at the end;
 * and a source of 1,000 objects does not keep one of three waiting for longer than its turn. No flow ever holds more
 * than half of the slots (of a single slot it holds that one). Every operation is O(1) however many wait.
 */

/** Gives the slot back; must be called exactly once. */
export type Release = () => void;

export interface SlotRequest {
  /** Whose share and turn this counts against; without one it goes first (discovery and lists, for which many wait). */
  readonly flow?: string | undefined;
  /** Goes only while nothing else waits, one at a time. */
  readonly behind?: boolean | undefined;
  readonly signal: AbortSignal;
}

interface Waiter {
  readonly grant: () => void;
  readonly giveUp: (reason: unknown) => void;
}

/** Those who wait under one signal: it gets one listener, since listeners of a signal are a list that is walked. */
interface Watched {
  readonly waiters: Set<Waiter>;
  readonly stop: () => void;
}

/** Those of one flow, in the order in which they came. */
interface Flow {
  readonly name: string;
  readonly waiting: Set<Waiter>;
  inFlight: number;
  /** Requests that are left of its turn; the whole turn as long as it has not begun. */
  left: number;
}

/** The key of what belongs to no flow; a flow has a namespace and a name, so it is never empty. */
const noFlow = '';

/** Requests of a turn: a revision of a dozen objects, dry runs included. */
const defaultTurn = 32;

export class Limiter {
  readonly #slots: number;
  readonly #share: number;
  readonly #turn: number;
  readonly #flows = new Map<string, Flow>();
  /** Flows that have somebody waiting, a share left and their turn begun, in the order in which they came back. */
  readonly #begun = new Set<Flow>();
  /** Those whose turn has not begun, in the order in which they came. */
  readonly #fresh = new Set<Flow>();
  readonly #behind = new Set<Waiter>();
  readonly #signals = new Map<AbortSignal, Watched>();
  #inFlight = 0;
  #waiting = 0;
  #waitingFlows = 0;
  #behindInFlight = 0;

  /** `slots` requests may be in flight at once, at least 1; a turn has `turn` requests. */
  constructor(slots: number, turn = defaultTurn) {
    this.#slots = Math.max(1, slots);
    this.#share = Math.max(1, Math.floor(this.#slots / 2));
    this.#turn = turn;
  }

  /** Resolves with the way to give the slot back, when there is one; rejects with the signal's reason. */
  acquire(request: SlotRequest): Promise<Release> {
    const { flow: name = noFlow, behind = false, signal } = request;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const flow = behind ? undefined : this.#flow(name);
      const waiter: Waiter = {
        grant: () => {
          this.#unwatch(signal, waiter);
          resolve(this.#take(flow));
        },
        giveUp: (reason) => {
          this.#leave(flow, waiter);
          reject(reason);
        },
      };
      this.#watch(signal, waiter);
      this.#enter(flow, waiter);
      this.#next();
    });
  }

  /** How many hold a slot and how many wait for one. */
  load(): { readonly inFlight: number; readonly waiting: number } {
    return { inFlight: this.#inFlight, waiting: this.#waiting + this.#behind.size };
  }

  #watch(signal: AbortSignal, waiter: Waiter): void {
    const known = this.#signals.get(signal);
    if (known !== undefined) {
      known.waiters.add(waiter);
      return;
    }
    const waiters = new Set([waiter]);
    const aborted = (): void => {
      this.#signals.delete(signal);
      for (const one of waiters) one.giveUp(signal.reason);
      this.#next();
    };
    signal.addEventListener('abort', aborted, { once: true });
    this.#signals.set(signal, { waiters, stop: () => signal.removeEventListener('abort', aborted) });
  }

  #unwatch(signal: AbortSignal, waiter: Waiter): void {
    const watched = this.#signals.get(signal);
    watched?.waiters.delete(waiter);
    if (watched?.waiters.size !== 0) return;
    watched.stop();
    this.#signals.delete(signal);
  }

  /** How many flows have somebody waiting; more than two wait for each other, since each may hold half of the slots. */
  waitingFlows(): number {
    return this.#waitingFlows;
  }

  #flow(name: string): Flow {
    const known = this.#flows.get(name);
    if (known !== undefined) return known;
    const flow: Flow = { name, waiting: new Set(), inFlight: 0, left: this.#turn };
    this.#flows.set(name, flow);
    return flow;
  }

  #enter(flow: Flow | undefined, waiter: Waiter): void {
    if (flow === undefined) {
      this.#behind.add(waiter);
      return;
    }
    if (flow.waiting.size === 0) this.#waitingFlows += 1;
    flow.waiting.add(waiter);
    this.#waiting += 1;
    this.#placeInTurns(flow);
  }

  #leave(flow: Flow | undefined, waiter: Waiter): void {
    if (flow === undefined) {
      this.#behind.delete(waiter);
    } else if (this.#unqueue(flow, waiter)) {
      this.#placeInTurns(flow);
    }
  }

  /** Whether it was waiting. */
  #unqueue(flow: Flow, waiter: Waiter): boolean {
    if (!flow.waiting.delete(waiter)) return false;
    this.#waiting -= 1;
    if (flow.waiting.size === 0) this.#waitingFlows -= 1;
    return true;
  }

  /** A flow is in line while somebody of it waits and it has a share left. */
  #placeInTurns(flow: Flow): void {
    const hasShare = flow.name === noFlow || flow.inFlight < this.#share;
    const line = flow.left < this.#turn || flow.name === noFlow ? this.#begun : this.#fresh;
    if (flow.waiting.size > 0 && hasShare) line.add(flow);
    else line.delete(flow);
  }

  /** Takes one of its turn; with the last one it goes to the end of those who wait for theirs. */
  #spend(flow: Flow): void {
    this.#begun.delete(flow);
    this.#fresh.delete(flow);
    if (flow.name === noFlow) return;
    flow.left = flow.left > 1 ? flow.left - 1 : this.#turn;
  }

  #take(flow: Flow | undefined): Release {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#inFlight -= 1;
      if (flow === undefined) {
        this.#behindInFlight -= 1;
      } else {
        flow.inFlight -= 1;
        this.#placeInTurns(flow);
      }
      this.#next();
    };
  }

  #next(): void {
    while (this.#inFlight < this.#slots) {
      const flow = first(this.#begun) ?? first(this.#fresh);
      if (flow === undefined) break;
      const [waiter] = flow.waiting;
      if (waiter === undefined) break;
      this.#unqueue(flow, waiter);
      flow.inFlight += 1;
      this.#inFlight += 1;
      this.#spend(flow);
      this.#placeInTurns(flow);
      waiter.grant();
    }
    if (this.#waiting === 0 && this.#inFlight === this.#behindInFlight) this.#flows.clear(); // nobody is left to take turns with
    if (this.#waiting > 0 || this.#behindInFlight > 0 || this.#inFlight >= this.#slots) return;
    const [waiter] = this.#behind;
    if (waiter === undefined) return;
    this.#behind.delete(waiter);
    this.#behindInFlight += 1;
    this.#inFlight += 1;
    waiter.grant();
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  const [one] = set;
  return one;
}
