import { describe, expect, test } from '@jest/globals';
import type { ObjectId } from '../../../operator/kube/types.ts';
import { applyIgnore } from '../../../operator/live/drift/ignore.ts';
import type { IgnoreRule, Judged } from '../../../operator/live/drift/ignore.ts';
import { pathText } from '../../../operator/live/drift/path.ts';
import type { Path } from '../../../operator/live/drift/path.ts';
import { noDrift } from '../../../operator/live/drift/types.ts';
import type { Drift, Finding } from '../../../operator/live/drift/types.ts';

const id: ObjectId = { group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'shop', name: 'web' };
const field = (...names: string[]): Path => names.map((name) => ({ field: name }));
const image: Path = [...field('spec', 'template', 'spec', 'containers'), { item: { name: 'web' }, index: 0 }, { field: 'image' }];
const udp: Path = [...field('spec', 'ports'), { item: { port: 53 }, index: 0, rest: { protocol: 'UDP' } }];
const annotation: Path = field('metadata', 'annotations', 'acme.io/a~b');
const finalizer: Path = [...field('metadata', 'finalizers'), { value: 'a/x' }];

const key = field('data', 'key');
const mark = field('metadata', 'annotations', 'plumbline.dev/hash');
const restart = field('spec', 'template', 'metadata', 'annotations', 'kubectl.kubernetes.io/restartedAt');
const edited = (path: Path): Finding => ({ path, class: 'modified', manager: 'x', operation: 'Update', since: undefined });

describe('applyIgnore', () => {
  const table: readonly (readonly [string, Path, string | undefined, IgnoreRule, boolean])[] = [
    ['a field', field('spec', 'replicas'), 'hpa', { paths: ['/spec/replicas'] }, true],
    ['what is below it', image, 'x', { paths: ['/spec/template'] }, true],
    ['not what is above it', field('spec'), 'x', { paths: ['/spec/replicas'] }, false],
    ['not a longer name', field('spec', 'replicasMax'), 'x', { paths: ['/spec/replicas'] }, false],
    ['any step', image, 'x', { paths: ['/spec/template/spec/containers/*/image'] }, true],
    ['an item by its key', image, 'x', { paths: ['/spec/template/spec/containers/[name=web]/image'] }, true],
    ['an item by its key, no slash', image, 'x', { paths: ['/spec/template/spec/containers[name=web]/image'] }, true],
    ['another item', image, 'x', { paths: ['/spec/template/spec/containers/[name=other]/image'] }, false],
    ['an item by its place', image, 'x', { paths: ['/spec/template/spec/containers/0/image'] }, true],
    ['another place', image, 'x', { paths: ['/spec/template/spec/containers/1/image'] }, false],
    ['an item by a key that was defaulted', udp, 'x', { paths: ['/spec/ports/[port=53,protocol=UDP]'] }, true],
    ['not by another value of it', udp, 'x', { paths: ['/spec/ports/[port=53,protocol=TCP]'] }, false],
    ['escapes', annotation, 'x', { paths: ['/metadata/annotations/acme.io~1a~0b'] }, true],
    ['a member of a set', finalizer, 'x', { paths: ['/metadata/finalizers/[=a~1x]'] }, true],
    ['the manager', field('spec', 'replicas'), 'hpa', { paths: ['/spec/replicas'], managers: ['hpa'] }, true],
    ['another manager', field('spec', 'replicas'), 'kubectl', { paths: ['/spec/replicas'], managers: ['hpa'] }, false],
    ['no manager where one is asked for', field('spec', 'replicas'), undefined, { paths: ['/spec/replicas'], managers: ['hpa'] }, false],
    ['everything of a manager', image, 'hpa', { managers: ['hpa'] }, true],
    ['the kind', image, 'x', { group: 'apps', kind: 'Deployment' }, true],
    ['another kind', image, 'x', { kind: 'StatefulSet' }, false],
    ['the core group is not any group', image, 'x', { group: 'batch' }, false],
    ['the object', image, 'x', { name: 'web', namespace: 'shop' }, true],
    ['another object', image, 'x', { name: 'web', namespace: 'other' }, false],
  ];
  test.each(table)('%s', (_name, path, manager, rule, isIgnored) => {
    const finding = { path, class: 'modified', manager, operation: 'Update', since: undefined } as const;
    const judged = applyIgnore({ ...noDrift, fields: [finding] }, id, [{ kind: 'None' }, rule]);
    expect(judged.fields.map((one) => pathText(one.path))).toEqual(isIgnored ? [] : [pathText(path)]);
    expect(judged.ignored.map(pathText)).toEqual(isIgnored ? [pathText(path)] : []);
  });

  test('what is lost and ignored is not taken back', () => {
    const judged = applyIgnore({ ...noDrift, lost: [field('spec', 'replicas')] }, id, [{ paths: ['/spec/replicas'] }]);
    expect([judged.lost.length, judged.ignored.length]).toEqual([0, 1]);
  });

  test.each<[string, IgnoreRule, Partial<Drift>, Partial<Judged>]>([
    ['undecided and not ours is left to whoever holds it', { paths: ['/data'] }, { undecided: [key], unheld: [key] }, { ignored: [key] }],
    ['undecided and perhaps ours is not left out', { paths: ['/data'] }, { undecided: [key] }, {}],
    [
      'undecided is asked about where a rule names its manager',
      { paths: ['/data'], managers: ['rival'] },
      { undecided: [key], unheld: [key] },
      { undecided: [key], unheld: [key] },
    ],
    [
      'undecided and another is asked about',
      { paths: ['/spec'] },
      { undecided: [key], unheld: [key] },
      { undecided: [key], unheld: [key] },
    ],
    ['held by us all the same is neither told nor left out', { paths: ['/data'] }, { fields: [{ ...edited(key), held: true }] }, {}],
    ['our mark is told whatever a rule says', {}, { fields: [edited(mark)] }, { fields: [edited(mark)] }],
    ['our mark is taken back whatever a rule says', {}, { lost: [mark] }, { lost: [mark] }],
    [
      'restarted by hand is no drift',
      { kind: 'None' },
      { fields: [edited(restart), edited(key)] },
      { fields: [edited(key)], restarted: [restart] },
    ],
    ['restarted by hand and ignored is left out', { paths: ['/spec'] }, { fields: [edited(restart)] }, { ignored: [restart] }],
  ])('what is %s', (_name, rule, drift, expected) => {
    const nothing = { fields: [], extra: [], lost: [], undecided: [], unheld: [], ignored: [], restarted: [] };
    expect(applyIgnore({ ...noDrift, ...drift }, id, [rule])).toEqual({ ...nothing, ...expected });
  });
});
