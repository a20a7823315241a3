import { describe, expect, test } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { KubeObject, ManagedFieldsEntry } from '../../operator/kube/types.ts';
import { objectKey } from '../../operator/kube/types.ts';
import { createAssessor } from '../../operator/live/assessor.ts';
import { isMetadataOnly } from '../../operator/live/inventory.ts';
import { createMembers } from '../../operator/live/members.ts';
import { readLiveObject } from '../../operator/live/read.ts';
import type { Path } from '../../operator/live/drift/path.ts';
import type { Answered } from '../../operator/live/drift/settle.ts';
import { noDrift } from '../../operator/live/drift/types.ts';
import { finish } from '../../operator/render/steps.ts';
import { manifest } from '../plan/made.ts';
import { entry, ours, shown } from './drift/made.ts';
import type { Json } from './drift/made.ts';

const set = 'applyset-ours-v1';
const which = { group: 'apps', kind: 'Deployment', name: 'web' };
const spec = { replicas: 3, paused: true, text: 'x'.repeat(200) };
const stated = (hash = 'v1:a', annotations?: Record<string, string>) =>
  manifest(which, { hash, body: { spec }, ...(annotations && { annotations }) });
const heldAll = { 'f:spec': { 'f:replicas': {}, 'f:paused': {}, 'f:text': {} } };
const held = { 'f:spec': { 'f:paused': {}, 'f:text': {} } };
const scaled = entry('kubectl-scale', 'Update', { 'f:spec': { 'f:replicas': {} } });

interface Seen {
  readonly version?: string;
  readonly hash?: string;
  readonly uid?: string;
  readonly live?: Json;
  readonly entries?: readonly ManagedFieldsEntry[];
}

function object({ version = '1', hash = 'v1:a', uid = 'u', live = spec, entries = [ours(heldAll)] }: Seen = {}): KubeObject {
  const marks = { labels: { 'applyset.kubernetes.io/part-of': set }, annotations: { 'plumbline.dev/hash': hash } };
  const metadata = {
    name: 'web',
    namespace: 'shop',
    uid,
    resourceVersion: version,
    generation: Number(version),
    ...marks,
    managedFields: entries,
  };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: live };
}

const { resource, id } = stated();
const key = objectKey(id);

function assessor(now = () => '2026-01-01T00:00:00Z', hasSource = true) {
  const told: string[] = [];
  const again: string[] = [];
  const keeping = { hasSource: () => hasSource, lookAgain: (kind: string) => again.push(kind) };
  const made = createAssessor(isMetadataOnly, now, (of, fields) => told.push(`${of === key ? '' : of}${fields.join()}`), keeping);
  const look = (seen?: Seen, of = resource) => {
    const drift = made.assess({ key, resource: of, object: object(seen), metadataOnly: false });
    return drift && shown(drift);
  };
  const state = (...of: Parameters<typeof made.state>) => new Map([...made.state(...of)].filter((one) => one !== undefined));
  return { ...made, state, look, told, again };
}

const replicas: Path = [{ field: 'spec' }, { field: 'replicas' }];

/** What a dry run said of `spec.replicas`, of the object in this version. */
function answered(resourceVersion: string, settled: Partial<Answered['settled']>): Answered {
  return { uid: 'u', resourceVersion, asked: [replicas], settled: { fields: [], lost: [], unrecorded: [], held: [], ...settled } };
}

test('what admission makes of a field is asked of a dry run, once somebody else wrote it', () => {
  const { look, state, wrote } = assessor();
  state(set, [stated()], false);
  wrote(key, '1', []);
  const live = { ...spec, text: 'from the mirror' };
  expect(look({ live })).toEqual([]);
  const rival = entry('rival', 'Apply', { 'f:spec': { 'f:text': {}, 'f:replicas': {} } });
  const lost = { version: '2', live: { ...live, replicas: 5 }, entries: [ours({ 'f:spec': { 'f:paused': {} } }), rival] };
  expect(look(lost)).toEqual(['modified spec.replicas by rival', 'undecided spec.text']);
  // Also where it began later, and the watch told of our write before its answer was there.
  const later = assessor();
  later.state(set, [stated()], false);
  later.look();
  later.look({ version: '2', live });
  later.wrote(key, '2', []);
  expect(later.look({ ...lost, version: '3' })).toContain('undecided spec.text');
});

