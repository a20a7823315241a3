/** Drafts to manifests: each with its resource, its namespace (rule 3) and its hash. */
import { group as ownGroup, kind as ownKind } from '../api/names.ts';
import { placeText } from '../errors.ts';
import type { Fault, Lack } from '../errors.ts';
import { apiVersionOf, gvkKey, gvkOf, objectKey, objectText } from '../kube/types.ts';
import type { GroupVersionKind, KubeObject, ObjectId, ObjectMeta, Resource } from '../kube/types.ts';
import { detached, shared } from '../kept-text.ts';
import { crdResources } from './crds.ts';
import { faultList } from './faults.ts';
import { hashManifest } from './hash.ts';
import { finish } from './steps.ts';
import type { Draft, Manifest, Notice, Rendered, RenderReason, SettleOptions } from './types.ts';

/**
 * Gives every draft its namespace and scope: by the API server's discovery, or by a CRD of the same revision. Throws
 * PlumblineError with all faults (the first 50, then their number): UnknownKind, OutOfScope, NamespaceMismatch, and
 * RenderFailed for an object that is stated twice or is the source itself.
 */
export function settle(drafts: readonly Draft[], options: SettleOptions): Rendered {
  return finish(settling(drafts, options));
}

/** The same in steps, one an object; `faults` may hold what was wrong with the files already, and is thrown with the rest. */
export function* settling(drafts: readonly Draft[], options: SettleOptions, faults = faultList()): Generator<void, Rendered, void> {
  const brought = new Map(crdResources(drafts).map((resource) => [gvkKey(resource), resource]));
  // The CRD may stand in what could not be read.
  const isWhole = faults.count === 0;
  const notices: Notice[] = [];
  const manifests: Manifest[] = [];
  const seen = new Map<string, Draft>();
  for (const draft of drafts) {
    yield;
    const gvk = gvkOf(draft.object);
    const resource = options.scopeOf(gvk) ?? brought.get(gvkKey(gvk));
    if (resource === undefined) {
      if (isWhole) faults.add(unknownKind(draft, gvk, options));
      continue;
    }
    const id = idOf(draft, resource, options);
    const wrong = scopeFault(draft, id, resource, options) ?? twice(draft, id, seen);
    if (wrong !== undefined) {
      faults.add(wrong);
      continue;
    }
    if (!resource.namespaced && statedNamespace(draft) !== '') notices.push(clusterWideNotice(draft, id));
    const object = withNamespace(draft.object, id.namespace);
    manifests.push({ id, resource, object, hash: hashManifest(object), place: draft.place });
  }
  faults.throwIfAny();
  return { manifests, notices };
}

function statedNamespace(draft: Draft): string {
  return draft.object.metadata.namespace ?? '';
}

/** It outlives the file. */
function idOf(draft: Draft, { group, version, kind, namespaced }: Resource, options: SettleOptions): ObjectId {
  const namespace = statedNamespace(draft) || options.targetNamespace || options.sourceNamespace;
  return { group, version, kind, namespace: namespaced ? shared(namespace) : '', name: detached(draft.object.metadata.name) };
}

function fault(reason: RenderReason, draft: Draft, object: string, message: string, remedy?: string): Fault {
  return { reason, place: draft.place, object, message, remedy };
}

/** Any CRD that comes or changes may bring the kind. */
const anyCrd: Lack = { group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition', namespace: '', name: '' };

function unknownKind(draft: Draft, gvk: GroupVersionKind, options: SettleOptions): Fault {
  const { name } = draft.object.metadata;
  const served = options.servedAs?.(gvk.kind) ?? [];
  const instead = served.length === 0 ? '' : `; ${gvk.kind} is served as ${served.join(', ')}`;
  const message = `there is no kind ${gvk.kind} in ${apiVersionOf(gvk)}, neither in the cluster nor by a CRD of this revision${instead}`;
  const object = objectText({ kind: gvk.kind, namespace: statedNamespace(draft), name });
  return { ...fault('UnknownKind', draft, object, message), lacks: anyCrd };
}

function scopeFault(draft: Draft, id: ObjectId, resource: Resource, options: SettleOptions): Fault | undefined {
  const { servedNamespaces, sourceName, sourceNamespace, targetNamespace } = options;
  const text = objectText(id);
  const stated = statedNamespace(draft);
  if (resource.namespaced && targetNamespace !== undefined && targetNamespace !== '' && stated !== '' && stated !== targetNamespace) {
    return fault('NamespaceMismatch', draft, text, `metadata.namespace is ${stated}, but spec.targetNamespace is ${targetNamespace}`);
  }
  if (servedNamespaces.length > 0 && !resource.namespaced) {
    return fault('OutOfScope', draft, text, `cluster-wide, but this operator serves only namespaces ${servedNamespaces.join(', ')}`);
  }
  if (servedNamespaces.length > 0 && !servedNamespaces.includes(id.namespace)) {
    return fault('OutOfScope', draft, text, `in namespace ${id.namespace}, but this operator serves only ${servedNamespaces.join(', ')}`);
  }
  if (id.group === ownGroup && id.kind === ownKind && id.namespace === sourceNamespace && id.name === sourceName) {
    return fault(
      'RenderFailed',
      draft,
      text,
      'the source that reads this file; a source cannot be a member of itself',
      'Move the manifest of the source to a repository or path that another source reads.',
    );
  }
  return undefined;
}

function twice(draft: Draft, id: ObjectId, seen: Map<string, Draft>): Fault | undefined {
  const key = objectKey(id);
  const first = seen.get(key);
  if (first === undefined) {
    seen.set(key, draft);
    return undefined;
  }
  return fault('RenderFailed', draft, objectText(id), `stated twice, first at ${placeText(first.place)}`, 'Take one of the two out.');
}

function clusterWideNotice(draft: Draft, id: ObjectId): Notice {
  return {
    place: draft.place,
    object: objectText(id),
    message: `left out metadata.namespace (${statedNamespace(draft)}): ${id.kind} is cluster-wide`,
  };
}

/** The object in its namespace; without one where it is cluster-wide. */
function withNamespace(object: KubeObject, namespace: string): KubeObject {
  if (object.metadata.namespace === (namespace || undefined)) return object;
  const { namespace: _stated, ...rest } = object.metadata;
  const metadata: ObjectMeta = namespace === '' ? rest : { ...rest, namespace };
  return { ...object, metadata };
}
