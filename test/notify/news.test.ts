import { describe, expect, test } from '@jest/globals';
import type { Condition, GitOpsSourceStatus, Notification, SpecNotify } from '../../operator/api/types.ts';
import { newsAfter } from '../../operator/notify/news.ts';
import type { NewsInput } from '../../operator/notify/news.ts';
import { at, entry, first, second, third } from './made.ts';

const secretRef = { name: 'token' };
const both: SpecNotify = { commitStatus: { provider: 'GitHub', secretRef }, webhook: { url: 'https://hooks.example.com', secretRef } };

function conditions(ready: Condition['status'], readyReason: string, reconciling: string): readonly Condition[] {
  const lastTransitionTime = at(0);
  return [
    { type: 'Ready', status: ready, reason: readyReason, message: `${readyReason}.`, lastTransitionTime },
    { type: 'Reconciling', status: reconciling === 'Idle' ? 'False' : 'True', reason: reconciling, message: '', lastTransitionTime },
  ];
}

const stage = (commit: string, time = at(1)) => ({ commit, time });
const attempting = (commit: string, before: GitOpsSourceStatus = {}): GitOpsSourceStatus => ({
  ...before,
  conditions: conditions('True', 'Applied', 'Progressing'),
  revision: { ...before.revision, attempted: stage(commit) },
});
const awaiting = (commit: string): GitOpsSourceStatus => ({
  conditions: conditions('Unknown', 'AwaitingHealth', 'AwaitingHealth'),
  revision: { attempted: stage(commit), applied: stage(commit) },
  history: [{ commit, ref: 'main', time: at(1), result: 'Applied' }],
});
const running = (commit: string): GitOpsSourceStatus => ({
  ...awaiting(commit),
  conditions: conditions('True', 'Applied', 'Idle'),
  revision: { attempted: stage(commit), applied: stage(commit), healthy: stage(commit, at(2)) },
});
const late = (commit: string): GitOpsSourceStatus => ({
  ...awaiting(commit),
  conditions: conditions('False', 'HealthTimeout', 'AwaitingHealth'),
});
const failing = (before: GitOpsSourceStatus): GitOpsSourceStatus => ({
  ...before,
  conditions: conditions('False', 'ObjectRefused', 'Retrying'),
});
const refused = { commit: second, reason: 'ObjectRefused', message: 'web.yaml:3 refused' };

/** Goes from one status to the next, as the teller does, and collects what is to be told. */
function story(spec: SpecNotify, steps: readonly (readonly [GitOpsSourceStatus, Partial<NewsInput>?])[]): readonly string[] {
  let previous: GitOpsSourceStatus | undefined;
  const seen: Notification[] = [];
  const told: string[] = [];
  for (const [index, [step, more = {}]] of steps.entries()) {
    const next = { ...step, ...(previous?.notify === undefined ? {} : { notify: previous.notify }) };
    const { notify } = newsAfter({ spec, target: 'forge', previous, next, now: at(10 + index), ...more });
    for (const one of notify?.pending ?? []) {
      if (seen.includes(one)) continue;
      seen.push(one);
      told.push(`${index} ${one.to} ${one.type} ${one.commit[0] ?? ''}${one.reason === undefined ? '' : ` ${one.reason}`}`);
    }
    previous = { ...next, notify };
  }
  return told;
}

