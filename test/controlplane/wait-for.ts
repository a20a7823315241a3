/** Waiting for a condition with a deadline: the one way in which tests wait. */
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

/** Throw it from a probe: the condition can never come true, so there is nothing to wait for. */
export class GiveUp extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'GiveUp';
  }
}

/** Throw it from a probe to say what was seen instead; it is part of the message when the deadline passes. */
export class NotYet extends Error {
  readonly #seen: unknown;

  constructor(seen: unknown) {
    super('not yet');
    this.name = 'NotYet';
    this.#seen = seen;
  }

  /** As people read it. Made when it is told: of most that are thrown nothing ever is. */
  get seen(): string {
    return typeof this.#seen === 'string' ? this.#seen : inspect(this.#seen, { depth: 6, breakLength: 120 });
  }
}

/**
 * Calls `probe` until it gives something else than undefined, null or false, and resolves with that. A probe that throws
 * is tried again (but for GiveUp); what was last thrown or seen is told when `deadlineMs` milliseconds have passed.
 */
export async function waitFor<T>(
  describe: string,
  probe: (signal: AbortSignal) => Promise<T | undefined | null | false> | T | undefined | null | false,
  deadlineMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  let last: unknown = 'the probe never answered';
  for (let pause = 20; ; pause = Math.min(pause * 1.6, 200)) {
    const left = deadline - Date.now();
    try {
      const value = await within(probe, Math.max(left, 1));
      if (value !== undefined && value !== null && value !== false) return value;
      last = `the probe gave ${String(value)}`;
    } catch (error) {
      if (error instanceof GiveUp) throw new Error(`${describe}: ${error.message}`, { cause: error });
      if (!(error instanceof OutOfTime) || last === 'the probe never answered') last = error;
    }
    if (Date.now() + pause > deadline) {
      throw new Error(`${describe}: not within ${deadlineMs} ms; last seen: ${textOf(last)}`, {
        cause: last,
      });
    }
    await delay(pause);
  }
}

function textOf(last: unknown): string {
  if (last instanceof NotYet) return last.seen;
  return last instanceof Error ? last.message : String(last);
}

class OutOfTime extends Error {}

async function within<T>(probe: (signal: AbortSignal) => Promise<T> | T, ms: number): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OutOfTime(`the probe did not answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([probe(controller.signal), late]);
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}
