/** Pure: in which order objects go in, and in which they go. */
import { group as plumblineGroup } from '../api/names.ts';
import type { Resource } from '../kube/types.ts';

/** The stages of an apply, in order; within one, everything goes at once. */
export const applyStages = ['namespaces', 'crds', 'cluster', 'config', 'rest'] as const;
export type ApplyStage = (typeof applyStages)[number];

/** The stages of a prune, in order: sources first, accounts, rights and namespaces last (rule 19). */
export const pruneStages = ['sources', 'rest', 'config', 'cluster', 'crds', 'rights', 'namespaces'] as const;
export type PruneStage = (typeof pruneStages)[number];

const configKinds = new Set(['ConfigMap', 'Secret', 'ServiceAccount', 'LimitRange', 'ResourceQuota', 'PersistentVolumeClaim']);

/** The stage in which an object of this kind is applied. */
export function applyStageOf(resource: Resource): ApplyStage {
  if (isNamespace(resource)) return 'namespaces';
  if (isCrd(resource)) return 'crds';
  if (!resource.namespaced) return 'cluster';
  return isConfig(resource) || isRights(resource) ? 'config' : 'rest';
}

/** The stage in which an object of this kind is pruned. */
export function pruneStageOf(resource: Resource): PruneStage {
  if (resource.group === plumblineGroup) return 'sources';
  if (isNamespace(resource)) return 'namespaces';
  if (isCrd(resource)) return 'crds';
  if (isRights(resource)) return 'rights';
  if (!resource.namespaced) return 'cluster';
  return isConfig(resource) ? 'config' : 'rest';
}

export function isNamespace(kind: { readonly group: string; readonly kind: string }): boolean {
  return kind.group === '' && kind.kind === 'Namespace';
}

export function isCrd(kind: { readonly group: string; readonly kind: string }): boolean {
  return kind.group === 'apiextensions.k8s.io' && kind.kind === 'CustomResourceDefinition';
}

export function isSecret(kind: { readonly group: string; readonly kind: string }): boolean {
  return kind.group === '' && kind.kind === 'Secret';
}

function isConfig(resource: Resource): boolean {
  return resource.group === '' && configKinds.has(resource.kind);
}

function isRights(resource: Resource): boolean {
  return resource.group === 'rbac.authorization.k8s.io' || (resource.group === '' && resource.kind === 'ServiceAccount');
}
