/** How many requests run at once: so many in all, and so many to one server, so that one that hangs holds up no other. */

export interface EndpointLimits {
  readonly all: number;
  readonly perServer: number;
}

interface Waiting {
  readonly server: string;
  readonly start: () => void;
}

/** First come, first served, but for servers that have their share. */
export class Endpoints {
  readonly #limits: EndpointLimits;
  readonly #busy = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(limits: EndpointLimits) {
    this.#limits = limits;
  }

  /** `goesOn`: what was begun before comes before what was not. Rejects when the signal is aborted before it is its turn. */
  async run<T>(server: string, goesOn: boolean, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(server, goesOn, signal);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      const left = (this.#busy.get(server) ?? 1) - 1;
      if (left === 0) this.#busy.delete(server);
      else this.#busy.set(server, left);
      this.#next();
    }
  }

  #turn(server: string, goesOn: boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal.reason as Error);
      };
      const waiting: Waiting = {
        server,
        start: () => {
          signal.removeEventListener('abort', leave);
          this.#running += 1;
          this.#busy.set(server, (this.#busy.get(server) ?? 0) + 1);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      if (goesOn) this.#waiting.unshift(waiting);
      else this.#waiting.push(waiting);
      this.#next();
    });
  }

  #next(): void {
    while (this.#running < this.#limits.all) {
      const at = this.#waiting.findIndex(({ server }) => (this.#busy.get(server) ?? 0) < this.#limits.perServer);
      const [first] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (first === undefined) return;
      first.start();
    }
  }
}
