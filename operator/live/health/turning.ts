/** Verdicts that time alone makes others: told when it is time, by one timer for the next of them. */
import type { Verdict } from './types.ts';

/** What a timer of Node takes, milliseconds; it fires at once for more. */
const longestTimer = 2 ** 31 - 1;

/** Starts with nothing; keeps no process alive. */
export interface Turning {
  /** This is the verdict about an object from now on; undefined: there is none any more. */
  note(key: string, verdict: Verdict | undefined): void;
}

/** `now` in milliseconds since the epoch. `turn` is told of each verdict whose time has come; nothing after the signal. */
export function createTurning(now: () => number, turn: (key: string, into: Verdict) => void, signal: AbortSignal): Turning {
  const waiting = new Map<string, NonNullable<Verdict['turns']>>();
  let timer: NodeJS.Timeout | undefined;
  let due = Infinity;

  function arm(at: number): void {
    clearTimeout(timer);
    due = at;
    if (at === Infinity || signal.aborted) return;
    timer = setTimeout(fire, Math.min(longestTimer, Math.max(0, at - now()) + 1));
    timer.unref();
  }

  function fire(): void {
    const time = now();
    for (const [key, { at, into }] of waiting) {
      if (at > time) continue;
      waiting.delete(key);
      turn(key, into);
    }
    let next = Infinity;
    for (const { at } of waiting.values()) next = Math.min(next, at);
    arm(next);
  }

  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return {
    note(key, verdict) {
      waiting.delete(key);
      if (verdict?.turns === undefined) return; // a timer that comes for nothing finds the next
      waiting.set(key, verdict.turns);
      if (verdict.turns.at < due) arm(verdict.turns.at);
    },
  };
}
