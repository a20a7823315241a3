/** One object whole, where `get` on its kind may not be granted. */
import { isKubeError } from './client.ts';
import type { KubeClient } from './client.ts';
import { listAll } from './list.ts';
import { getObject, onlyNamed } from './operations.ts';
import type { CallOptions, ObjectName } from './operations.ts';
import type { KubeObject, Resource } from './types.ts';

/** The whole object, or undefined when it is not there; by a list of that one name where only `list` is granted. Throws KubeError. */
export async function getWhole(
  client: KubeClient,
  resource: Resource,
  id: ObjectName,
  options: CallOptions,
): Promise<KubeObject | undefined> {
  try {
    return await getObject(client, resource, id, options);
  } catch (error) {
    if (!isKubeError(error, 403)) throw error;
    const list = { ...options, namespace: id.namespace, fieldSelector: onlyNamed(id.name), accept: 'application/json' };
    const { items } = await listAll(client, resource, list).catch((second: unknown) => {
      throw isKubeError(second, 403) ? error : second;
    });
    return items[0];
  }
}
