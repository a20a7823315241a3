import { expect, test } from '@jest/globals';
import { desired } from '../../operator/apply/desired.ts';
import type { Origin } from '../../operator/apply/desired.ts';
import { objectKey } from '../../operator/kube/types.ts';
import { manifest } from '../plan/made.ts';

const stated = manifest({ name: 'a' }, { hash: 'v1:abc', annotations: { team: 'shop' } });

function annotationsFor(origin: Origin | undefined): unknown {
  const origins = origin === undefined ? undefined : new Map([[objectKey(stated.id), origin]]);
  return desired(stated, { applySet: 'applyset-x-v1', commit: 'head', origins }).metadata.annotations;
}

const own = { team: 'shop', 'plumbline.dev/hash': 'v1:abc', 'plumbline.dev/origin': 'web.yaml:3' };

test.each<[string, Origin | undefined, Record<string, string>]>([
  ['the commit at which it changed', { commit: 'then', exact: true }, { 'plumbline.dev/commit': 'then' }],
  [
    'that it may have changed before',
    { commit: 'then', exact: false },
    { 'plumbline.dev/commit': 'then', 'plumbline.dev/commit-bound': 'at-or-before' },
  ],
  [
    'the commit that is applied, or before, where nothing is known',
    undefined,
    { 'plumbline.dev/commit': 'head', 'plumbline.dev/commit-bound': 'at-or-before' },
  ],
  [
    'the place that it had, where that is kept',
    { commit: 'then', exact: true, place: 'old.yaml:1' },
    { 'plumbline.dev/commit': 'then', 'plumbline.dev/origin': 'old.yaml:1' },
  ],
])('an object says %s', (_, origin, said) => {
  expect(annotationsFor(origin)).toEqual({ ...own, ...said });
});
