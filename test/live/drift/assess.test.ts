import { describe, expect, test } from '@jest/globals';
import { assessDrift, unrecordedFields, withTimes } from '../../../operator/live/drift/assess.ts';
import { pathText } from '../../../operator/live/drift/path.ts';
import { packStated, unpackStated } from '../../../operator/live/drift/stated.ts';
import { noDrift } from '../../../operator/live/drift/types.ts';
import { entry, inputOf, ours, verdict, without } from './made.ts';
import type { Case, Json } from './made.ts';

const web = { name: 'web', image: 'web:1', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] };
const stated = {
  metadata: { labels: { app: 'web' } },
  spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: { spec: { containers: [web], volumes: [] } } },
};
const port = 'k:{"containerPort":80,"protocol":"TCP"}';
const held = {
  '.': {},
  'f:name': {},
  'f:image': {},
  'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
  'f:ports': { [port]: { '.': {}, 'f:containerPort': {} } },
};
const sctp = 'k:{"containerPort":80,"protocol":"SCTP"}';
const containersOf = (name: string, fields: Json): Json => ({
  'f:template': { 'f:spec': { 'f:containers': { [`k:{"name":"${name}"}`]: fields } } },
});
const containers = (fields: Json): Json => containersOf('web', fields);
const heldSpec = { 'f:replicas': {}, 'f:selector': {}, ...containers(held) };
const liveContainer = { ...web, ports: [{ containerPort: 80, protocol: 'TCP' }], terminationMessagePath: '/dev/termination-log' };
const liveSpec = { ...stated.spec, revisionHistoryLimit: 10, template: { spec: { containers: [liveContainer] } } };
const label = { labels: { 'f:app': {} } };
const live = { metadata: { labels: { app: 'web' } }, spec: liveSpec };
const whole: Case = { stated, live, entries: [ours({ 'f:spec': heldSpec }, label)] };

function withLiveContainer(container: Json, ...more: Json[]): Json {
  return { ...live, spec: { ...liveSpec, template: { spec: { containers: [container, ...more] } } } };
}
function withHeld(fields: Json): Json {
  return { 'f:spec': { ...heldSpec, ...containers(fields) } };
}

