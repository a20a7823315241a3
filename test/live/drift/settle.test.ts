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

test('a Secret is settled by the names of conflicts alone', () => {
  const live = object({}, {}, entry('kubectl-edit', 'Update', { 'f:data': { 'f:tls.crt': {}, 'f:b': {} } }));
  const paths: Path[] = [
    [{ field: 'data' }, { field: 'tls.crt' }],
    [{ field: 'data' }, { field: 'b' }],
    [{ field: 'data' }, { field: 'c' }],
  ];
  const settled = settleByConflicts(paths, live, new Set(['.data.tls.crt']));
  expect(settled.fields).toEqual([
    { path: paths[0], class: 'modified', manager: 'kubectl-edit', operation: 'Update', since: '2026-11-25T10:00:00Z' },
    { path: paths[2], class: 'removed', manager: undefined, operation: undefined, since: undefined },
  ]);
  expect(settled.lost).toEqual([paths[1]]);
});