describe('what an object is measured against', () => {
  test('is not known before a source has said what it states; then the object seen before is judged', () => {
    const { look, state } = assessor();
    expect(look({ live: { ...spec, replicas: 5 }, entries: [ours(held), scaled] })).toBeUndefined();
    const known = state(set, [stated()], true);
    expect([...known].map(([of, drift]) => [of, shown(drift)])).toEqual([[key, ['modified spec.replicas by kubectl-scale']]]);
    expect(state(set, [stated()], true).size).toBe(0);
  });

  test('is not waited for where no source is known: its kind is told again once there is one', () => {
    const { look, state, again } = assessor(undefined, false);
    const edited = { live: { ...spec, replicas: 5 }, entries: [ours(held), scaled] };
    expect(look(edited)).toBeUndefined();
    expect([state(set, [stated()], true).size, again]).toEqual([0, ['apps/v1/Deployment']]);
    expect(look(edited)).toEqual(['modified spec.replicas by kubectl-scale']);
    expect([state(set, [stated()], true).size, again.length]).toEqual([0, 1]);
  });

  test('is waited for of what is ours, also where its source states it later', () => {
    const { look, state, retain } = assessor();
    state(set, [], true);
    expect(look()).toBeUndefined();
    retain(set, new Set());
    expect([...state(set, [stated()], true).keys()]).toEqual([key]);
  });

  test('is not waited for of a copy of the label once its source has said what it states, nor once that is gone', () => {
    const copy = { entries: [entry('endpointslice-controller', 'Update', {})] };
    const { look, state, retain } = assessor();
    state(set, [], true);
    expect(look(copy)).toBeUndefined();
    expect(state(set, [stated()], true).size).toBe(0);
    const early = assessor();
    expect(early.look(copy)).toBeUndefined(); // it may yet be stated
    early.state(set, [], true);
    early.retain(set, new Set());
    expect(early.state(set, [stated()], true).size).toBe(0);
    expect(look()).toEqual([]);
    retain(set, new Set());
    expect(look({ version: '2' })).toBeUndefined();
    retain(set, undefined);
    expect(state(set, [stated()], true).size).toBe(0);
  });

  test('is what was last written to it, not what a revision that is half in states', () => {
    const { look, state } = assessor();
    state(set, [stated()], false);
    expect(look()).toEqual([]);
    state(set, [{ ...stated('v1:b'), object: { ...stated().object, spec: { ...spec, replicas: 9 } } }], false);
    expect(look({ version: '2' })).toEqual([]);
    expect(look({ version: '3', hash: 'v1:b', live: { ...spec, replicas: 9 } })).toEqual([]);
    expect(look({ version: '4', hash: 'v1:b', live: { ...spec, replicas: 1 }, entries: [ours(held), scaled] })).toEqual([
      'modified spec.replicas by kubectl-scale',
    ]);
  });

  test('is what the source states that it belongs to, whoever else states it', () => {
    const { look, state } = assessor();
    state(set, [stated()], false);
    expect(look()).toEqual([]);
    state('applyset-rival-v1', [stated('v1:rival')], false);
    expect(look({ version: '2', live: { ...spec, replicas: 5 }, entries: [ours(held), scaled] })).toEqual([
      'modified spec.replicas by kubectl-scale',
    ]);
  });

  test('is nothing where only its presence counts', () => {
    for (const name of ['plumbline.dev/ignore', 'plumbline.dev/apply']) {
      const { look, state } = assessor();
      state(set, [stated('v1:a', { [name]: name.endsWith('ignore') ? 'true' : 'IfNotPresent' })], false);
      expect(look({ live: {}, entries: [] })).toEqual([]);
    }
  });

  test('is not said by the object in another version than the manifest’s', () => {
    const { look, state } = assessor();
    state(set, [stated()], false);
    expect(look()).toEqual([]);
    expect(look({ version: '2', live: {}, entries: [] }, { ...resource, version: 'v2' })).toEqual([]);
  });
});

