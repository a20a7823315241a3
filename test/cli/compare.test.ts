import { describe, expect, test } from '@jest/globals';
import { compareObjects } from '../../operator/cli/compare.ts';

const paths = (before: unknown, after: unknown, secret = false) =>
  compareObjects(before, after, secret).map(({ path, before: left, after: right }) => `${path}: ${left} → ${right}`);

describe('two objects', () => {
  test.each<[string, unknown, unknown, readonly string[]]>([
    ['that are equal do not differ', { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
    ['differ in a field', { spec: { replicas: 1 } }, { spec: { replicas: 2 } }, ['spec.replicas: 1 → 2']],
    ['differ in a field that comes', {}, { spec: { a: 1 } }, ['spec: undefined → {"a":1}']],
    [
      'differ in named items by name',
      { c: [{ name: 'x', v: 1 }] },
      { c: [{ name: 'y' }, { name: 'x', v: 2 }] },
      ['c[name=x].v: 1 → 2', 'c[name=y]: undefined → {"name":"y"}'],
    ],
    ['differ in other lists by place', { args: ['a'] }, { args: ['b', 'c'] }, ['args[0]: "a" → "b"', 'args[1]: undefined → "c"']],
    [
      'are not told apart by what the server keeps',
      { metadata: { resourceVersion: '1' }, status: 1 },
      { metadata: { resourceVersion: '2' }, status: 2 },
      [],
    ],
    ['are not told apart by where they came from', { metadata: {} }, { metadata: { annotations: { 'plumbline.dev/commit': 'x' } } }, []],
    ['differ in integers above 2^53', { n: 9007199254740993n }, { n: 9007199254740994n }, ['n: "9007199254740993" → "9007199254740994"']],
  ])('%s', (_name, before, after, expected) => expect(paths(before, after)).toEqual(expected));

  test('of a Secret tell keys and no values', () => {
    expect(paths({ data: { a: 'eA==' } }, { data: { a: 'eQ==', b: 'eg==' } }, true)).toEqual([
      'data.a: *** → ***',
      'data.b: undefined → ***',
    ]);
    expect(paths({}, { data: { a: 'eA==' } }, true)).toEqual(['data: undefined → ***']);
  });
});
