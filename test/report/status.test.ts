import { describe, expect, test } from '@jest/globals';
import { findCondition } from '../../operator/api/conditions.ts';
import { catalogue } from '../../operator/errors.ts';
import { attemptStatus, handledRequest, outcomeStatus, progressStatus, statusPatch } from '../../operator/report/status.ts';
import { applied, at, failed, gitAway, noChanges, refusedImage, seen, sha, statusAfter, step } from './outcomes.ts';
import type { Condition, GitOpsSourceStatus } from '../../operator/api/types.ts';
import type { Fault, Reason } from '../../operator/errors.ts';
import type { Outcome } from '../../operator/report/types.ts';

const created = { ...noChanges, created: 12 };

/** `True Applied` by condition type. */
function summary(status: GitOpsSourceStatus): Record<string, string> {
  return Object.fromEntries((status.conditions ?? []).map(({ type, status: now, reason }) => [type, `${now} ${reason}`]));
}

function ready(status: GitOpsSourceStatus): Condition | undefined {
  return findCondition(status.conditions, 'Ready');
}

/** The commits of the stages, shortened. */
function stages(status: GitOpsSourceStatus): Record<string, string> {
  return Object.fromEntries(Object.entries(status.revision ?? {}).map(([stage, revision]) => [stage, revision.commit.slice(0, 1)]));
}

function history(status: GitOpsSourceStatus): readonly string[] {
  return (status.history ?? []).map(({ commit, result }) => `${commit.slice(0, 1)} ${result}`);
}

const heldPrune: Fault = { reason: 'PruneHeld', message: 'everything would go' };
const badSpec: Fault = { reason: 'InvalidSpec', message: 'spec.schedule: 6 fields' };

describe('conditions', () => {
  const healthy = { Healthy: 'Unknown NothingApplied' };
  test.each<[string, readonly Outcome[], Record<string, string>]>([
    [
      'an applied revision',
      [applied(seen('a'))],
      { Ready: 'True Applied', Reconciling: 'False Idle', Stalled: 'False NotStalled', ...healthy },
    ],
    [
      'a failure that is retried',
      [failed(seen('a'))],
      { Ready: 'False ObjectRefused', Reconciling: 'True Retrying', Stalled: 'False NotStalled', ...healthy },
    ],
    [
      'git that is away',
      [applied(seen('a')), failed(undefined, gitAway, { phase: 'source' })],
      { Ready: 'False GitUnreachable', Reconciling: 'True Retrying', Stalled: 'False NotStalled', ...healthy },
    ],
    [
      'a prune that is held',
      [failed(seen('a'), heldPrune, { phase: 'prune' })],
      { Ready: 'False PruneHeld', Reconciling: 'True Held', Stalled: 'False NotStalled', ...healthy },
    ],
    [
      'a spec that only an edit mends',
      [failed(undefined, badSpec, { phase: 'spec' })],
      { Ready: 'False InvalidSpec', Reconciling: 'False InvalidSpec', Stalled: 'True InvalidSpec', ...healthy },
    ],
    [
      'a spec that was mended',
      [failed(undefined, badSpec, { phase: 'spec' }), applied(seen('a'))],
      { Ready: 'True Applied', Reconciling: 'False Idle', Stalled: 'False NotStalled', ...healthy },
    ],
    [
      'a suspended source keeps Ready',
      [applied(seen('a')), { kind: 'suspended' }],
      { Ready: 'True Applied', Reconciling: 'False Suspended', Stalled: 'False NotStalled', ...healthy },
    ],
    [
      'a suspended source that failed keeps that',
      [failed(seen('a')), { kind: 'suspended' }],
      { Ready: 'False ObjectRefused', Reconciling: 'False Suspended', Stalled: 'False NotStalled', ...healthy },
    ],
    [
      'a source that is suspended from the start',
      [{ kind: 'suspended' }],
      { Ready: 'Unknown Suspended', Reconciling: 'False Suspended', Stalled: 'False NotStalled' },
    ],
  ])('%s', (_, outcomes, expected) => {
    expect(summary(statusAfter(...outcomes))).toEqual(expected);
  });

  test('Stalled is True for the reasons that only an edit mends, and for no other', () => {
    for (const [reason, { retry }] of Object.entries(catalogue)) {
      const status = statusAfter(failed(seen('a'), { reason: reason as Reason, message: 'x' }));
      expect({ reason, stalled: findCondition(status.conditions, 'Stalled')?.status }).toEqual({
        reason,
        stalled: retry === 'edit' ? 'True' : 'False',
      });
    }
  });

  test('every condition carries the generation that it speaks of', () => {
    for (const outcome of [applied(seen('a')), failed(seen('a')), failed(undefined, badSpec, { phase: 'spec' })]) {
      const status = step(statusAfter(applied(seen('b'))), outcome, 5, 7);
      expect(status.conditions?.map(({ observedGeneration }) => observedGeneration)).toEqual([7, 7, 7, 7]);
      expect(status.observedGeneration).toBe(7);
    }
  });

  test('a suspended source speaks of the generation that Ready was said of', () => {
    const status = step(statusAfter(applied(seen('a'))), { kind: 'suspended' }, 5, 2);
    expect(status.observedGeneration).toBe(2);
    expect(ready(status)?.observedGeneration).toBe(1);
    expect(findCondition(status.conditions, 'Reconciling')?.observedGeneration).toBe(2);
  });
});

