/** Manifests and live objects as plain data, for tables. */
import type { KubeObject, ObjectId, Resource } from '../../operator/kube/types.ts';
import type { LookedUp, Member } from '../../operator/live/types.ts';
import type { Manifest } from '../../operator/render/types.ts';

export const ours = 'applyset-ours-v1';

export interface Which {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
}

function idOf({ group = '', version = 'v1', kind = 'ConfigMap', namespace = 'shop', name = 'a' }: Which): ObjectId {
  return { group, version, kind, namespace, name };
}

export function resourceOf(which: Which): Resource {
  const { group, version, kind, namespace } = idOf(which);
  return { group, version, kind, plural: `${kind.toLowerCase()}s`, namespaced: namespace !== '', verbs: [] };
}

/** What git states; `hash` is `v1:new` unless said. */
export function manifest(
  which: Which = {},
  more: { hash?: string; annotations?: Record<string, string>; body?: Record<string, unknown> } = {},
): Manifest {
  const id = idOf(which);
  const { hash = 'v1:new', annotations, body } = more;
  const metadata = { name: id.name, ...(id.namespace === '' ? {} : { namespace: id.namespace }), ...(annotations && { annotations }) };
  const apiVersion = id.group === '' ? id.version : `${id.group}/${id.version}`;
  const object: KubeObject = { apiVersion, kind: id.kind, metadata, ...body };
  return { id, resource: resourceOf(which), object, hash, place: { file: 'web.yaml', line: 3 } };
}

/** A member of ours whose manifest is `v1:old`, unless said otherwise. */
export function member(which: Which = {}, more: Partial<Member> & { hash?: string } = {}): Member {
  const { hash = 'v1:old', annotations, ...rest } = more;
  return {
    id: idOf(which),
    resource: resourceOf(which),
    uid: `uid-${which.name ?? 'a'}`,
    resourceVersion: '7',
    createdAt: 0,
    deleting: false,
    controllerOwner: undefined,
    partOf: ours,
    ownsLabel: true,
    ownsHashAndLabel: true,
    annotations: { 'plumbline.dev/hash': hash, ...annotations },
    drift: undefined,
    ...rest,
  };
}

/** An object that a look-up found: no label, made by kubectl, unless said otherwise. */
export function stranger(which: Which = {}, more: Partial<LookedUp> = {}): LookedUp {
  const { drift: _drift, ...live } = member(which, { partOf: '', ownsLabel: false, ownsHashAndLabel: false });
  return {
    ...live,
    annotations: {},
    managers: ['kubectl-create'],
    mark: undefined,
    ...more,
  };
}
