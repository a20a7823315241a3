import { describe, expect, test } from '@jest/globals';
import { assessDrift } from '../../../operator/live/drift/assess.ts';
import { defaultedKeys, displaced, isOutOfOrder, keysText, positionsOf } from '../../../operator/live/drift/items.ts';
import { withoutPaths } from '../../../operator/live/drift/path.ts';
import { entry, inputOf, ours, verdict, without } from './made.ts';
import type { Case, Json } from './made.ts';

describe('verdicts about the items of a list', () => {
  test('the order of our items counts, not where others are', () => {
    const two = {
      spec: {
        template: {
          spec: {
            initContainers: [
              { name: 'a', image: 'a' },
              { name: 'b', image: 'b' },
            ],
          },
        },
      },
    };
    const item = { '.': {}, 'f:name': {}, 'f:image': {} };
    const node = { 'f:spec': { 'f:template': { 'f:spec': { 'f:initContainers': { 'k:{"name":"a"}': item, 'k:{"name":"b"}': item } } } } };
    const liveOf = (...order: string[]): Json => ({
      spec: { template: { spec: { initContainers: order.map((name) => ({ name, image: name })) } } },
    });
    const made = { stated: two, entries: [ours(node)] };
    expect(verdict({ ...made, live: liveOf('x', 'a', 'y', 'b') })).toEqual([]);
    expect(verdict({ ...made, live: liveOf('b', 'a') })).toEqual(['modified spec.template.spec.initContainers']);
    // Also of one that somebody else took meanwhile.
    const part = (name: string): Json => ({
      'f:spec': { 'f:template': { 'f:spec': { 'f:initContainers': { [`k:{"name":"${name}"}`]: item } } } },
    });
    const rival = entry('rival', 'Apply', part('b'));
    for (const own of [part('a'), {}]) {
      const moved = verdict({ ...made, live: liveOf('b', 'a'), entries: [ours(own), rival] });
      expect(moved).toContain('modified spec.template.spec.initContainers[name=b] by rival');
      expect(
        verdict({ ...made, live: liveOf('a', 'x', 'b'), entries: [ours(own), rival] }).filter((one) => !one.startsWith('lost')),
      ).toEqual([]);
    }
  });

  test('one `k:` entry serves one item: two ports of one number', () => {
    const service = { group: '', version: 'v1', kind: 'Service' };
    const ports = [
      { port: 53, name: 'tcp' },
      { port: 53, protocol: 'UDP', name: 'udp' },
    ];
    const [tcp, udp] = ['k:{"port":53,"protocol":"TCP"}', 'k:{"port":53,"protocol":"UDP"}'];
    const own = { apiVersion: 'v1' };
    const livePorts = [
      { port: 53, name: 'tcp', protocol: 'TCP' },
      { port: 53, protocol: 'UDP', name: 'udp' },
    ];
    const fields = { '.': {}, 'f:port': {}, 'f:name': {} };
    const made = { kind: service, stated: { spec: { ports } }, live: { spec: { ports: livePorts } } };
    const all = { [tcp]: fields, [udp]: { ...fields, 'f:protocol': {} } };
    expect(verdict({ ...made, entries: [ours({ 'f:spec': { 'f:ports': all } }, own)] })).toEqual([]);
    const gone = { live: { spec: { ports: livePorts.slice(1) } }, entries: [ours({ 'f:spec': { 'f:ports': without(all, tcp) } }, own)] };
    expect(verdict({ ...made, ...gone })).toEqual(['removed spec.ports[port=53]']);
    // What is told of the one leaves the other alone, whoever took which, and in whatever order they are.
    const rival = (key: string, ...names: string[]) =>
      entry('rival', 'Update', { 'f:spec': { 'f:ports': { [key]: Object.fromEntries(names.map((name) => [name, {}])) } } }, own);
    const renamed = livePorts.map((one) => ({ ...one, name: `${one.name}-x` }));
    const both = [ours({ 'f:spec': { 'f:ports': { [tcp]: without(fields, 'f:name'), [udp]: all[udp] } } }, own), rival(tcp, 'f:name')];
    const neither = [ours({ 'f:spec': {} }, own), rival(udp, '.', 'f:port', 'f:name')];
    const leftOf = (one: Case): unknown => {
      const theirs = assessDrift(inputOf(one)).drift.fields.filter((finding) => finding.held !== true);
      return withoutPaths(
        { ports },
        theirs.map(({ path }) => path.slice(1)),
      );
    };
    const oneRenamed = { ...made, live: { spec: { ports: [livePorts[1] as Json, renamed[0] as Json] } }, entries: both };
    expect(verdict(oneRenamed)).toEqual(['modified spec.ports[port=53].name by rival', 'modified spec.ports']);
    expect(leftOf(oneRenamed)).toEqual({ ports: [{ port: 53 }, ports[1]] });
    expect(leftOf({ ...made, ...gone })).toEqual({ ports: [ports[1]] });
    const onlyOther = { ...made, live: { spec: { ports: [renamed[1] as Json] } }, entries: neither };
    expect(verdict(onlyOther)).toEqual([
      'removed spec.ports[port=53]',
      'modified spec.ports[port=53,protocol=UDP].name by rival',
      'lost spec.ports[port=53,protocol=UDP].port',
      'lost spec.ports[port=53,protocol=UDP].protocol',
    ]);
    expect(leftOf(onlyOther)).toEqual({ ports: [{ port: 53, protocol: 'UDP' }] });
  });
});

describe('where items stand', () => {
  /** `a2`: the item a, of ours, third in the live list; `B0`: the item B, which we lost, first there. */
  const placed = (text: string) =>
    text.split(' ').map((one) => ({ at: one.length > 1 ? Number(one.slice(1)) : undefined, lost: /^[A-Z]/.test(one) ? one : undefined }));

  test.each<[string, boolean, string[]]>([
    ['a0 b1 c4', false, []],
    ['a0 c2 b1', true, []],
    ['a0 B2 c5', false, []],
    ['a1 B0 c5', false, ['B0']],
    ['a0 B4 c2', false, ['B4']],
    ['A1 B0', false, ['B0']],
    ['A2 b1 C0', false, ['A2', 'C0']],
    ['a3 B c4', false, []],
  ])('%s', (text, ownMoved, moved) => {
    expect([isOutOfOrder(placed(text)), displaced(placed(text))]).toEqual([ownMoved, moved]);
  });
});

test('key fields are the same whatever the order of their names, and a number is no text', () => {
  expect(keysText({ port: 80, protocol: 'TCP' })).toBe(keysText({ protocol: 'TCP', port: 80n }));
  expect(keysText({ port: 80 })).not.toBe(keysText({ port: '80' }));
  expect([...positionsOf([{ name: 'a' }, { name: 'b' }, { name: 'a' }]).values()]).toEqual([[0, 2], [1]]);
});

test('what the API server fills in is known where it is the same for all', () => {
  const items = [{ port: 80 }, { port: 81 }, { port: 82, protocol: 'UDP' }];
  const served = (first: string, second: string) => [{ port: 80, protocol: first }, { port: 81, protocol: second }, undefined];
  expect(defaultedKeys(items, served('TCP', 'TCP'))).toEqual({ protocol: 'TCP' });
  expect(defaultedKeys(items, served('TCP', 'SCTP'))).toEqual({ protocol: undefined });
});
