import { describe, expect, test } from '@jest/globals';
import { findCondition } from '../../operator/api/conditions.ts';
import { driftEvents } from '../../operator/report/events.ts';
import { driftCounts, untoldDrift, withDrift } from '../../operator/report/drift.ts';
import type { DriftItem, DriftReport } from '../../operator/report/drift.ts';
import { at } from './outcomes.ts';

const id = (name: string) => ({ group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'shop', name });

function item(name: string, more: Partial<DriftItem> = {}): DriftItem {
  return { id: id(name), uid: `uid-${name}`, class: 'modified', field: 'spec.replicas', manager: 'kubectl-edit', since: at(1), ...more };
}
const gone = (name: string): DriftItem => item(name, { class: 'missing', field: undefined, manager: undefined, uid: '' });
const report = (items: readonly DriftItem[], more: Partial<DriftReport> = {}): DriftReport => ({
  mode: 'Report',
  items,
  fights: [],
  ...more,
});
const told = (made: DriftReport) => withDrift({}, made, 3, at(9));
const drifted = (made: DriftReport) => findCondition(told(made).conditions, 'Drifted');

describe('withDrift', () => {
  test('says which field, who and since when', () => {
    const status = told(report([item('web'), item('web', { field: 'spec.paused', class: 'extra' }), gone('api')]));
    expect(status.objects).toEqual({ drifted: 2 });
    expect(status.drift).toEqual([
      { object: 'Deployment shop/api', class: 'missing', since: at(1) },
      { object: 'Deployment shop/web', class: 'modified', field: 'spec.replicas', manager: 'kubectl-edit', since: at(1) },
      { object: 'Deployment shop/web', class: 'extra', field: 'spec.paused', manager: 'kubectl-edit', since: at(1) },
    ]);
    expect(findCondition(status.conditions, 'Drifted')).toEqual({
      type: 'Drifted',
      status: 'True',
      reason: 'Drifted',
      message: `2 objects differ from git: Deployment shop/api is gone since ${at(1)}; Deployment shop/web: spec.replicas is modified by field manager kubectl-edit since ${at(1)}.`,
      observedGeneration: 3,
      lastTransitionTime: at(9),
    });
  });

  test('what kubectl only added is told and does not make it drifted', () => {
    const status = told(report([item('web', { class: 'extra' })]));
    expect([status.objects?.drifted, status.drift?.length]).toEqual([0, 1]);
    expect(drifted(report([item('web', { class: 'extra' })]))).toMatchObject({ status: 'False', reason: 'InSync' });
  });

  test('the first 20 are told, the rest is counted', () => {
    const many = Array.from({ length: 30 }, (_, index) => item(`web-${index}`));
    const status = told(report(many));
    expect([status.drift?.length, status.objects?.drifted]).toEqual([20, 30]);
    expect(drifted(report(many))?.message).toContain('; and 25 more.');
  });

  test('a fight is told by manager and field', () => {
    const fight = { object: 'Deployment shop/web', field: 'spec.replicas', manager: 'hpa', waitSeconds: 8 };
    expect(drifted(report([], { mode: 'Correct', fights: [fight] }))).toMatchObject({
      status: 'True',
      reason: 'Fight',
      message: expect.stringMatching(/^Field manager hpa writes spec\.replicas of Deployment shop\/web again .* left alone for 8 s more/u),
    });
  });

  test('an unknown manager is told as unknown', () => {
    expect(drifted(report([item('web', { manager: undefined })]))?.message).toContain('by an unknown field manager');
  });

  test('in Ignore nothing is compared', () => {
    const status = told(report([item('web')], { mode: 'Ignore' }));
    expect(status.drift).toBeUndefined();
    expect(drifted(report([item('web')], { mode: 'Ignore' }))).toMatchObject({ status: 'Unknown', reason: 'DriftIgnored' });
  });

  test('nothing new changes nothing', () => {
    const first = told(report([item('web')]));
    expect(withDrift(first, report([item('web')]), 3, at(30))).toEqual(first);
    expect(withDrift(first, report([]), 3, at(30)).drift).toBeUndefined();
  });
});

test('driftCounts counts objects by class, and what kubectl added is no beginning', () => {
  const counts = driftCounts(report([item('a'), item('a', { field: 'x' }), item('b', { class: 'extra', since: at(0) }), gone('c')]));
  expect(counts).toEqual({ objects: { missing: 1, removed: 0, modified: 1, extra: 1 }, since: at(1), fights: 0 });
});

test('driftEvents tell the source everything, and each object its own', () => {
  const drafts = driftEvents([item('a'), item('a', { field: 'x' }), gone('c')]);
  expect(drafts.map(({ about, note }) => [about?.name, note])).toEqual([
    [undefined, expect.stringMatching(/a: spec\.replicas is modified.*; .*a: x is modified.*; .*c is gone/u)],
    ['a', expect.stringMatching(/spec\.replicas.*; .* x is/u)],
  ]);
  // The same again, later, is the same text: one series.
  expect(driftEvents([item('a', { since: at(40) })])).toEqual(driftEvents([item('a', { since: at(2) })]));
  expect(drafts[1]?.about).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'a', uid: 'uid-a' });
});

describe('after a restart, of what the status says', () => {
  const long = (end: string): DriftItem => item('web', { field: `metadata.annotations.${'x'.repeat(1_100)}${end}` });
  const web = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => item(`web-${from + index}`));
  const names = (items: readonly DriftItem[]) => items.map(({ id: { name }, field }) => `${name} ${field?.at(-1)}`);
  const rows: readonly (readonly [string, readonly DriftItem[], readonly DriftItem[], readonly DriftItem[]])[] = [
    ['nothing was told', [], web(0, 2), web(0, 2)],
    ['a few were told', web(0, 3), web(1, 5), web(3, 5)],
    ['it is another manager’s now', web(0, 1), [item('web-0', { manager: 'helm', since: at(5) })], []],
    ['more were told than it lists', web(10, 50), web(10, 50), []],
    ['more were told than it lists, and another one came', web(10, 50), web(10, 51), web(50, 51)],
    ['more were told than it lists, and some went', web(10, 50), web(40, 50), []],
    ['names were told that it cuts', [long('a')], [long('a')], []],
    ['names were told that it cuts, and another one came', [long('a')], [long('a'), long('b')], [long('b')]],
    ['very many were told', web(1_000, 3_000), web(1_000, 3_000), []],
  ];
  test.each(rows)('where %s', (_, before, now, news) => {
    expect(names(untoldDrift(told(report(before)), report(now.toReversed())))).toEqual(names(news));
  });

  test('where very many were told, and one more came, no more is told again than it has no room for', () => {
    const news = untoldDrift(told(report(web(1_000, 3_000))), report([...web(1_000, 3_000), item('zebra')]));
    expect(news).toHaveLength(2_001 - 511);
    expect(told(report(web(1_000, 3_000))).driftTold).toHaveLength(4_096);
  });

  test('an older operator wrote: the list counts, as far as it goes', () => {
    const { driftTold: _told, ...status } = told(report(web(10, 50)));
    expect(untoldDrift(status, report(web(10, 50)))).toEqual(web(30, 50));
  });

  test('nothing more is kept than the list where that says all', () => {
    expect(told(report(web(0, 10)))).not.toHaveProperty('driftTold');
    expect(withDrift(told(report(web(10, 50))), report(web(0, 10)), 3, at(9))).not.toHaveProperty('driftTold');
  });
});
