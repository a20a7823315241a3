import { describe, expect, test } from '@jest/globals';
import type { ManagedFieldsEntry } from '../../operator/kube/types.ts';
import { handOver, mayHandOver, toolManagers } from '../../operator/plan/handover.ts';

const kind = { group: 'apps', version: 'v1', kind: 'Deployment' };
const fields = (...names: string[]) => ({ 'f:spec': Object.fromEntries(names.map((name) => [`f:${name}`, {}])) });

function entry(
  manager: string,
  operation: 'Apply' | 'Update',
  names: readonly string[],
  more: Partial<ManagedFieldsEntry> = {},
): ManagedFieldsEntry {
  return {
    manager,
    operation,
    apiVersion: 'apps/v1',
    time: '2026-01-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: fields(...names),
    ...more,
  };
}

const clientSide = entry('kubectl-client-side-apply', 'Update', ['a', 'b']);
const serverSide = entry('kubectl', 'Apply', ['b', 'c']);
const cleared = entry('before-first-apply', 'Update', ['d']);
const edit = entry('kubectl-edit', 'Update', ['e']);
const scale = entry('kubectl', 'Update', ['replicas'], { subresource: 'scale' });
const controller = entry('kube-controller-manager', 'Update', ['f'], { subresource: 'status' });
const own = entry('plumbline', 'Apply', ['x']);

/** `manager/operation/version: fields`, as it is left. */
function shown(entries: readonly ManagedFieldsEntry[] | undefined): unknown {
  return entries?.map(
    ({ manager, operation, apiVersion, fieldsV1 }) =>
      `${manager}/${operation}/${apiVersion}: ${Object.keys((fieldsV1?.['f:spec'] as object) ?? {})
        .map((name) => name.replace('f:', ''))
        .join()}`,
  );
}

describe('handOver', () => {
  test.each<[string, readonly ManagedFieldsEntry[], readonly string[], readonly string[] | undefined]>([
    ['client-side apply', [clientSide, controller], [], ['plumbline/Apply/apps/v1: a,b', 'kube-controller-manager/Update/apps/v1: f']],
    ['server-side apply', [serverSide], [], ['plumbline/Apply/apps/v1: b,c']],
    ['all three, and ours', [own, clientSide, serverSide, cleared], [], ['plumbline/Apply/apps/v1: x,a,b,c,d']],
    ['other managers keep theirs', [clientSide, edit], [], ['plumbline/Apply/apps/v1: a,b', 'kubectl-edit/Update/apps/v1: e']],
    ['nothing to hand over', [edit, controller], [], undefined],
    ['a scale by kubectl is none', [scale], [], undefined],
    ['a tool only where it is asked for', [entry('helm', 'Update', ['h'])], [], undefined],
    ['a tool', [entry('helm', 'Update', ['h']), edit], ['helm'], ['plumbline/Apply/apps/v1: h', 'kubectl-edit/Update/apps/v1: e']],
    ['another version is renamed', [{ ...clientSide, apiVersion: 'apps/v1beta1' }], [], ['plumbline/Apply/apps/v1beta1: a,b']],
    [
      'another version is never merged',
      [{ ...clientSide, apiVersion: 'apps/v1beta1' }, serverSide],
      [],
      ['plumbline/Apply/apps/v1: b,c', 'kubectl-client-side-apply/Update/apps/v1beta1: a,b'],
    ],
    ['nor where we have an entry', [own, { ...clientSide, apiVersion: 'apps/v1beta1' }], [], undefined],
  ])('%s', (_name, entries, tools, expected) => {
    expect(shown(handOver(entries, kind, tools))).toEqual(expected);
  });

  test('what one holds as itself and the other from inside is held as both', () => {
    const [merged] =
      handOver(
        [
          { ...clientSide, fieldsV1: { 'f:data': {} } },
          { ...serverSide, fieldsV1: { 'f:data': { 'f:a': {} } } },
        ],
        kind,
        [],
      ) ?? [];
    expect(merged?.fieldsV1).toEqual({ 'f:data': { '.': {}, 'f:a': {} } });
  });
});

test('whether there may be anything to hand over follows from the managers', () => {
  expect(mayHandOver(['kubectl-edit', 'kubectl-client-side-apply'], [])).toBe(true);
  expect(mayHandOver(['kubectl-edit'], [])).toBe(false);
  const mark = { tool: 'Flux', owner: 'Kustomization x/y', detach: '' } as const;
  expect(mayHandOver(['kustomize-controller'], toolManagers(mark))).toBe(true);
  expect(toolManagers(undefined)).toEqual([]);
});
