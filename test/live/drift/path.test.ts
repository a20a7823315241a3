import { describe, expect, test } from '@jest/globals';
import { likeness } from '../../../operator/live/drift/equal.ts';
import { pathText, valueAt, withoutPaths } from '../../../operator/live/drift/path.ts';
import type { Path } from '../../../operator/live/drift/path.ts';

const containers: Path = [{ field: 'spec' }, { field: 'containers' }];
const image: Path = [...containers, { item: { name: 'web' }, index: 0 }, { field: 'image' }];
const object = {
  spec: {
    replicas: 1,
    containers: [
      { name: 'web', image: 'a' },
      { name: 'b', image: 'c' },
    ],
  },
  metadata: { labels: { x: 'y' } },
};

test('paths read as people write them', () => {
  expect(pathText(image)).toBe('spec.containers[name=web].image');
  expect(pathText([{ field: 'metadata' }, { field: 'labels' }, { field: 'app.kubernetes.io/name' }])).toBe(
    'metadata.labels["app.kubernetes.io/name"]',
  );
  expect(pathText([{ field: 'ports' }, { item: { port: 80, protocol: 'TCP' }, index: 0 }])).toBe('ports[port=80,protocol=TCP]');
  expect(pathText([{ field: 'set' }, { value: 'a/b' }])).toBe('set[=a/b]');
});

test('a value is found by its path', () => {
  expect(valueAt(object, image)).toBe('a');
  expect(valueAt(object, [...containers, { item: { name: 'x' }, index: 0 }, { field: 'image' }])).toBeUndefined();
});

describe('withoutPaths', () => {
  test('leaves the rest as it is and the original too', () => {
    const left = withoutPaths(object, [image, [{ field: 'spec' }, { field: 'replicas' }]]);
    expect(left).toEqual({ spec: { containers: [{ name: 'web' }, { name: 'b', image: 'c' }] }, metadata: { labels: { x: 'y' } } });
    expect(object.spec.containers[0]?.image).toBe('a');
  });
  test('what becomes empty by it goes too', () => {
    expect(withoutPaths(object, [[{ field: 'metadata' }, { field: 'labels' }, { field: 'x' }], containers])).toEqual({
      spec: { replicas: 1 },
    });
  });
});

describe('of two items that differ in a key field which one of them leaves out', () => {
  const ports: Path = [{ field: 'ports' }];
  const tcp: Path = [...ports, { item: { port: 53 }, index: 0, rest: { protocol: 'TCP' } }];
  const udp: Path = [...ports, { item: { port: 53, protocol: 'UDP' }, index: 1 }];
  const unknown: Path = [...ports, { item: { port: 53 }, index: 0, rest: { protocol: undefined } }];
  const target = { field: 'targetPort' };
  const bare = { port: 53, targetPort: 'a' };
  const whole = { port: 53, protocol: 'TCP', targetPort: 'a' };
  const other = { port: 53, protocol: 'UDP', targetPort: 'b' };

  test.each<[string, object[], Path, object[]]>([
    ['the one that leaves it out', [bare, other], tcp, [other]],
    ['the one that states it', [bare, other], udp, [bare]],
    ['a field of the one', [bare, other], [...tcp, target], [{ port: 53 }, other]],
    ['a field of the other', [bare, other], [...udp, target], [bare, { port: 53, protocol: 'UDP' }]],
    ['the one whose default is not known', [other, bare], unknown, [other]],
    ['the one, where a later manifest states the default', [other, whole], tcp, [other]],
    ['nothing, where a later manifest no longer says which it is', [bare], udp, [bare]],
  ])('a manifest goes without %s', (_what, list, path, expected) => {
    expect(withoutPaths({ ports: list }, [path])).toEqual({ ports: expected });
  });

  test('the live one is found', () => {
    const live = { ports: [other, whole] };
    expect([valueAt(live, [...tcp, target]), valueAt(live, [...udp, target])]).toEqual(['a', 'b']);
  });
});

describe('likeness', () => {
  test.each([
    ['a', 'a', 'same'],
    ['a', 'b', 'differs'],
    ['a', undefined, 'differs'],
    [null, 'b', 'same'],
    [{}, undefined, 'same'],
    [1, 1n, 'same'],
    ['1024Mi', '1Gi', 'unsure'],
    ['0.5', '500m', 'unsure'],
    [1, '1', 'unsure'],
    ['1Gi', '2Gi', 'differs'],
    ['60m', '1h0m0s', 'unsure'],
    ['2026-01-01T00:00:00+01:00', '2025-12-31T23:00:00Z', 'unsure'],
    [['a'], ['a', 'b'], 'differs'],
    [['a', 'b'], ['b', 'a'], 'differs'],
    [{ a: 1 }, { a: 1, b: 2 }, 'unsure'],
    [{ a: 1, c: 3 }, { a: 1, b: 2 }, 'differs'],
    [{ a: 1 }, { a: 1, b: null }, 'same'],
    ['0', false, 'differs'],
  ])('%j and %j: %s', (stated, live, expected) => {
    expect(likeness(stated, live)).toBe(expected);
  });
});
