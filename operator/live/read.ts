/** Pure: from an object's metadata, as the API server gives it, to the little that is kept of it. */
import { fieldManager, group as plumblineGroup, hashAnnotation, partOfLabel } from '../api/names.ts';
import { shared } from '../kept-text.ts';
import type { KubeObject, ManagedFieldsEntry, ObjectMeta, Resource } from '../kube/types.ts';
import type { LiveObject, LookedUp, OwnershipMark } from './types.ts';

const annotationPrefix = `${plumblineGroup}/`;

/** What is kept of a live object. Only metadata is read, so a PartialObjectMetadata will do. */
export function readLiveObject(resource: Resource, object: Pick<KubeObject, 'metadata'>): LiveObject {
  const { metadata } = object;
  const entry = applyEntry(metadata.managedFields);
  const ownsLabel = ownsField(entry, 'f:labels', partOfLabel);
  return {
    id: {
      group: resource.group,
      version: resource.version,
      kind: resource.kind,
      namespace: shared(metadata.namespace ?? ''),
      name: metadata.name,
    },
    resource,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    createdAt: Date.parse(metadata.creationTimestamp ?? ''),
    deleting: metadata.deletionTimestamp !== undefined,
    controllerOwner: metadata.ownerReferences?.find((owner) => owner.controller === true),
    partOf: shared(metadata.labels?.[partOfLabel] ?? ''),
    ownsLabel,
    ownsHashAndLabel: ownsLabel && ownsField(entry, 'f:annotations', hashAnnotation),
    annotations: ownAnnotations(metadata.annotations),
  };
}

/** The same, and what a refusal or an adoption tells. */
export function readLookedUp(resource: Resource, object: Pick<KubeObject, 'metadata'>): LookedUp {
  const { metadata } = object;
  const managers = (metadata.managedFields ?? []).map((entry) => entry.manager ?? 'unknown');
  return { ...readLiveObject(resource, object), managers: [...new Set(managers)], mark: ownershipMark(metadata) };
}

/** Plumbline's own entry for what it applied; there is one per manager, never with a subresource. */
function applyEntry(entries: readonly ManagedFieldsEntry[] | undefined): ManagedFieldsEntry | undefined {
  return entries?.find((entry) => entry.manager === fieldManager && entry.operation === 'Apply' && !entry.subresource);
}

/** Whether the entry owns `metadata.<map>.<key>` (fieldsV1: `f:metadata` → `f:labels` → `f:<key>`). */
function ownsField(entry: ManagedFieldsEntry | undefined, map: 'f:labels' | 'f:annotations', key: string): boolean {
  const metadata = entry?.fieldsV1?.['f:metadata'] as Record<string, Record<string, unknown> | undefined> | undefined;
  return metadata?.[map]?.[`f:${key}`] !== undefined;
}

function ownAnnotations(annotations: ObjectMeta['annotations']): Readonly<Record<string, string>> {
  const own: Record<string, string> = {};
  for (const key in annotations) {
    if (!key.startsWith(annotationPrefix)) continue;
    const value = annotations[key] ?? '';
    own[key] = key === hashAnnotation ? value : shared(value);
  }
  return own;
}

function ownershipMark({ labels = {}, annotations = {} }: ObjectMeta): OwnershipMark | undefined {
  const kustomization = labels['kustomize.toolkit.fluxcd.io/name'];
  if (kustomization !== undefined) {
    const owner = `${labels['kustomize.toolkit.fluxcd.io/namespace'] ?? 'flux-system'}/${kustomization}`;
    return {
      tool: 'Flux',
      owner: `Kustomization ${owner}`,
      detach: 'Suspend that Kustomization, set its spec.prune to false, and take the labels kustomize.toolkit.fluxcd.io/* off the object.',
    };
  }
  const fluxRelease = labels['helm.toolkit.fluxcd.io/name'];
  if (fluxRelease !== undefined) {
    return {
      tool: 'Flux',
      owner: `HelmRelease ${labels['helm.toolkit.fluxcd.io/namespace'] ?? 'flux-system'}/${fluxRelease}`,
      detach: 'Suspend that HelmRelease and take the labels helm.toolkit.fluxcd.io/* off the object.',
    };
  }
  const application = annotations['argocd.argoproj.io/tracking-id']?.split(':')[0] ?? labels['argocd.argoproj.io/instance'];
  if (application !== undefined) {
    return {
      tool: 'Argo CD',
      owner: `Application ${application}`,
      detach:
        'Delete that Application without cascade, then take the annotation argocd.argoproj.io/tracking-id and the label argocd.argoproj.io/instance off the object.',
    };
  }
  const release = annotations['meta.helm.sh/release-name'];
  if (release !== undefined) {
    return {
      tool: 'Helm',
      owner: `release ${annotations['meta.helm.sh/release-namespace'] ?? 'default'}/${release}`,
      detach:
        'Annotate the object with helm.sh/resource-policy=keep, uninstall the release, then take the annotations meta.helm.sh/* off the object.',
    };
  }
  return undefined;
}
