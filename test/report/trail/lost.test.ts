import { describe, expect, test } from '@jest/globals';
import type { Attempt, GitOpsSourceStatus } from '../../../operator/api/types.ts';
import { attemptStatus } from '../../../operator/report/status.ts';
import { isCorrection, lastOf, notedIn, unrecorded } from '../../../operator/report/trail/attempts.ts';
import type { Noted } from '../../../operator/report/trail/attempts.ts';
import { applied, at, failed, gitAway, noChanges, seen, sha, step as stepTo } from '../outcomes.ts';
import { after, broken, first, second, silent, wrote } from './steps.ts';

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

  describe('of a commit that was in already, with another spec', () => {
    const before = after(first);
    const noteOf = (status: GitOpsSourceStatus, generation: number, minute: number) =>
      attemptStatus(status, seen('aaa'), generation, at(minute));
    const anew = noteOf(before, 2, 5);
    const wasNoted = [{ commit: sha('aaa'), time: at(5) }];
    const change = { changes: { ...noChanges, changed: 1 } };

    test('has its own time, once for each spec', () => {
      expect(noteOf(before, 1, 5)).toBe(before);
      expect(anew.revision).toMatchObject({ attempted: wasNoted[0], applied: { time: at(0) } });
      expect(noteOf(anew, 2, 6)).toBe(anew);
      expect(noteOf(anew, 3, 6).revision?.attempted).toEqual(wasNoted[0]);
    });

    test('is found whatever was told since', () => {
      for (const outcome of [failed(undefined, gitAway), { kind: 'suspended' } as const]) {
        expect(notedIn({ ...anew, ...stepTo(anew, outcome, 6) })).toEqual(wasNoted);
      }
    });

    test('is taken up again and marked', () => {
      const { attempts } = after(first, {
        note: { short: 'aaa', generation: 2 },
        noted: [{ commit: sha('aaa'), time: at(1) }],
        outcome: applied(seen('aaa'), change),
        generation: 2,
      });
      expect(attempts[0]).toMatchObject({ number: 2, cause: 'Spec', generation: 2, attempted: at(1), applied: at(1), interrupted: true });
      expect(attempts).toHaveLength(2);
    });

    test('is an attempt also where its walk went on to its end, whatever that found left to do', () => {
      const { attempts, ...status } = after(first, { note: { short: 'aaa', generation: 2 }, ...silent('aaa'), generation: 2 });
      expect(attempts[0]).toMatchObject({ number: 2, cause: 'Spec', attempted: at(1), applied: at(1) });
      expect(notedIn({ ...status, attempts })).toEqual([]);
    });

    test('keeps its place where another commit comes', () => {
      const { attempts } = after(first, { ...second, generation: 4, noted: wasNoted });
      expect(attempts.map(({ number, commit, cause, attempted }) => [number, commit, cause, attempted])).toEqual([
        [3, sha('bbb'), 'Spec', at(1)],
        [2, sha('aaa'), 'Spec', at(5)],
        [1, sha('aaa'), 'Commit', at(0)],
      ]);
      expect(attempts[1]).toMatchObject({ generation: 2, interrupted: true });
    });
  });
});
