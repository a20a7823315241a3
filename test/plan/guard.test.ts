import { describe, expect, test } from '@jest/globals';
import { objectKey } from '../../operator/kube/types.ts';
import type { Member } from '../../operator/live/types.ts';
import { guardQuestions, hold } from '../../operator/plan/guard.ts';
import type { GuardFacts } from '../../operator/plan/types.ts';
import { member } from './made.ts';

const nothing: GuardFacts = { namespaceContents: new Map(), crdObjects: new Map() };
const members = (count: number): Member[] => Array.from({ length: count }, (_, index) => member({ name: `m${index}` }));
const namespace = member({ kind: 'Namespace', namespace: '', name: 'shop' });
const crd = member({ group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition', namespace: '', name: 'shops.example.com' });
const claim = member({ kind: 'PersistentVolumeClaim', name: 'data' });

function why(stated: number, all: readonly Member[], prune: readonly Member[], facts: GuardFacts = nothing): readonly string[] | undefined {
  return hold({ stated, members: all, prune, facts, commit: 'new', appliedAt: 100_000 })?.why;
}

describe('a prune', () => {
  test('of nothing is never held', () => expect(why(0, members(20), [])).toBeUndefined());
  test('by a revision that states nothing is held', () => {
    expect(why(0, members(3), members(3))).toEqual(['the revision states no object, and 3 would go']);
  });
  test.each([
    [10, 8, true],
    [10, 7, false],
    [9, 8, false],
    [20, 15, false],
    [20, 16, true],
  ])('of %2$d of %1$d members: held is %3$s', (all, gone, held) => {
    expect(why(1, members(all), members(gone)) !== undefined).toBe(held);
  });
  test('counts proven members alone', () => {
    const copies = Array.from({ length: 20 }, (_, index) => member({ name: `copy${index}` }, { ownsLabel: false }));
    expect(why(1, [...members(10), ...copies], members(8))).toEqual(['8 of 10 objects would go']);
  });
  test('counts nothing that an earlier attempt at the revision brought in', () => {
    const at = (commit: string) => ({ annotations: { 'plumbline.dev/commit': commit } });
    const old = members(10);
    const fresh = Array.from({ length: 10 }, (_, index) => member({ name: `new${index}` }, { ...at('new'), createdAt: 101_000 }));
    expect(why(12, [...old, ...fresh], old.slice(2))).toEqual(['8 of 10 objects would go']);
    const changed = Array.from({ length: 10 }, (_, index) => member({ name: `changed${index}` }, { ...at('new'), createdAt: 30_000 }));
    expect(why(12, [...old, ...changed], old.slice(2))).toBeUndefined();
    const corrected = Array.from({ length: 10 }, (_, index) => member({ name: `back${index}` }, { ...at('old'), createdAt: 101_000 }));
    expect(why(12, [...old, ...corrected], old.slice(2))).toBeUndefined();
  });
  test('counts as brought in what may have been: created in the second of the last revision, or by a clock that is behind', () => {
    const at = { annotations: { 'plumbline.dev/commit': 'new' } };
    const old = members(10);
    for (const createdAt of [99_500, 60_000]) {
      expect(why(3, [...old, member({ name: 'fresh' }, { ...at, createdAt })], old.slice(2))).toEqual(['8 of 10 objects would go']);
      // Ten there were, and ten they stay: what was changed meanwhile makes no small source of it.
      const [first = member({}), ...others] = old;
      expect(why(1, [{ ...first, ...at, createdAt }, ...others], others)).toEqual(['9 of 9 objects would go']);
    }
  });
  describe('that follows an attempt whose manifests changed at other commits', () => {
    const old = members(10);
    const brought = (annotations: Record<string, string>, createdAt = 101_000): Member[] =>
      Array.from({ length: 10 }, (_, index) => member({ name: `new${index}` }, { annotations, createdAt }));
    const whyOf = (fresh: readonly Member[], known: Partial<Parameters<typeof hold>[0]>) =>
      hold({ stated: 12, members: [...old, ...fresh], prune: old.slice(2), facts: nothing, commit: 'new', appliedAt: 100_000, ...known })
        ?.why;
    const isOld = (commit: string): boolean => commit === 'old';
    const held = ['8 of 10 objects would go'];

    test('counts nothing of a commit that is not known to have been applied before', () => {
      expect(whyOf(brought({ 'plumbline.dev/commit': 'between' }), { isOld })).toEqual(held);
      expect(whyOf(brought({ 'plumbline.dev/commit': 'old' }), { isOld })).toBeUndefined();
      expect(whyOf(brought({ 'plumbline.dev/commit': 'between' }, 30_000), { isOld })).toBeUndefined();
    });
    test('counts nothing whose commit is a bound only', () => {
      const bound = { 'plumbline.dev/commit': 'old', 'plumbline.dev/commit-bound': 'at-or-before' };
      expect(whyOf(brought(bound), { isOld })).toEqual(held);
      expect(whyOf(brought(bound), {})).toEqual(held);
    });
    test('counts what the applied revision stated, where that is remembered', () => {
      const keys = (all: readonly Member[]) => new Set(all.map(({ id }) => objectKey(id)));
      const fresh = brought({ 'plumbline.dev/commit': 'old' });
      expect(whyOf(fresh, { appliedBefore: keys(old) })).toEqual(held);
      expect(whyOf(fresh, { appliedBefore: keys([...old, ...fresh]) })).toBeUndefined();
    });
  });
  test('of a PersistentVolumeClaim is held', () => {
    expect(why(5, [claim], [claim])).toEqual(['PersistentVolumeClaim shop/data holds data']);
  });
  test('of a Namespace is held while anything of others is in it', () => {
    const facts = { ...nothing, namespaceContents: new Map([['shop', ['Pod shop/a']]]) };
    expect(why(5, [namespace], [namespace], facts)).toEqual(['Namespace shop still holds Pod shop/a']);
    expect(why(5, [namespace], [namespace])).toBeUndefined();
  });
  test('of a CRD is held while objects of it stay', () => {
    const objects = Array.from({ length: 7 }, (_, index) => `Shop shop/s${index}`);
    const facts = { ...nothing, crdObjects: new Map([['shops.example.com', objects]]) };
    expect(why(5, [crd], [crd], facts)?.[0]).toMatch(/still has Shop shop\/s0, .* and 2 more$/);
  });
  test('asks only for the contents of namespaces and CRDs', () => {
    expect(guardQuestions([namespace, crd, claim])).toEqual({ namespaces: ['shop'], crds: ['shops.example.com'] });
  });
});
