/** Who we are to the API server, found as kubectl finds it. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PlumblineError } from '../errors.ts';
import { podCredentials, serviceAccountDirectory } from './pod-credentials.ts';
import type { CredentialPlaces, Credentials } from './credentials-types.ts';

/**
 * KUBECONFIG, else `~/.kube/config`, else the pod's service account. Inside a cluster a kubeconfig that runs a
 * program for its credentials is refused. Throws PlumblineError ApiServerUnavailable that says what was looked for.
 */
export async function findCredentials(places: CredentialPlaces): Promise<Credentials> {
  const files = kubeconfigFiles(places);
  if (files.length > 0) {
    // client-node takes more than half a second and 80 MB: in a pod it is never loaded.
    const { kubeconfigCredentials } = await import('./kubeconfig.ts');
    return kubeconfigCredentials(files, { allowExec: !isInCluster(places), monotonic: places.monotonic });
  }
  if (isInCluster(places)) return podCredentials(places);
  const message =
    'there are no credentials for an API server: KUBECONFIG is not set, there is no ~/.kube/config, and this is no pod with a service account';
  throw new PlumblineError({ reason: 'ApiServerUnavailable', message });
}

/** The kubeconfig files that exist, in the order of their precedence. */
function kubeconfigFiles({ kubeconfig = '', home = '' }: CredentialPlaces): readonly string[] {
  const named = kubeconfig.split(delimiter).filter((file) => file !== '');
  const existing = named.filter((file) => existsSync(file));
  if (named.length > 0 && existing.length === 0) {
    throw new PlumblineError({ reason: 'ApiServerUnavailable', message: `KUBECONFIG names no file that exists: ${named.join(', ')}` });
  }
  if (named.length > 0) return existing;
  const own = join(home, '.kube', 'config');
  return home !== '' && existsSync(own) ? [own] : [];
}

function isInCluster({ serviceHost = '', serviceAccountDirectory: directory = serviceAccountDirectory }: CredentialPlaces): boolean {
  return serviceHost !== '' && existsSync(join(directory, 'token'));
}
