import { describe, expect, test } from '@jest/globals';
import { pathText } from '../../operator/live/drift/path.ts';
import type { Path } from '../../operator/live/drift/path.ts';
import { noDrift } from '../../operator/live/drift/types.ts';
import type { Drift, Finding } from '../../operator/live/drift/types.ts';
import { correctionOf } from '../../operator/plan/correction.ts';
import type { DriftPolicy } from '../../operator/plan/correction.ts';
import { member } from './made.ts';

const [replicas, item] = [
  [{ field: 'spec' }, { field: 'replicas' }],
  [{ field: 'spec' }, { field: 'initContainers' }, { item: { name: 'b' }, index: 1 }],
] as const satisfies Path[];
const image: Path = [...item, { field: 'image' }];
const list: Path = item.slice(0, 2);

const finding = (path: Path, manager: string | undefined = 'rival', held?: true): Finding => ({
  path,
  class: 'modified',
  manager,
  operation: 'Update',
  since: undefined,
  ...(held && { held }),
});

function correction(drift: Partial<Drift>, policy: Partial<DriftPolicy> = {}): readonly [string[], string[]] | undefined {
  const made = correctionOf(member({}, { drift: { ...noDrift, ...drift } }), {
    mode: 'Correct',
    ignore: [],
    heldBack: () => false,
    ...policy,
  });
  return made && [made.leaveOut.map(pathText), made.overrules.map(({ path }) => pathText(path))];
}

describe('the write that puts an object back', () => {
  const b = pathText(item);

  test('overrules what drifted', () => {
    expect(correction({ fields: [finding(replicas)] })).toEqual([[], ['spec.replicas']]);
  });

  test('takes back what is as stated, and leaves the rest to whoever has it, where it is only reported', () => {
    const drift = { fields: [finding(replicas)], lost: [image] };
    expect(correction(drift, { mode: 'Report' })).toEqual([['spec.replicas'], []]);
    expect(correction({ fields: [finding(replicas)] }, { mode: 'Report' })).toBeUndefined();
  });

  test('takes nothing back of an item that it leaves out: such a write would change nothing, and be made again', () => {
    const moved = { fields: [finding(item)], lost: [image] };
    expect(correction(moved)).toEqual([[], [b]]);
    expect(correction(moved, { mode: 'Report' })).toBeUndefined();
    expect(correction(moved, { ignore: [{ managers: ['rival'] }] })).toBeUndefined();
    expect(correction(moved, { heldBack: (_, { path }) => path === item })).toBeUndefined();
    expect(correction({ ...moved, lost: [image, replicas] }, { mode: 'Report' })).toEqual([[b], []]);
  });

  test('overrules no part of an item that a fight holds back', () => {
    const drift = { fields: [finding(item), finding(image), finding(replicas)] };
    expect(correction(drift, { heldBack: (_, { path }) => path === item })).toEqual([[b], ['spec.replicas']]);
  });

  test('waits in a report for what we hold and for what only a dry run can say', () => {
    expect(correction({ fields: [finding(list, undefined, true)], lost: [replicas] }, { mode: 'Report' })).toBeUndefined();
    expect(correction({ undecided: [list], lost: [replicas] }, { mode: 'Report' })).toBeUndefined();
    expect(correction({ undecided: [item], unheld: [item], lost: [replicas] }, { mode: 'Report' })).toEqual([[b], []]);
  });
});
