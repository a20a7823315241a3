/** Kinds that the API server does not serve just now although it may hold objects of them. */
import { KubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { listAll } from '../kube/list.ts';
import { groupKindText } from '../kube/types.ts';
import type { KubeObject, Resource } from '../kube/types.ts';
import { getWhole } from '../kube/whole.ts';

/** Those of these (`Widget.example.com`) that a CRD states. Where CRDs may not be read, discovery alone decides. Throws KubeError. */
export async function statedByCrds(
  client: KubeClient,
  crdResource: Resource,
  groupKinds: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const groups = new Set(groupKinds.filter((kind) => kind.includes('.')).map(groupOf));
  if (groups.size === 0) return [];
  try {
    const { items } = await listAll(client, crdResource, { signal });
    const named = items.filter(({ metadata }) => groups.has(groupOf(metadata.name)));
    const stated = new Set<string>();
    for (const { metadata } of named) {
      const crd = await getWhole(client, crdResource, { namespace: '', name: metadata.name }, { signal });
      if (crd !== undefined) stated.add(kindOf(crd));
    }
    return groupKinds.filter((kind) => stated.has(kind));
  } catch (error) {
    if (error instanceof KubeError && error.code === 403) return [];
    throw error;
  }
}

/** Of `Widget.example.com` and `widgets.example.com` alike. */
function groupOf(text: string): string {
  return text.slice(text.indexOf('.') + 1);
}

function kindOf(crd: KubeObject): string {
  const { spec } = crd as { spec?: { group?: string; names?: { kind?: string } } };
  return groupKindText({ group: spec?.group ?? '', kind: spec?.names?.kind ?? '' });
}
