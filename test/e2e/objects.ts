/** Objects that tests look at, by the names that people use for their kinds: one request, where kubectl is not the point. */

const paths = {
  clusterrole: ['/apis/rbac.authorization.k8s.io/v1', 'clusterroles'],
  configmap: ['/api/v1', 'configmaps'],
  crd: ['/apis/apiextensions.k8s.io/v1', 'customresourcedefinitions'],
  deployment: ['/apis/apps/v1', 'deployments'],
  endpointslice: ['/apis/discovery.k8s.io/v1', 'endpointslices'],
  job: ['/apis/batch/v1', 'jobs'],
  namespace: ['/api/v1', 'namespaces'],
  persistentvolumeclaim: ['/api/v1', 'persistentvolumeclaims'],
  secret: ['/api/v1', 'secrets'],
  service: ['/api/v1', 'services'],
  serviceaccount: ['/api/v1', 'serviceaccounts'],
} as const;

export type KnownKind = keyof typeof paths;

/** `/api/v1/namespaces/NAMESPACE/configmaps/NAME` */
export function objectPath(kind: KnownKind, name: string, namespace?: string): string {
  const [root, plural] = paths[kind];
  return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}/${name}`;
}
