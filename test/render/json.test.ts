import { describe, expect, test } from '@jest/globals';
import { read, value } from './files.ts';

const faultsIn = (content: string): string[] => read(content, 'a.json').faults;

describe('JSON files', () => {
  test.each<[string, string, unknown]>([
    ['every kind of value', '{"a": [1, -2.5e3, "x", true, false, null, {}, []]}', { a: [1, -2500, 'x', true, false, null, {}, []] }],
    ['escapes', '"\\u00e9\\ud83d\\ude00\\n\\/\\""', 'é😀\n/"'],
    [
      'exact integers',
      '[9007199254740993, -9223372036854775808, 18446744073709551615]',
      [9007199254740993n, -9223372036854775808n, 18446744073709551615n],
    ],
    ['integers that floating point holds', '[9007199254740991, 1.0, 1e3, 1000000000000000000000000]', [9007199254740991, 1, 1000, 1e24]],
    ['a byte order mark and tabs', '\ufeff\t{\r\n\t"a":\t1}\r\n', { a: 1 }],
    ['what YAML would turn', '{"n": "yes", "0644": "0644"}', { n: 'yes', '0644': '0644' }],
  ])('%s', (_title, content, expected) => {
    expect(value(content, 'a.json')).toEqual(expected);
  });

  test('one after the other, with their lines', () => {
    const { documents } = read('{"a": 1}\n\n{"b": 2}{"c": 3} null', 'a.json');
    expect(documents.map(({ line, value: found }) => [line, found])).toEqual([
      [1, { a: 1 }],
      [3, { b: 2 }],
      [3, { c: 3 }],
    ]);
  });

  test('keys are found', () => {
    const { documents } = read('{"a": 1}\n{\n  "b": {"x": {"b": 1}},\n  "c": 1\n}', 'a.json');
    const second = documents[1]?.value as Record<string, object>;
    expect(documents[1]?.placeOf(second, 'c')).toEqual({ file: 'a.json', line: 4, column: 3 });
    expect(documents[1]?.placeOf(second['b'] ?? {}, 'x')).toEqual({ file: 'a.json', line: 3, column: 9 });
    expect(documents[1]?.placeOf(second, 'absent')).toEqual({ file: 'a.json', line: 2, column: 1 });
  });

  test.each<[string, string, string]>([
    ['a comma too many', '{"a": 1,\n}', 'a.json:2:1: a key in double quotes is expected here'],
    ['a comma too few', '{"a": 1\n"b": 2}', 'a.json:2:1: a comma or } is expected here'],
    ['a list that does not end', '[1, 2', 'a.json:1:6: a comma or ] is expected here'],
    ['a value that does not come', '{"a": ', 'a.json:1:7: the file ends in the middle of a value'],
    ['a key without quotes', '{a: 1}', 'a.json:1:2: a key in double quotes is expected here'],
    ['a key without colon', '{"a" 1}', 'a.json:1:6: a colon is expected after the key'],
    ['a comment', '// x\n{}', 'a.json:1:1: a JSON value is expected here'],
    ['single quotes', "{'a': 1}", 'a.json:1:2: a key in double quotes is expected here'],
    ['a leading zero', '[0644]', 'a.json:1:3: a comma or ] is expected here'],
    ['a word that is none', '[yes]', 'a.json:1:2: a JSON value is expected here'],
    ['infinity', '[1e999]', 'a.json:1:2: the number is out of range'],
    ['a text that does not end', '["a]', 'a.json:1:2: the string that begins here does not end'],
    ['a line break in a text', '["a\nb"]', 'a.json:1:4: a control character in a string must be escaped'],
    ['an escape that is none', '["\\x41"]', 'a.json:1:2: the string that begins here has an escape that JSON does not know'],
    ['a duplicate key', '{"a": 1,\n "a": 2}', 'a.json:2:2: the key "a" is stated twice'],
  ])('%s is refused', (_title, content, expected) => {
    expect(faultsIn(content)).toEqual([expected]);
  });
});
