import { describe, expect, test } from '@jest/globals';
import type { Attempt, GitOpsSourceStatus } from '../../../operator/api/types.ts';
import { attemptStatus, outcomeStatus } from '../../../operator/report/status.ts';
import {
  attemptsAfter,
  isCorrection,
  lastOf,
  notedIn,
  unrecorded,
  withUnrecorded,
  withoutPlace,
} from '../../../operator/report/trail/attempts.ts';
import type { Ended, Noted } from '../../../operator/report/trail/attempts.ts';
import type { Written } from '../../../operator/report/trail/written.ts';
import { applied, at, failed, gitAway, noChanges, refusedImage, seen, sha, step as stepTo } from '../outcomes.ts';

const nothing: Written = { objects: [], images: [] };
const wrote = (verb: 'created' | 'changed' | 'pruned' | 'letGo', ...objects: string[]): Written => ({
  objects: objects.map((object) => ({ verb, object })),
  images: [],
});

interface Step {
  readonly outcome: Ended;
  readonly written?: Written;
  readonly generation?: number;
  readonly noted?: readonly Noted[];
  /** By the time at which they were attempted. */
  readonly recorded?: readonly string[];
}

/** The status after these outcomes, a minute apart. */
function after(...steps: readonly Step[]): GitOpsSourceStatus & { readonly attempts: readonly Attempt[] } {
  let status: GitOpsSourceStatus | undefined;
  for (const [minute, { outcome, written = nothing, generation = 1, noted = [], recorded = [] }] of steps.entries()) {
    const now = at(minute);
    const next = outcomeStatus({ previous: status, outcome, generation, requestedAt: undefined, verifies: false, now });
    const isRecorded = ({ attempted }: Attempt): boolean => recorded.includes(attempted);
    const attempts = attemptsAfter({ previous: status, next, outcome, generation, written, noted, isRecorded, now });
    status = { ...next, ...(attempts === undefined ? {} : { attempts }) };
  }
  return { ...status, attempts: status?.attempts ?? [] };
}

const first: Step = { outcome: applied(seen('aaa'), { changes: { ...noChanges, created: 2 } }), written: wrote('created', 'A', 'B') };
const second: Step = { outcome: applied(seen('bbb'), { changes: { ...noChanges, changed: 1 } }), written: wrote('changed', 'A') };
const silent = (short: string): Step => ({ outcome: applied(seen(short)) });
const broken = (short: string, message = 'no'): Step => ({ outcome: failed(seen(short), { ...refusedImage, message }) });

