import { describe, expect, test } from '@jest/globals';
import { assess, needsStatus } from '../../../operator/live/health/table.ts';
import { conditions, objectOf } from './made.ts';
import { others } from './other-rows.ts';
import { workloads } from './workload-rows.ts';

const now = Date.parse('2026-11-25T12:00:00Z');

describe.each(Object.entries({ ...workloads, ...others }))('%s', (kind, rows) => {
  test.each(rows)('%s', (_what, body, status, ...[message]) => {
    const verdict = assess(objectOf(kind, body), now);
    expect(verdict.status).toBe(status);
    // What time alone would make of it, it is then.
    if (verdict.turns !== undefined) expect(assess(objectOf(kind, body), verdict.turns.at)).toEqual(verdict.turns.into);
    if (status === 'Current') expect(verdict).toEqual({ status });
    else if (message === undefined) expect(verdict.message).toBeTruthy();
    else expect(verdict.message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });
});

test('standard conditions come before what the kind says', () => {
  const status = { replicas: 1, ...conditions('Stalled=True Why: who knows', 'Available=True') };
  expect(assess(objectOf('Deployment apps/v1', { status }), now)).toEqual({ status: 'Failed', message: 'Why: who knows' });
});

test('what others say is cut, in one line', () => {
  const status = { conditions: [{ type: 'Ready', status: 'False', message: `first\nsecond ${'x'.repeat(5_000)}` }] };
  const { message = '' } = assess(objectOf('Widget shop.example.com/v1', { status }), now);
  expect(message).toMatch(/^it is not ready: first second x+…$/);
  expect(message.length).toBeLessThan(450);
});

test.each([
  ['', 'Secret', false],
  ['', 'ConfigMap', false],
  ['networking.k8s.io', 'Ingress', false],
  ['batch', 'CronJob', false],
  ['batch', 'Job', true],
  ['apps', 'Deployment', true],
  ['', 'Service', true],
  ['shop.example.com', 'Secret', true],
])('%s/%s needs its status: %s', (group, kind, needs) => {
  expect(needsStatus({ group, kind })).toBe(needs);
});

test('only a verdict that says when it turns depends on the time: of what differs a day later, and at no other time', () => {
  for (const [kind, rows] of Object.entries({ ...workloads, ...others })) {
    for (const [what, body] of rows) {
      const [early, late] = [assess(objectOf(kind, body), now), assess(objectOf(kind, body), now + 86_400_000)];
      expect({ kind, what, late }).toEqual({ kind, what, late: early.turns?.into ?? early });
    }
  }
});