describe('what is told', () => {
  test('a revision that becomes healthy at once: no pending, one success', () => {
    expect(story(both, [[running(first)]])).toEqual(['0 Webhook Applied 1', '0 Webhook Healthy 1', '0 CommitStatus Healthy 1']);
  });

  test('one that nobody waits for (health.wait: false): success once it is applied', () => {
    const applied = { ...running(first), revision: { attempted: stage(first), applied: stage(first) } };
    expect(story(both, [[applied], [running(first)]])).toEqual(['0 Webhook Applied 1', '0 CommitStatus Applied 1', '1 Webhook Healthy 1']);
  });

  test('one that takes its time: pending, applied, healthy', () => {
    expect(story(both, [[attempting(first)], [awaiting(first)], [awaiting(first)], [running(first)], [running(first)]])).toEqual([
      '0 CommitStatus Pending 1',
      '1 Webhook Applied 1',
      '3 Webhook Healthy 1',
      '3 CommitStatus Healthy 1',
    ]);
  });

  test('one that is refused, tried again, and refused for another reason: one event, each reason at the forge', () => {
    const after = failing(running(first));
    expect(
      story(both, [
        [running(first)],
        [attempting(second, running(first))],
        [after, { failed: refused }],
        [attempting(second, running(first))],
        [after, { failed: refused }],
        [after, { failed: { ...refused, reason: 'Forbidden' } }],
        [after],
      ]).slice(3),
    ).toEqual([
      '1 CommitStatus Pending 2',
      '2 Webhook Failed 2 ObjectRefused',
      '2 CommitStatus Failed 2 ObjectRefused',
      '5 CommitStatus Failed 2 Forbidden',
    ]);
  });

  test('reasons that keep changing are told five times, the end always', () => {
    const flips = Array.from({ length: 20 }, (_, index) => [failing({}), { failed: { ...refused, reason: `Reason${index}` } }] as const);
    const told = story({ commitStatus: { provider: 'GitHub', secretRef } }, [...flips, [running(second)]]);
    expect(told.filter((one) => one.includes('Failed'))).toHaveLength(6);
    expect(told.at(-1)).toBe('20 CommitStatus Healthy 2');
  });

  test('one that does not become healthy in time, then does', () => {
    expect(story(both, [[awaiting(first)], [late(first)], [late(first)], [running(first)]])).toEqual([
      '0 Webhook Applied 1',
      '0 CommitStatus Pending 1',
      '1 Webhook Failed 1 HealthTimeout',
      '1 CommitStatus Failed 1 HealthTimeout',
      '3 Webhook Healthy 1',
      '3 CommitStatus Healthy 1',
    ]);
  });

  test('one that ran, failed for a while and is as it was: that it recovered is told once', () => {
    const broken = { failed: { ...refused, commit: first } };
    expect(
      story(both, [
        [running(first)],
        [failing(running(first)), broken],
        [attempting(first, running(first))],
        [failing(running(first)), broken],
        [running(first)],
        [running(first)],
      ]).slice(3),
    ).toEqual([
      '1 Webhook Failed 1 ObjectRefused',
      '1 CommitStatus Failed 1 ObjectRefused',
      '4 Webhook Healthy 1',
      '4 CommitStatus Healthy 1',
    ]);
    const applied = { ...running(first), revision: { attempted: stage(first), applied: stage(first) } };
    expect(story({ webhook: both.webhook }, [[applied], [failing(applied), broken], [applied], [applied], [running(first)]])).toEqual([
      '0 Webhook Applied 1',
      '1 Webhook Failed 1 ObjectRefused',
      '2 Webhook Applied 1',
      '4 Webhook Healthy 1',
    ]);
  });

  test('one that failed and then came in is told to be applied and healthy, each once', () => {
    const awaited = awaiting(second);
    expect(
      story({ webhook: both.webhook }, [
        [running(first)],
        [failing(running(first)), { failed: refused }],
        [awaited],
        [late(second)],
        [running(second)],
        [running(second)],
      ]).slice(2),
    ).toEqual(['1 Webhook Failed 2 ObjectRefused', '2 Webhook Applied 2', '4 Webhook Healthy 2']);
  });

  test('one that another one comes before: it has failed, so that nothing stays pending for ever', () => {
    expect(story(both, [[awaiting(first)], [running(second)]]).slice(2)).toEqual([
      '1 Webhook Applied 2',
      '1 Webhook Healthy 2',
      '1 Webhook Failed 1 Superseded',
      '1 CommitStatus Failed 1 Superseded',
      '1 CommitStatus Healthy 2',
    ]);
  });

  test('a rollback to what was told before is told again', () => {
    const back = { ...running(first), revision: { applied: stage(first, at(5)), healthy: stage(first, at(6)) } };
    expect(story(both, [[running(first)], [running(second)], [back]]).slice(6)).toEqual([
      '2 Webhook Applied 1',
      '2 Webhook Healthy 1',
      '2 CommitStatus Healthy 1',
    ]);
  });

  test('a failure that has no commit leaves the statuses of commits alone', () => {
    expect(story(both, [[running(first)], [failing(running(first))], [running(first)]])).toHaveLength(3);
  });

  test('another forge, repository or context is told how it stands now, the webhook nothing twice', () => {
    expect(story(both, [[running(first)], [running(first), { target: 'another' }]]).slice(3)).toEqual(['1 CommitStatus Healthy 1']);
  });

  test('the same commit applied anew after an edit of the spec is told', () => {
    const edited = {
      ...running(first),
      attempts: [{ number: 2, commit: first, generation: 2, cause: 'Spec', attempted: at(8), applied: at(9) }],
    } as const;
    expect(story({ webhook: both.webhook }, [[running(first)], [edited], [edited]]).slice(2)).toEqual(['1 Webhook Applied 1']);
  });

  test('drift, and what is put back', () => {
    const id = { group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'shop', name: 'web' };
    const item = { id, uid: 'x', class: 'modified', field: 'spec.replicas', manager: 'kubectl-edit', since: undefined } as const;
    const items = Array.from({ length: 12 }, () => item);
    const { notify } = newsAfter({
      spec: both,
      target: '',
      previous: running(first),
      next: { ...running(first), notify: { commit: { sha: first, state: 'Success', target: '' } } },
      drifted: items,
      corrected: [item],
      now: at(20),
    });
    const field = { object: 'Deployment shop/web', class: 'modified', field: 'spec.replicas', manager: 'kubectl-edit' };
    expect(notify?.pending).toEqual([
      expect.objectContaining({
        to: 'Webhook',
        type: 'Drifted',
        commit: first,
        drift: Array.from({ length: 10 }, () => field),
        moreDrift: 2,
      }),
      expect.objectContaining({
        to: 'Webhook',
        type: 'DriftCorrected',
        drift: [field],
        message: expect.stringContaining('put back: Deployment'),
      }),
    ]);
  });
});