describe('an attempt', () => {
  test('that is applied says what came of it', () => {
    const { attempts } = after(first);
    expect(attempts).toEqual([
      {
        number: 1,
        commit: sha('aaa'),
        ref: 'main',
        subject: 'Change aaa',
        author: 'Ada Lovelace <ada@example.com>',
        committed: at(0),
        generation: 1,
        cause: 'Commit',
        observed: at(0),
        attempted: at(0),
        applied: at(0),
        changes: { created: 2 },
        created: ['A', 'B'],
      },
    ]);
  });

  test('that follows another one counts on, and says what ran before', () => {
    const [top] = after(first, { ...second, recorded: [at(0)] }).attempts;
    expect(top).toMatchObject({ number: 2, from: sha('aaa'), cause: 'Commit', changes: { changed: 1 }, changed: ['A'] });
  });

  test('that failed is open: its failures are told once each, and what it wrote is added up', () => {
    const partly = { ...noChanges, created: 1 };
    const half: Step = { outcome: failed(seen('bbb'), refusedImage, { changes: partly }), written: wrote('created', 'C') };
    const { attempts } = after(first, broken('bbb', 'one'), broken('bbb', 'one'), broken('bbb', 'two'), half, second);
    expect(attempts[0]).toMatchObject({
      number: 2,
      attempted: at(1),
      applied: at(5),
      failures: [
        { time: at(1), reason: 'ObjectRefused', message: expect.stringContaining('one') },
        { time: at(3), reason: 'ObjectRefused', message: expect.stringContaining('two') },
        { time: at(4), reason: 'ObjectRefused' },
      ],
      changes: { created: 1, changed: 1 },
      created: ['C'],
      changed: ['A'],
    });
  });

  test('that failed the same way again is the same value: nothing is to be written', () => {
    const once = after(first, broken('bbb'));
    const step = { ...broken('bbb'), generation: 1, written: nothing, noted: [], isRecorded: () => false, now: at(9) };
    expect(attemptsAfter({ ...step, previous: once, next: once })).toBe(once.attempts);
  });

  test('is another one after an edit of the spec, with times of its own', () => {
    const { attempts } = after(first, {
      ...second,
      outcome: applied(seen('aaa'), { changes: { ...noChanges, pruned: 1 } }),
      generation: 2,
    });
    const times = { observed: at(0), attempted: at(1), applied: at(1) };
    expect(attempts[0]).toMatchObject({ number: 2, commit: sha('aaa'), cause: 'Spec', generation: 2, ...times });
  });

  test('has the times at which the walk began and had everything in, not those at which that was told', () => {
    const outcome = applied(seen('bbb', 2), { began: at(3), ended: at(4) });
    const status = after(first, silent('aaa'), silent('aaa'), silent('aaa'), silent('aaa'), {
      ...second,
      outcome: { ...outcome, changes: { ...noChanges, changed: 1 } },
    });
    expect(status.attempts[0]).toMatchObject({ observed: at(2), attempted: at(3), applied: at(4) });
    expect(status.revision).toMatchObject({ observed: { time: at(2) }, attempted: { time: at(3) }, applied: { time: at(4) } });
  });

  test('without an attempt (git away) there is none', () => {
    expect(after(first, { outcome: failed(undefined, { reason: 'GitUnreachable', message: 'away' }) }).attempts).toHaveLength(1);
  });

  test('lists 20 objects, images and failures at most, and counts the rest', () => {
    const names = Array.from({ length: 30 }, (_, index) => `ConfigMap shop/${index}`);
    const images = names.map((workload) => ({ workload, container: 'app', after: 'web:1' }));
    const written = { ...wrote('created', ...names), images };
    const many: Step = { outcome: applied(seen('aaa'), { changes: { ...noChanges, created: 30 } }), written };
    const [top] = after(many).attempts;
    expect([top?.created?.length, top?.images?.length, top?.changes]).toEqual([20, 20, { created: 30 }]);
    const failures = Array.from({ length: 9 }, (_, index) => broken('bbb', `fault ${index}`));
    expect(after(first, ...failures).attempts[0]?.failures).toHaveLength(5);
  });

  test('tells that a prune was held, whatever failed before: without that it could not be let go', () => {
    const failures = Array.from({ length: 9 }, (_, index) => broken('bbb', `fault ${index}`));
    const held = (message: string): Step => ({ outcome: failed(seen('bbb'), { reason: 'PruneHeld', message }) });
    const [top] = after(first, ...failures, held('2 of 2 would go'), held('3 of 3 would go')).attempts;
    expect(top?.failures?.map(({ message }) => message?.split(':').at(-1)?.trim())).toEqual([
      ...Array.from({ length: 4 }, (_, index) => `fault ${index}`),
      '2 of 2 would go',
    ]);
  });
});

