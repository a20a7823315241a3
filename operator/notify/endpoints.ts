/**
 * How many requests run at once: so many in all, and of these so many to one server and for one namespace, so that no server
 * that hangs, and no namespace whose endpoints all do, holds up the others.
 */

export interface EndpointLimits {
  readonly all: number;
  readonly perServer: number;
  readonly perNamespace: number;
}

/** How it stands with what is to be told: begun before and taken so far, new, or failed at its last try. In the order of their turns. */
export type Standing = 'goesOn' | 'fresh' | 'failed';

/** Who is asked, and for whom. */
export interface Place {
  readonly server: string;
  readonly namespace: string;
  readonly standing: Standing;
}

interface Waiting extends Place {
  readonly start: () => void;
}

const order: readonly Standing[] = ['goesOn', 'fresh', 'failed'];

/** First come, first served, but for servers and namespaces that have their share; what failed comes behind what did not. */
export class Endpoints {
  readonly #limits: EndpointLimits;
  /** Requests that run, by `server …` and `namespace …`. */
  readonly #busy = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(limits: EndpointLimits) {
    this.#limits = limits;
  }

  /** Rejects when the signal is aborted before it is its turn. */
  async run<T>(place: Place, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(place, signal);
    try {
      return await work();
    } finally {
      this.#count(place, -1);
      this.#next();
    }
  }

  #turn(place: Place, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal.reason as Error);
      };
      const waiting: Waiting = {
        ...place,
        start: () => {
          signal.removeEventListener('abort', leave);
          this.#count(place, 1);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      const rank = order.indexOf(place.standing);
      const behind = this.#waiting.findIndex(({ standing }) => order.indexOf(standing) > rank);
      this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, waiting);
      this.#next();
    });
  }

  #count({ server, namespace }: Place, by: 1 | -1): void {
    this.#running += by;
    for (const key of [`server ${server}`, `namespace ${namespace}`]) {
      const count = (this.#busy.get(key) ?? 0) + by;
      if (count === 0) this.#busy.delete(key);
      else this.#busy.set(key, count);
    }
  }

  #hasRoom({ server, namespace }: Place): boolean {
    const { perServer, perNamespace } = this.#limits;
    return (this.#busy.get(`server ${server}`) ?? 0) < perServer && (this.#busy.get(`namespace ${namespace}`) ?? 0) < perNamespace;
  }

  #next(): void {
    while (this.#running < this.#limits.all) {
      const at = this.#waiting.findIndex((waiting) => this.#hasRoom(waiting));
      const [first] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (first === undefined) return;
      first.start();
    }
  }
}
