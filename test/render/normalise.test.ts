import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../operator/kube/types.ts';
import { pathText } from '../../operator/render/fields.ts';
import { normalise } from '../../operator/render/normalise.ts';

const object = (fields: object): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, ...fields });
const secret = (fields: object): KubeObject => object({ kind: 'Secret', ...fields });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Freezes everything, so that a change of what was handed in throws. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

function run(given: KubeObject): { object: KubeObject; leftOut: string[]; faults: string[] } {
  const found = normalise(frozen(given));
  return {
    object: found.object,
    leftOut: found.leftOut.map((path) => pathText(path)),
    faults: found.faults.map(({ path, message }) => `${pathText(path)} ${message}`),
  };
}

describe('what the cluster sets is left out', () => {
  test.each<[string, object, object, string[]]>([
    ['nothing to leave out', { data: { a: 'b' } }, { data: { a: 'b' } }, []],
    ['status', { status: { phase: 'Bound' } }, {}, ['status']],
    ['an empty status, silently', { status: {} }, {}, []],
    ['a status that is null, silently', { status: null }, {}, []],
    ['a status further down stays', { spec: { status: 'on' } }, { spec: { status: 'on' } }, []],
    ['a creationTimestamp of null, silently', { metadata: { name: 'web', creationTimestamp: null } }, {}, []],
    [
      'server-set metadata',
      {
        metadata: {
          name: 'web',
          uid: 'u',
          resourceVersion: '1',
          generation: 2,
          creationTimestamp: '2026-01-01T00:00:00Z',
          selfLink: '/x',
          managedFields: [{}],
          deletionTimestamp: '2026-01-01T00:00:00Z',
          deletionGracePeriodSeconds: 30,
        },
      },
      {},
      [
        'uid',
        'resourceVersion',
        'generation',
        'creationTimestamp',
        'selfLink',
        'managedFields',
        'deletionTimestamp',
        'deletionGracePeriodSeconds',
      ].map((name) => `metadata.${name}`),
    ],
    [
      'annotations of the server and of kubectl',
      {
        metadata: {
          name: 'web',
          annotations: { 'deployment.kubernetes.io/revision': '3', 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'x' },
        },
      },
      { metadata: { name: 'web', annotations: { mine: 'x' } } },
      [
        'metadata.annotations["deployment.kubernetes.io/revision"]',
        'metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]',
      ],
    ],
    [
      'what Plumbline itself writes, and a map that this empties',
      {
        metadata: {
          name: 'web',
          annotations: { 'plumbline.dev/commit': 'c', 'plumbline.dev/hash': 'h', 'plumbline.dev/origin': 'o' },
          labels: { 'applyset.kubernetes.io/part-of': 'applyset-x-v1' },
        },
      },
      {},
      [
        'metadata.labels["applyset.kubernetes.io/part-of"]',
        ...['commit', 'hash', 'origin'].map((name) => `metadata.annotations["plumbline.dev/${name}"]`),
      ],
    ],
    [
      'an empty map that nothing was taken from stays',
      { metadata: { name: 'web', annotations: {}, labels: {} } },
      { metadata: { name: 'web', annotations: {}, labels: {} } },
      [],
    ],
    [
      'the annotations that people set stay',
      {
        metadata: {
          name: 'web',
          annotations: Object.fromEntries(['prune', 'ignore', 'force', 'apply', 'adopt'].map((name) => [`plumbline.dev/${name}`, 'x'])),
        },
      },
      {
        metadata: {
          name: 'web',
          annotations: Object.fromEntries(['prune', 'ignore', 'force', 'apply', 'adopt'].map((name) => [`plumbline.dev/${name}`, 'x'])),
        },
      },
      [],
    ],
    [
      'a source saved from the cluster',
      {
        apiVersion: 'plumbline.dev/v1',
        kind: 'GitOpsSource',
        metadata: {
          name: 'shop',
          labels: { 'applyset.kubernetes.io/id': 'applyset-x-v1', team: 'shop' },
          annotations: { 'applyset.kubernetes.io/tooling': 'plumbline/v1', 'applyset.kubernetes.io/contains-group-kinds': 'Secret' },
          finalizers: ['plumbline.dev/source', 'mine/too'],
        },
      },
      {
        apiVersion: 'plumbline.dev/v1',
        kind: 'GitOpsSource',
        metadata: { name: 'shop', labels: { team: 'shop' }, finalizers: ['mine/too'] },
      },
      [
        'metadata.labels["applyset.kubernetes.io/id"]',
        'metadata.annotations["applyset.kubernetes.io/tooling"]',
        'metadata.annotations["applyset.kubernetes.io/contains-group-kinds"]',
        'metadata.finalizers',
      ],
    ],
  ])('%s', (_title, given, expected, leftOut) => {
    expect(run(object(given))).toEqual({ object: object(expected), leftOut, faults: [] });
  });

  test('an object of which nothing is left out is handed on, not copied', () => {
    const given = object({ metadata: { name: 'web' }, spec: {} });
    expect(normalise(given).object.metadata).toBe(given.metadata);
  });
});

describe("a Secret's stringData becomes data", () => {
  test.each<[string, object, object]>([
    ['alone', { stringData: { a: 'x', b: 'é' } }, { data: { a: base64('x'), b: base64('é') } }],
    [
      'beside data, which it replaces',
      { data: { a: base64('old'), c: 'Yw==' }, stringData: { a: 'new' } },
      { data: { a: base64('new'), c: 'Yw==' } },
    ],
    ['empty', { stringData: {} }, { data: {} }],
    ['null', { stringData: null, data: { a: 'YQ==' } }, { data: { a: 'YQ==' } }],
    ['beside data of null', { stringData: { a: 'x' }, data: null }, { data: { a: base64('x') } }],
    ['a key of null is no key', { stringData: { a: null, b: '' } }, { data: { b: '' } }],
  ])('%s', (_title, given, expected) => {
    expect(run(secret(given))).toEqual({ object: secret(expected), leftOut: [], faults: [] });
  });

  test('the same Secret written both ways is the same', () => {
    expect(run(secret({ stringData: { a: 'x' } }))).toEqual(run(secret({ data: { a: base64('x') } })));
  });

  test.each<[string, object, string[]]>([
    ['a number', { stringData: { port: 5432 } }, ['stringData.port is a number, not a string: put it in quotes']],
    [
      'a boolean and a list',
      { stringData: { a: true, 'b.c': [] } },
      ['stringData.a is a boolean, not a string: put it in quotes', 'stringData["b.c"] is a list, not a string: put it in quotes'],
    ],
    ['a text', { stringData: 'hunter2' }, ['stringData is a string, not a mapping']],
    ['data that is a list', { stringData: { a: 'x' }, data: [] }, ['data is a list, not a mapping']],
  ])('%s is told without its value', (_title, given, expected) => {
    expect(run(secret(given)).faults).toEqual(expected);
  });

  test('stringData of another kind is its own business', () => {
    expect(run(object({ stringData: { a: 1 } }))).toEqual({ object: object({ stringData: { a: 1 } }), leftOut: [], faults: [] });
  });
});
