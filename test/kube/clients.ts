/** Clients of the operator's own kind, for tests. */
import type { Credentials as TestCredentials } from '../controlplane/pki.ts';
import { connectKube } from '../../operator/kube/connect.ts';
import type { ConnectOptions, ConnectedClient } from '../../operator/kube/connect.ts';
import type { Credentials } from '../../operator/kube/credentials-types.ts';
import type { Resource } from '../../operator/kube/types.ts';

export function credentialsOf(user: TestCredentials): Credentials {
  return {
    server: user.server,
    namespace: undefined,
    inCluster: false,
    tls: { ca: user.caPem, cert: user.certPem, key: user.keyPem },
    proxyUrl: undefined,
    headers: async () => ({}),
    expire: () => {},
  };
}

/** Jitter is at its least, so that tests do not wait. */
export function clientOf(credentials: Credentials, more: Partial<ConnectOptions> = {}): ConnectedClient {
  return connectKube({
    credentials,
    concurrency: 16,
    userAgent: 'plumbline-test',
    random: () => 0,
    monotonic: () => performance.now(),
    ...more,
  });
}

const all = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

export const configMaps: Resource = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true, verbs: all };
export const secrets: Resource = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true, verbs: all };
export const services: Resource = { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true, verbs: all };
export const namespaces: Resource = { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false, verbs: all };
export const deployments: Resource = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
  verbs: all,
};
export const crds: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
  verbs: all,
};

/** A ConfigMap to send. */
export function configMap(namespace: string, name: string, data: Readonly<Record<string, unknown>> = { a: '1' }) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}
