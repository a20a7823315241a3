import { expect, test } from '@jest/globals';
import { localText, parseTime } from '../../operator/cli/time.ts';

/** A Wednesday afternoon, 15:30 in Berlin. */
const now = Date.parse('2026-11-25T14:30:00Z');
const inBerlin = (text: string): string | undefined => {
  const moment = parseTime(text, now, 'Europe/Berlin');
  return moment && new Date(moment.at).toISOString().replace('.000Z', 'Z');
};

test.each([
  ['2026-11-24T14:05:00Z', '2026-11-24T14:05:00Z'],
  ['2026-11-24T14:05:00.250Z', '2026-11-24T14:05:00.250Z'],
  ['2026-11-24t14:05:00+02:00', '2026-11-24T12:05:00Z'],
  ['2026-11-24 14:05:00 -05:00', '2026-11-24T19:05:00Z'],
  ['2026-11-24 14:05', '2026-11-24T13:05:00Z'],
  ['2026-11-24T14:05:30', '2026-11-24T13:05:30Z'],
  ['2026-11-24', '2026-11-23T23:00:00Z'],
  ['2026-07-01 14:05', '2026-07-01T12:05:00Z'],
  ['14:05', '2026-11-25T13:05:00Z'],
  ['15:30', '2026-11-25T14:30:00Z'],
  ['15:31', '2026-11-24T14:31:00Z'],
  ['9:00', '2026-11-25T08:00:00Z'],
  ['today 9:00', '2026-11-25T08:00:00Z'],
  ['yesterday 14:05', '2026-11-24T13:05:00Z'],
  ['Tuesday 14:05', '2026-11-24T13:05:00Z'],
  ['last tuesday at 14:05', '2026-11-24T13:05:00Z'],
  ['wed 14:05', '2026-11-18T13:05:00Z'],
  ['2h ago', '2026-11-25T12:30:00Z'],
  ['1h30m  ago', '2026-11-25T13:00:00Z'],
  ['-2h', '2026-11-25T12:30:00Z'],
  ['3d ago', '2026-11-22T14:30:00Z'],
  ['-1d12h', '2026-11-24T02:30:00Z'],
  ['now', '2026-11-25T14:30:00Z'],
])('%s is %s', (text, expected) => {
  expect(inBerlin(text)).toBe(expected);
});

test.each([
  '',
  'soon',
  '25:00',
  '14:60',
  '2026-02-31 14:05',
  '2026-13-01T00:00:00Z',
  '2026-11-24 14',
  '2h',
  'ago',
  '-',
  'someday 14:05',
  '14.05',
  '1e9 ago',
])('%j is no time', (text) => {
  expect(inBerlin(text)).toBeUndefined();
});

test('the hour that summer time leaves out is the one after it, of the one that comes twice it is one', () => {
  expect(inBerlin('2026-03-29 02:30')).toBe('2026-03-29T01:30:00Z');
  expect(['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z']).toContain(inBerlin('2026-10-25 02:30'));
});

test('says in which zone it was understood', () => {
  expect(parseTime('14:05', now, 'Europe/Berlin')?.text).toBe('2026-11-25 14:05:00 +01:00 (Europe/Berlin)');
  expect(parseTime('14:05', now, 'UTC')?.text).toBe('2026-11-25 14:05:00 +00:00 (UTC)');
  expect(localText(now, 'America/St_Johns')).toBe('2026-11-25 11:00:00 -03:30');
});
