import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../operator/kube/types.ts';
import { pathText } from '../../../operator/live/drift/path.ts';
import type { Path } from '../../../operator/live/drift/path.ts';
import { settle, settleByConflicts } from '../../../operator/live/drift/settle.ts';
import { entry, ours } from './made.ts';
import type { Json } from './made.ts';

function object(body: Json, fields: Json, ...more: ReturnType<typeof entry>[]): KubeObject {
  return { apiVersion: 'v1', kind: 'X', metadata: { name: 'a', managedFields: [ours(fields), ...more] }, ...body };
}

const memory: Path = [{ field: 'spec' }, { field: 'memory' }];
const rival = entry('rival', 'Update', { 'f:spec': { 'f:memory': {} } });
const spec = { 'f:spec': { 'f:memory': {} } };

describe('settle', () => {
  const stated = { apiVersion: 'v1', kind: 'X', metadata: { name: 'a' }, spec: { memory: '1024Mi' } };
  test.each([
    [
      'taken and the same in other words',
      object({ spec: { memory: '1Gi' } }, {}, rival),
      object({ spec: { memory: '1Gi' } }, spec),
      [],
      ['spec.memory'],
      [],
      [],
    ],
    [
      'changed',
      object({ spec: { memory: '2Gi' } }, {}, rival),
      object({ spec: { memory: '1Gi' } }, spec),
      ['modified spec.memory rival'],
      [],
      [],
      [],
    ],
    ['removed', object({ spec: {} }, {}), object({ spec: { memory: '1Gi' } }, spec), ['removed spec.memory undefined'], [], [], []],
    ['never recorded', object({ spec: {} }, {}), object({ spec: {} }, {}), [], [], ['spec.memory'], []],
    [
      'held all the time',
      object({ spec: { memory: '1Gi' } }, spec),
      object({ spec: { memory: '1Gi' } }, spec),
      [],
      [],
      [],
      ['spec.memory'],
    ],
  ])('%s', (_name, live, answer, fields, lost, unrecorded, held) => {
    for (const paths of [[memory], [[]]]) {
      const settled = settle(paths, stated, live, answer);
      expect(settled.fields.map((finding) => `${finding.class} ${pathText(finding.path)} ${finding.manager}`)).toEqual(fields);
      expect(settled.lost.map(pathText)).toEqual(lost);
      expect([settled.unrecorded, settled.held]).toEqual([unrecorded, held]);
    }
  });
});

describe('what a dry run says of one of two ports with the same number', () => {
  const stated = {
    spec: {
      ports: [
        { port: 53, protocol: 'UDP', targetPort: 5 },
        { port: 53, targetPort: 5 },
      ],
    },
  };
  const tcp: Path = [{ field: 'spec' }, { field: 'ports' }, { item: { port: 53 }, index: 1, rest: { protocol: undefined } }];
  const [tcpKey, udpKey] = ['k:{"port":53,"protocol":"TCP"}', 'k:{"port":53,"protocol":"UDP"}'];
  const node = { '.': {}, 'f:port': {}, 'f:targetPort': {} };
  const holding = (...keys: string[]): Json => ({ 'f:spec': { 'f:ports': Object.fromEntries(keys.map((key) => [key, node])) } });
  const port = (protocol: string, targetPort = 5): Json => ({ port: 53, protocol, targetPort });
  const answer = object({ spec: { ports: [port('UDP'), port('TCP')] } }, holding(udpKey, tcpKey));

  test('that is gone', () => {
    const live = object({ spec: { ports: [port('UDP')] } }, holding(udpKey));
    const { fields, held, lost } = settle([tcp], stated, live, answer);
    expect([fields.map((finding) => `${finding.class} ${pathText(finding.path)}`), held, lost]).toEqual([
      ['removed spec.ports[port=53]'],
      [],
      [],
    ]);
  });
  test('that is there again: each of its fields by itself, as rules may be about one of them', () => {
    const by = entry('rival', 'Update', { 'f:spec': { 'f:ports': { [tcpKey]: node } } });
    const live = object({ spec: { ports: [port('UDP'), port('TCP', 6)] } }, holding(udpKey), by);
    const { fields, lost, unrecorded } = settle([tcp], stated, live, answer);
    expect(fields.map((finding) => `${finding.class} ${pathText(finding.path)} ${finding.manager}`)).toEqual([
      'modified spec.ports[port=53].targetPort rival',
    ]);
    expect([lost.map(pathText), unrecorded]).toEqual([['spec.ports[port=53].port'], []]);
  });
  test('that was changed, and by whom', () => {
    const by = (manager: string, key: string) => entry(manager, 'Update', { 'f:spec': { 'f:ports': { [key]: { 'f:targetPort': {} } } } });
    const live = object({ spec: { ports: [port('UDP'), port('TCP', 6)] } }, holding(udpKey), by('other', udpKey), by('rival', tcpKey));
    const { fields } = settle([[...tcp, { field: 'targetPort' }]], stated, live, answer);
    expect(fields.map((finding) => `${finding.class} ${finding.manager}`)).toEqual(['modified rival']);
  });
});

test.each<[string, Json, Json, true | undefined]>([
  ['what another took is not ours', {}, spec, undefined],
  ['what a webhook rewrote is ours still', spec, spec, true],
  [
    'what we hold a part of is ours still',
    { 'f:spec': { 'f:memory': { 'f:a': {} } } },
    { 'f:spec': { 'f:memory': { 'f:a': {}, 'f:b': {} } } },
    true,
  ],
])('%s', (_name, before, after, held) => {
  const live = object({ spec: { memory: '2Gi' } }, before, rival);
  const [finding] = settle([memory], {}, live, object({ spec: { memory: '1Gi' } }, after)).fields;
  expect(finding?.held).toBe(held);
});

test('a ConfigMap of which nobody is recorded to hold anything is settled whole', () => {
  const stated = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', labels: { x: 'y' } },
    data: { same: '1', other: '2', gone: '3' },
  };
  const live = { metadata: { name: 'a', managedFields: [{}] } };
  const before = entry('before-first-apply', 'Update', { 'f:metadata': { 'f:labels': { 'f:x': {} } }, 'f:data': { 'f:same': {} } });
  const answer = object({}, { 'f:data': { 'f:same': {}, 'f:other': {}, 'f:gone': {} } }, before);
  const { fields, lost } = settleByConflicts([[]], stated, live, new Set(['.data.other']), answer);
  expect(fields.map((finding) => `${finding.class} ${pathText(finding.path)}`)).toEqual(['modified data.other', 'removed data.gone']);
  expect(lost.map(pathText)).toEqual(['metadata.labels.x', 'data.same']);
});

test('a Secret is settled by the names of conflicts alone', () => {
  const live = object({}, {}, entry('kubectl-edit', 'Update', { 'f:data': { 'f:tls.crt': {}, 'f:b': {} } }));
  const paths: Path[] = [
    [{ field: 'data' }, { field: 'tls.crt' }],
    [{ field: 'data' }, { field: 'b' }],
    [{ field: 'data' }, { field: 'c' }],
  ];
  const settled = settleByConflicts(paths, {}, live, new Set(['.data.tls.crt']));
  expect(settled.fields).toEqual([
    { path: paths[0], class: 'modified', manager: 'kubectl-edit', operation: 'Update', since: '2026-11-25T10:00:00Z' },
    { path: paths[2], class: 'removed', manager: undefined, operation: undefined, since: undefined },
  ]);
  expect(settled.lost).toEqual([paths[1]]);
});
