/** The Secrets that a source names, read where they are needed: nothing of them is kept or watched. */
import { PlumblineError } from '../errors.ts';
import { isKubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { getObject } from '../kube/operations.ts';
import type { Resource } from '../kube/types.ts';
import type { SecretField } from '../notify/deliverer.ts';

export const secretResource: Resource = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true, verbs: [] };

/** Which Secret, and the field of the spec that names it. */
export interface SecretNamed {
  readonly namespace: string;
  readonly name: string;
  readonly field: 'spec.auth.secretRef' | 'spec.verify.secretRef' | SecretField;
}

/** Its `data`, in base64. `behind`: when nothing else is to be asked. Throws PlumblineError: SecretNotFound, OperatorForbidden. */
export async function readSecretData(
  client: KubeClient,
  { namespace, name, field }: SecretNamed,
  signal: AbortSignal,
  behind = false,
): Promise<Readonly<Record<string, string>>> {
  const id = { ...secretResource, namespace, name };
  const secret = await getObject(client, secretResource, id, { flow: `${namespace}/source`, behind, signal }).catch((error: unknown) => {
    if (!isKubeError(error, 403)) throw error;
    const message = `the operator may not read Secret ${namespace}/${name}`;
    throw new PlumblineError({ reason: 'OperatorForbidden', message }, { cause: error });
  });
  if (secret === undefined) {
    const message = `Secret ${namespace}/${name}, which ${field} names, does not exist`;
    throw new PlumblineError({ reason: 'SecretNotFound', message, lacks: { ...secretResource, namespace, name } });
  }
  return (secret['data'] ?? {}) as Record<string, string>;
}