describe('what waits to be told', () => {
  const input = (next: GitOpsSourceStatus, more: Partial<NewsInput> = {}): NewsInput => ({
    spec: both,
    target: 'forge',
    previous: undefined,
    next,
    now: at(9),
    ...more,
  });

  test('is nothing, and nothing is kept, without spec.notify', () => {
    expect(newsAfter(input({ ...running(first), notify: { pending: [entry('Webhook', 'Applied')] } }, { spec: undefined }))).toEqual({
      notify: undefined,
      dropped: [],
    });
  });

  test('is the same value where nothing is new', () => {
    const notify = { commit: { sha: first, state: 'Success', target: 'forge' }, pending: [entry('Webhook', 'Applied')] } as const;
    const next = { ...running(first), notify };
    expect(newsAfter(input(next, { previous: next })).notify).toBe(notify);
  });

  test('goes with the endpoint that it was for', () => {
    const pending = [entry('Webhook', 'Applied'), entry('CommitStatus', 'Pending', { commit: third })];
    const next = { ...running(first), notify: { pending } };
    const { notify } = newsAfter(input(next, { previous: next, spec: { commitStatus: both.commitStatus } }));
    expect(notify?.pending?.map(({ to, commit }) => [to, commit])).toEqual([
      ['CommitStatus', third],
      ['CommitStatus', first],
    ]);
  });

  test('loses a status that a later one of the same commit outdates, never an event', () => {
    const pending = [entry('CommitStatus', 'Pending'), entry('Webhook', 'Applied')];
    const notify = { commit: { sha: first, state: 'Pending', target: 'forge' }, pending } as const;
    const after = newsAfter(input({ ...running(first), notify }, { previous: awaiting(first) }));
    expect(after.notify?.pending?.map(({ to, type }) => [to, type])).toEqual([
      ['Webhook', 'Applied'],
      ['Webhook', 'Healthy'],
      ['CommitStatus', 'Healthy'],
    ]);
  });

  test('is bounded: the oldest are given up, and told to be', () => {
    const pending = Array.from({ length: 24 }, (_, index) => entry('Webhook', 'Drifted', { time: at(index) }));
    const { notify, dropped } = newsAfter(input({ ...running(first), notify: { pending } }));
    expect(notify?.pending).toHaveLength(24);
    expect(dropped).toEqual(pending.slice(0, 3));
  });

  test('keeps the statuses of commits while drift can make room, and the events of revisions', () => {
    const drift = Array.from({ length: 22 }, (_, index) => entry('Webhook', 'Drifted', { time: at(index) }));
    const pending = [entry('CommitStatus', 'Failed', { commit: second }), entry('Webhook', 'Failed', { commit: second }), ...drift];
    const { notify, dropped } = newsAfter(input({ ...running(first), notify: { pending } }));
    expect(dropped).toEqual(drift.slice(0, 3));
    expect(notify?.pending?.slice(0, 2)).toEqual(pending.slice(0, 2));
    // What goes may be what is new.
    const statuses = Array.from({ length: 24 }, (_, index) => entry('CommitStatus', 'Failed', { commit: `${index}`.padStart(40, 'c') }));
    const full = { ...running(first), notify: { commit: { sha: first, state: 'Success', target: 'forge' }, pending: statuses } } as const;
    const id = { group: '', version: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'a' };
    const item = { id, uid: 'x', class: 'missing', field: undefined, manager: undefined, since: undefined } as const;
    const after = newsAfter(input(full, { previous: full, drifted: [item] }));
    expect(after.notify?.pending).toEqual(statuses);
    expect(after.dropped.map(({ type }) => type)).toEqual(['Drifted']);
  });

  test('stays small, however long the names of what drifted are', () => {
    const id = { group: '', version: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'a' };
    const item = { id, uid: 'x', class: 'modified', field: 'ü'.repeat(2_000), manager: 'm', since: undefined } as const;
    const items = Array.from({ length: 12 }, () => item);
    const { notify } = newsAfter(input(running(first), { previous: running(first), drifted: items }));
    const drifted = notify?.pending?.find(({ type }) => type === 'Drifted');
    expect([drifted?.drift?.length, drifted?.moreDrift]).toEqual([3, 9]);
  });
});
