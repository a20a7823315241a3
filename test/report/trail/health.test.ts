import { describe, expect, test } from '@jest/globals';
import type { Attempt, GitOpsSourceStatus } from '../../../operator/api/types.ts';
import { correctionsIn, correctionsText } from '../../../operator/report/trail/annotations.ts';
import { addCorrections, attemptsWithHealth, withCorrections } from '../../../operator/report/trail/health.ts';
import { recordOf } from '../../../operator/report/trail/record.ts';
import { at, sha } from '../outcomes.ts';

const running: Attempt = {
  number: 2,
  commit: sha('bbb'),
  generation: 1,
  cause: 'Commit',
  observed: at(1),
  attempted: at(2),
  applied: at(3),
};
const older: Attempt = { ...running, number: 1, commit: sha('aaa'), attempted: at(0), applied: at(0) };

function statusOf(applied: string, healthy?: { readonly commit: string; readonly time: string }, ready = 'Applied'): GitOpsSourceStatus {
  const condition = { type: 'Ready', status: 'False', reason: ready, message: 'It is late.', lastTransitionTime: at(0) } as const;
  return { revision: { applied: { commit: applied, time: at(3) }, ...(healthy && { healthy }) }, conditions: [condition] };
}

describe('the attempt that runs', () => {
  test('is healthy from when the status says so', () => {
    const status = statusOf(sha('bbb'), { commit: sha('bbb'), time: at(5) });
    expect(attemptsWithHealth([running, older], status, true, at(9))).toEqual([{ ...running, healthy: at(5) }, older]);
  });

  test('is healthy from now where the same commit was healthy before an edit of the spec', () => {
    const status = statusOf(sha('bbb'), { commit: sha('bbb'), time: at(2) });
    expect(attemptsWithHealth([running], status, true, at(9))?.[0]?.healthy).toBe(at(9));
  });

  test('is the one whose revision has moved on with commits that change nothing', () => {
    const moved = { ...running, passed: [{ commit: sha('ccc'), time: at(4) }] };
    const status = statusOf(sha('ccc'), { commit: sha('ccc'), time: at(5) });
    expect(attemptsWithHealth([moved], status, true, at(9))?.[0]?.healthy).toBe(at(5));
  });

  test('that was waited for too long has that among its failures, once', () => {
    const status = statusOf(sha('bbb'), undefined, 'HealthTimeout');
    const late = attemptsWithHealth([running], status, false, at(9));
    expect(late?.[0]?.failures).toEqual([{ time: at(9), reason: 'HealthTimeout', message: 'It is late.' }]);
    expect(attemptsWithHealth(late, status, false, at(10))).toBe(late);
  });

  test.each<[string, readonly Attempt[] | undefined, GitOpsSourceStatus, boolean]>([
    ['nothing was attempted', undefined, statusOf(sha('bbb')), true],
    ['it is not healthy yet', [running], statusOf(sha('bbb')), false],
    ['it is not in', [{ ...running, applied: undefined }], statusOf(sha('aaa')), true],
    ['another one runs', [running], statusOf(sha('aaa')), true],
    ['it was healthy before', [{ ...running, healthy: at(4) }], statusOf(sha('bbb')), true],
    ['it gets no record', [{ ...running, silent: true }], statusOf(sha('bbb')), true],
  ])('stays as it is where %s', (_, attempts, status, isWell) => {
    expect(attemptsWithHealth(attempts, status, isWell, at(9))).toBe(attempts);
  });
});

describe('corrections', () => {
  test('before the record is made go into it', () => {
    const corrected = withCorrections(withCorrections(running, ['kubectl-edit', undefined]), ['kubectl-edit']);
    const { metadata } = recordOf({ namespace: 'shop', name: 'shop', uid: '1', url: 'https://x', path: '' }, corrected);
    expect(metadata.annotations['plumbline.dev/corrections']).toBe('{"kubectl-edit":2,"unknown":1}');
    expect(correctionsIn(metadata.annotations)).toEqual(corrected.corrections);
  });

  test('are counted for ten managers, the rest together', () => {
    const counts = addCorrections([], [...Array.from({ length: 12 }, (_, index) => `m${index}`), 'm3', 'x'.repeat(500)]);
    expect(counts).toHaveLength(11);
    expect(counts.find(({ manager }) => manager === 'm3')?.count).toBe(2);
    expect(counts.at(-1)).toEqual({ manager: 'other', count: 3 });
  });

  test.each(['', 'no json', '[1]', 'null', '{"a":"b","c":-1}'])('%j, which somebody else wrote, is none', (text) => {
    const found = correctionsIn({ 'plumbline.dev/corrections': text });
    expect(found.filter(({ manager }) => manager !== '0')).toEqual([]);
    expect(correctionsIn({ 'plumbline.dev/corrections': correctionsText([{ manager: 'a', count: 1 }]) })).toHaveLength(1);
  });
});
