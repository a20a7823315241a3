import { describe, expect, test } from '@jest/globals';
import { canonicalJson } from '../../operator/render/hash.ts';
import { read, value } from './files.ts';
import { answers, header } from './kubectl-answers.ts';

describe('YAML is what kubectl makes of it', () => {
  test.each(answers)('%s', (_title, yaml, json) => {
    const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...rest } = value(header + yaml) as Record<string, unknown>;
    expect(canonicalJson(rest)).toBe(canonicalJson(value(json, 'a.json')));
  });

  test('integers up to 2^64 are exact, where kubectl already rounds them', () => {
    expect(value('[18446744073709551615, 0xDEADBEEFDEADBEEF, 9007199254740992]')).toEqual([
      18446744073709551615n,
      0xdeadbeefdeadbeefn,
      9007199254740992n,
    ]);
  });

  test('a key named __proto__ is data', () => {
    const object = value('{__proto__: {polluted: yes}}') as Record<string, unknown>;
    expect(Object.keys(object)).toEqual(['__proto__']);
    expect(object['polluted']).toBeUndefined();
  });
});

describe('documents', () => {
  const lines = (content: string): number[] => read(content).documents.map((document) => document.line);

  test.each<[string, string, number[]]>([
    ['nothing', '', []],
    ['white space', '\n  \n', []],
    ['comments', '# a\n# b\n', []],
    ['one', 'a: 1\n', [1]],
    ['one below a comment', '# comment\n\na: 1\n', [3]],
    ['markers', '---\na: 1\n---\nb: 2\n', [2, 4]],
    ['empty ones between', '---\n---\n# none\n---\na: 1\n---\n', [5]],
    ['null alone', 'null\n---\n~\n', []],
    ['a comment beside a marker', 'a: 1\n--- # second\nb: 2\n', [1, 3]],
    ['content beside a marker', '--- {a: 1}\n--- {b: 2}\n', [1, 2]],
    ['a comment above its document', 'a: 1\n---\n# why\nb: 2\n', [1, 4]],
    ['an end marker', 'a: 1\n...\n---\nb: 2\n...\n', [1, 4]],
    ['a directive', '%YAML 1.1\n---\na: 1\n---\nb: 2\n', [3, 5]],
    ['a directive after an end marker', 'a: 1\n...\n%YAML 1.1\n---\nb: 2\n', [1, 5]],
    ['Windows line ends', '---\r\na: 1\r\n---\r\nb: 2\r\n', [2, 4]],
    ['old line ends', 'a: 1\r---\rb: 2\r', [1, 3]],
    ['a byte order mark', '\ufeffa: 1\n---\nb: 2\n', [1, 3]],
    ['dashes in a text', 'a: |\n  ---\n  x\nb: ---x\n', [1]],
    ['dashes that are no marker', 'a: 1\nb:\n  x ---\n', [1]],
    ['a tag and an anchor', '!!map\n&x\na: 1\n', [3]],
  ])('%s', (_title, content, expected) => {
    expect({ lines: lines(content), faults: read(content).faults }).toEqual({ lines: expected, faults: [] });
  });

  test('JSON in a YAML file is read as a stream, as kubectl does', () => {
    expect(read('{"a": 1}\n{"b": 2}').documents.map((document) => document.value)).toEqual([{ a: 1 }, { b: 2 }]);
    expect(read('{a: 1}\n---\n{b: 2}').documents.map((document) => document.value)).toEqual([{ a: 1 }, { b: 2 }]);
  });
});

describe('places', () => {
  test('mappings and keys are found, aliased and quoted ones too', () => {
    const { documents } = read('a: 1\n---\nx: {y: 1}\n"q": &q\n  on: 2\nz: [*q]\n');
    const document = documents[1];
    const root = document?.value as Record<string, Record<string, unknown>>;
    const place = (mapping: unknown, key?: string): unknown => document?.placeOf(mapping as object, key);
    expect(place(root)).toEqual({ file: 'a.yaml', line: 3, column: 1 });
    expect(place(root['x'])).toEqual({ file: 'a.yaml', line: 3, column: 4 });
    expect(place(root, 'q')).toEqual({ file: 'a.yaml', line: 4, column: 1 });
    expect(place(root['q'], 'true')).toEqual({ file: 'a.yaml', line: 5, column: 3 });
    expect(place(root['q'], 'absent')).toMatchObject({ line: 5 });
    expect(place({})).toEqual({ file: 'a.yaml', line: 3 });
  });
});

