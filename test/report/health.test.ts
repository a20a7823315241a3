import { describe, expect, test } from '@jest/globals';
import { findCondition } from '../../operator/api/conditions.ts';
import type { GitOpsSourceStatus } from '../../operator/api/types.ts';
import type { HealthStatus } from '../../operator/live/health/types.ts';
import { healthDeadline, healthStatus, healthText, inOrder, isAwaiting, withOutcomeHealth } from '../../operator/report/health.ts';
import type { Health, HealthInput } from '../../operator/report/health.ts';
import type { Outcome } from '../../operator/report/types.ts';
import { applied, at, failed, gitAway, noChanges, seen, sha, step } from './outcomes.ts';

const well: Health = { total: 12, unhealthy: [] };
const created = { ...noChanges, created: 12 };

function ill(...statuses: readonly HealthStatus[]): Health {
  const unhealthy = statuses.map((status, index) => ({ object: `Deployment shop/web-${index}`, status, message: `it is ${status}` }));
  return { total: 12, unhealthy: inOrder(unhealthy) };
}

/** What happens to a source, one a minute: outcomes of walks with the health then, and changes of health between them. */
type Happening = readonly [Outcome, Health] | Health;

function statusAfter(
  happenings: readonly Happening[],
  spec: { wait?: boolean; timeoutMs?: number; generations?: readonly number[] } = {},
): GitOpsSourceStatus {
  let status: GitOpsSourceStatus | undefined;
  for (const [minute, happening] of happenings.entries()) {
    const generation = spec.generations?.[minute] ?? 1;
    const [outcome, health] = 'unhealthy' in happening ? [undefined, happening] : happening;
    const changes = outcome?.kind === 'applied' ? outcome.changes : undefined;
    const input: HealthInput = {
      health,
      wait: spec.wait ?? true,
      timeoutMs: spec.timeoutMs ?? 300_000,
      generation,
      changes,
      now: at(minute),
    };
    status =
      outcome === undefined
        ? healthStatus(status ?? {}, input)
        : withOutcomeHealth(status, step(status, outcome, minute, generation), outcome, input);
  }
  return status ?? {};
}

function summary(status: GitOpsSourceStatus): string {
  const texts = (['Ready', 'Reconciling', 'Healthy'] as const).map((type) => {
    const found = findCondition(status.conditions, type);
    return `${type} ${found?.status} ${found?.reason}`;
  });
  return `${texts.join(', ')}; healthy ${status.revision?.healthy?.commit[0] ?? 'none'}`;
}

const a = applied(seen('a'), { changes: created });
const b = applied(seen('b'), { changes: { ...noChanges, changed: 1 } });
const nothing = (short: string): Outcome => applied(seen(short));

