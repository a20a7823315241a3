/** The kinds that the revision itself brings. */
import { detached } from '../kept-text.ts';
import type { Resource } from '../kube/types.ts';
import { isMapping } from './fields.ts';
import type { Draft } from './types.ts';

const verbs: readonly string[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/**
 * Every kind and served version that CustomResourceDefinitions among `drafts` define, as the API server will serve them.
 * What is not well-formed is left to the API server to refuse.
 */
export function crdResources(drafts: readonly Draft[]): Resource[] {
  return drafts.flatMap(({ object }) => {
    if (object.kind !== 'CustomResourceDefinition' || !object.apiVersion.startsWith('apiextensions.k8s.io/')) return [];
    const { spec } = object;
    if (!isMapping(spec) || !isMapping(spec['names']) || !Array.isArray(spec['versions'])) return [];
    const { group, scope, versions } = spec;
    const { kind, plural } = spec['names'];
    if (typeof group !== 'string' || typeof kind !== 'string' || typeof plural !== 'string') return [];
    if (scope !== 'Namespaced' && scope !== 'Cluster') return [];
    return versions.flatMap((version: unknown): Resource[] => {
      if (!isMapping(version) || version['served'] !== true || typeof version['name'] !== 'string') return [];
      const [ownGroup, ownVersion, ownKind, ownPlural] = [group, version['name'], kind, plural].map(detached) as [
        string,
        string,
        string,
        string,
      ];
      return [{ group: ownGroup, version: ownVersion, kind: ownKind, plural: ownPlural, namespaced: scope === 'Namespaced', verbs }];
    });
  });
}
