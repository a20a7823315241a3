/** The text of a kubeconfig (JSON is YAML) with one context, whose namespace is `namespace`. */
export function tokenKubeconfig(of: { server: string; caPem: string; token: string; namespace: string }): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: of.server, 'certificate-authority-data': Buffer.from(of.caPem).toString('base64') } }],
    users: [{ name: 'test', user: { token: of.token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: of.namespace } }],
    'current-context': 'test',
  });
}