describe('faults are told with line and column', () => {
  test.each<[string, string, string[]]>([
    ['bad indentation', 'a:\n  b: 1\n c: 2\n', ['a.yaml:3:2: bad indentation of a mapping entry']],
    ['a colon too many', 'a: b: c\n', ['a.yaml:1:5: bad indentation of a mapping entry']],
    ['a tab as indentation', 'a:\n\tb: 1\n', ['a.yaml:2:1: tab characters must not be used in indentation']],
    ['a list that does not end', 'a: [1,\n', ['a.yaml:2:1: deficient indentation']],
    ['a duplicate key', 'a: 1\nb: 2\na: 3\n', ['a.yaml:3:1: the key "a" is stated twice']],
    [
      'keys that mean the same',
      'yes: 1\non: 2\n"1": 3\n1: 4\n',
      ['a.yaml:2:1: the key "true" is stated twice', 'a.yaml:4:1: the key "1" is stated twice'],
    ],
    ['a duplicate key in a nested mapping', 'a:\n- {b: 1, "b": 2}\n', ['a.yaml:2:10: the key "b" is stated twice']],
    ['a key stated twice below a merge', 'x: &x {a: 1}\ny: {<<: *x, a: 2, a: 3}\n', ['a.yaml:2:19: the key "a" is stated twice']],
    [
      'infinity',
      'a: .inf\nb: -.INF\nc: .nan\n',
      [1, 2, 3].map((line) => `a.yaml:${line}:4: JSON has no infinite numbers: put the value in quotes if it is a text`),
    ],
    ['a null key', 'null: 1\n', ['a.yaml:1:1: this key is empty or a number too large for a key: put it in quotes']],
    ['a key above 2^63', '18446744073709551615: 1\n', ['a.yaml:1:1: this key is empty or a number too large for a key: put it in quotes']],
    ['a list as a key', '? [a]\n: 1\n', ['a.yaml:1:3: a mapping, a list or nothing cannot be a key']],
    ['a mapping as a key, by alias', 'a: &a {b: 1}\n*a : 1\n', ['a.yaml:2:1: a mapping, a list or nothing cannot be a key']],
    ['an alias without anchor', 'a: *b\n', ['a.yaml:1:4: the alias has no anchor before it; a text that begins with * wants quotes']],
    [
      'an anchor of another document',
      'a: &a 1\n---\nb: *a\n',
      ['a.yaml:3:4: the alias has no anchor before it; a text that begins with * wants quotes'],
    ],
    ['an alias inside of itself', 'a: &a [*a]\n', ['a.yaml:1:8: the alias is inside of what it stands for']],
    ['a merge of a number', '<<: 1\n', ['a.yaml:1:1: a merge key wants a mapping, an alias of one, or a list of these']],
    ['an empty merge', 'a:\n  <<:\n', ['a.yaml:2:3: a merge key wants a mapping, an alias of one, or a list of these']],
    [
      'a tag that does not fit',
      'a: !!int x\nb: !!bool 1\nc: !!binary "@"\nd: !!null x\ne: !!int 1.5\n',
      [1, 2, 3, 4, 5].map((line) => `a.yaml:${line}:4: the value does not fit its tag`),
    ],
    ['a null byte', 'a: 1\nb: \0\n', ['a.yaml:2:4: null byte is not allowed in input']],
    ['a control character', 'a: 1\nb: x\u0007\n', ['a.yaml:2:5: the stream contains non-printable characters']],
    ['a directive without document', '%YAML 1.1\n', ['a.yaml:2:1: directives end mark is expected']],
  ])('%s', (_title, content, expected) => {
    expect(read(content).faults).toEqual(expected);
  });

  test('a broken document hides neither the faults nor the objects of the others', () => {
    const { documents, faults } = read('a: [\n---\nb: 1\nb: 2\n---\nc: "\n---\nd: 1\n');
    expect(faults.map((fault) => fault.slice(0, 'a.yaml:2'.length))).toEqual(['a.yaml:2', 'a.yaml:4', 'a.yaml:7']);
    expect(documents.map((document) => document.value)).toContainEqual({ d: 1 });
  });

  test('bytes that are no UTF-8', () => {
    expect(read(Buffer.from([0x61, 0x3a, 0x20, 0x31, 0x0a, 0x62, 0x3a, 0x20, 0xff, 0x0a])).faults).toEqual(['a.yaml:2:4: not UTF-8 text']);
    expect(read(Buffer.from('\ufeffa: 1', 'utf16le')).faults).toEqual(['a.yaml:1:1: not UTF-8 text']);
  });

  test('the beginning of a value is never quoted', () => {
    const secrets = [
      '!hun^ter2',
      '!hun!ter2 x',
      '*hunter2',
      '&hunter2 *hunter2x',
      '!<hunter2',
      '"hunter2',
      '"\\hunter2"',
      '@hunter2',
      '%hunter2',
      '!!int hunter2',
    ];
    for (const secret of secrets) {
      const { faults } = read(`password: ${secret}\n`);
      expect(faults).not.toEqual([]);
      expect(faults.join()).not.toContain('unter2');
      expect(faults.join()).not.toContain('hun');
    }
  });

  test('fifty are told, the others counted', () => {
    const { faults } = read(Array.from({ length: 61 }, () => 'a: 1\n').join(''));
    expect(faults).toHaveLength(51);
    expect(faults.at(-1)).toBe('and 10 more of these');
  });
});
