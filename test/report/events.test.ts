import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { catalogue, eventReasons } from '../../operator/errors.ts';
import {
  contestedEvent,
  endedEvents,
  unrecordedEvent,
  eventsOf,
  leftBehindEvent,
  notRecordedEvent,
  refMovedEvent,
} from '../../operator/report/events.ts';
import { applied, at, failed, gitAway, noChanges, refusedImage, seen, sha, statusAfter, step } from './outcomes.ts';
import type { Fault, Reason } from '../../operator/errors.ts';
import type { EventDraft } from '../../operator/report/events.ts';
import type { Outcome } from '../../operator/report/types.ts';

/** The events of the last of these outcomes. */
function eventsOfLast(...outcomes: readonly Outcome[]): readonly EventDraft[] {
  const previous = outcomes.length > 1 ? statusAfter(...outcomes.slice(0, -1)) : undefined;
  const last = outcomes.at(-1);
  if (last === undefined) return [];
  return eventsOf(last, previous, step(previous, last, outcomes.length));
}

const away = failed(undefined, gitAway, { phase: 'source' });
const otherFault: Fault = { reason: 'Forbidden', message: 'may not' };

describe('every revision applied or failed is one event', () => {
  test.each<[string, readonly Outcome[], readonly string[]]>([
    ['the first applied', [applied(seen('a'))], ['Normal Applied']],
    ['the next applied', [applied(seen('a')), applied(seen('b'))], ['Normal Applied']],
    ['walked again', [applied(seen('a')), applied(seen('a'))], []],
    ['put back', [applied(seen('a')), applied(seen('a'), { changes: { ...noChanges, created: 1 } })], ['Normal Applied']],
    ['failed', [applied(seen('a')), failed(seen('b'))], ['Warning ObjectRefused']],
    ['failed again the same way', [failed(seen('b')), failed(seen('b'))], []],
    ['failed in another way', [failed(seen('b')), failed(seen('b'), otherFault)], ['Warning Forbidden']],
    ['the next one fails the same way', [failed(seen('b')), failed(seen('c'))], ['Warning ObjectRefused']],
    ['mended', [failed(seen('b')), applied(seen('b'))], ['Normal Applied']],
    ['git away', [applied(seen('a')), away], ['Warning GitUnreachable']],
    ['git still away', [applied(seen('a')), away, away], []],
    ['git back', [applied(seen('a')), away, applied(seen('a'))], ['Normal Applied']],
    ['suspended', [applied(seen('a')), { kind: 'suspended' }], ['Normal Suspended']],
    ['still suspended', [{ kind: 'suspended' }, { kind: 'suspended' }], []],
  ])('%s', (_, outcomes, expected) => {
    expect(eventsOfLast(...outcomes).map(({ type, reason }) => `${type} ${reason}`)).toEqual(expected);
  });
});

test('an applied revision is told with what was done, its subject and its author', () => {
  const outcome = applied(seen('a'), { changes: { ...noChanges, created: 12 } });
  expect(eventsOfLast(outcome)[0]).toEqual({
    type: 'Normal',
    reason: 'Applied',
    action: 'Apply',
    note: 'main@a000000 is applied: 12 objects, 12 created; “Change a” by Ada Lovelace <ada@example.com>',
  });
  expect(eventsOfLast({ ...outcome, seen: { ...outcome.seen, commit: undefined } })[0]?.note).toBe(
    'main@a000000 is applied: 12 objects, 12 created',
  );
});

test('a failed revision is told by name, with the message of condition Ready', () => {
  expect(eventsOfLast(applied(seen('a')), failed(seen('b')))[0]).toMatchObject({
    action: 'DryRun',
    note: expect.stringMatching(/^main@b000000: prod\/web\.yaml:14 Deployment shop\/web refused: .* main@a000000 keeps running/u),
  });
  expect(eventsOfLast(applied(seen('a')), away)[0]?.note).toMatch(/^git\.example\.com: connection refused\. /u);
});

