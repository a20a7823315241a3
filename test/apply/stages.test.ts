import { describe, expect, test } from '@jest/globals';
import { deferred } from '../../operator/apply/apply.ts';
import { desired } from '../../operator/apply/desired.ts';
import { applyStageOf, applyStages, pruneStageOf, pruneStages } from '../../operator/apply/stages.ts';
import type { Write } from '../../operator/plan/types.ts';
import { type Which, manifest, resourceOf } from '../plan/made.ts';

const kinds: readonly [Which, string, string][] = [
  [{ kind: 'Namespace', namespace: '' }, 'namespaces', 'namespaces'],
  [{ group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition', namespace: '' }, 'crds', 'crds'],
  [{ group: 'storage.k8s.io', kind: 'StorageClass', namespace: '' }, 'cluster', 'cluster'],
  [{ group: 'rbac.authorization.k8s.io', kind: 'ClusterRole', namespace: '' }, 'cluster', 'rights'],
  [{ group: 'rbac.authorization.k8s.io', kind: 'RoleBinding' }, 'config', 'rights'],
  [{ kind: 'ServiceAccount' }, 'config', 'rights'],
  [{ kind: 'Secret' }, 'config', 'config'],
  [{ group: 'apps', kind: 'Deployment' }, 'rest', 'rest'],
  [{ group: 'example.com', kind: 'Secret' }, 'rest', 'rest'],
  [{ group: 'plumbline.dev', kind: 'GitOpsSource' }, 'rest', 'sources'],
];

describe('the order of things', () => {
  test.each(kinds)('%j goes in with %s and out with %s', (which, applied, pruned) => {
    expect(applyStageOf(resourceOf(which))).toBe(applied);
    expect(pruneStageOf(resourceOf(which))).toBe(pruned);
  });
  test('puts namespaces first and takes them out last', () => {
    expect([applyStages[0], pruneStages.at(-1)]).toEqual(['namespaces', 'namespaces']);
  });
});

describe('what cannot be dry-run yet', () => {
  const write = (which: Which, verb: Write['verb'] = 'create', body?: Record<string, unknown>): Write => ({
    verb,
    manifest: manifest(which, body === undefined ? {} : { body }),
    uid: undefined,
    adopts: undefined,
  });
  const namespace = { kind: 'Namespace', namespace: '', name: 'shop' };
  const crd = { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition', namespace: '', name: 'shops.example.com' };
  const shops = { spec: { group: 'example.com', names: { kind: 'Shop' } } };
  const instance = { group: 'example.com', kind: 'Shop' };

  test.each<[string, readonly Write[], readonly string[]]>([
    [
      'is what lies in a namespace of the same revision',
      [write(namespace), write({}), write({ namespace: 'other', name: 'b' })],
      ['ConfigMap'],
    ],
    ['is not what lies in a namespace that is only changed', [write(namespace, 'change'), write({})], []],
    ['is what is defined by a CRD of the same revision', [write(crd, 'create', shops), write(instance)], ['Shop']],
    ['is also what is defined by a CRD that changes', [write(crd, 'change', shops), write(instance)], ['Shop']],
  ])('%s', (_name, writes, later) => {
    expect(deferred(writes).later.map((one) => one.manifest.id.kind)).toEqual(later);
    expect(deferred(writes).now.length).toBe(writes.length - later.length);
  });
});

describe('an object as it is sent', () => {
  const mark = { applySet: 'applyset-x-v1', commit: 'c0ffee' };
  test('carries membership and origin beside what git states', () => {
    const stated = manifest({}, { annotations: { team: 'shop' }, body: { data: { a: 'b' } } });
    expect(desired(stated, mark)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'a',
        namespace: 'shop',
        labels: { 'applyset.kubernetes.io/part-of': 'applyset-x-v1' },
        annotations: {
          team: 'shop',
          'plumbline.dev/commit': 'c0ffee',
          'plumbline.dev/commit-bound': 'at-or-before',
          'plumbline.dev/origin': 'web.yaml:3',
          'plumbline.dev/hash': 'v1:new',
        },
      },
      data: { a: 'b' },
    });
  });
  test('carries the uid of the object that it changes', () => {
    expect(desired(manifest(), mark, 'u-1').metadata.uid).toBe('u-1');
  });
});
