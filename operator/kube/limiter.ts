/**
 * The limit on requests in flight. Between flows it goes round, so a source of 1,000 objects does not keep one of
 * three waiting, and no flow ever holds more than half of the slots. Every operation is O(1) however many wait.
 */

/** Gives the slot back; must be called exactly once. */
export type Release = () => void;

export interface SlotRequest {
  /** Whose share this counts against; without one there is no share, only the turn. */
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
}

/** The key of what belongs to no flow; a flow has a namespace and a name, so it is never empty. */
const noFlow = '';

export class Limiter {
  readonly #slots: number;
  readonly #share: number;
  readonly #flows = new Map<string, Flow>();
  /** Flows that have somebody waiting and a share left, in the order of their turns. */
  readonly #turns = new Set<Flow>();
  readonly #behind = new Set<Waiter>();
  readonly #signals = new Map<AbortSignal, Watched>();
  #inFlight = 0;
  #waiting = 0;
  #behindInFlight = 0;

  /** `slots` requests may be in flight at once; at least 1. */
  constructor(slots: number) {
    this.#slots = Math.max(1, slots);
    this.#share = Math.ceil(this.#slots / 2);
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

  #flow(name: string): Flow {
    const known = this.#flows.get(name);
    if (known !== undefined) return known;
    const flow: Flow = { name, waiting: new Set(), inFlight: 0 };
    this.#flows.set(name, flow);
    return flow;
  }

  #enter(flow: Flow | undefined, waiter: Waiter): void {
    if (flow === undefined) {
      this.#behind.add(waiter);
      return;
    }
    flow.waiting.add(waiter);
    this.#waiting += 1;
    this.#placeInTurns(flow);
  }

  #leave(flow: Flow | undefined, waiter: Waiter): void {
    if (flow === undefined) {
      this.#behind.delete(waiter);
    } else if (flow.waiting.delete(waiter)) {
      this.#waiting -= 1;
      this.#placeInTurns(flow);
    }
  }

  /** A flow has a turn while somebody of it waits and it has a share left; an idle one is forgotten. */
  #placeInTurns(flow: Flow): void {
    const hasShare = flow.name === noFlow || flow.inFlight < this.#share;
    if (flow.waiting.size === 0 || !hasShare) this.#turns.delete(flow);
    else this.#turns.add(flow);
    if (flow.waiting.size === 0 && flow.inFlight === 0) this.#flows.delete(flow.name);
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
      const [flow] = this.#turns;
      if (flow === undefined) break;
      const [waiter] = flow.waiting;
      if (waiter === undefined) break;
      flow.waiting.delete(waiter);
      this.#waiting -= 1;
      flow.inFlight += 1;
      this.#inFlight += 1;
      this.#turns.delete(flow); // to the end of the line
      this.#placeInTurns(flow);
      waiter.grant();
    }
    if (this.#waiting > 0 || this.#behindInFlight > 0 || this.#inFlight >= this.#slots) return;
    const [waiter] = this.#behind;
    if (waiter === undefined) return;
    this.#behind.delete(waiter);
    this.#behindInFlight += 1;
    this.#inFlight += 1;
    waiter.grant();
  }
}