describe('a stated field that the server does not record', () => {
  const seen = { live: { ...spec, replicas: undefined }, entries: [ours(held)] };

  test('is known by the answer to our own write, whichever comes first, and is nothing to correct', () => {
    for (const answerFirst of [true, false]) {
      const { look, state, wrote, told } = assessor();
      state(set, [stated()], false);
      if (answerFirst) wrote(key, '1', []);
      expect(look(seen)).toEqual(answerFirst ? [] : ['undecided spec.replicas']);
      if (!answerFirst) expect(wrote(key, '1', [])).toBe(noDrift);
      expect(look({ ...seen, version: '2' })).toEqual([]);
      // Somebody takes another one: that is drift.
      expect(look({ version: '3', live: { text: spec.text }, entries: [ours({ 'f:spec': { 'f:text': {} } })] })).toEqual([
        'removed spec.paused',
      ]);
      // Told once, also when it is written again.
      wrote(key, '4', []);
      look({ ...seen, version: '4' });
      expect(told).toEqual(['spec.replicas']);
    }
  });

  test('is asked for again in another object, and with another manifest', () => {
    const { look, state, wrote } = assessor();
    state(set, [stated()], false);
    wrote(key, '1', []);
    expect(look(seen)).toEqual([]);
    expect(look({ ...seen, version: '2', uid: 'other' })).toEqual(['undecided spec.replicas']);
  });

  test('is not what our write left to others', () => {
    const { look, state, wrote } = assessor();
    state(set, [stated()], false);
    wrote(key, '1', [replicas]);
    const left = { live: { ...spec, replicas: 5 }, entries: [ours(held), scaled] };
    expect(look(left)).toEqual(['modified spec.replicas by kubectl-scale']);
    expect(look({ ...left, version: '2' })).toEqual(['modified spec.replicas by kubectl-scale']);
  });

  test('is settled by a dry run, until the object or its manifest is another one', () => {
    const { look, state, settle, told } = assessor();
    state(set, [stated()], false);
    expect(look(seen)).toEqual(['undecided spec.replicas']);
    const answer = answered('1', { unrecorded: ['spec.replicas'] });
    expect(settle(key, { ...answer, uid: 'other' })).toBeUndefined();
    expect(settle(key, answer)).toBe(noDrift);
    expect(look({ ...seen, version: '2' })).toEqual([]);
    expect(told).toEqual(['spec.replicas']);
  });
});

describe('a place that a dry run found to be ours, or was refused for', () => {
  const gone = { live: { ...spec, replicas: undefined }, entries: [ours(held)] };
  const heldReplicas = { ...answered('1', { held: ['spec.replicas'] }), refused: true };

  test('is not asked about again while the object stays as it was, and is after any change of it', () => {
    const { look, state, settle, assess } = assessor();
    state(set, [stated()], false);
    expect(look(gone)).toEqual(['undecided spec.replicas']);
    expect(settle(key, heldReplicas)).toBe(noDrift);
    const status = entry('kube-controller-manager', 'Update', { 'f:status': {} }, { subresource: 'status' });
    const later = object({ ...gone, entries: [...gone.entries, status] });
    const touched = { ...later, metadata: { ...later.metadata, resourceVersion: '2' } };
    expect(assess({ key, resource, metadataOnly: false, object: touched })).toBe(noDrift);
    // The generation goes on: somebody changed it, and the place has to be asked about once more.
    expect(look({ ...gone, version: '3' })).toEqual(['undecided spec.replicas']);
  });

  test('nor where a kind has no generation, until anything but its status changes', () => {
    const { state, settle, assess } = assessor();
    state(set, [stated()], false);
    const see = (version: string, more: Json = {}, live: Json = gone.live): readonly string[] => {
      const { metadata, ...rest } = object({ ...gone, live });
      const { generation: _generation, ...marks } = metadata;
      return shown(
        assess({ key, resource, metadataOnly: false, object: { ...rest, ...more, metadata: { ...marks, resourceVersion: version } } }) ??
          noDrift,
      );
    };
    expect(see('1')).toEqual(['undecided spec.replicas']);
    expect(settle(key, heldReplicas)).toBe(noDrift);
    expect(see('2', { status: { ready: true } })).toEqual([]);
    expect(see('3', {}, { ...gone.live, other: 1 })).toEqual(['undecided spec.replicas']);
  });

  test('stays undecided when the object was changed between the answer and its being noted', () => {
    const { look, state, settle } = assessor();
    state(set, [stated()], false);
    expect(look(gone)).toEqual(['undecided spec.replicas']);
    expect(look({ ...gone, version: '2' })).toEqual(['undecided spec.replicas']);
    expect(settle(key, heldReplicas)).toBeUndefined();
    expect(look({ ...gone, version: '3' })).toEqual(['undecided spec.replicas']);
    expect(settle(key, { ...heldReplicas, resourceVersion: '10' })).toBe(noDrift);
  });
});

test('what the server does not time is timed when it is first seen, and stays', () => {
  let now = '2026-01-01T00:00:00Z';
  const { state, assess, look } = assessor(() => now);
  state(set, [stated()], false);
  expect(look()).toEqual([]);
  const gone = (version: string) =>
    assess({
      key,
      resource,
      metadataOnly: false,
      object: object({ version, live: { ...spec, replicas: undefined }, entries: [ours(held)] }),
    });
  expect(gone('2')?.fields[0]?.since).toBe(now);
  const first = now;
  now = '2026-01-02T00:00:00Z';
  expect(gone('3')?.fields[0]?.since).toBe(first);
});

