import { describe, expect, test } from '@jest/globals';
import { parentPatch } from '../../operator/apply/parent.ts';
import type { GitOpsSource } from '../../operator/api/types.ts';

const set = { groupKinds: ['ConfigMap'], namespaces: [] };

function sourceWith(metadata: Record<string, unknown>): GitOpsSource {
  return { metadata: { namespace: 'shop', name: 'main', uid: 'u', resourceVersion: '5', ...metadata } } as unknown as GitOpsSource;
}

describe('the metadata of a source', () => {
  const first = parentPatch(sourceWith({ finalizers: ['example.com/mine'] }), set, 'plumbline/v1') as {
    metadata: Record<string, Record<string, string>>;
  };

  test('gains finalizer, set and tooling in one patch, guarded by its resourceVersion', () => {
    expect(first.metadata).toMatchObject({
      resourceVersion: '5',
      finalizers: ['example.com/mine', 'plumbline.dev/source'],
      annotations: { 'applyset.kubernetes.io/tooling': 'plumbline/v1', 'applyset.kubernetes.io/contains-group-kinds': 'ConfigMap' },
    });
  });

  test('is not written again while nothing changes, not even for a new tooling version', () => {
    const written = sourceWith({ ...first.metadata });
    expect(parentPatch(written, set, 'plumbline/v2')).toBeUndefined();
  });

  test('is written when a kind comes, the new tooling version along with it', () => {
    const written = sourceWith({ ...first.metadata });
    const patch = parentPatch(written, { ...set, groupKinds: ['ConfigMap', 'Secret'] }, 'plumbline/v2');
    expect(patch?.['metadata']).toMatchObject({ annotations: { 'applyset.kubernetes.io/tooling': 'plumbline/v2' } });
    expect(patch?.['metadata']).not.toHaveProperty('finalizers');
  });

  test('is guarded by its uid alone once the finalizer is there: the status may have moved', () => {
    const patch = parentPatch(sourceWith({ ...first.metadata }), { ...set, groupKinds: ['Secret'] }, 'plumbline/v1');
    expect(patch?.['metadata']).toMatchObject({ uid: 'u' });
    expect(patch?.['metadata']).not.toHaveProperty('resourceVersion');
  });
});