describe('messages', () => {
  test('an applied revision', () => {
    const status = statusAfter(applied(seen('a'), { changes: created }));
    expect(ready(status)?.message).toBe('main@a000000 is applied: 12 objects, 12 created');
  });

  test('a refused revision over a running one', () => {
    const status = statusAfter(applied(seen('a')), failed(seen('b')));
    expect(ready(status)?.message).toBe(
      'prod/web.yaml:14 Deployment shop/web refused: spec.template.spec.containers[0].image: Required value. ' +
        'Nothing was changed; main@a000000 keeps running. Correct the file and push.',
    );
  });

  test('a revision that fails half way says so, also when it is tried again and writes nothing', () => {
    const half = failed(seen('b'), refusedImage, { phase: 'apply', changes: { ...noChanges, created: 2, changed: 1 } });
    const once = statusAfter(applied(seen('a')), half);
    expect(ready(once)?.message).toContain(
      '3 objects were written before it failed; main@a000000 was the last revision to be applied whole.',
    );
    const again = step(once, failed(seen('b'), refusedImage, { phase: 'apply' }), 9);
    expect(again).toEqual(once);
  });

  test('what a half applied revision left behind is not forgotten by the next failure', () => {
    const half = failed(seen('b'), refusedImage, { phase: 'apply', changes: { ...noChanges, changed: 1 } });
    expect(ready(statusAfter(applied(seen('a')), half, failed(seen('c'))))?.message).toContain(
      'Nothing was changed; main@a000000 was the last revision to be applied whole.',
    );
    expect(ready(statusAfter(applied(seen('a')), half, failed(undefined, gitAway, { phase: 'source' })))?.message).toContain(
      'was the last revision to be applied whole',
    );
    expect(ready(statusAfter(applied(seen('a')), half, applied(seen('b')), failed(seen('c'))))?.message).toContain(
      'main@b000000 keeps running',
    );
  });

  test('git that is away is told with since when, and that what runs keeps running', () => {
    const away = failed(undefined, gitAway, { phase: 'source' });
    const status = statusAfter(applied(seen('a')), away, away);
    expect(ready(status)?.message).toBe(
      `git.example.com: connection refused. Nothing was changed; main@a000000 keeps running. Not Ready since ${at(1)}. ${catalogue.GitUnreachable.remedy}`,
    );
    expect(ready(status)?.lastTransitionTime).toBe(at(1));
  });

  test('the running revision keeps its name when the ref was changed since', () => {
    const status = statusAfter(applied(seen('a', 0, 'release@1')), failed(seen('b', 1, 'main')));
    expect(ready(status)?.message).toContain('release@1@a000000 keeps running');
  });
});

