import { describe, expect, test } from '@jest/globals';
import { workloadImages } from '../../operator/report/workloads.ts';
import type { KubeObject } from '../../operator/kube/types.ts';

const pod = (...images: readonly string[]) => ({ containers: images.map((image, index) => ({ name: `c${index}`, image })) });
const workload = (kind: string, spec: object, more: object = {}, apiVersion = 'apps/v1'): { readonly object: KubeObject } => ({
  object: { apiVersion, kind, metadata: { name: 'web', namespace: 'shop', ...more }, spec },
});
const deployment = (image: string) => workload('Deployment', { template: { spec: pod(image) } });

describe('where containers are found', () => {
  const template = { template: { spec: pod('web:1') } };
  test.each([
    ['a pod', workload('Pod', pod('web:1'), {}, 'v1')],
    ['a Deployment', workload('Deployment', template)],
    ['a StatefulSet', workload('StatefulSet', template)],
    ['a Job', workload('Job', template, {}, 'batch/v1')],
    ['a CronJob', workload('CronJob', { jobTemplate: { spec: template } }, {}, 'batch/v1')],
    ['a custom workload', workload('Rollout', template, {}, 'argoproj.io/v1alpha1')],
  ])('%s', (_, one) => {
    expect(workloadImages([one])).toEqual([
      { namespace: 'shop', kind: one.object.kind, workload: 'web', container: 'c0', image: 'web:1', digest: '', appCommit: '' },
    ]);
  });

  test('a pod template', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'PodTemplate',
      metadata: { name: 'web', namespace: 'shop' },
      template: { spec: pod('web:1') },
    };
    expect(workloadImages([{ object }])).toHaveLength(1);
  });

  test('init containers as well', () => {
    const spec = { template: { spec: { ...pod('web:1'), initContainers: [{ name: 'init', image: 'init:2' }] } } };
    expect(workloadImages([workload('Deployment', spec)]).map(({ container, image }) => [container, image])).toEqual([
      ['init', 'init:2'],
      ['c0', 'web:1'],
    ]);
  });

  test.each([
    ['a ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { spec: 'template' } }],
    [
      'a template without containers',
      { apiVersion: 'x/v1', kind: 'Order', metadata: { name: 'a' }, spec: { template: { spec: { a: 1 } } } },
    ],
    ['a Pod of another group', { apiVersion: 'x/v1', kind: 'Pod', metadata: { name: 'a' }, spec: pod('web:1') }],
    [
      'strange shapes',
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'a' },
        spec: { template: { spec: { containers: [null, 'x', { name: 1, image: {} }] } } },
      },
    ],
    ['no spec', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' } }],
  ])('not in %s', (_, object) => {
    expect(workloadImages([{ object }])).toEqual([]);
  });
});

test.each([
  ['nginx', 'nginx', ''],
  ['nginx:1.27', 'nginx:1.27', ''],
  ['registry.example.com:5000/shop/web:1.4', 'registry.example.com:5000/shop/web:1.4', ''],
  ['nginx@sha256:0a1b', 'nginx', 'sha256:0a1b'],
  ['nginx:1.27@sha256:0a1b', 'nginx:1.27', 'sha256:0a1b'],
])('%s is image %s, digest %j', (stated, image, digest) => {
  expect(workloadImages([deployment(stated)])).toMatchObject([{ image, digest }]);
});

describe("the application's commit", () => {
  const commit = (metadata: object, template: object) =>
    workloadImages([workload('Deployment', { template: { metadata: template, spec: pod('web:1') } }, metadata)])[0]?.appCommit;
  const annotation = (value: unknown) => ({ annotations: { 'plumbline.dev/app-commit': value } });
  const label = (value: unknown) => ({ labels: { 'org.opencontainers.image.revision': value } });

  test.each([
    ['the annotation of the object', annotation('abc'), {}, 'abc'],
    ['the annotation of the pod template', {}, annotation('abc'), 'abc'],
    ['the label of the pod template', {}, label('abc'), 'abc'],
    ['the annotation before the label', annotation('abc'), label('def'), 'abc'],
    ['the label where the annotation is no commit', annotation('not a commit'), label('def'), 'def'],
    ['nothing of what is too long', annotation('a'.repeat(65)), {}, ''],
    ['nothing of what is no text', annotation(5), {}, ''],
    ['nothing where nothing is said', {}, {}, ''],
  ])('is %s', (_, metadata, template, expected) => {
    expect(commit(metadata, template)).toBe(expected);
  });
});

test('what a repository states is bounded', () => {
  const many = Array.from({ length: 3_000 }, (_, index) =>
    workload('Deployment', { template: { spec: pod('web:1') } }, { name: `web-${index}` }),
  );
  expect(workloadImages(many)).toHaveLength(2_000);
  expect(workloadImages([deployment('x'.repeat(10_000))])[0]?.image).toHaveLength(512);
});

test('two workloads of one name in two groups are one series', () => {
  const spec = { template: { spec: pod('web:1') } };
  expect(workloadImages([workload('Service', spec, {}, 'a/v1'), workload('Service', spec, {}, 'b/v1')])).toHaveLength(1);
});
