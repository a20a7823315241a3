import { expect, test } from '@jest/globals';
import { readCrd, schemaOf, property } from '../../crds/schema.ts';
import { durationText, parseDuration } from '../../operator/api/duration.ts';

test.each<readonly [string, number]>([
  ['5s', 5_000],
  ['1m', 60_000],
  ['1m30s', 90_000],
  ['1h30m15s500ms', 5_415_500],
  ['1.5h', 5_400_000],
  ['0.1s', 100],
  ['500ms', 500],
  ['1h1ms', 3_600_001],
  ['90m', 5_400_000],
  ['0s', 0],
  ['168h', 604_800_000],
])('%s is %d ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(['', '5', 's', '1d', '-1s', '+1s', '1 m', '1m ', '1s1m', '1m1m', '1.s', '.5s', '1e3s', '1us', '1234567s', '١s', '1S', '5s\n'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test('the defaults of the CRD are durations', () => {
  const spec = property(schemaOf(readCrd()), 'spec');
  expect(parseDuration(String(property(spec, 'interval').default))).toBe(60_000);
  expect(parseDuration(String(property(property(spec, 'health'), 'timeout').default))).toBe(300_000);
});

test.each<readonly [number, string]>([
  [0, '0ms'],
  [250, '250ms'],
  [1_000, '1s'],
  [90_000, '1m30s'],
  [59_999, '1m'],
  [3_600_000, '1h'],
  [3_661_000, '1h1m1s'],
])('%d ms is written %s', (milliseconds, text) => {
  expect(durationText(milliseconds)).toBe(text);
});
