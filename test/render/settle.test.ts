import { describe, expect, test } from '@jest/globals';
import { faultText, placeText } from '../../operator/errors.ts';
import type { Resource } from '../../operator/kube/types.ts';
import { crdResources, faultList, hashManifest, readSnapshot, settle, settling } from '../../operator/render/index.ts';
import type { Draft, SettleOptions } from '../../operator/render/index.ts';
import { finish } from '../../operator/render/steps.ts';
import { faultsOf, snapshot } from './files.ts';

const served: readonly Resource[] = [
  ['', 'v1', 'ConfigMap', 'configmaps', true],
  ['', 'v1', 'Namespace', 'namespaces', false],
  ['apps', 'v1', 'Deployment', 'deployments', true],
  ['apps', 'v1beta1', 'Deployment', 'deployments', true],
  ['apiextensions.k8s.io', 'v1', 'CustomResourceDefinition', 'customresourcedefinitions', false],
  ['plumbline.dev', 'v1', 'GitOpsSource', 'gitopssources', true],
].map(([group, version, kind, plural, namespaced]) => ({ group, version, kind, plural, namespaced, verbs: ['patch'] }) as Resource);

const base: SettleOptions = {
  sourceNamespace: 'team',
  targetNamespace: undefined,
  servedNamespaces: [],
  scopeOf: (gvk) => served.find((found) => found.group === gvk.group && found.version === gvk.version && found.kind === gvk.kind),
};

const drafts = (yaml: string): readonly Draft[] => readSnapshot(snapshot({ 'a.yaml': yaml })).drafts;
const object = (kind: string, name: string, namespace?: string, apiVersion = 'v1'): string =>
  `---\napiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}${namespace === undefined ? '' : `, namespace: ${namespace}`}}\n`;
const settled = (yaml: string, options: Partial<SettleOptions> = {}): ReturnType<typeof settle> =>
  settle(drafts(yaml), { ...base, ...options });
const faults = (yaml: string, options: Partial<SettleOptions> = {}): string[] =>
  faultsOf(() => settled(yaml, options)).map((fault) => `${fault.reason} ${faultText(fault)}`);

const crd = (scope: string): string => `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  scope: ${scope}
  versions:
  - {name: v1, served: true, storage: true}
  - {name: v1beta1, served: true, storage: false}
  - {name: v1alpha1, served: false, storage: false}
`;

describe('namespaces', () => {
  test.each<[string, string, Partial<SettleOptions>, string]>([
    ['a stated one is kept', object('ConfigMap', 'x', 'shop'), {}, 'shop'],
    ['without one: the target', object('ConfigMap', 'x'), { targetNamespace: 'prod' }, 'prod'],
    ["without one and without target: the source's own", object('ConfigMap', 'x'), {}, 'team'],
    ['an empty one is none', object('ConfigMap', 'x', '""'), {}, 'team'],
    ['the target stated', object('ConfigMap', 'x', 'prod'), { targetNamespace: 'prod' }, 'prod'],
    ['cluster-wide: none', object('Namespace', 'x'), { targetNamespace: 'prod' }, ''],
    ['a served one', object('ConfigMap', 'x'), { servedNamespaces: ['team', 'shop'] }, 'team'],
  ])('%s', (_title, yaml, options, namespace) => {
    const { manifests, notices } = settled(yaml, options);
    expect(notices).toEqual([]);
    expect(manifests).toHaveLength(1);
    expect(manifests[0]?.id.namespace).toBe(namespace);
    expect(manifests[0]?.object.metadata.namespace).toBe(namespace === '' ? undefined : namespace);
  });

  test('one that a cluster-wide object states is left out, and told', () => {
    const { manifests, notices } = settled(object('Namespace', 'x', 'shop'), { targetNamespace: 'prod' });
    expect(manifests[0]?.object.metadata).toEqual({ name: 'x' });
    expect(notices).toEqual([
      {
        place: { file: 'a.yaml', line: 2 },
        object: 'Namespace x',
        message: 'left out metadata.namespace (shop): Namespace is cluster-wide',
      },
    ]);
  });

  test.each<[string, string, Partial<SettleOptions>, string]>([
    [
      'another than the target',
      object('ConfigMap', 'x', 'shop'),
      { targetNamespace: 'prod' },
      'NamespaceMismatch a.yaml:2 ConfigMap shop/x: metadata.namespace is shop, but spec.targetNamespace is prod',
    ],
    [
      'one that is not served',
      object('ConfigMap', 'x', 'shop'),
      { servedNamespaces: ['team'] },
      'OutOfScope a.yaml:2 ConfigMap shop/x: in namespace shop, but this operator serves only team',
    ],
    [
      'cluster-wide where namespaces are served',
      object('Namespace', 'x'),
      { servedNamespaces: ['team', 'shop'] },
      'OutOfScope a.yaml:2 Namespace x: cluster-wide, but this operator serves only namespaces team, shop',
    ],
  ])('%s is refused', (_title, yaml, options, expected) => {
    expect(faults(yaml, options)).toEqual([expected]);
  });
});