describe('a revision that is waited for', () => {
  test.each<[string, readonly Happening[], string]>([
    [
      'is Ready at once when it is healthy at once',
      [[a, well]],
      'Ready True Applied, Reconciling False Idle, Healthy True Healthy; healthy a',
    ],
    [
      'is neither before it is healthy',
      [[a, ill('InProgress')]],
      'Ready Unknown AwaitingHealth, Reconciling True AwaitingHealth, Healthy False InProgress; healthy none',
    ],
    ['is Ready once it is', [[a, ill('InProgress')], well], 'Ready True Applied, Reconciling False Idle, Healthy True Healthy; healthy a'],
    [
      'stays Ready while only health changes',
      [[a, well], ill('Failed')],
      'Ready True Applied, Reconciling False Idle, Healthy False Unhealthy; healthy a',
    ],
    [
      'and is told to be well again',
      [[a, well], ill('Failed'), well],
      'Ready True Applied, Reconciling False Idle, Healthy True Healthy; healthy a',
    ],
    [
      'leaves Ready as it was while it is on its way',
      [
        [a, well],
        [b, ill('InProgress')],
      ],
      'Ready True Applied, Reconciling True AwaitingHealth, Healthy False InProgress; healthy a',
    ],
    [
      'after one that failed leaves Ready False, and says of what it waits',
      [
        [failed(seen('a')), well],
        [b, ill('InProgress')],
      ],
      'Ready False AwaitingHealth, Reconciling True AwaitingHealth, Healthy False InProgress; healthy none',
    ],
    [
      'is not Ready when it took too long',
      [[a, well], [b, ill('InProgress')], ill('InProgress'), ill('InProgress'), ill('InProgress'), ill('InProgress'), ill('InProgress')],
      'Ready False HealthTimeout, Reconciling True AwaitingHealth, Healthy False InProgress; healthy a',
    ],
    [
      'and is Ready later all the same',
      [[a, ill('Failed')], ill('Failed'), ill('Failed'), ill('Failed'), ill('Failed'), ill('Failed'), well],
      'Ready True Applied, Reconciling False Idle, Healthy True Healthy; healthy a',
    ],
    [
      'is still waited for after a walk that found nothing to do',
      [
        [a, ill('InProgress')],
        [nothing('a'), ill('InProgress')],
      ],
      'Ready Unknown AwaitingHealth, Reconciling True AwaitingHealth, Healthy False InProgress; healthy none',
    ],
    [
      'is still late after a walk that found nothing to do',
      [[a, ill('Failed')], ill('Failed'), ill('Failed'), ill('Failed'), ill('Failed'), ill('Failed'), [nothing('a'), ill('Failed')]],
      'Ready False HealthTimeout, Reconciling True AwaitingHealth, Healthy False Unhealthy; healthy none',
    ],
    [
      'and walks over it later change nothing',
      [
        [a, well],
        [nothing('a'), ill('Failed')],
      ],
      'Ready True Applied, Reconciling False Idle, Healthy False Unhealthy; healthy a',
    ],
    [
      'is healthy anew when it comes back',
      [
        [a, well],
        [b, well],
        [nothing('a'), ill('InProgress')],
      ],
      'Ready True Applied, Reconciling True AwaitingHealth, Healthy False InProgress; healthy b',
    ],
    [
      'that failed in git stays failed whatever the health',
      [[a, well], [failed(undefined, gitAway, { phase: 'source' }), ill('Failed')], well],
      'Ready False GitUnreachable, Reconciling True Retrying, Healthy True Healthy; healthy a',
    ],
    [
      'is Ready again after git was away',
      [
        [a, well],
        [failed(undefined, gitAway, { phase: 'source' }), ill('Failed')],
        [nothing('a'), ill('Failed')],
      ],
      'Ready True Applied, Reconciling False Idle, Healthy False Unhealthy; healthy a',
    ],
    [
      'that is half in makes nothing healthy',
      [
        [a, ill('InProgress')],
        [failed(seen('b'), undefined, { changes: created, phase: 'apply' }), well],
      ],
      'Ready False ObjectRefused, Reconciling True Retrying, Healthy True Healthy; healthy none',
    ],
    [
      'of which nothing can be said',
      [[a, ill('Unknown')]],
      'Ready Unknown AwaitingHealth, Reconciling True AwaitingHealth, Healthy Unknown HealthUnknown; healthy none',
    ],
    [
      'that is going',
      [[a, ill('Terminating', 'Unknown')]],
      'Ready Unknown AwaitingHealth, Reconciling True AwaitingHealth, Healthy False InProgress; healthy none',
    ],
  ])('%s', (_what, happenings, expected) => {
    expect(summary(statusAfter(happenings))).toBe(expected);
  });

  test('is waited for again when an edit of the spec changed something, and not otherwise', () => {
    const edited: readonly Happening[] = [
      [a, well],
      [applied(seen('a'), { changes: { ...noChanges, changed: 1 } }), ill('InProgress')],
    ];
    expect(summary(statusAfter(edited, { generations: [1, 2] }))).toMatch(/^Ready True Applied, Reconciling True AwaitingHealth/);
    expect(summary(statusAfter(edited))).toMatch(/^Ready True Applied, Reconciling False Idle/);
    expect(
      summary(
        statusAfter(
          [
            [a, well],
            [nothing('a'), ill('InProgress')],
          ],
          { generations: [1, 2] },
        ),
      ),
    ).toMatch(/Reconciling False Idle/);
  });

  test('is not waited for with spec.health.wait false', () => {
    const status = statusAfter([[a, ill('Failed')]], { wait: false });
    expect(summary(status)).toBe('Ready True Applied, Reconciling False Idle, Healthy False Unhealthy; healthy none');
    expect(summary(statusAfter([[a, ill('Failed')], well], { wait: false }))).toMatch(/healthy a$/);
  });
});