describe('revisions', () => {
  test.each<[string, readonly Outcome[], Record<string, string>, string | undefined]>([
    [
      'an applied one is observed, attempted and applied',
      [applied(seen('a'))],
      { observed: 'a', attempted: 'a', applied: 'a' },
      'main@a000000',
    ],
    [
      'a failed one over an applied one leaves both',
      [applied(seen('a')), failed(seen('b'))],
      { observed: 'b', attempted: 'b', applied: 'a' },
      'main@a000000',
    ],
    [
      'one that could not be fetched is observed',
      [applied(seen('a')), failed(seen('b'), gitAway, { phase: 'source', attempted: false })],
      { observed: 'b', attempted: 'a', applied: 'a' },
      'main@a000000',
    ],
    [
      'git away moves nothing',
      [applied(seen('a')), failed(undefined, gitAway, { phase: 'source' })],
      { observed: 'a', attempted: 'a', applied: 'a' },
      'main@a000000',
    ],
    ['a first one that failed is shown as tried', [failed(seen('a'))], { observed: 'a', attempted: 'a' }, 'main@a000000'],
    [
      'the same YAML in a new commit moves them all',
      [applied(seen('a')), applied(seen('b'))],
      { observed: 'b', attempted: 'b', applied: 'b' },
      'main@b000000',
    ],
    [
      'a bare commit is shown alone',
      [applied({ ...seen('a'), ref: { commit: sha('a'), fullRef: undefined, shortRef: undefined } })],
      { observed: 'a', attempted: 'a', applied: 'a' },
      'a000000',
    ],
  ])('%s', (_, outcomes, expected, display) => {
    const status = statusAfter(...outcomes);
    expect(stages(status)).toEqual(expected);
    expect(status.display?.revision).toBe(display);
    expect(status.display?.healthy).toBeUndefined();
    expect(status.revision?.healthy).toBeUndefined();
  });

  test('a stage keeps the time at which its commit first came that far', () => {
    const status = statusAfter(failed(seen('a', 0)), applied(seen('a', 1)), applied(seen('a', 2)));
    expect(status.revision).toEqual({
      observed: { commit: sha('a'), time: at(0) },
      attempted: { commit: sha('a'), time: at(0) },
      applied: { commit: sha('a'), time: at(1) },
    });
  });

  test('a commit that comes back after another was tried has arrived anew', () => {
    const status = statusAfter(applied(seen('a')), failed(seen('b')), applied(seen('a', 2)));
    expect(status.revision?.applied).toEqual({ commit: sha('a'), time: at(2) });
    expect(history(status)).toEqual(['a Applied', 'b Failed', 'a Applied']);
  });

  test('the commit of the status is the applied one', () => {
    const commit = { sha: sha('a'), subject: 'Change a', author: 'Ada Lovelace <ada@example.com>', time: at(0) };
    expect(statusAfter(applied(seen('a')), failed(seen('b'))).commit).toEqual(commit);
    const unfetched = applied({ ...seen('a'), commit: undefined });
    expect(statusAfter(applied(seen('a')), unfetched).commit).toEqual(commit);
    expect(statusAfter(unfetched).commit).toEqual({ sha: sha('a') });
  });

  test.each<[string, readonly Outcome[], object]>([
    ['applied', [applied(seen('a'))], { total: 12, failed: 0 }],
    ['failed', [failed(seen('a'), refusedImage, { failedObjects: 3 })], { total: 12, failed: 3 }],
    [
      'failed over one that runs: of that',
      [applied(seen('a')), failed(seen('b'), refusedImage, { total: 0, failedObjects: 0 })],
      { total: 12, failed: 0 },
    ],
    [
      'not rendered: as before',
      [failed(seen('a'), refusedImage, { failedObjects: 3 }), failed(undefined, gitAway, { failedObjects: 0 })],
      { total: 12, failed: 3 },
    ],
  ])('objects are counted when %s', (_, outcomes, expected) => {
    expect(statusAfter(...outcomes).objects).toEqual(expected);
  });
});

