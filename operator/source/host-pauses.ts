/** A git host that has too much to do is left alone by all of its remotes together, not found out by each on its own. */
import { PlumblineError } from '../errors.ts';
import { StatusError } from './http-errors.ts';
import { backoffMs } from './schedule.ts';

export interface PauseClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `then` after `ms`, unless the result is called before. */
  after(ms: number, then: () => void): () => void;
}

/** A pause up to this is waited for; a longer one is told. */
const patienceMs = 30_000;
/** One repository that is broken does not make its host so: that many failures in a row do. */
const inARow = 3;

interface Host {
  until: number;
  /** Answers of 5xx without another in between. */
  failures: number;
  status: number;
}

export class HostPauses {
  readonly #clock: PauseClock;
  readonly #hosts = new Map<string, Host>();

  constructor(clock: PauseClock) {
    this.#clock = clock;
  }

  /** Runs `request` when the host is not to be left alone; throws PlumblineError GitError where that takes too long. */
  async respecting<T>(host: string, signal: AbortSignal, request: () => Promise<T>): Promise<T> {
    await this.#wait(host, signal);
    try {
      const answer = await request();
      this.#hosts.delete(host);
      return answer;
    } catch (error) {
      this.#note(host, error);
      throw error;
    }
  }

  async #wait(host: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const pause = this.#hosts.get(host);
      const left = (pause?.until ?? 0) - this.#clock.now();
      if (pause === undefined || left <= 0) return;
      if (left > patienceMs) {
        const message = `${host} asks to be left alone (${pause.status}), for another ${Math.ceil(left / 1000)} s`;
        throw new PlumblineError({ reason: 'GitError', message }, { retryAfterMs: left });
      }
      await new Promise<void>((resolve, reject) => {
        const cancel = this.#clock.after(left, () => {
          signal.removeEventListener('abort', leave);
          resolve();
        });
        const leave = (): void => {
          cancel();
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', leave, { once: true });
      });
    }
  }

  #note(host: string, error: unknown): void {
    if (!(error instanceof StatusError) || (error.status !== 429 && error.status < 500)) return;
    const { status, retryAfterMs } = error;
    const failures = (this.#hosts.get(host)?.failures ?? 0) + 1;
    const own = status === 429 || failures >= inARow ? backoffMs(Math.max(1, failures - inARow + 1), patienceMs) : 0;
    this.#hosts.set(host, { until: this.#clock.now() + (retryAfterMs ?? own), failures, status });
  }
}
