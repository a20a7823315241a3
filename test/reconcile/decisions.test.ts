import { describe, expect, test } from '@jest/globals';
import type { GitOpsSource } from '../../operator/api/types.ts';
import { PlumblineError } from '../../operator/errors.ts';
import type { Reason } from '../../operator/errors.ts';
import { CorrectionPace } from '../../operator/reconcile/correction-pace.ts';
import { endingOf, split } from '../../operator/reconcile/finalize.ts';
import { heldFault, isAllowanceOver, isPruneAllowed } from '../../operator/reconcile/held.ts';
import { isNewRevision } from '../../operator/reconcile/history-step.ts';
import { lacksOf } from '../../operator/reconcile/lacks.ts';
import { retryDelay } from '../../operator/reconcile/retry.ts';
import { parseSchedule } from '../../operator/reconcile/schedule.ts';
import { checkSpec } from '../../operator/reconcile/spec.ts';
import type { Outcome } from '../../operator/report/types.ts';
import { member } from '../plan/made.ts';

const failed = (reason: Reason, retryAfterMs?: number) => new PlumblineError({ reason, message: 'm' }, { retryAfterMs });

describe('a failed walk is tried again', () => {
  test.each<[string, PlumblineError, number, number, number]>([
    ['after a second at first', failed('ObjectRefused'), 1, 60_000, 1_000],
    ['after twice as long each time', failed('ObjectRefused'), 4, 60_000, 8_000],
    ['at the latest after the interval', failed('ObjectRefused'), 20, 60_000, 60_000],
    ['at the latest after 30 s where the interval is shorter', failed('ObjectRefused'), 20, 5_000, 30_000],
    ['not before what the server asks for', failed('ApiServerUnavailable', 7_000), 1, 60_000, 7_000],
    ['at once after a conflict', failed('Conflict'), 1, 60_000, 0],
    [
      'before it is too late',
      new PlumblineError({ reason: 'ApiServerUnavailable', message: 'm' }, { retryWithinMs: 1_500 }),
      9,
      60_000,
      1_500,
    ],
    ['like any other after many conflicts', failed('Conflict'), 4, 60_000, 8_000],
  ])('%s', (_name, error, failures, interval, delay) => {
    expect(retryDelay(error, failures, interval, 0)).toBe(delay);
  });
  test('with up to a tenth taken off, so that sources do not come back together', () => {
    expect(retryDelay(failed('ObjectRefused'), 1, 60_000, 0.999)).toBe(900);
  });
});

test('how a commit came in is told until an attempt at it is: one that a crash left without an outcome is new still', () => {
  const stage = (commit: string) => ({ commit, time: '2026-11-25T12:00:00Z' });
  const revision = { attempted: stage('b'), applied: stage('a') };
  const attempt = { number: 1, commit: 'b', generation: 1, cause: 'Commit', attempted: '2026-11-25T12:00:00Z' } as const;
  const passed = { ...attempt, commit: 'a', passed: [{ commit: 'b' }] };
  expect(isNewRevision(undefined, 'a')).toBe(true);
  expect(isNewRevision({ revision }, 'a')).toBe(false);
  expect(isNewRevision({ revision }, 'b')).toBe(true);
  expect(isNewRevision({ revision, attempts: [attempt] }, 'b')).toBe(false);
  expect(isNewRevision({ revision, attempts: [passed] }, 'b')).toBe(false);
  expect(isNewRevision({ revision: { ...revision, attempted: stage('c') }, attempts: [attempt] }, 'b')).toBe(true);
});

