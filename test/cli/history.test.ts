import { describe, expect, test } from '@jest/globals';
import { historyData, historyText } from '../../operator/cli/history.ts';
import { readRecord, trailsOf } from '../../operator/cli/told.ts';
import { at, sha } from '../report/outcomes.ts';
import { attempt, record, recordObject, source, trail } from './made.ts';

const failures = [{ time: at(21), reason: 'ObjectRefused', message: 'no' }];
const whole = trail(
  source([
    attempt(4, 'eee', 30, {
      healthy: undefined,
      changes: { created: 2, pruned: 1 },
      changed: [],
      corrections: [{ manager: 'kubectl-edit', count: 2 }],
    }),
    attempt(3, 'ddd', 20, { applied: undefined, healthy: undefined, failures, changes: {}, changed: [] }),
  ]),
  record(attempt(1, 'aaa', 0)),
  record(attempt(2, 'bbb', 10), { 'plumbline.dev/corrections': '{"kubectl-edit":1}' }),
);

test('is a table, newest first, with what has no record yet', () => {
  expect(
    historyText([whole], 50, 'UTC')
      .split('\n')
      .map((line) => line.replaceAll(/ {3,}/g, ' | ')),
  ).toEqual([
    'NUMBER | REVISION | RESULT | CAUSE | ATTEMPTED | APPLIED | HEALTHY | CHANGES | AUTHOR | SUBJECT',
    '4 | main@eee0000 | Awaiting health | Commit | 2026-11-24 03:30:00 +00:00 | 2026-11-24 03:31:00 +00:00 | - | +2 -1 (2 corrections) | Ada Lovelace <ada@example.com> | Change eee',
    '3 | main@ddd0000 | Trying (ObjectRefused) | Commit | 2026-11-24 03:20:00 +00:00 | - | - | - | Ada Lovelace <ada@example.com> | Change ddd',
    '2 | main@bbb0000 | Healthy | Commit | 2026-11-24 03:10:00 +00:00 | 2026-11-24 03:11:00 +00:00 | 2026-11-24 03:12:00 +00:00 | ~1 (1 correction) | Ada Lovelace <ada@example.com> | Change bbb',
    '1 | main@aaa0000 | Healthy | Commit | 2026-11-24 03:00:00 +00:00 | 2026-11-24 03:01:00 +00:00 | 2026-11-24 03:02:00 +00:00 | ~1 | Ada Lovelace <ada@example.com> | Change aaa',
    '',
  ]);
});

test('says where the trail has a gap', () => {
  const unrecorded = [{ commit: sha('bbb'), time: at(5) }, { commit: sha('ccc') }];
  const gap = trail(undefined, record(attempt(1, 'aaa', 0)), record(attempt(4, 'ddd', 10, { unrecorded, moreUnrecorded: 3 })));
  expect(historyText([gap], 50, 'UTC')).toMatch(
    /\nBefore number 4, without a record since the trail could not be written: bbb0000, ccc0000 and 3 before\.\n$/,
  );
});

test('is bounded, and says what it leaves out', () => {
  expect(historyText([whole], 3, 'UTC')).toMatch(/\n1 older one left out; --limit=N shows more\.\n$/);
  expect(historyData([whole], 3)).toMatchObject({
    sources: [
      {
        name: 'shop',
        gone: false,
        more: 1,
        revisions: [{ number: 4, commit: { sha: sha('eee') } }, { number: 3 }, { record: 'shop-2-bbb0000' }],
      },
    ],
  });
});

test('of a source that came back under its name has that of the one before, too', () => {
  const ended = { 'plumbline.dev/source-ended': at(50) };
  const trails = trailsOf('shop', [source([], {}, 'shop', 'u2')], [record(attempt(1, 'aaa', 0), ended)]);
  const text = historyText(trails, 50, 'UTC');
  expect(text).toMatch(/^Nothing was attempted yet\.\n\nGitOpsSource shop\/shop, gone since 2026-11-24 03:50:00 \+00:00:\nNUMBER/);
});

describe('what is no record', () => {
  const good = recordObject(attempt(1, 'aaa', 0));
  const data = good['data'] as object;
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'x'],
    ['no commit', { ...data, commit: undefined }],
    ['a time that is none', { ...data, times: { attempted: 'yesterday' } }],
    ['lists that are none', { ...data, commits: 'x' }],
    ['a gap of nothing', { ...data, unrecorded: [null] }],
    ['counts that are none', { ...data, changes: {} }],
  ])('(%s) is not taken for one', (_, other) => {
    expect(readRecord({ ...good, data: other })).toBeUndefined();
  });

  test('(other ControllerRevisions) is not taken for one', () => {
    expect(readRecord(good)).toBeDefined();
    expect(readRecord({ ...good, metadata: { name: 'web-1' } })).toBeUndefined();
  });
});