describe('what is told', () => {
  const late = statusAfter([[a, well], [b, ill('InProgress', 'Failed')], ...Array.from({ length: 5 }, () => ill('InProgress', 'Failed'))]);

  test('while it is waited for: what was done, what waits for what, and how long still', () => {
    const status = statusAfter([[a, ill('InProgress')]]);
    expect(findCondition(status.conditions, 'Reconciling')?.message).toBe(
      'main@a000000 is applied: 12 objects, 12 created; 1 of 12 objects is not healthy yet: Deployment shop/web-0: it is InProgress. It is waited for until 2026-11-24T03:05:00Z.',
    );
    expect(status).toMatchObject({ objects: { healthy: 11 }, display: { healthy: '11/12' } });
    expect(healthDeadline(status, 300_000)).toBe(Date.parse(at(5)));
  });

  test('when it is late: what did not become healthy, the last revision that was, and what to do', () => {
    expect(findCondition(late.conditions, 'Ready')?.message).toBe(
      `main@b000000 is applied, and did not become healthy within 5m: 2 of 12 objects are not healthy:
Deployment shop/web-1: it is Failed
Deployment shop/web-0: it is InProgress
The last revision that was healthy is main@a000000. Read what each object waits for and correct it in git; the source becomes Ready by itself once all are healthy.`,
    );
  });

  test('Healthy lists 20 objects, then counts', () => {
    const text = healthText(ill(...Array.from({ length: 25 }, () => 'Failed' as const)));
    expect(text.split('\n')).toHaveLength(22);
    expect(text).toMatch(/^25 of 12 objects are not healthy:\n.*\nand 5 more$/s);
  });

  test.each([
    [{ total: 0, unhealthy: [] }, 'There are no objects.'],
    [{ total: 1, unhealthy: [] }, 'The one object is healthy.'],
    [well, 'All 12 objects are healthy.'],
  ])('%j', (health, text) => expect(healthText(health)).toBe(text));

  test('an identical health changes nothing', () => {
    for (const health of [well, ill('Failed')]) {
      const before = statusAfter([[a, health]]);
      const input = { health, wait: true, timeoutMs: 300_000, generation: 1, changes: created, now: at(3) };
      expect(healthStatus(before, input)).toEqual(before);
    }
  });

  test('what pods said is told on until they are looked into again, and no longer', () => {
    const web = { object: 'Deployment shop/web', status: 'InProgress', message: '0 of 1 replicas are available' } as const;
    const shown = (pods: string | undefined, before?: GitOpsSourceStatus): GitOpsSourceStatus => {
      const health = { total: 1, unhealthy: [{ ...web, pods }] };
      const input = { health, wait: true, timeoutMs: 300_000, generation: 1, changes: created, now: at(1) };
      return before === undefined ? withOutcomeHealth(undefined, step(undefined, a, 0), a, input) : healthStatus(before, input);
    };
    const told = shown('pod web-1: it has no node yet');
    expect(findCondition(told.conditions, 'Healthy')?.message).toMatch(/: 0 of 1 replicas are available; pod web-1: it has no node yet$/);
    expect(shown(undefined, told)).toEqual(told);
    expect(findCondition(shown('', told).conditions, 'Healthy')?.message).toMatch(/: 0 of 1 replicas are available$/);
  });

  test('what was done is known from before after a restart', () => {
    const waiting = statusAfter([[a, ill('InProgress')]]);
    const restarted = { health: ill('InProgress'), wait: true, timeoutMs: 300_000, generation: 1, changes: noChanges, now: at(1) };
    expect(withOutcomeHealth(waiting, step(waiting, nothing('a'), 1), nothing('a'), restarted)).toEqual(waiting);
    const done = healthStatus(waiting, { ...restarted, health: well, now: at(2) });
    expect(findCondition(done.conditions, 'Ready')?.message).toBe('main@a000000 is applied: 12 objects, 12 created');
  });

  test('a revision becomes healthy once, and keeps that time', () => {
    const status = statusAfter([[a, ill('InProgress')], well, ill('Failed'), well]);
    expect(status.revision?.healthy).toEqual({ commit: sha('a'), time: at(1) });
    expect(isAwaiting(status)).toBe(false);
  });
});
