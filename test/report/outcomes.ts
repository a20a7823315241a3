/** Outcomes of walks for the tests of this folder, with defaults where a test does not care. */
import { PlumblineError } from '../../operator/errors.ts';
import { outcomeStatus } from '../../operator/report/status.ts';
import type { Fault } from '../../operator/errors.ts';
import type { GitOpsSourceStatus } from '../../operator/api/types.ts';
import type { Changes, Outcome, RevisionSeen } from '../../operator/report/types.ts';

export type Applied = Extract<Outcome, { kind: 'applied' }>;
export type Failed = Extract<Outcome, { kind: 'failed' }>;

export const noChanges: Changes = { created: 0, changed: 0, unchanged: 0, pruned: 0, letGo: 0 };

/** A commit id that begins with `short`. */
export function sha(short: string): string {
  return short.padEnd(40, '0');
}

/** A moment of the test's day, `at(5)` is five minutes in. */
export function at(minute: number): string {
  return new Date(Date.UTC(2026, 10, 24, 3, minute)).toISOString().replace('.000Z', 'Z');
}

export function seen(short: string, minute = 0, ref: string | undefined = 'main'): RevisionSeen {
  const commit = sha(short);
  return {
    ref: { commit, fullRef: ref === undefined ? undefined : `refs/heads/${ref}`, shortRef: ref },
    time: at(minute),
    commit: { sha: commit, subject: `Change ${short}`, author: 'Ada Lovelace <ada@example.com>', time: at(0) },
  };
}

export function applied(revision: RevisionSeen, more: Partial<Applied> = {}): Applied {
  return { kind: 'applied', seen: revision, changes: noChanges, total: 12, notices: [], warnings: [], adopted: [], corrected: [], ...more };
}

export const refusedImage: Fault = {
  reason: 'ObjectRefused',
  place: { file: 'prod/web.yaml', line: 14 },
  object: 'Deployment shop/web',
  message: 'spec.template.spec.containers[0].image: Required value',
  remedy: 'Correct the file and push.',
};

export function failed(
  revision: RevisionSeen | undefined,
  fault: Fault | readonly Fault[] = refusedImage,
  more: Partial<Failed> = {},
): Failed {
  return {
    kind: 'failed',
    seen: revision,
    phase: 'dryrun',
    error: new PlumblineError(fault),
    attempted: revision !== undefined,
    changes: undefined,
    total: revision === undefined ? undefined : 12,
    failedObjects: 1,
    notices: [],
    warnings: [],
    adopted: [],
    corrected: [],
    retryAt: undefined,
    ...more,
  };
}

export const gitAway: Fault = { reason: 'GitUnreachable', message: 'git.example.com: connection refused' };

/** The status after these outcomes, one a minute, from nothing. */
export function statusAfter(...outcomes: readonly Outcome[]): GitOpsSourceStatus {
  let status: GitOpsSourceStatus | undefined;
  for (const [minute, outcome] of outcomes.entries()) status = step(status, outcome, minute);
  if (status === undefined) throw new Error('no outcome, no status');
  return status;
}

export function step(previous: GitOpsSourceStatus | undefined, outcome: Outcome, minute: number, generation = 1): GitOpsSourceStatus {
  return outcomeStatus({ previous, outcome, generation, requestedAt: undefined, now: at(minute) });
}
