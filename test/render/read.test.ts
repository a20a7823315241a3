import { describe, expect, test } from '@jest/globals';
import { faultText, placeText } from '../../operator/errors.ts';
import { readSnapshot } from '../../operator/render/read.ts';
import { faultsOf, snapshot } from './files.ts';

const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`;

/** `file:line Kind name` of every object. */
function stated(files: Readonly<Record<string, string>>, path = ''): string[] {
  return readSnapshot(snapshot(files, path)).drafts.map(
    ({ object, place }) => `${placeText(place)} ${object.kind} ${object.metadata.name}`,
  );
}

const faults = (files: Readonly<Record<string, string>>, path = ''): string[] =>
  faultsOf(() => readSnapshot(snapshot(files, path))).map((fault) => faultText(fault));

describe('the objects of a snapshot', () => {
  test('come in the order of files and lines, each with its place', () => {
    const files = {
      'a.json': '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}',
      'b.yaml': `# comment\n${configMap('one')}---\n---\n${configMap('two')}`,
      'c.yml': '# nothing\n',
    };
    expect(stated(files)).toEqual(['a.json:1 Service s', 'b.yaml:2 ConfigMap one', 'b.yaml:8 ConfigMap two']);
  });

  test('lists are flattened, each item with its own line', () => {
    const yaml = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: one}
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: v1, kind: Secret, metadata: {name: two}}
- apiVersion: v1
  kind: ConfigMapList
  metadata: {resourceVersion: "1"}
  items:
  - metadata: {name: three}
