/** The service account that a pod runs as. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { PlumblineError } from '../errors.ts';
import { cachedHeaders } from './cached-headers.ts';
import type { CredentialPlaces, Credentials } from './credentials-types.ts';

/** Where the kubelet puts a pod's token, CA and namespace. */
export const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Reads CA and namespace now, and the token again at most once a minute. Throws PlumblineError when they are not there. */
export function podCredentials(places: CredentialPlaces): Credentials {
  const { serviceHost = '', servicePort = '443', serviceAccountDirectory: directory = serviceAccountDirectory, monotonic } = places;
  const read = (name: string): string => readOrThrow(() => readFileSync(join(directory, name), 'utf8'), name);
  const host = isIPv6(serviceHost) ? `[${serviceHost}]` : serviceHost;
  return {
    server: `https://${host}:${servicePort}`,
    namespace: read('namespace').trim(),
    inCluster: true,
    tls: { ca: read('ca.crt') },
    proxyUrl: undefined,
    ...cachedHeaders(async () => {
      const token = await readFile(join(directory, 'token'), 'utf8').catch((error: unknown) => unreadable('token', error));
      return { authorization: `Bearer ${token.trim()}` };
    }, monotonic),
  };
}

function readOrThrow(read: () => string, name: string): string {
  try {
    return read();
  } catch (error) {
    return unreadable(name, error);
  }
}

function unreadable(name: string, cause: unknown): never {
  throw new PlumblineError(
    { reason: 'ApiServerUnavailable', message: `the pod's service account has no readable file ${name}` },
    { cause },
  );
}
