import { describe, expect, test } from '@jest/globals';
import { applySetId, parentMetadata, readParent, sameSet, setOf, widen } from '../../operator/plan/applyset.ts';
import { manifest } from './made.ts';

describe('a source as the parent of an ApplySet', () => {
  test('has the id that KEP-3659 gives it', () => {
    expect(applySetId({ namespace: 'shop', name: 'main' })).toMatch(/^applyset-[A-Za-z0-9_-]{43}-v1$/);
    expect(applySetId({ namespace: 'shop', name: 'main' })).not.toBe(applySetId({ namespace: 'main', name: 'shop' }));
  });
  test('lists kinds and namespaces, its own namespace left out', () => {
    const objects = [
      manifest({ group: 'apps', kind: 'Deployment' }),
      manifest(),
      manifest({ namespace: 'other' }),
      manifest({ kind: 'Namespace', namespace: '' }),
    ];
    expect(
      setOf(
        objects.map(({ id }) => id),
        'shop',
      ),
    ).toEqual({ groupKinds: ['ConfigMap', 'Deployment.apps', 'Namespace'], namespaces: ['other'] });
  });
  test('reads what it wrote, and what a person wrote with spaces', () => {
    const set = { groupKinds: ['ConfigMap', 'Deployment.apps'], namespaces: ['other'] };
    expect(readParent(parentMetadata('id', set, 'plumbline/v1').annotations as Record<string, string>)).toEqual(set);
    expect(readParent({ 'applyset.kubernetes.io/contains-group-kinds': ' b , a,' }).groupKinds).toEqual(['b', 'a']);
    expect(readParent(undefined)).toEqual({ groupKinds: [], namespaces: [] });
  });
  test('is widened to both, and says so whatever the order', () => {
    const wide = widen({ groupKinds: ['b'], namespaces: [] }, { groupKinds: ['a', 'b'], namespaces: ['n'] });
    expect(sameSet(wide, { groupKinds: ['b', 'a'], namespaces: ['n'] })).toBe(true);
    expect(sameSet(wide, { groupKinds: ['a'], namespaces: ['n'] })).toBe(false);
  });
});