describe('what is edited and edited again by one manager within a second, as metadata can be without another generation,', () => {
  const other = { ...spec, replicas: 9 };
  const entries = [ours(held), scaled];
  const status = (time: string) => entry('kube-controller-manager', 'Update', { 'f:status': {} }, { subresource: 'status', time });
  const start = () => {
    const made = assessor();
    made.state(set, [stated()], false);
    const see = (version: string, live: Json, more: readonly ManagedFieldsEntry[] = []): readonly string[] => {
      const { metadata, ...rest } = object({ version, live, entries: [...entries, ...more] });
      const drift = made.assess({ key, resource, metadataOnly: false, object: { ...rest, metadata: { ...metadata, generation: 1 } } });
      return shown(drift ?? noDrift);
    };
    return { ...made, see };
  };

  test('is compared each time', () => {
    const { see } = start();
    expect(see('1', other)).toEqual(['modified spec.replicas by kubectl-scale']);
    expect(see('2', spec, [status(scaled.time ?? '')])).toEqual(['lost spec.replicas']);
    expect(see('3', other)).toEqual(['modified spec.replicas by kubectl-scale']);
  });

  test('is not once the status was written later', () => {
    const { see } = start();
    expect(see('1', other)).toEqual(['modified spec.replicas by kubectl-scale']);
    expect(see('2', spec, [status('2027-01-01T00:00:00Z')])).toEqual(['modified spec.replicas by kubectl-scale']);
  });

  test('keeps its verdict as long as it is the same one', () => {
    const { assess } = start();
    const see = (version: string) => assess({ key, resource, metadataOnly: false, object: object({ version, live: other, entries }) });
    expect(see('2')).toBe(see('1'));
  });
});

test('what a dry run finds again and again is so since the first time', () => {
  let now = '2026-01-01T00:00:00Z';
  const { state, look, settle } = assessor(() => now);
  state(set, [stated()], false);
  const since = (version: string): string | undefined => {
    expect(look({ version, live: { ...spec, replicas: undefined }, entries: [ours(held)] })).toEqual(['undecided spec.replicas']);
    const finding = { path: replicas, class: 'removed', manager: undefined, operation: undefined, since: undefined } as const;
    return settle(key, { ...answered(version, { fields: [finding] }), refused: true })?.fields[0]?.since;
  };
  const first = since('1');
  now = '2026-01-02T00:00:00Z';
  expect([first, since('2'), since('3')]).toEqual([first, first, first]);
});

test('a change of status alone is not compared again', () => {
  const { look, state, assess } = assessor();
  state(set, [stated()], false);
  expect(look()).toEqual([]);
  const status = entry('kube-controller-manager', 'Update', { 'f:status': {} }, { subresource: 'status' });
  // It would be drift if anybody looked: the same generation, our entry as it was.
  const unlooked = object({ live: { replicas: 9 }, entries: [ours(heldAll), status] });
  expect(assess({ key, resource, metadataOnly: false, object: unlooked })).toBe(noDrift);
});

describe('what is kept of an object is under 2 KiB', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const whole = { 'f:spec': { ...heldAll['f:spec'], 'f:template': {} } };
  const env = Array.from({ length: 100 }, (_, index) => ({ name: `NAME_${index}`, value: `value ${index * 7_919}` }));

  test.each([
    { what: 'its manifest and its verdict included', env: [], isRendered: true },
    { what: 'also of a large manifest', env, isRendered: true },
    { what: 'also before its source was rendered', env: [], isRendered: false },
  ])('$what', async ({ env: one, isRendered }) => {
    const count = 2_000;
    const made = createAssessor(isMetadataOnly, () => '');
    const members = createMembers();
    const containers = Array.from({ length: 3 }, (_, index) => ({ name: `c${index}`, image: 'i', env: index === 0 ? one : [] }));
    const body = { spec: { ...spec, template: { containers } } };
    // What one collection finds to finalize is only freed by the next, and some of it in a later turn of the event loop.
    const used = async (): Promise<number> => {
      for (let round = 0; round < 3; round += 1) {
        collect();
        await nextTurn();
      }
      return (({ heapUsed, arrayBuffers }) => heapUsed + arrayBuffers)(process.memoryUsage());
    };
    const before = await used();
    for (let index = 0; index < count; index += 1) {
      const name = `web-${index}`;
      const written = manifest({ ...which, name }, { hash: `v1:${index}`, body });
      const copy: KubeObject = JSON.parse(
        JSON.stringify(object({ hash: `v1:${index}`, live: { ...spec, ...body.spec }, entries: [ours(whole)] })),
      );
      const live: KubeObject = { ...copy, metadata: { ...copy.metadata, name } };
      if (isRendered) finish(made.state(set, [written], false));
      const drift = made.assess({ key: objectKey(written.id), resource, object: live, metadataOnly: false });
      members.put(objectKey(written.id), undefined, { ...readLiveObject(resource, live), drift });
    }
    const each = ((await used()) - before) / count;
    expect(members.partOf(set).length).toBe(count);
    expect(each).toBeLessThan(2_048);
  });
});
