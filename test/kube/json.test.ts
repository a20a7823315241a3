import { describe, expect, test } from '@jest/globals';
import { parseJson, stringifyJson } from '../../operator/kube/json.ts';

describe('JSON', () => {
  const exact: readonly [string, unknown][] = [
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9223372036854775807', 9223372036854775807n],
    ['18446744073709551615', 18446744073709551615n],
    ['9007199254740991', 9007199254740991],
    ['1.2345678901234567', 1.2345678901234567],
    ['1234567890123456', 1234567890123456],
    ['[{"a":9007199254740993}]', [{ a: 9007199254740993n }]],
    ['"9007199254740993"', '9007199254740993'],
    ['{"a":"\\"9007199254740993","b":null,"c":[],"d":{}}', { a: '"9007199254740993', b: null, c: [], d: {} }],
  ];

  test.each(exact)('%s survives both ways', (text, value) => {
    expect(parseJson(text)).toEqual(value);
    expect(stringifyJson(value)).toBe(text);
  });

  test('what a double cannot hold is read as it is only where it is an integer', () => {
    expect(parseJson('1e30')).toBe(1e30);
    expect(parseJson('[12345678901234567890.5]')).toEqual([12345678901234567000]);
  });

  test('a text that is cut is a SyntaxError', () => {
    expect(() => parseJson('{"a":9007199254740993')).toThrow(SyntaxError);
  });
});