describe('nothing new is no write', () => {
  const messages: readonly [string, Outcome][] = [
    ['an applied revision', applied(seen('a', 3))],
    ['a refused revision', failed(seen('b', 3))],
    ['git away', failed(undefined, gitAway, { phase: 'source' })],
    ['a prune held', failed(seen('b', 3), heldPrune, { phase: 'prune' })],
    ['a spec refused', failed(undefined, badSpec, { phase: 'spec' })],
    ['suspended', { kind: 'suspended' }],
  ];
  test.each(messages)('%s, walked again', (_, outcome) => {
    const before = statusAfter(applied(seen('a'), { changes: created }), outcome);
    expect(statusPatch(before, step(before, outcome, 30))).toBeUndefined();
  });

  test('what was done last stays said while nothing is done', () => {
    const status = statusAfter(applied(seen('a'), { changes: created }), applied(seen('a')));
    expect(ready(status)?.message).toContain('12 created');
    expect(ready(statusAfter(failed(seen('a')), applied(seen('a'))))?.message).toContain('nothing to change');
  });
});

describe('the note of an attempt', () => {
  const running = statusAfter(applied(seen('a')));

  test('names the revision before its first write, and leaves what runs as it is', () => {
    const status = attemptStatus(running, seen('b', 5), 1, at(5));
    expect(stages(status)).toEqual({ observed: 'b', attempted: 'b', applied: 'a' });
    expect(summary(status)).toMatchObject({ Ready: 'True Applied', Reconciling: 'True Progressing', Stalled: 'False NotStalled' });
    expect(findCondition(status.conditions, 'Reconciling')?.message).toBe('main@b000000 is being brought in.');
    expect(status.display?.revision).toBe('main@a000000');
    expect(history(status)).toEqual(['a Applied']);
  });

  test('costs nothing when the revision was attempted before', () => {
    const retried = statusAfter(applied(seen('a')), failed(seen('b')));
    expect(statusPatch(retried, attemptStatus(retried, seen('b', 5), 1, at(5)))).toBeUndefined();
    expect(statusPatch(running, attemptStatus(running, seen('a', 5), 1, at(5)))).toBeUndefined();
  });

  test('is written again for a new generation', () => {
    expect(statusPatch(running, attemptStatus(running, seen('a', 5), 2, at(5)))).toBeDefined();
  });

  test('takes Stalled away: somebody edited the spec', () => {
    const stalled = statusAfter(failed(undefined, badSpec, { phase: 'spec' }));
    expect(summary(attemptStatus(stalled, seen('a'), 2, at(5)))).toMatchObject({
      Ready: 'False InvalidSpec',
      Reconciling: 'True Progressing',
      Stalled: 'False NotStalled',
    });
  });

  test('of a first revision that takes long says that Ready is not known yet', () => {
    const status = progressStatus(undefined, seen('a'), 1, at(0));
    expect(summary(status)).toEqual({ Ready: 'Unknown Progressing', Reconciling: 'True Progressing', Stalled: 'False NotStalled' });
    expect(status.display?.revision).toBe('main@a000000');
  });

  test('does not change what the outcome says', () => {
    const noted = attemptStatus(running, seen('b', 5), 1, at(5));
    const direct = step(running, failed(seen('b', 5)), 5);
    expect(summary(step(noted, failed(seen('b', 5)), 5))).toEqual(summary(direct));
    expect(step(noted, failed(seen('b', 5)), 5).history).toEqual(direct.history);
  });
});

describe('requestedAt', () => {
  const input = { outcome: applied(seen('a')), generation: 1, now: at(1) };
  test('is handled by an outcome, whatever it is, and kept when the annotation goes', () => {
    for (const outcome of [applied(seen('a')), failed(seen('a')), failed(undefined, gitAway)]) {
      const status = outcomeStatus({ ...input, previous: undefined, outcome, requestedAt: 'now' });
      expect(status.lastHandledReconcileAt).toBe('now');
      expect(outcomeStatus({ ...input, previous: status, requestedAt: undefined }).lastHandledReconcileAt).toBe('now');
    }
  });

  test('is not handled while the source is suspended', () => {
    const status = outcomeStatus({ ...input, previous: undefined, outcome: { kind: 'suspended' }, requestedAt: 'now' });
    expect(status.lastHandledReconcileAt).toBeUndefined();
  });

  test('is kept as far as the schema takes it, and compared like that', () => {
    const long = 'x'.repeat(5_000);
    const status = outcomeStatus({ ...input, previous: undefined, requestedAt: long });
    expect(status.lastHandledReconcileAt).toHaveLength(1_024);
    expect(handledRequest(long)).toBe(status.lastHandledReconcileAt);
  });
});
