import { describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../../operator/api/types.ts';
import { attemptsAfter, isCorrection, unrecorded, withUnrecorded, withoutPlace } from '../../../operator/report/trail/attempts.ts';
import { applied, at, failed, noChanges, refusedImage, seen, sha } from '../outcomes.ts';
import { after, broken, first, nothing, second, silent, wrote } from './steps.ts';
import type { Ended } from '../../../operator/report/trail/attempts.ts';
import type { Step } from './steps.ts';

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
