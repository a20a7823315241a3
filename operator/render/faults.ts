/** Collects everything that is wrong with a revision, in bounded memory. */
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { maxFaults } from './limits.ts';

export interface FaultList {
  add(fault: Fault): void;
  /** How many were added, those not kept included. */
  readonly count: number;
  /** Throws PlumblineError with the first 50 faults and the number of the others, if there is any. */
  throwIfAny(): void;
}

/** An empty list of faults. */
export function faultList(): FaultList {
  const kept: Fault[] = [];
  let count = 0;
  return {
    add(fault) {
      count++;
      if (kept.length < maxFaults) kept.push(fault);
    },
    get count() {
      return count;
    },
    throwIfAny() {
      const first = kept[0];
      if (first === undefined) return;
      const more = count - kept.length;
      throw new PlumblineError(more === 0 ? kept : [...kept, { reason: first.reason, message: `and ${more} more of these` }]);
    },
  };
}
