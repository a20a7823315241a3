import { expect, test } from '@jest/globals';
import { matchesPatternList } from '../../../operator/source/verify/pattern.ts';

test.each([
  ['alice@example.com', 'alice@example.com', true],
  ['alice@example.com', '*@example.com', true],
  ['alice@example.com', 'al?ce@*', true],
  ['alice@example.com', 'al?@*', false],
  ['alice@example.com', '*@example.org,*@example.com', true],
  ['alice@example.com', '*,!alice@*', false],
  ['alice@example.com', '!alice@*,*', false],
  ['bob@example.com', '!alice@*,*', true],
  ['bob@example.com', '!alice@*', false],
  ['Alice@example.com', 'alice@*', false],
  ['', '*', true],
  ['', '?', false],
  ['a', '', false],
])('%j against %j: %j', (text, list, expected) => {
  expect(matchesPatternList(text, list)).toBe(expected);
});

test('a pattern of many stars takes no longer than its length says', () => {
  expect(matchesPatternList('a'.repeat(5000), `${'*a'.repeat(500)}*b`)).toBe(false);
});
