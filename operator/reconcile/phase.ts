/** One phase of a walk: named in what a failure tells, and measured. */
import type { Phase } from '../report/types.ts';
import type { Walk } from './types.ts';

/** Runs one phase of the walk: names it in what a failure tells, and measures it. */
export async function timed<T>(self: Walk, phase: Phase, work: () => Promise<T>): Promise<T> {
  self.phase = phase;
  const start = performance.now();
  try {
    return await work();
  } finally {
    self.env.observePhase(self.key, phase, (performance.now() - start) / 1_000);
  }
}
