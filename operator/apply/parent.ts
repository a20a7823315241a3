/** The operator's own writes to a source's metadata: finalizer and ApplySet parent, always as a merge patch (rules 17, 38). */
import { controllerManager, finalizer, group, kind, plural, version } from '../api/names.ts';
import type { GitOpsSource } from '../api/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { mergePatch } from '../kube/operations.ts';
import type { Resource } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import { applySetId, parentMetadata, readParent, sameSet, setOf, widen } from '../plan/applyset.ts';
import type { ParentSet } from '../plan/applyset.ts';
import { isProven } from '../plan/plan.ts';

/** GitOpsSource as the API server serves it. */
export const sourceResource: Resource = {
  group,
  version,
  kind,
  plural,
  namespaced: true,
  verbs: ['get', 'list', 'watch', 'patch'],
};

/** What a source's metadata lacks, as a merge patch, or undefined when it lacks nothing. Pure. */
export function parentPatch(source: GitOpsSource, set: ParentSet, tooling: string): Record<string, unknown> | undefined {
  const { metadata } = source;
  const id = applySetId({ namespace: metadata.namespace, name: metadata.name });
  const finalizers = metadata.finalizers ?? [];
  const hasFinalizer = finalizers.includes(finalizer);
  const hasId = metadata.labels?.['applyset.kubernetes.io/id'] === id;
  if (hasFinalizer && hasId && sameSet(readParent(metadata.annotations), set)) return undefined;
  return {
    metadata: {
      // Only the list of finalizers has other writers; the rest is ours, and the status moves while a walk is under way.
      ...(hasFinalizer ? { uid: metadata.uid } : { resourceVersion: metadata.resourceVersion, finalizers: [...finalizers, finalizer] }),
      ...parentMetadata(id, set, tooling),
    },
  };
}

/** Whether the source is still the parent that these members need: finalizer, id, and their kinds and namespaces. Pure. */
export function isWholeParent(source: GitOpsSource, members: readonly Member[]): boolean {
  const { namespace, annotations } = source.metadata;
  const needed = setOf(
    members.filter(isProven).map(({ id }) => id),
    namespace,
  );
  return parentPatch(source, widen(readParent(annotations), needed), '') === undefined;
}

/** Sends a merge patch to the source itself (not its status); returns it as it is now. */
export async function patchSource(
  client: KubeClient,
  source: GitOpsSource,
  patch: Record<string, unknown>,
  signal: AbortSignal,
): Promise<GitOpsSource> {
  const id = { ...sourceResource, namespace: source.metadata.namespace, name: source.metadata.name };
  const flow = `${id.namespace}/${id.name}`;
  return (await mergePatch(client, sourceResource, id, patch, {
    fieldManager: controllerManager,
    full: true,
    flow,
    signal,
  })) as GitOpsSource;
}