describe('kinds', () => {
  test('are looked up in the version that is stated', () => {
    const { manifests } = settled(object('Deployment', 'web', 'shop', 'apps/v1beta1'));
    expect(manifests[0]).toMatchObject({
      id: { group: 'apps', version: 'v1beta1', kind: 'Deployment', namespace: 'shop', name: 'web' },
      resource: { plural: 'deployments', version: 'v1beta1' },
    });
  });

  test.each<[string, string, string]>([
    ['Namespaced', 'v1', 'team'],
    ['Namespaced', 'v1beta1', 'team'],
    ['Cluster', 'v1', ''],
  ])('a CRD of the same revision says that its kind is %s in %s, wherever it stands', (scope, version, namespace) => {
    const widget = object('Widget', 'x', undefined, `example.com/${version}`);
    for (const yaml of [crd(scope) + widget, widget + crd(scope)]) {
      const found = settled(yaml).manifests.find((manifest) => manifest.id.kind === 'Widget');
      expect(found?.id.namespace).toBe(namespace);
      expect(found?.resource).toMatchObject({ group: 'example.com', version, plural: 'widgets', namespaced: scope === 'Namespaced' });
    }
  });

  test('unknown ones are told, all of them, with what is served instead', () => {
    const yaml =
      object('Deployment', 'web', undefined, 'extensions/v1beta1') + object('Widget', 'x', 'shop', 'example.com/v1alpha1') + crd('Cluster');
    const servedAs = (kind: string): string[] => (kind === 'Deployment' ? ['apps/v1', 'apps/v1beta1'] : []);
    expect(faults(yaml, { servedAs })).toEqual([
      'UnknownKind a.yaml:2 Deployment web: there is no kind Deployment in extensions/v1beta1, neither in the cluster nor by a CRD of this revision; Deployment is served as apps/v1, apps/v1beta1',
      'UnknownKind a.yaml:6 Widget shop/x: there is no kind Widget in example.com/v1alpha1, neither in the cluster nor by a CRD of this revision',
    ]);
  });

  test.each<[string, string]>([
    ['no spec', 'spec: '],
    ['no names', 'spec: {group: a, scope: Cluster, versions: []}'],
    ['versions of nonsense', 'spec: {group: a, scope: Cluster, names: {kind: A, plural: as}, versions: [1, {}, {name: 1, served: true}]}'],
    ['a scope that is none', 'spec: {group: a, scope: Half, names: {kind: A, plural: as}, versions: [{name: v1, served: true}]}'],
  ])('a CRD with %s brings nothing and is left to the API server', (_title, spec) => {
    expect(crdResources(drafts(`${object('CustomResourceDefinition', 'as.a', undefined, 'apiextensions.k8s.io/v1')}${spec}\n`))).toEqual(
      [],
    );
  });
});

describe('objects stated twice', () => {
  test.each<[string, string, string[]]>([
    [
      'once with and once without its namespace',
      object('ConfigMap', 'x', 'team') + object('ConfigMap', 'x'),
      ['RenderFailed a.yaml:6 ConfigMap team/x: stated twice, first at a.yaml:2'],
    ],
    [
      'in two versions of its kind',
      object('Deployment', 'x', 'shop', 'apps/v1') + object('Deployment', 'x', 'shop', 'apps/v1beta1'),
      ['RenderFailed a.yaml:6 Deployment shop/x: stated twice, first at a.yaml:2'],
    ],
    [
      'three times',
      object('Namespace', 'x').repeat(3),
      [
        'RenderFailed a.yaml:6 Namespace x: stated twice, first at a.yaml:2',
        'RenderFailed a.yaml:10 Namespace x: stated twice, first at a.yaml:2',
      ],
    ],
  ])('%s', (_title, yaml, expected) => {
    expect(faults(yaml)).toEqual(expected);
  });

  test('the same name in another namespace, group or kind is another object', () => {
    const yaml =
      object('ConfigMap', 'x') +
      object('ConfigMap', 'x', 'shop') +
      object('Namespace', 'x') +
      object('Deployment', 'x', undefined, 'apps/v1');
    expect(settled(yaml).manifests).toHaveLength(4);
  });
});

describe('a source that states sources', () => {
  const own = object('GitOpsSource', 'shop', 'team', 'plumbline.dev/v1');
  test('is refused when it states itself', () => {
    expect(faults(own, { sourceName: 'shop' })).toEqual([
      'RenderFailed a.yaml:2 GitOpsSource team/shop: the source that reads this file; a source cannot be a member of itself',
    ]);
  });
  test('may state others', () => {
    expect(faults(own, { sourceName: 'other' })).toEqual([]);
    expect(faults(own, { sourceName: 'shop', sourceNamespace: 'elsewhere' })).toEqual([]);
  });
});

test('a manifest carries its place, its object and the hash of just that', () => {
  const [manifest] = settled(`${object('ConfigMap', 'x')}data: {a: b}\n`).manifests;
  expect(manifest?.object).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'team' }, data: { a: 'b' } });
  expect(manifest?.hash).toBe(hashManifest(manifest?.object));
  expect(manifest && placeText(manifest.place)).toBe('a.yaml:2');
});

test('drafts are never changed', () => {
  const given = drafts(object('Namespace', 'x', 'shop') + object('ConfigMap', 'x'));
  const before = JSON.stringify(given);
  settle(given, base);
  expect(JSON.stringify(given)).toBe(before);
});

test('what was wrong with files is told beside what is wrong with the rest; the CRD of an unknown kind may stand in them', () => {
  const broken = faultList();
  broken.add({ reason: 'RenderFailed', place: { file: 'z.yaml', line: 1 }, message: 'broken' });
  const given = drafts(object('ConfigMap', 'x') + object('ConfigMap', 'x') + object('Widget', 'w', undefined, 'example.com/v1'));
  const told = faultsOf(() => finish(settling(given, base, broken))).map((fault) => `${fault.reason} ${faultText(fault)}`);
  expect(told).toEqual(['RenderFailed z.yaml:1: broken', 'RenderFailed a.yaml:6 ConfigMap team/x: stated twice, first at a.yaml:2']);
});
