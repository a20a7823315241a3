/** Which kind somebody means by `deploy`, `deployments.apps` or `Deployment`, as kubectl takes it. */
import type { KubeClient } from '../kube/client.ts';
import type { Resource } from '../kube/types.ts';

/** What is used of `apidiscovery.k8s.io/v2`. */
export interface DiscoveredGroups {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly singularResource?: string;
        readonly shortNames?: readonly string[];
        readonly responseKind?: { readonly kind?: string } | null;
        readonly scope?: string;
        readonly verbs?: readonly string[];
      }[];
    }[];
  }[];
}

const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Everything that the API server serves, in the order of its preference. Throws KubeError. */
export async function discoverKinds(client: KubeClient, signal: AbortSignal): Promise<readonly DiscoveredGroups[]> {
  const answers = await Promise.all(
    ['/api', '/apis'].map((path) => client.request<DiscoveredGroups>({ method: 'GET', path, accept, signal })),
  );
  return answers.map(({ body }) => body);
}

/**
 * Pure: the kind of this name: kind, plural, singular or short name in any case, with or without `.group`. Of several the first,
 * as the server prefers them. Undefined where there is none.
 */
export function kindNamed(groups: readonly DiscoveredGroups[], typed: string): Resource | undefined {
  const [name = '', ...of] = typed.toLowerCase().split('.');
  for (const { metadata, versions = [] } of groups.flatMap(({ items = [] }) => items)) {
    const group = metadata?.name ?? '';
    if (of.length > 0 && of.join('.') !== group) continue;
    for (const { version, resources = [] } of versions) {
      for (const { resource: plural, singularResource, shortNames = [], responseKind, scope, verbs = [] } of resources) {
        const kind = responseKind?.kind ?? '';
        const names = [plural, singularResource ?? kind, kind, ...shortNames].map((one) => one.toLowerCase());
        if (kind !== '' && names.includes(name)) return { group, version, kind, plural, namespaced: scope === 'Namespaced', verbs };
      }
    }
  }
  return undefined;
}