`;
    expect(stated({ 'a.yaml': yaml })).toEqual(['a.yaml:4 ConfigMap one', 'a.yaml:10 Secret two', 'a.yaml:15 ConfigMap three']);
    const json = '{"apiVersion": "v1", "kind": "List",\n"items": [\n{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}]}';
    expect(stated({ 'a.json': json })).toEqual(['a.json:3 Secret x']);
  });

  test.each<[string, string, string[]]>([
    ['an empty list', 'apiVersion: v1\nkind: List\nitems: []\n', []],
    ['a list without items', 'apiVersion: v1\nkind: List\n', []],
    [
      'an object whose kind ends like a list',
      'apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: x}\nitems: [a]\n',
      ['a.yaml:1 AllowList x'],
    ],
    ['a name beside a generateName', 'apiVersion: v1\nkind: Pod\nmetadata: {name: x, generateName: x-}\n', ['a.yaml:1 Pod x']],
    ['labels of null', 'apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: , annotations: {a: }}\n', ['a.yaml:1 Pod x']],
  ])('%s', (_title, content, expected) => {
    expect(stated({ 'a.yaml': content })).toEqual(expected);
  });

  test('are normalised, and what was left out is told once with its line', () => {
    const yaml = `${configMap('web')}  uid: u\n  creationTimestamp: null\nstatus:\n  a: 1\n---\n${configMap('two')}`;
    const { drafts, notices } = readSnapshot(snapshot({ 'prod/web.yaml': yaml }));
    expect(drafts[0]?.object).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } });
    expect(notices).toEqual([
      {
        place: { file: 'prod/web.yaml', line: 7, column: 1 },
        object: 'ConfigMap web',
        message: 'left out what is set in the cluster, not in git: status, metadata.uid',
      },
    ]);
  });
});

describe('what is no manifest', () => {
  test.each<[string, string]>([
    ['a: 1\n', 'ci/values.yaml:1: no Kubernetes object: it has neither apiVersion nor kind'],
    ['\n- a\n', 'ci/values.yaml:2: no Kubernetes object: it is a list'],
    ['just a text\n', 'ci/values.yaml:1: no Kubernetes object: it is a string'],
    ['a: 1\n---\nb: 2\n', 'ci/values.yaml:1: no Kubernetes object: it has neither apiVersion nor kind'],
  ])('%j is refused by name', (content, expected) => {
    expect(faults({ 'ci/values.yaml': content })).toEqual([expected]);
  });

  test.each<[string, string, string]>([
    ['ci/values.yaml', '', 'If ci/values.yaml is no manifest, add "ci/values.yaml" to spec.exclude.'],
    ['prod/ci/values.yaml', 'prod', 'If prod/ci/values.yaml is no manifest, add "ci/values.yaml" to spec.exclude.'],
    ['a[1]*.yaml', '', 'If a[1]*.yaml is no manifest, add "a\\\\[1\\\\]\\\\*.yaml" to spec.exclude.'],
  ])('the glob that skips %s is told', (file, path, remedy) => {
    expect(faultsOf(() => readSnapshot(snapshot({ [file]: 'a: 1\n' }, path))).map((fault) => fault.remedy)).toEqual([remedy]);
  });

  test('a file that cannot be parsed may be no manifest either', () => {
    const [fault] = faultsOf(() => readSnapshot(snapshot({ 'tsconfig.json': '// comment\n{}' })));
    expect(fault).toEqual({
      reason: 'RenderFailed',
      place: { file: 'tsconfig.json', line: 1, column: 1 },
      message: 'a JSON value is expected here',
      remedy: 'Correct the file, or name it in spec.exclude if it is no manifest.',
    });
  });
});

describe('the shape that every object shares', () => {
  const head = 'apiVersion: v1\nkind: Service\n';
  test.each<[string, string, string[]]>([
    ['no kind', 'apiVersion: v1\nmetadata: {name: x}\n', ['a.yaml:1:1: kind is missing']],
    ['no apiVersion', 'kind: Service\nmetadata: {name: x}\n', ['a.yaml:1:1 Service x: apiVersion is missing']],
    [
      'an apiVersion that is a number',
      'apiVersion: 1\nkind: Service\nmetadata: {name: x}\n',
      ['a.yaml:1:1 Service x: apiVersion is a number, not a string'],
    ],
    [
      'an apiVersion that is none',
      'apiVersion: a/b/c\nkind: Service\nmetadata: {name: x}\n',
      ['a.yaml:1:1 Service x: apiVersion is neither VERSION nor GROUP/VERSION'],
    ],
    ['a kind that is a list', 'apiVersion: v1\nkind: [Service]\nmetadata: {name: x}\n', ['a.yaml:2:1: kind is a list, not a string']],
    ['no metadata', head, ['a.yaml:1:1 Service: metadata.name is missing']],
    ['metadata that is a list', `${head}metadata: []\n`, ['a.yaml:3:1 Service: metadata is a list, not a mapping']],
    ['no name', `${head}metadata: {labels: {}}\n`, ['a.yaml:3:1 Service: metadata.name is missing']],
    ['an empty name', `${head}metadata:\n  name: ""\n`, ['a.yaml:4:3 Service: metadata.name is missing']],
    [
      'generateName',
      `${head}metadata:\n  generateName: x-\n`,
      ['a.yaml:4:3 Service: metadata.generateName makes a new object at every apply, so it cannot be kept at what git says'],
    ],
    [
      'a name that is a number',
      `${head}metadata:\n  name: 123\n`,
      ['a.yaml:4:3 Service: metadata.name is a number, not a string: put it in quotes'],
    ],
    [
      'a name that would be another URL',
      `${head}metadata: {name: ../x}\n`,
      ['a.yaml:3:12 Service ../x: metadata.name may not be "." or "..", nor hold "/", "%" or a control character'],
    ],
    [
      'a namespace that is a boolean',
      `${head}metadata: {name: x, namespace: on}\n`,
      ['a.yaml:3:21 Service x: metadata.namespace is a boolean, not a string: put it in quotes'],
    ],
    [
      'a namespace of dots',
      `${head}metadata: {name: x, namespace: ..}\n`,
      ['a.yaml:3:21 Service ../x: metadata.namespace may not be "." or "..", nor hold "/", "%" or a control character'],
    ],
    [
      'labels that are a list',
      `${head}metadata: {name: x, labels: [a]}\n`,
      ['a.yaml:3:21 Service x: metadata.labels is a list, not a mapping'],
    ],
    [
      'labels and annotations that want quotes, all of them',
      `${head}metadata:\n  name: x\n  labels:\n    app.kubernetes.io/version: 1.10\n    ok: a\n  annotations:\n    on: y\n    list: [1]\n`,
      [
        'a.yaml:6:5 Service x: metadata.labels["app.kubernetes.io/version"] is a number, not a string: put it in quotes',
        'a.yaml:9:5 Service x: metadata.annotations.true is a boolean, not a string: put it in quotes',
        'a.yaml:10:5 Service x: metadata.annotations.list is a list, not a string',
      ],
    ],
    ['items that are no list', 'apiVersion: v1\nkind: List\nitems: {}\n', ['a.yaml:3:1 List: items is a mapping, not a list']],
    ['an item that is nothing', `apiVersion: v1\nkind: List\nitems:\n-\n`, ['a.yaml:3:1: items[0] is empty, not an object']],
    [
      'an item without kind',
      `apiVersion: v1\nkind: List\nitems:\n- metadata: {name: x}\n`,
      ['a.yaml:4:3: apiVersion is missing', 'a.yaml:4:3: kind is missing'],
    ],
    [
      'stringData that wants quotes',
      `apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n  pin: 1234\n`,
      ['a.yaml:5:3 Secret x: stringData.pin is a number, not a string: put it in quotes'],
    ],
  ])('%s', (_title, content, expected) => {
    expect(faults({ 'a.yaml': content })).toEqual(expected);
  });

  test('the faults of all files are told together', () => {
    const files = { 'a.yaml': 'a: [\n', 'b.yaml': `${head}metadata: {}\n`, 'c.yaml': configMap('fine'), 'd.json': '[1' };
    expect(faults(files).map((fault) => fault.slice(0, 'a.yaml:1'.length))).toEqual(['a.yaml:2', 'b.yaml:3', 'd.json:1']);
  });

  test('of very many, fifty are told and the others counted', () => {
    const files = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`${index}.yaml`, 'a: 1\n']));
    expect(faults(files)).toHaveLength(51);
    expect(faults(files).at(-1)).toBe('and 70 more of these');
  });
});

describe('what is built by something else is never applied raw', () => {
  test.each<[string, string, string, string]>([
    ['prod/kustomization.yaml', 'prod', 'KustomizeNotSupported', 'Point spec.path at the output of kustomize build.'],
    [
      'prod/kustomization.yml',
      '',
      'KustomizeNotSupported',
      'Point spec.path at the output of kustomize build, or add "prod/**" to spec.exclude.',
    ],
    [
      'prod/overlays/Kustomization',
      'prod',
      'KustomizeNotSupported',
      'Point spec.path at the output of kustomize build, or add "overlays/**" to spec.exclude.',
    ],
    ['Chart.yaml', '', 'HelmNotSupported', 'Point spec.path at the output of helm template.'],
    [
      'prod/charts/web/Chart.yaml',
      'prod',
      'HelmNotSupported',
      'Point spec.path at the output of helm template, or add "charts/web/**" to spec.exclude.',
    ],
  ])('%s under %j', (file, path, reason, remedy) => {
    const found = faultsOf(() => readSnapshot(snapshot({ [file]: 'a: {{ x }}', 'z.yaml': 'broken: [' }, path)));
    expect(found).toMatchObject([{ reason, remedy, place: { file } }]);
  });

  test('files with such a name further in are ordinary', () => {
    expect(stated({ 'my-kustomization.yaml': configMap('a'), 'chart.yaml': configMap('b') })).toHaveLength(2);
  });
});
