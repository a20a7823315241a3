import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../../operator/kube/types.ts';
import { differences } from '../../../operator/live/drift/oracle.ts';
import { pathText } from '../../../operator/live/drift/path.ts';
import { entry } from './made.ts';

const object = (spec: object): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', managedFields: [entry('plumbline', 'Apply', { 'f:spec': { 'f:context': {}, 'f:replicas': {} } })] },
  spec,
});

test.each<[string, object, object, readonly string[]]>([
  ['the same', { context: {}, replicas: 1 }, { context: {}, replicas: 1 }, []],
  ['another value', { context: {}, replicas: 2 }, { context: {}, replicas: 1 }, ['spec.replicas']],
  ['one that is gone', { context: {} }, { context: {}, replicas: 1 }, ['spec.replicas']],
  ['an empty one that is gone', { replicas: 1 }, { context: {}, replicas: 1 }, []],
  ['an empty one that holds something', { context: { a: 1 }, replicas: 1 }, { context: {}, replicas: 1 }, ['spec.context']],
])('a dry run differs by %s', (_what, live, answer, expected) => {
  expect(differences(object(live), object(answer)).map(pathText)).toEqual(expected);
});