describe('a commit that changes nothing', () => {
  test('moves the revision, and is listed in the running one and then in the next', () => {
    const { attempts } = after(first, silent('bbb'), silent('ccc'));
    expect(attempts).toHaveLength(1);
    expect(attempts[0]?.passed?.map(({ commit, time }) => [commit, time])).toEqual([
      [sha('bbb'), at(1)],
      [sha('ccc'), at(2)],
    ]);
    const next = { ...second, outcome: applied(seen('ddd'), { changes: { ...noChanges, changed: 1 } }) };
    const [top] = after(first, silent('bbb'), silent('ccc'), next).attempts;
    expect(top?.commits?.map(({ commit }) => commit)).toEqual([sha('bbb'), sha('ccc')]);
    expect([top?.number, top?.from]).toEqual([2, sha('ccc')]);
  });

  test('looked at again is not listed again', () => {
    const { attempts } = after(first, silent('bbb'), silent('bbb'));
    expect(attempts[0]?.passed).toHaveLength(1);
  });

  test('is one of the last 20, the rest are counted', () => {
    const busy = Array.from({ length: 25 }, (_, index) => silent(`c${index}c`));
    const [top] = after(first, ...busy).attempts;
    expect([top?.passed?.length, top?.morePassed, top?.passed?.at(-1)?.commit]).toEqual([20, 5, sha('c24c')]);
    const [next] = after(first, ...busy, second).attempts;
    expect([next?.commits?.length, next?.moreCommits]).toEqual([20, 5]);
  });

  test('after one that failed gets no record, and is listed in the next', () => {
    const { attempts } = after(first, broken('bbb'), silent('ccc'));
    expect(attempts.map(({ number, commit, silent: isSilent }) => [number, commit, isSilent])).toEqual([
      [2, sha('ccc'), true],
      [2, sha('bbb'), undefined],
      [1, sha('aaa'), undefined],
    ]);
    const next = after(first, broken('bbb'), silent('ccc'), { ...second, outcome: { ...second.outcome, seen: seen('ddd') } }).attempts[0];
    expect([next?.number, next?.commits?.map(({ commit }) => commit)]).toEqual([3, [sha('ccc')]]);
  });
});

describe('the commits that came in with one', () => {
  const incoming = (relation: 'Forward' | 'Rollback', shorts: readonly string[], count = shorts.length) => {
    const commits = shorts.map((short) => ({ ...seen(short).commit!, authorTime: at(0), committer: 'Ada', parents: [], trailers: [] }));
    return { relation, commits, count, more: false };
  };

  test('are listed as git tells them, oldest first, without itself, after those that were seen go by', () => {
    const outcome = { ...second.outcome, seen: seen('ddd'), incoming: incoming('Forward', ['ddd', 'ccc', 'bbb'], 300) } as Ended;
    const [top] = after(first, silent('abc'), { ...second, outcome }).attempts;
    expect(top?.commits?.map(({ commit, time }) => [commit, time])).toEqual([
      [sha('abc'), at(1)],
      [sha('bbb'), undefined],
      [sha('ccc'), undefined],
    ]);
    expect([top?.cause, top?.moreCommits]).toEqual(['Commit', 297]);
  });

  test('are none on the way back, which is a rollback', () => {
    const outcome = { ...second.outcome, incoming: incoming('Rollback', ['aaa', 'ccc']) } as Ended;
    const [top] = after(first, { ...second, outcome, generation: 2 }).attempts;
    expect([top?.cause, top?.commits]).toEqual(['Rollback', undefined]);
  });
});