describe('assessDrift', () => {
  const table: readonly (readonly [string, Case, readonly string[]])[] = [
    ['an object that nobody touched', whole, []],
    [
      'kubectl set image',
      {
        ...whole,
        live: withLiveContainer({ ...liveContainer, image: 'web:2' }),
        entries: [
          ours(withHeld(without(held, 'f:image')), label),
          entry('kubectl-set', 'Update', { 'f:spec': containers({ 'f:image': {} }) }),
        ],
      },
      ['modified spec.template.spec.containers[name=web].image by kubectl-set'],
    ],
    [
      'an image edited and edited back is lost, no drift',
      {
        ...whole,
        entries: [
          ours(withHeld(without(held, 'f:image')), label),
          entry('kubectl-set', 'Update', { 'f:spec': containers({ 'f:image': {} }) }),
        ],
      },
      ['lost spec.template.spec.containers[name=web].image'],
    ],
    [
      'the image rewritten by a webhook, and a sidecar of it',
      { ...whole, live: withLiveContainer({ ...liveContainer, image: 'mirror/web:1' }, { name: 'sidecar', image: 's:1' }) },
      [],
    ],
    [
      'kubectl scale',
      {
        ...whole,
        live: { ...live, spec: { ...liveSpec, replicas: 5 } },
        entries: [
          ours({ 'f:spec': without(heldSpec, 'f:replicas') }, label),
          entry('kubectl', 'Update', { 'f:spec': { 'f:replicas': {} } }, { subresource: 'scale' }),
        ],
      },
      ['modified spec.replicas by kubectl'],
    ],
    [
      'a label removed',
      { ...whole, live: { ...live, metadata: {} }, entries: [ours({ 'f:spec': heldSpec })] },
      ['removed metadata.labels.app'],
    ],
    [
      'an env entry removed',
      {
        ...whole,
        live: withLiveContainer(without(liveContainer, 'env')),
        entries: [ours(withHeld(without(held, 'f:env')), label)],
      },
      ['removed spec.template.spec.containers[name=web].env'],
    ],
    [
      'a container removed, another put there',
      {
        ...whole,
        live: withLiveContainer({ name: 'other', image: 'o:1' }),
        entries: [
          ours({ 'f:spec': without(heldSpec, 'f:template') }, label),
          entry('kubectl-edit', 'Update', {
            'f:spec': {
              'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"other"}': { '.': {}, 'f:name': {}, 'f:image': {} } } } },
            },
          }),
        ],
      },
      ['removed spec.template.spec.containers[name=web]', 'extra spec.template.spec.containers[name=other] by kubectl-edit'],
    ],
    [
      'a port whose defaulted protocol another states',
      {
        ...whole,
        live: withLiveContainer({ ...liveContainer, ports: [{ containerPort: 80, protocol: 'TCP', name: 'http' }] }),
        entries: [...whole.entries, entry('kubectl-edit', 'Update', { 'f:spec': containers({ 'f:ports': { [port]: { 'f:name': {} } } }) })],
      },
      ['extra spec.template.spec.containers[name=web].ports[containerPort=80,protocol=TCP].name by kubectl-edit'],
    ],
    [
      'rollout restart is nobody’s business',
      {
        ...whole,
        entries: [
          ...whole.entries,
          entry('kubectl-rollout', 'Update', {
            'f:spec': { 'f:template': { 'f:metadata': { 'f:annotations': { '.': {}, 'f:kubectl.kubernetes.io/restartedAt': {} } } } },
          }),
        ],
      },
      [],
    ],
    [
      'a field that kubectl shares with a controller is no extra',
      {
        ...whole,
        entries: [
          ...whole.entries,
          entry('kubectl-edit', 'Update', { 'f:spec': { 'f:paused': {}, 'f:minReadySeconds': {} } }),
          entry('rollouts', 'Update', { 'f:spec': { 'f:paused': {} } }),
        ],
      },
      ['extra spec.minReadySeconds by kubectl-edit'],
    ],
    [
      'a container of kubectl edit that kubectl set changed is told once, with the last',
      {
        ...whole,
        live: withLiveContainer(liveContainer, { name: 'x', image: 'x:2' }),
        entries: [
          ...whole.entries,
          entry('kubectl-edit', 'Update', { 'f:spec': containersOf('x', { '.': {}, 'f:name': {} }) }),
          entry('kubectl-set', 'Update', { 'f:spec': containersOf('x', { 'f:image': {} }) }, { time: '2026-11-25T11:00:00Z' }),
        ],
      },
      ['extra spec.template.spec.containers[name=x] by kubectl-set'],
    ],
    [
      'a port that kubectl added beside ours of the same number',
      {
        ...whole,
        entries: [
          ...whole.entries,
          entry('kubectl-edit', 'Update', { 'f:spec': containers({ 'f:ports': { [sctp]: { '.': {}, 'f:containerPort': {} } } }) }),
        ],
      },
      ['extra spec.template.spec.containers[name=web].ports[containerPort=80,protocol=SCTP] by kubectl-edit'],
    ],
    [
      'what another holds of a mapping that we hold as `{}` was taken from us',
      {
        ...whole,
        live: { ...live, spec: { ...liveSpec, selector: { matchLabels: { app: 'other' } } } },
        entries: [...whole.entries, entry('x', 'Update', { 'f:spec': { 'f:selector': { 'f:matchLabels': { 'f:app': {} } } } })],
      },
      ['modified spec.selector.matchLabels.app by x'],
    ],
    [
      'what the live object lacks of a mapping that we hold as `{}` was taken from us',
      { ...whole, live: { ...live, spec: { ...liveSpec, selector: {} } } },
      ['removed spec.selector.matchLabels'],
    ],
    [
      'a field that is gone and was never seen held',
      { ...whole, known: false, live: { ...live, metadata: {} }, entries: [ours({ 'f:spec': heldSpec })] },
      ['undecided metadata.labels.app'],
    ],
    [
      'a field that the server does not record',
      { ...whole, unrecorded: ['metadata.labels.app'], live: { ...live, metadata: {} }, entries: [ours({ 'f:spec': heldSpec })] },
      [],
    ],
    ['another hash under our own entry', { ...whole, hash: 'v1:b' }, ['modified metadata.annotations["plumbline.dev/hash"] by plumbline']],
    [
      'an entry in another version',
      { ...whole, entries: [ours({ 'f:spec': heldSpec }, { ...label, apiVersion: 'apps/v1beta1' })] },
      ['undecided '],
    ],
    ['no entry of ours', { ...whole, entries: [] }, ['undecided ']],
  ];
  test.each(table)('%s', (_name, made, expected) => {
    expect(verdict(made)).toEqual(expected);
  });

  test('what is undecided says whether we hold it', () => {
    const unheldOf = (one: Case): readonly string[] => assessDrift(inputOf(one)).drift.unheld.map(pathText);
    const memory = (value: string, ...names: string[]): Case => ({
      stated: { spec: { memory: '1024Mi', map: { a: '1' } } },
      live: { spec: { memory: value, map: { a: '2' } } },
      entries: [ours({ 'f:spec': Object.fromEntries(names.map((name) => [name, {}])) })],
    });
    expect(verdict(memory('1Gi', 'f:map'))).toEqual(['undecided spec.memory', 'undecided spec.map.a']);
    expect(unheldOf(memory('1Gi', 'f:map'))).toEqual(['spec.memory']);
    const configMap = { group: '', version: 'v1', kind: 'ConfigMap' };
    const own = { apiVersion: 'v1' };
    const taken = [ours({}, own), entry('rival', 'Update', { 'f:data': { 'f:a': {} } }, own)];
    expect(unheldOf({ kind: configMap, metadataOnly: true, stated: { data: { a: 'x' } }, live: {}, entries: taken })).toEqual(['data.a']);
    expect(unheldOf({ ...whole, entries: [] })).toEqual([]);
  });

  test('of a Secret only names are told', () => {
    const secret = { group: '', version: 'v1', kind: 'Secret' };
    const own = { apiVersion: 'v1' };
    const made = { kind: secret, metadataOnly: true, stated: { data: { a: 'c2VjcmV0', b: 'eA==' }, type: 'Opaque' }, live: {} };
    const both = { 'f:type': {}, 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } };
    expect(verdict({ ...made, entries: [ours(both, own)] })).toEqual([]);
    const lost = [ours({ 'f:type': {}, 'f:data': { 'f:b': {} } }, own)];
    expect(verdict({ ...made, entries: lost })).toEqual(['removed data.a']);
    const edit = entry('kubectl-edit', 'Update', { 'f:data': { 'f:a': {} } }, own);
    expect(verdict({ ...made, entries: [...lost, edit] })).toEqual(['undecided data.a']);
    expect(verdict({ ...made, entries: [ours({ 'f:type': {}, 'f:data': {} }, own)] })).toEqual(['removed data.a', 'removed data.b']);
    expect(JSON.stringify(inputOf({ ...made, entries: [] }).stated)).not.toContain('c2VjcmV0');
  });

  test('a set: what is missing of it is told, its order is not', () => {
    const made = { stated: { metadata: { finalizers: ['a/x', 'b/y'] } } };
    const metadata = (fields: Json): Json => {
      const own = ours({}).fieldsV1?.['f:metadata'] as Json;
      return { 'f:metadata': { ...own, 'f:finalizers': fields } };
    };
    const all = metadata({ '.': {}, 'v:"a/x"': {}, 'v:"b/y"': {} });
    expect(
      verdict({ ...made, live: { metadata: { finalizers: ['b/y', 'c/z', 'a/x'] } }, entries: [entry('plumbline', 'Apply', all)] }),
    ).toEqual([]);
    const one = metadata({ '.': {}, 'v:"b/y"': {} });
    expect(verdict({ ...made, live: { metadata: { finalizers: ['b/y'] } }, entries: [entry('plumbline', 'Apply', one)] })).toEqual([
      'removed metadata.finalizers[=a/x]',
    ]);
  });

  test('an object that did not drift has the one verdict of all', () => {
    expect(assessDrift(inputOf(whole)).drift).toBe(noDrift);
  });
});

