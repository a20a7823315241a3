/** What is deployed: one repository of many applications, a GitOpsSource for each, all in one namespace and as one account. */
import type { Json, Requester } from '../test/controlplane/request.ts';
import { NotYet, waitFor } from '../test/controlplane/wait-for.ts';

export const namespace = 'fleet';
const account = 'deployer';
/** The kinds of each application, as they appear in URLs. */
export const objectResources = ['serviceaccounts', 'services', 'deployments', 'ingresses'] as const;
/** Requests that a source costs at the least: its objects, one patch of its metadata, one of its status. */
export const requestsPerSource = objectResources.length + 2;

const sourcesPath = `/apis/plumbline.dev/v1/namespaces/${namespace}/gitopssources`;
const inFlight = 8;

/** `app-0007` */
export function appNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `app-${String(index).padStart(4, '0')}`);
}

/** The files of the repository: a folder and a file of four objects for each application. */
export function repositoryFiles(count: number): Readonly<Record<string, string>> {
  return Object.fromEntries(appNames(count).map((name) => [`${name}/app.yaml`, manifestsOf(name)]));
}

/** Six objects more for each application: ten with those that it has. */
export function moreFiles(count: number): Readonly<Record<string, string>> {
  return Object.fromEntries(appNames(count).map((name) => [`${name}/more.yaml`, moreOf(name)]));
}

/** Namespace, the account and what it may do. Resolves when the namespace has its own default account. */
export async function prepareNamespace(request: Requester): Promise<void> {
  await request.ok('POST', '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
  await request.ok('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { body: { metadata: { name: account } } });
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const verbs = ['get', 'create', 'patch', 'delete'];
  await request.ok('POST', `${rbac}/roles`, {
    body: {
      metadata: { name: account },
      rules: [
        { apiGroups: [''], resources: ['serviceaccounts', 'services'], verbs },
        { apiGroups: ['apps'], resources: ['deployments'], verbs },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'networkpolicies'], verbs },
        { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs },
        { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs },
      ],
    },
  });
  await request.ok('POST', `${rbac}/rolebindings`, {
    body: {
      metadata: { name: account },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: account },
      subjects: [{ kind: 'ServiceAccount', namespace, name: account }],
    },
  });
  await waitFor('the namespace has its default account', () => request.get(`/api/v1/namespaces/${namespace}/serviceaccounts/default`));
}

/** One GitOpsSource for each application; gives their resourceVersions by name. */
export async function createSources(request: Requester, url: string, count: number): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  const left = appNames(count).values();
  const work = async (): Promise<void> => {
    for (const name of left) {
      const spec = { url, ref: { branch: 'main' }, path: `./${name}`, interval: '1m', serviceAccountName: account };
      const body = { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata: { name }, spec };
      const created = await request.ok('POST', sourcesPath, { body });
      versions.set(name, created.metadata.resourceVersion);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  return versions;
}

/** How many sources say that everything of this commit is healthy. */
export async function countHealthy(request: Requester, commit: string): Promise<number> {
  const list = await request.ok('GET', sourcesPath);
  const healthy = list.items.filter(
    (source: { status?: { revision?: { healthy?: { commit?: string } } } }) => source.status?.revision?.healthy?.commit === commit,
  );
  return healthy.length;
}

/** Waits until the status of every Deployment is about what is stated. */
export async function waitUntilDone(request: Requester, count: number): Promise<void> {
  const probe = async (): Promise<boolean> => {
    const list = await request.ok('GET', `/apis/apps/v1/namespaces/${namespace}/deployments`);
    const done = list.items.filter(({ metadata, status }: Json) => status?.observedGeneration === metadata.generation);
    if (done.length < count) throw new NotYet(`${done.length} of ${count} Deployments are done`);
    return true;
  };
  await waitFor('every Deployment is done', probe, 300_000);
}

function moreOf(name: string): string {
  const head = (apiVersion: string, kind: string, as = name): string =>
    `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${as}}\n`;
  const settings = ['settings', 'routes', 'flags'].map(
    (one) => `${head('v1', 'ConfigMap', `${name}-${one}`)}data: {file: "${'x'.repeat(500)}", mode: production}\n`,
  );
  return [
    ...settings,
    `${head('v1', 'Secret')}stringData: {password: not-one, url: "postgres://db.example.com/${name}"}\n`,
    `${head('networking.k8s.io/v1', 'NetworkPolicy')}spec: {podSelector: {matchLabels: {app.kubernetes.io/name: ${name}}}, policyTypes: [Ingress]}\n`,
    `${head('policy/v1', 'PodDisruptionBudget')}spec: {maxUnavailable: 1, selector: {matchLabels: {app.kubernetes.io/name: ${name}}}}\n`,
  ].join('---\n');
}

function manifestsOf(name: string): string {
  return `apiVersion: v1
kind: ServiceAccount
metadata:
  name: ${name}
---
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  labels: {app.kubernetes.io/name: ${name}}
spec:
  selector: {app.kubernetes.io/name: ${name}}
  ports:
    - name: http
      port: 80
      targetPort: http
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: {app.kubernetes.io/name: ${name}}
spec:
  replicas: 0
  selector:
    matchLabels: {app.kubernetes.io/name: ${name}}
  template:
    metadata:
      labels: {app.kubernetes.io/name: ${name}}
    spec:
      serviceAccountName: ${name}
      containers:
        - name: web
          image: registry.example.com/shop/${name}:1.4.2
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: LOG_LEVEL
              value: info
          resources:
            requests: {cpu: 50m, memory: 64Mi}
            limits: {memory: 128Mi}
          readinessProbe:
            httpGet: {path: /healthz, port: http}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ${name}
  labels: {app.kubernetes.io/name: ${name}}
spec:
  rules:
    - host: ${name}.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: ${name}
                port: {name: http}
`;
}
