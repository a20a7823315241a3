import { describe, expect, test } from '@jest/globals';
import { rolledAt } from '../../bench/calls.ts';
import { correctionsOf, editAgent, percentile } from '../../bench/live/latency.ts';
import { liveVerdicts, stormPace } from '../../bench/live/targets.ts';
import type { LiveMeasured } from '../../bench/live/targets.ts';
import type { AuditEvent } from '../e2e/audit.ts';

const start = Date.parse('2026-03-01T00:00:00Z');
const at = (ms: number): string => new Date(start + ms).toISOString();

function patch(userAgent: string, name: string, from: number, to: number, more: Partial<AuditEvent> = {}): AuditEvent {
  return {
    verb: 'patch',
    requestURI: `/${name}`,
    user: { username: 'admin' },
    userAgent,
    objectRef: { resource: 'deployments', namespace: 'fleet', name },
    responseStatus: { code: 200 },
    requestReceivedTimestamp: at(from),
    stageTimestamp: at(to),
    stage: 'ResponseComplete',
    ...more,
  };
}

describe('how long an edit stood', () => {
  const edit = patch(editAgent, 'a', 100, 110);
  test.each<[string, AuditEvent[], (number | undefined)[]]>([
    [
      'until the first write of that object after it',
      [edit, patch('plumbline/1', 'a', 120, 150), patch('plumbline/1', 'a', 160, 190)],
      [50],
    ],
    ['not until a write before it', [patch('plumbline/1', 'a', 80, 90), edit], [undefined]],
    ['not until a write of another object', [edit, patch('plumbline/1', 'b', 120, 150)], [undefined]],
    ['not until one that failed', [edit, patch('plumbline/1', 'a', 120, 150, { responseStatus: { code: 409 } })], [undefined]],
    ['not until somebody else writes', [edit, patch('kube-controller-manager/1', 'a', 120, 150)], [undefined]],
    ['each on its own', [edit, patch(editAgent, 'b', 200, 205), patch('plumbline/1', 'a', 120, 150)], [50, undefined]],
  ])('%s', (_what, events, expected) => {
    expect(correctionsOf(events)).toEqual(expected);
  });

  test.each([
    [50, 3],
    [99, 5],
    [0, 1],
    [20, 1],
    [21, 2],
  ])('percentile %d of five is %d', (percent, value) => {
    expect(percentile([5, 1, 4, 2, 3], percent)).toBe(value);
  });
});

test('Deployments are done with the last status that a controller wrote', () => {
  const status = { resource: 'deployments', subresource: 'status', name: 'a' };
  const events = [
    patch('kube-controller-manager/1', 'a', 10, 20, { verb: 'update', objectRef: status }),
    patch('kube-controller-manager/1', 'a', 30, 40, { verb: 'update', objectRef: status }),
    patch('kube-controller-manager/1', 'a', 50, 60, { verb: 'get', objectRef: status }),
    patch('plumbline/1', 'a', 70, 80),
  ];
  expect(rolledAt(events)).toBe(start + 40);
});

describe('what must be reached', () => {
  const call = { verb: 'patch', resource: 'deployments', count: 1, allowed: 0 };
  const storm = { sources: 100, bare: [1.6], operator: [{ startup: 0.3, seconds: 2.4, git: 0.4, net: 2 }], peakMib: [150] };
  const idle = { seconds: 60, calls: [], lsRefs: 1, cpuPercent: 0.2, rssMib: 150 };
  const busy = { seconds: 60, changes: 3_000, cpuPercent: 3, rssMib: 160, calls: [] };
  const restart = { seconds: 3, startup: 0.4, writes: [], peakMib: 170 };
  const good: LiveMeasured = { storms: [storm], sources: 100, objects: 1_000, edits: [20, 30, 40], idle, busy, restart };

  test('by a good run is', () => {
    expect(stormPace(storm, 'net')).toBeCloseTo(80);
    expect(stormPace(storm, 'seconds')).toBeCloseTo(66.7, 1);
    expect(liveVerdicts(good).filter((one) => !one.met)).toEqual([]);
  });

  test.each<[string, LiveMeasured]>([
    ['a storm that is too slow', { ...good, storms: [storm, { ...storm, bare: [1.5] }] }],
    ['one that takes too much memory', { ...good, storms: [{ ...storm, peakMib: [150, 200] }] }],
    ['an edit in a hundred that stands too long', { ...good, edits: [20, 1_000] }],
    ['a call while idle', { ...good, idle: { ...idle, calls: [call] } }],
    ['CPU while idle', { ...good, idle: { ...idle, cpuPercent: 5 } }],
    ['memory while idle', { ...good, idle: { ...idle, rssMib: 201 } }],
    ['a call while status changes', { ...good, busy: { ...busy, calls: [call] } }],
    ['CPU while status changes', { ...good, busy: { ...busy, cpuPercent: 5.1 } }],
    ['memory while status changes', { ...good, busy: { ...busy, rssMib: 200 } }],
    ['a write at a restart', { ...good, restart: { ...restart, writes: [call] } }],
    ['memory at a restart', { ...good, restart: { ...restart, peakMib: 200 } }],
  ])('%s misses one', (_what, measured) => {
    expect(liveVerdicts(measured).filter((one) => !one.met)).toHaveLength(1);
  });
});