describe('what only a dry run can say', () => {
  const own = { apiVersion: 'v1' };
  const service = (ports: Json[], livePorts: Json[], fields: Json): Case => ({
    kind: { group: '', version: 'v1', kind: 'Service' },
    stated: { spec: { ports } },
    live: { spec: { ports: livePorts } },
    entries: [ours({ 'f:spec': { 'f:ports': fields } }, own), entry('rival', 'Update', { 'f:spec': { 'f:ports': { [udp]: item } } }, own)],
  });
  const udp = 'k:{"port":443,"protocol":"UDP"}';
  const item = { '.': {}, 'f:port': {}, 'f:protocol': {} };
  const taken = { port: 443, protocol: 'UDP' };

  test('whether an item with another protocol is the one that states none', () => {
    expect(verdict(service([{ port: 443 }], [taken], {}))).toEqual(['undecided spec.ports[port=443]']);
    // Not where another port shows what the API server fills in.
    const two = service([{ port: 80 }, { port: 443 }], [{ port: 80, protocol: 'TCP' }, taken], { 'k:{"port":80,"protocol":"TCP"}': item });
    expect(verdict(two)).toEqual(['removed spec.ports[port=443]']);
  });

  test('which of several items with one key is left', () => {
    const twice = withLiveContainer({ ...liveContainer, env: [...web.env, { name: 'A', value: '2' }] });
    const list = 'spec.template.spec.containers[name=web].env';
    const taking = entry('kubectl-edit', 'Update', { 'f:spec': containers({ 'f:env': { 'k:{"name":"A"}': {} } }) });
    const made = { ...whole, live: twice, entries: [ours(withHeld({ ...held, 'f:env': {} }), label), taking] };
    expect(verdict(made)).toContain(`undecided ${list}`);
    expect(assessDrift(inputOf(made)).drift.unheld).toEqual([]);
  });

  test('whether an image that admission rewrites is another one, whoever wrote it', () => {
    const image = 'spec.template.spec.containers[name=web].image';
    const rewritten = { ...whole, live: withLiveContainer({ ...liveContainer, image: 'mirror/web:1' }) };
    expect(assessDrift(inputOf(rewritten))).toEqual({ drift: noDrift, mutated: [image] });
    expect(assessDrift(inputOf(whole)).mutated).toEqual([]);
    const rival = entry('rival', 'Apply', { 'f:spec': containers({ 'f:image': {} }) });
    const lost = { ...rewritten, entries: [ours(withHeld(without(held, 'f:image')), label), rival] };
    expect(verdict(lost)).toEqual([`modified ${image} by rival`]);
    expect(verdict({ ...lost, mutated: new Set([image]) })).toEqual([`undecided ${image}`]);
  });
});

