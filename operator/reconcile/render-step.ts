/** From a snapshot to manifests: files are read when the walk's turn has come, kinds are asked of the API server. */
import { apiVersionOf, gvkKey, gvkOf } from '../kube/types.ts';
import type { GroupVersionKind, Resource } from '../kube/types.ts';
import { crdResources, readingSnapshot, settling } from '../render/index.ts';
import type { Draft, Rendered } from '../render/types.ts';
import type { Snapshot } from '../source/types.ts';
import type { Walk } from './types.ts';

/** Renders a snapshot. Throws PlumblineError with every fault of the revision. */
export async function renderSnapshot(self: Pick<Walk, 'env' | 'source' | 'place' | 'signal'>, snapshot: Snapshot): Promise<Rendered> {
  const { env, place, signal, source } = self;
  const read = await env.turns.take(readingSnapshot(snapshot), place, signal);
  const defined = new Map(crdResources(read.drafts).map((resource) => [gvkKey(resource), resource]));
  const served = await env.discovery.resolve(
    kindsOf(read.drafts).filter((gvk) => !defined.has(gvkKey(gvk))),
    signal,
  );
  const scopeOf = (gvk: GroupVersionKind): Resource | undefined => served.get(gvkKey(gvk)) ?? defined.get(gvkKey(gvk));
  const known = await env.discovery.allResources(signal);
  const options = {
    sourceNamespace: source.metadata.namespace,
    sourceName: source.metadata.name,
    targetNamespace: source.spec.targetNamespace,
    servedNamespaces: env.namespaces,
    scopeOf,
    servedAs: (kind: string) => known.filter((resource) => resource.kind === kind).map(apiVersionOf),
  };
  const settled = await env.turns.take(settling(read.drafts, options, read.faults), place, signal);
  return { manifests: settled.manifests, notices: [...read.notices, ...settled.notices] };
}

function kindsOf(drafts: readonly Draft[]): readonly GroupVersionKind[] {
  const kinds = new Map<string, GroupVersionKind>();
  for (const { object } of drafts) {
    const key = `${object.apiVersion} ${object.kind}`;
    if (!kinds.has(key)) kinds.set(key, gvkOf(object));
  }
  return [...kinds.values()];
}