describe('what wants a record', () => {
  const numbers = (attempts: readonly Attempt[], recorded: readonly string[] = []): readonly number[] =>
    unrecorded(attempts, ({ attempted }) => recorded.includes(attempted)).map(({ number }) => number);

  test('is what is healthy, at once, and what was applied once it is superseded', () => {
    const healthy = after(first).attempts.map((attempt) => ({ ...attempt, healthy: at(1) }));
    expect(numbers(healthy)).toEqual([1]);
    expect(numbers(healthy, [at(0)])).toEqual([]);
    expect(numbers(after(first).attempts)).toEqual([]);
    expect(numbers(after(first, second).attempts)).toEqual([1]);
  });

  test('is what failed once it is superseded, not before', () => {
    expect(numbers(after(first, broken('bbb')).attempts)).toEqual([1]);
    expect(numbers(after(first, broken('bbb'), broken('ccc')).attempts)).toEqual([1, 2]);
    expect(numbers(after(first, broken('bbb'), silent('ccc')).attempts)).toEqual([1, 2]);
  });

  test('stays in the status until it is recorded', () => {
    const steps = Array.from({ length: 9 }, (_, index) => broken(`b${index}b`));
    const recorded = steps.map((_, index) => at(index));
    expect(after(first, ...steps.slice(0, 5)).attempts.map(({ number }) => number)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(after(first, ...steps.map((step) => ({ ...step, recorded }))).attempts.map(({ number }) => number)).toEqual([10]);
  });

  test('is listed in the oldest that stays where there is no room, the last 20, and is told', () => {
    const steps = Array.from({ length: 30 }, (_, index) => broken(`b${index}b`));
    const before = after(first, ...steps.slice(0, 8));
    const { attempts } = after(first, ...steps.slice(0, 9));
    expect(attempts.map(({ number }) => number)).toEqual([10, 9, 8, 7, 6, 5]);
    expect(attempts.map(({ unrecorded: listed }) => listed?.map(({ commit }) => commit))).toEqual([
      ...Array.from({ length: 5 }, () => undefined),
      [sha('aaa'), sha('b0b'), sha('b1b'), sha('b2b')],
    ]);
    expect(attempts.at(-1)?.unrecorded?.[3]).toMatchObject({ subject: 'Change b2b', time: at(3) });
    expect(withoutPlace(before.attempts, attempts, () => false).map(({ number }) => number)).toEqual([4]);
    expect(withoutPlace(before.attempts, attempts, () => true)).toEqual([]);
    const last = after(first, ...steps).attempts.at(-1);
    expect([last?.number, last?.unrecorded?.length, last?.moreUnrecorded]).toEqual([26, 20, 5]);
    expect(last?.unrecorded?.at(-1)?.commit).toBe(sha('b23b'));
  });

  test('is listed no more where it was recorded all the same', () => {
    const one = {
      ...after(first).attempts[0],
      unrecorded: [
        { commit: sha('a'), time: at(1) },
        { commit: sha('b'), time: at(2) },
      ],
    } as Attempt;
    expect(withUnrecorded(one, (attempted) => attempted === at(1)).unrecorded).toEqual([{ commit: sha('b'), time: at(2) }]);
    expect(withUnrecorded(one, () => true)).not.toHaveProperty('unrecorded');
  });
});

describe('an attempt of which no outcome was told', () => {
  const noted = (before: GitOpsSourceStatus, short: string, minute: number) => attemptStatus(before, seen(short), 1, at(minute));

  test('is found in the status that it was noted in', () => {
    const before = after(first);
    expect(notedIn(before)).toEqual([]);
    expect(notedIn(undefined)).toEqual([]);
    expect(notedIn(noted(before, 'bbb', 5))).toEqual([{ commit: sha('bbb'), time: at(5) }]);
    expect(notedIn(after(first, broken('bbb')))).toEqual([]);
    expect(notedIn(after(first, silent('bbb')))).toEqual([]);
  });

  test('is found also where something else was told since', () => {
    const under = noted(after(first), 'bbb', 5);
    const wasNoted = [{ commit: sha('bbb'), time: at(5) }];
    for (const outcome of [failed(undefined, gitAway), { kind: 'suspended' } as const]) {
      expect(notedIn({ ...under, ...stepTo(under, outcome, 6) })).toEqual(wasNoted);
    }
  });

  test('is taken up again, also where nothing was left to do, and marked', () => {
    const [top] = after(first, { ...silent('bbb'), noted: [{ commit: sha('bbb'), time: at(1) }] }).attempts;
    expect(top).toMatchObject({ number: 2, commit: sha('bbb'), interrupted: true, applied: at(1) });
    expect(top?.silent).toBeUndefined();
  });

  test('and that is superseded gets a record that says no more than is known', () => {
    const { attempts } = after(first, { ...second, noted: [{ commit: sha('ccc'), time: at(0) }], recorded: [] });
    expect(attempts.map(({ number, commit }) => [number, commit])).toEqual([
      [3, sha('bbb')],
      [2, sha('ccc')],
      [1, sha('aaa')],
    ]);
    expect(attempts[1]).toEqual({
      number: 2,
      commit: sha('ccc'),
      generation: 1,
      cause: 'Commit',
      from: sha('aaa'),
      attempted: at(0),
      interrupted: true,
    });
  });

  /** What became of these attempts, newest first. */
  const told = (attempts: readonly Attempt[]) =>
    attempts.map(({ number, commit, interrupted, silent: isSilent }) => [number, commit, interrupted, isSilent]);
  const lost: Noted = { commit: sha('bbb'), time: at(1) };
  const wantRecords = (attempts: readonly Attempt[]) => unrecorded(attempts, () => false).map(({ commit }) => commit);

  test('keeps its place where the next commit finds all of it in, and changes nothing', () => {
    const { attempts } = after(first, { ...silent('ccc'), noted: [lost] });
    expect(told(attempts)).toEqual([
      [2, sha('ccc'), undefined, true],
      [2, sha('bbb'), true, undefined],
      [1, sha('aaa'), undefined, undefined],
    ]);
    expect(attempts[2]?.passed).toBeUndefined();
    expect(wantRecords(attempts)).toEqual([sha('aaa'), sha('bbb')]);
  });

  test('keeps its place where the ref goes back: what that puts back is no drift', () => {
    const back = applied(seen('aaa'), { changes: { ...noChanges, changed: 1 } });
    expect(isCorrection(after(first), back, 1, [lost])).toBe(false);
    const { attempts } = after(first, { outcome: back, written: wrote('changed', 'A'), noted: [lost] });
    expect(told(attempts)).toEqual([
      [3, sha('aaa'), undefined, undefined],
      [2, sha('bbb'), true, undefined],
      [1, sha('aaa'), undefined, undefined],
    ]);
    expect(attempts[0]).toMatchObject({ attempted: at(1), applied: at(1), changed: ['A'] });
    expect(wantRecords(attempts)).toEqual([sha('aaa'), sha('bbb')]);
  });

  test('is one of several in a row, each with a record, but for the one that is taken up again', () => {
    const several = [lost, { commit: sha('ccc'), time: at(2) }, { commit: sha('ddd'), time: at(3) }];
    const { attempts } = after(first, { outcome: applied(seen('ddd')), noted: several });
    expect(told(attempts)).toEqual([
      [4, sha('ddd'), true, undefined],
      [3, sha('ccc'), true, undefined],
      [2, sha('bbb'), true, undefined],
      [1, sha('aaa'), undefined, undefined],
    ]);
    const left = lastOf(after(first), several);
    expect(left.map(({ commit }) => commit)).toEqual(['ddd', 'ddd', 'ccc', 'bbb', 'aaa'].map(sha));
    expect(new Set(left.slice(1).map(({ number }) => number)).size).toBe(4);
  });

  test('is none where it was one more walk over an attempt that has its place', () => {
    const again: Noted = { commit: sha('aaa'), time: at(0) };
    const passed: Noted = { commit: sha('bbb'), time: at(1) };
    expect(told(after(first, { ...silent('bbb'), noted: [again] }).attempts)).toEqual([[1, sha('aaa'), undefined, undefined]]);
    expect(told(after(first, silent('bbb'), { ...silent('ccc'), noted: [passed] }).attempts)).toEqual([
      [1, sha('aaa'), undefined, undefined],
    ]);
    expect(told(after(first, broken('bbb'), { ...broken('ccc'), noted: [passed] }).attempts)).toEqual([
      [3, sha('ccc'), undefined, undefined],
      [2, sha('bbb'), undefined, undefined],
      [1, sha('aaa'), undefined, undefined],
    ]);
    const back = applied(seen('aaa'), { changes: { ...noChanges, changed: 1 } });
    expect(isCorrection(after(first), back, 1, [again])).toBe(true);
    expect(lastOf(after(first, broken('bbb')), [passed]).map(({ commit }) => commit)).toEqual(['bbb', 'bbb', 'aaa'].map(sha));
  });

  test('as the first of all is known by what is in already', () => {
    const [top] = after({ outcome: applied(seen('aaa'), { changes: { ...noChanges, unchanged: 12 } }) }).attempts;
    expect(top).toMatchObject({ number: 1, interrupted: true });
  });
});

test('what is put back of the running revision is a correction, not a revision', () => {
  const running = after(first, silent('bbb'));
  const back = applied(seen('bbb'), { changes: { ...noChanges, changed: 1 } });
  expect(isCorrection(running, back, 1)).toBe(true);
  expect(isCorrection(running, back, 2)).toBe(false);
  expect(isCorrection(running, applied(seen('bbb')), 1)).toBe(false);
  expect(isCorrection(running, applied(seen('ccc'), { changes: { ...noChanges, changed: 1 } }), 1)).toBe(false);
  expect(isCorrection(undefined, back, 1)).toBe(false);
  const next = after(first, silent('bbb'), { outcome: back, written: wrote('changed', 'A') });
  expect(next.attempts).toEqual(running.attempts);
});
