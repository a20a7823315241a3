import { describe, expect, test } from '@jest/globals';
import { applied, at, failed, gitAway, noChanges, refusedImage, seen, sha, statusAfter } from './outcomes.ts';
import type { Fault } from '../../operator/errors.ts';
import type { GitOpsSourceStatus } from '../../operator/api/types.ts';
import type { Outcome } from '../../operator/report/types.ts';

const created = { ...noChanges, created: 12 };

function history(status: GitOpsSourceStatus): readonly string[] {
  return (status.history ?? []).map(({ commit, result }) => `${commit.slice(0, 1)} ${result}`);
}

describe('history', () => {
  const half = (short: string) => failed(seen(short), refusedImage, { changes: { ...noChanges, changed: 2 } });
  test.each<[string, readonly Outcome[], readonly string[]]>([
    [
      'one entry for each revision, newest first',
      [applied(seen('a')), failed(seen('b')), applied(seen('c'))],
      ['c Applied', 'b Failed', 'a Applied'],
    ],
    ['a retry adds nothing', [failed(seen('a')), failed(seen('a')), failed(seen('a'))], ['a Failed']],
    ['a failed one that is applied at last stands as applied', [failed(seen('a')), applied(seen('a'))], ['a Applied']],
    ['an applied one that is walked again adds nothing', [applied(seen('a')), applied(seen('a'), { changes: created })], ['a Applied']],
    ['an applied one that fails later stands below that', [applied(seen('a')), failed(seen('a'))], ['a Failed', 'a Applied']],
    ['and once when that is mended', [applied(seen('a')), failed(seen('a')), applied(seen('a'))], ['a Applied']],
    ['git away leaves no trace', [applied(seen('a')), failed(undefined, gitAway)], ['a Applied']],
    ['one that was never fetched leaves no trace', [applied(seen('a')), failed(seen('b'), gitAway, { attempted: false })], ['a Applied']],
    ['suspending leaves no trace', [applied(seen('a')), { kind: 'suspended' }], ['a Applied']],
    ['a rollback is an entry', [applied(seen('a')), applied(seen('b')), applied(seen('a'))], ['a Applied', 'b Applied', 'a Applied']],
    [
      'ten are kept',
      'abcdefghijkl'.split('').map((short) => applied(seen(short))),
      'lkjihgfedc'.split('').map((short) => `${short} Applied`),
    ],
  ])('%s', (_, outcomes, expected) => {
    expect(history(statusAfter(...outcomes))).toEqual(expected);
  });

  test('an entry tells who, what and how it ended', () => {
    expect(statusAfter(applied(seen('a'), { changes: created }), failed(seen('b'))).history).toEqual([
      {
        commit: sha('b'),
        ref: 'main',
        subject: 'Change b',
        author: 'Ada Lovelace <ada@example.com>',
        time: at(1),
        written: 0,
        result: 'Failed',
        reason: 'ObjectRefused',
        message: 'prod/web.yaml:14 Deployment shop/web refused: spec.template.spec.containers[0].image: Required value',
      },
      {
        commit: sha('a'),
        ref: 'main',
        subject: 'Change a',
        author: 'Ada Lovelace <ada@example.com>',
        time: at(0),
        written: 12,
        result: 'Applied',
      },
    ]);
  });

  test('what all attempts of a revision wrote is added up', () => {
    expect(statusAfter(half('a'), half('a'), applied(seen('a'), { changes: { ...noChanges, pruned: 1 } })).history?.[0]).toMatchObject({
      written: 5,
      result: 'Applied',
      time: at(2),
    });
  });

  test('the time is when this result was first reached', () => {
    const other: Fault = { reason: 'Forbidden', message: 'no' };
    expect(statusAfter(failed(seen('a')), failed(seen('a'))).history?.[0]?.time).toBe(at(0));
    expect(statusAfter(failed(seen('a')), failed(seen('a'), other)).history?.[0]?.time).toBe(at(1));
  });
});