describe('corrections', () => {
  const delays = (pace: CorrectionPace, count: number, subject: (index: number) => string): readonly number[] =>
    Array.from({ length: count }, (_, index) => pace.next([subject(index)], index * 100));

  test('of the same place come at once five times in a minute, then slower and slower, until it is quiet', () => {
    const pace = new CorrectionPace();
    expect(delays(pace, 12, () => 'a data.key')).toEqual([0, 0, 0, 0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(pace.next(['a data.key'], 120_000)).toBe(0);
  });

  test('of other places and objects come at once, however many', () => {
    expect(delays(new CorrectionPace(), 12, (index) => `a data.key-${index}`)).toEqual(Array.from({ length: 12 }, () => 0));
    const pace = new CorrectionPace();
    delays(pace, 12, () => 'a data.key');
    expect(pace.next(['a data.key', 'b data.key'], 1_200)).toBe(0);
    expect(pace.next(['a data.key'], 1_300)).toBe(30_000);
  });

  test('are counted of a thousand places at most', () => {
    const pace = new CorrectionPace();
    delays(pace, 6, () => 'first');
    delays(pace, 1_500, String);
    expect(pace.next(['first'], 600)).toBe(0);
  });
});

const commit = 'a'.repeat(40);

interface Held {
  readonly allowed?: string;
  readonly attempted?: string;
  readonly observedGeneration?: number;
  readonly ready?: string;
  readonly reason?: string;
  readonly attempt?: { readonly commit: string; readonly generation: number };
}

function heldSource(more: Held = {}): GitOpsSource {
  const { allowed, attempted = commit, observedGeneration = 2, ready = 'False', reason = 'PruneHeld', attempt } = more;
  return {
    metadata: { namespace: 'shop', name: 'main', generation: 2, ...(allowed && { annotations: { 'plumbline.dev/allow-prune': allowed } }) },
    spec: {},
    status: {
      revision: { attempted: { commit: attempted } },
      conditions: [{ type: 'Ready', status: ready, reason, observedGeneration }],
      ...(attempt && { attempts: [{ ...attempt, failures: [{ reason: 'RenderFailed' }, { reason: 'PruneHeld' }] }] }),
    },
  } as unknown as GitOpsSource;
}

describe('a held prune', () => {
  test.each<[string, Parameters<typeof heldSource>[0], boolean]>([
    ['is let go by its commit', { allowed: commit }, true],
    ['is let go by its abbreviated commit', { allowed: commit.slice(0, 7) }, true],
    ['stays without the annotation', {}, false],
    ['stays with another commit', { allowed: 'b'.repeat(40) }, false],
    ['stays with too few digits', { allowed: 'aaa' }, false],
    ['stays at another generation', { allowed: commit, observedGeneration: 1 }, false],
    ['stays when another commit was held', { allowed: commit, attempted: 'b'.repeat(40) }, false],
    ['stays when nothing was held yet', { allowed: commit, ready: 'True' }, false],
    ['stays when another failure came before its prune was held', { allowed: commit, reason: 'RenderFailed' }, false],
    ['goes on after a failure on its way', { allowed: commit, reason: 'PruneWaiting', attempt: { commit, generation: 2 } }, true],
    ['was held at an earlier generation', { allowed: commit, reason: 'PruneWaiting', attempt: { commit, generation: 1 } }, false],
    ['was held at another commit', { allowed: commit, reason: 'PruneWaiting', attempt: { commit: 'b', generation: 2 } }, false],
  ])('%s', (_name, source, allowed) => expect(isPruneAllowed(heldSource(source), commit)).toBe(allowed));

  test.each<[string, Partial<Outcome>, boolean]>([
    ['used', { kind: 'applied' }, true],
    ['held anew', { kind: 'failed', error: failed('PruneHeld') }, true],
    [
      'another failure of what it lets go',
      { kind: 'failed', error: failed('PruneWaiting'), attempted: true, seen: { ref: { commit } } } as Partial<Outcome>,
      false,
    ],
    [
      'another commit',
      { kind: 'failed', error: failed('RenderFailed'), attempted: true, seen: { ref: { commit: 'b' } } } as Partial<Outcome>,
      true,
    ],
    ['git not reached', { kind: 'failed', error: failed('GitUnreachable'), attempted: false }, false],
  ])('%s: the annotation is over is %s', (_name, outcome, over) => {
    expect(isAllowanceOver(heldSource({ allowed: commit }), outcome as Outcome)).toBe(over);
  });

  test('lists what would go and the command that lets it go', () => {
    const objects = Array.from({ length: 22 }, (_, index) => member({ name: `m${index}` }));
    const { message, remedy } = heldFault({ why: ['22 of 22 objects would go'], objects }, heldSource(), commit);
    expect(message).toMatch(/since 22 of 22 objects would go\. Would go: ConfigMap shop\/m0, .* and 2 more$/);
    expect(remedy).toContain(`kubectl annotate gitopssources.plumbline.dev main -n shop plumbline.dev/allow-prune=${commit}`);
  });
});

describe('the end of a source', () => {
  const source = (spec: Partial<GitOpsSource['spec']>) =>
    ({ spec: { prune: true, suspend: false, deletionPolicy: 'Delete', ...spec } }) as unknown as GitOpsSource;
  test.each<[string, Partial<GitOpsSource['spec']>, boolean, string]>([
    ['prunes', {}, false, 'prune'],
    ['lets go with prune: false', { prune: false }, false, 'letGo'],
    ['lets go while suspended', { suspend: true }, false, 'letGo'],
    ['lets go with Orphan', { deletionPolicy: 'Orphan' }, false, 'letGo'],
    ['leaves all as it is while the CRD is deleted', {}, true, 'leave'],
  ])('%s', (_name, spec, crdIsGoing, ending) => expect(endingOf(source(spec), crdIsGoing)).toBe(ending));

  test('keeps what says so, and touches nothing without proof', () => {
    const disabled = member({ name: 'b' }, { annotations: { 'plumbline.dev/prune': 'disabled' } });
    const copied = member({ name: 'c' }, { ownsLabel: false });
    const { prune, letGo } = split([member(), disabled, copied], 'prune');
    expect([prune, letGo].map((list) => list.map(({ id }) => id.name))).toEqual([['a'], ['b']]);
    expect(split([member()], 'letGo').prune).toEqual([]);
  });
});

describe('what a source waits for', () => {
  test('is each thing that its faults lack, once', () => {
    const lack = { group: '', kind: 'Namespace', namespace: '', name: 'shop' };
    const fault = { reason: 'NamespaceNotFound', message: 'm', lacks: lack } as const;
    expect(lacksOf([fault, fault, { reason: 'ObjectRefused', message: 'm' }])).toEqual([lack]);
  });
});

describe('spec.schedule', () => {
  test.each([
    ['0 6 * * 1-5', { expression: '0 6 * * 1-5', timezone: 'UTC' }],
    ['CRON_TZ=Europe/Vienna 30 4 1 * *', { expression: '30 4 1 * *', timezone: 'Europe/Vienna' }],
  ])('%s is understood', (text, schedule) => expect(parseSchedule(text)).toEqual(schedule));
  test.each([
    ['* * * *', 'four fields'],
    ['0 0 6 * * *', 'seconds are not taken'],
    ['61 * * * *', 'minute 61'],
    ['CRON_TZ=Europe/Nowhere * * * * *', 'the time zone Europe/Nowhere'],
  ])('%s is refused (%s)', (text) => expect(() => parseSchedule(text)).toThrow(PlumblineError));
});

describe('a spec that the API server let through', () => {
  const source = (spec: Record<string, unknown>) =>
    ({ spec: { url: 'https://git.example.com/shop.git', ...spec } }) as unknown as GitOpsSource;
  const reasons = (spec: Record<string, unknown>): readonly string[] => {
    try {
      checkSpec(source(spec));
      return [];
    } catch (error) {
      return (error as PlumblineError).faults.map((fault) => fault.reason);
    }
  };
  test.each<[string, Record<string, unknown>, readonly string[]]>([
    ['is taken', {}, []],
    ['has a bad range and a bad schedule: both are told', { ref: { semver: 'one' }, schedule: 'often' }, ['InvalidSpec', 'InvalidSpec']],
    ['asks for the signature of a commit', { verify: { mode: 'HEAD', secretRef: { name: 'keys' } } }, []],
    ['asks for the signature of a tag and follows none', { verify: { mode: 'Tag', secretRef: { name: 'keys' } } }, ['InvalidSpec']],
    ['has an ssh URL and a Secret', { url: 'ssh://git@git.example.com/shop.git', auth: { secretRef: { name: 'git' } } }, []],
    ['has an ssh URL and no Secret', { url: 'ssh://git@git.example.com/shop.git' }, ['InvalidSpec']],
  ])('%s', (_name, spec, expected) => expect(reasons(spec)).toEqual(expected));
});
