/** A real cluster for a test file, to itself as long as the file runs. */
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { afterAll, beforeAll } from '@jest/globals';
import { type KubectlOptions, type KubectlResult, kubectlOrThrow, runKubectl } from '../controlplane/kubectl.ts';
import type { Credentials } from '../controlplane/pki.ts';
import { type Json, type Requester, createRequester } from '../controlplane/request.ts';
import { tokenKubeconfig } from '../controlplane/token-kubeconfig.ts';
import { waitFor } from '../controlplane/wait-for.ts';
import { type Audit, readAudit } from './audit.ts';
import { type KnownKind, objectPath } from './objects.ts';
import { type LeaseRequest, type PlaneInfo, brokerVariable } from './protocol.ts';

export { GiveUp, NotYet, waitFor } from '../controlplane/wait-for.ts';

export interface Cluster {
  readonly server: string;
  /** The admin's (group system:masters). */
  readonly kubeconfigPath: string;
  readonly admin: Credentials;
  /** Gone with the control plane. */
  readonly workDir: string;
  /** As the admin. */
  readonly request: Requester;
  /** An object as it is, by one request; undefined where there is none. */
  get(kind: KnownKind, name: string, namespace?: string): Promise<Json>;
  kubectl(...args: string[]): Promise<string>;
  tryKubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** Makes a namespace with a name of its own, its default account included.. */
  namespace(prefix?: string): Promise<string>;
  /** A service account, bound to a ClusterRole in its namespace (or everywhere); its user name, as RBAC knows it. */
  account(namespace: string, name: string, binding?: { readonly clusterRole: string; readonly everywhere?: boolean }): Promise<string>;
  /** A kubeconfig that speaks as a service account, by a token. */
  accountKubeconfig(namespace: string, name: string): Promise<string>;
  addUser(user: { readonly name: string; readonly groups?: readonly string[] }): Promise<Credentials>;
  /** Every request finished from now on. */
  audit(): Promise<Audit>;
  /** etcd keeps what it has; the address stays the same. */
  stopApiServer(signal?: NodeJS.Signals): Promise<void>;
  startApiServer(): Promise<void>;
  restartApiServer(signal?: NodeJS.Signals): Promise<void>;
  /** Nobody shall use this control plane after this file. */
  spoil(): Promise<void>;
}

/** Lends the test file (or the `describe`) a cluster: `const cluster = useCluster();`, then `cluster()` in its tests. */
export function useCluster(request: LeaseRequest = {}): () => Cluster {
  let lease: { cluster: Cluster; close(): Promise<void> } | undefined;
  beforeAll(async () => {
    lease = await leaseCluster(request);
  }, 1_800_000); // the first of all runs builds the binaries
  afterAll(async () => {
    await lease?.close();
  }, 30_000);
  return () => {
    if (lease === undefined) throw new Error('the cluster is there from beforeAll on');
    return lease.cluster;
  };
}

async function leaseCluster(request: LeaseRequest): Promise<{ cluster: Cluster; close(): Promise<void> }> {
  const broker = JSON.parse(process.env[brokerVariable] ?? '{}') as { url?: string; token?: string };
  if (broker.url === undefined) throw new Error('there is no broker: run tests with the jest configuration of the project');
  const call = (path: string, body: unknown): Promise<IncomingMessage> => post(`${broker.url}${path}`, broker.token ?? '', body);
  const answer = await call('/lease', request);
  const info = JSON.parse(await firstLine(answer)) as PlaneInfo;
  const act = async (action: string, body: unknown = {}): Promise<unknown> =>
    JSON.parse(await wholeText(await call(`/planes/${info.id}/${action}`, body)));
  const requester = createRequester(info.admin);
  return {
    cluster: clusterOf(info, requester, act),
    async close() {
      await requester.close();
      answer.destroy();
    },
  };
}

function clusterOf(info: PlaneInfo, request: Requester, act: (action: string, body?: unknown) => Promise<unknown>): Cluster {
  const kubectl = { binary: info.kubectl, workDir: info.workDir, kubeconfig: info.kubeconfigPath };
  const tryKubectl: Cluster['tryKubectl'] = (args, options) => runKubectl(kubectl, args, options);
  const stopApiServer = async (signal?: NodeJS.Signals): Promise<void> => void (await act('stop-apiserver', { signal }));
  const startApiServer = async (): Promise<void> => void (await act('start-apiserver'));
  return {
    server: info.server,
    kubeconfigPath: info.kubeconfigPath,
    admin: info.admin,
    workDir: info.workDir,
    request,
    get: (kind, name, namespace) => request.get(objectPath(kind, name, namespace)),
    tryKubectl,
    kubectl: (...args) => kubectlOrThrow(tryKubectl, args),
    async namespace(prefix = 'test') {
      const name = `${prefix}-${randomBytes(4).toString('hex')}`;
      await request.ok('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
      await waitFor(`namespace ${name} has its default account`, () => request.get(`/api/v1/namespaces/${name}/serviceaccounts/default`));
      return name;
    },
    async account(namespace, name, binding) {
      await request.ok('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { body: { metadata: { name } } });
      if (binding !== undefined) {
        const rbac = '/apis/rbac.authorization.k8s.io/v1';
        const body = {
          metadata: { name: `${namespace}-${name}-${binding.clusterRole}` },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: binding.clusterRole },
          subjects: [{ kind: 'ServiceAccount', namespace, name }],
        };
        const where = binding.everywhere === true ? 'clusterrolebindings' : `namespaces/${namespace}/rolebindings`;
        await request.ok('POST', `${rbac}/${where}`, { body });
      }
      return `system:serviceaccount:${namespace}:${name}`;
    },
    async accountKubeconfig(namespace, name) {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
      const { status } = await request.ok('POST', path, { body: { spec: { expirationSeconds: 3_600 } } });
      return tokenKubeconfig({ server: info.server, caPem: info.admin.caPem, token: status.token, namespace });
    },
    addUser: async (user) => (await act('add-user', user)) as Credentials,
    audit: () => readAudit(info.auditLog, request),
    stopApiServer,
    startApiServer,
    async restartApiServer(signal) {
      await stopApiServer(signal);
      await startApiServer();
    },
    spoil: async () => void (await act('spoil')),
  };
}

/** No time limit: the first lease of a run may build binaries. */
function post(url: string, token: string, body: unknown): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', headers: { authorization: `Bearer ${token}` }, agent: false }, (answer) => {
      if (answer.statusCode === 200) resolve(answer);
      else wholeText(answer).then((text) => reject(new Error(`the broker says: ${text}`)), reject);
    });
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}

function firstLine(answer: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    answer.once('error', reject);
    answer.once('close', () => reject(new Error('the broker went away')));
  });
}

async function wholeText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks).toString('utf8');
}
