/** Statuses by what happened, for tests of the audit trail. */
import type { Attempt, GitOpsSourceStatus } from '../../../operator/api/types.ts';
import { attemptStatus, outcomeStatus } from '../../../operator/report/status.ts';
import { attemptsAfter } from '../../../operator/report/trail/attempts.ts';
import type { Ended, Noted } from '../../../operator/report/trail/attempts.ts';
import type { Written } from '../../../operator/report/trail/written.ts';
import { applied, at, failed, noChanges, refusedImage, seen } from '../outcomes.ts';

export const nothing: Written = { objects: [], images: [] };
export const wrote = (verb: 'created' | 'changed' | 'pruned' | 'letGo', ...objects: string[]): Written => ({
  objects: objects.map((object) => ({ verb, object })),
  images: [],
});

export interface Step {
  readonly outcome: Ended;
  readonly written?: Written;
  readonly generation?: number;
  /** The attempt is noted first. */
  readonly note?: { readonly short: string; readonly generation: number };
  readonly noted?: readonly Noted[];
  /** By the time at which they were attempted. */
  readonly recorded?: readonly string[];
}

/** The status after these outcomes, a minute apart. */
export function after(...steps: readonly Step[]): GitOpsSourceStatus & { readonly attempts: readonly Attempt[] } {
  let status: GitOpsSourceStatus | undefined;
  for (const [minute, { outcome, note, written = nothing, generation = 1, noted = [], recorded = [] }] of steps.entries()) {
    const now = at(minute);
    if (note !== undefined) status = attemptStatus(status, seen(note.short), note.generation, now);
    const next = outcomeStatus({ previous: status, outcome, generation, requestedAt: undefined, verifies: false, now });
    const isRecorded = ({ attempted }: Attempt): boolean => recorded.includes(attempted);
    const attempts = attemptsAfter({ previous: status, next, outcome, generation, written, noted, isRecorded, now });
    status = { ...next, ...(attempts === undefined ? {} : { attempts }) };
  }
  return { ...status, attempts: status?.attempts ?? [] };
}

export const first: Step = {
  outcome: applied(seen('aaa'), { changes: { ...noChanges, created: 2 } }),
  written: wrote('created', 'A', 'B'),
};
export const second: Step = { outcome: applied(seen('bbb'), { changes: { ...noChanges, changed: 1 } }), written: wrote('changed', 'A') };
export const silent = (short: string): Step => ({ outcome: applied(seen(short)) });
export const broken = (short: string, message = 'no'): Step => ({ outcome: failed(seen(short), { ...refusedImage, message }) });
