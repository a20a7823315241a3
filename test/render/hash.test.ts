import { describe, expect, test } from '@jest/globals';
import { hashManifest } from '../../operator/render/hash.ts';
import { value } from './files.ts';

const hashOf = (yaml: string): string => hashManifest(value(yaml));

describe('the hash of a manifest', () => {
  test('has a version and 27 characters, and never changes between releases', () => {
    expect(hashOf('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {a: "1"}\n')).toBe(
      'v1:fFQbmPmUdfmGcSUHKGMisRGIyGs',
    );
  });

  test.each<[string, string, string]>([
    ['the order of keys', '{a: 1, b: {c: 2, d: 3}}', '{b: {d: 3, c: 2}, a: 1}'],
    ['comments and layout', 'a:\n# why\n- 1\n- b: c', '{"a": [1, {"b": "c"}]}'],
    ['how a number is written', '{a: 0644, b: 1.0, c: 0x10}', '{a: 420, b: 1, c: 16}'],
    ['aliases', 'a: &a {x: 1}\nb: *a', '{a: {x: 1}, b: {x: 1}}'],
    ['how a text is written', 'a: |-\n  x', "a: 'x'"],
  ])('does not depend on %s', (_title, left, right) => {
    expect(hashOf(left)).toBe(hashOf(right));
  });

  test.each<[string, string, string]>([
    ['a value', '{a: 1}', '{a: 2}'],
    ['a type', '{a: 1}', '{a: "1"}'],
    ['the order of a list', '[1, 2]', '[2, 1]'],
    ['the last digit of a large integer', '{a: 9007199254740992}', '{a: 9007199254740993}'],
    ['a null, which a nullable field keeps', '{a: 1, b: null}', '{a: 1}'],
    ['an empty map', '{a: {}}', '{}'],
    ['where a key ends', '{a: {b: 1}}', '{a: {}, b: 1}'],
  ])('depends on %s', (_title, left, right) => {
    expect(hashOf(left)).not.toBe(hashOf(right));
  });
});