describe('withTimes', () => {
  const finding = { path: [{ field: 'x' }], class: 'removed', manager: undefined, operation: undefined, since: undefined } as const;
  test('what the server does not time is timed by when it was first seen', () => {
    const first = withTimes({ ...noDrift, fields: [finding] }, undefined, '2026-01-01T00:00:00Z');
    expect(first.fields[0]?.since).toBe('2026-01-01T00:00:00Z');
    expect(withTimes({ ...noDrift, fields: [finding] }, first, '2026-02-01T00:00:00Z').fields[0]?.since).toBe('2026-01-01T00:00:00Z');
  });
});

test('what the answer to a write does not hold is not recorded by the server', () => {
  const { stated: all, object } = inputOf({ ...whole, entries: [ours({ 'f:spec': without(heldSpec, 'f:replicas') }, label)] });
  expect([...unrecordedFields(all, object)]).toEqual(['spec.replicas']);
  expect([...unrecordedFields(all, inputOf(whole).object)]).toEqual([]);
});

test('a large manifest is packed and comes back as it was', () => {
  const object = { apiVersion: 'v1', kind: 'X', metadata: { name: 'a' }, spec: { text: 'y'.repeat(100_000), big: 9_007_199_254_740_993n } };
  const packed = packStated({ resource: { group: '', version: 'v1', kind: 'X' }, object, hash: 'v1:a' }, 'set', false);
  expect(JSON.stringify(packed).length).toBeLessThan(4_000);
  expect(unpackStated(packed)['spec']).toEqual(object.spec);
});