describe('what a walk came across', () => {
  const notices = [{ place: { file: 'a.yaml', line: 3 }, object: 'Pod shop/a', message: 'status is left out' }];
  const remarked = applied(seen('a'), { notices, warnings: ['Pod shop/a: spec.x is deprecated'] });

  test('is told once for each revision', () => {
    expect(eventsOfLast(remarked).slice(1)).toEqual([
      { type: 'Normal', reason: 'Notice', action: 'Render', note: 'a.yaml:3 Pod shop/a: status is left out' },
      { type: 'Warning', reason: 'ApiServerWarning', action: 'Apply', note: 'Pod shop/a: spec.x is deprecated' },
    ]);
    expect(eventsOfLast(remarked, remarked)).toEqual([]);
    expect(eventsOfLast(remarked, applied(seen('b'), { notices }))).toHaveLength(2);
  });

  test('is told with a refused revision as well', () => {
    expect(eventsOfLast(failed(seen('a'), refusedImage, { notices })).map(({ reason }) => reason)).toEqual(['ObjectRefused', 'Notice']);
  });

  test('is listed within bounds', () => {
    const many = applied(seen('a'), { warnings: Array.from({ length: 25 }, (_, index) => `warning ${index}`) });
    expect(eventsOfLast(many)[1]?.note).toMatch(/^warning 0; .*warning 9 and 15 more$/u);
  });
});

test('each adopted object is an event with its field managers; of very many, the rest is one', () => {
  const adopted = Array.from({ length: 23 }, (_, index) => ({
    object: `ConfigMap shop/c${index}`,
    managers: index === 0 ? ['helm', 'kubectl-edit'] : [],
  }));
  const events = eventsOfLast(applied(seen('a'), { adopted })).filter(({ reason }) => reason === 'Adopted');
  expect(events).toHaveLength(21);
  expect(events[0]?.note).toBe('ConfigMap shop/c0 belonged to no source and is taken over; its field managers so far: helm, kubectl-edit');
  expect(events[1]?.note).toContain('no field manager is recorded');
  expect(events[20]?.note).toBe('ConfigMap shop/c20, ConfigMap shop/c21, ConfigMap shop/c22 belonged to no source and are taken over');
});

test('what a walk has no outcome for has events of its own', () => {
  expect(contestedEvent('shop/b', ['Service shop/web'])).toMatchObject({
    type: 'Warning',
    reason: 'Contested',
    note: expect.stringContaining('GitOpsSource shop/b also states Service shop/web'),
  });
  expect(refMovedEvent('RefMoved', 'Tag v1 was moved.')).toMatchObject({ type: 'Warning', reason: 'RefMoved', note: 'Tag v1 was moved.' });
  const id = { group: '', version: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'a' };
  expect(notRecordedEvent(id, ['data.x', 'data.y'])).toMatchObject({
    type: 'Warning',
    reason: 'NotRecorded',
    note: expect.stringContaining('ConfigMap shop/a: the API server does not record data.x, data.y, which git states'),
  });
  expect(leftBehindEvent('shop/web', ['Service other/web'], 'its account is gone').note).toBe(
    'GitOpsSource shop/web is gone, Service other/web stays in the cluster: its account is gone',
  );
});

test('a source that ended says what became of what it deployed', () => {
  expect(endedEvents('shop/web', { pruned: 3, letGo: 1 }).map(({ reason, note }) => [reason, note])).toEqual([
    ['Pruned', 'GitOpsSource shop/web is deleted: 3 objects of it deleted, 1 object let go of, which stays in the cluster'],
  ]);
  expect(endedEvents('shop/web', { pruned: 0, letGo: 0 })).toEqual([]);
});

test('attempts without a record are named, with why', () => {
  const attempt = { number: 3, commit: sha('aaa'), ref: 'main', generation: 1, cause: 'Commit', attempted: at(1), applied: at(2) } as const;
  expect(unrecordedEvent([attempt], 'no more of them.').note).toBe(
    'No record of the audit trail for attempt 3 (main@aaa0000, Applied): no more of them. The log has what it would say.',
  );
  expect(unrecordedEvent([attempt, { ...attempt, number: 4 }], undefined)).toMatchObject({ type: 'Warning', reason: 'Unrecorded' });
});

test('every reason of the catalogue is told as an event when a walk ends with it', () => {
  for (const reason of Object.keys(catalogue) as Reason[]) {
    expect(eventsOfLast(failed(seen('a'), { reason, message: 'no' })).map((one) => one.reason)).toEqual([reason]);
  }
});

test('every event reason is told somewhere', () => {
  const code = globSync('operator/{report,notify,reconcile}/**/*.ts')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  expect(Object.keys(eventReasons).filter((reason) => !code.includes(`'${reason}'`))).toEqual([]);
});

test('no reason means two things', () => {
  expect(Object.keys(eventReasons).filter((reason) => reason in catalogue)).toEqual([]);
});
