/** What nearly every end-to-end test begins with: a cluster, a git server and an operator, shared by the tests of a file. */
import { afterAll, beforeAll } from '@jest/globals';
import { type GitRepo, type GitServer, type GitServerOptions, startGitServer } from '../gitserver/index.ts';
import type { Json } from '../controlplane/request.ts';
import { type Cluster, useCluster } from './cluster.ts';
import { type Operator, type OperatorOptions, startOperator } from './operator.ts';
import type { KnownKind } from './objects.ts';
import type { LeaseRequest } from './protocol.ts';
import { applySource, sourcePath, waitUntilApplied } from './sources.ts';

export interface SceneOptions extends Partial<Omit<OperatorOptions, 'kubeconfigPath'>> {
  readonly cluster?: LeaseRequest;
  readonly git?: GitServerOptions;
  /** Without one, the tests start theirs. */
  readonly operator?: boolean;
}

export interface Scene {
  readonly cluster: Cluster;
  readonly git: GitServer;
  readonly operator: Operator;
  /** A namespace with an account `deployer` that may do everything there, and an empty repository. */
  stage(): Promise<Stage>;
}

/** One test's own corner: namespace, account, repository. */
export interface Stage {
  readonly namespace: string;
  readonly repo: GitRepo;
  readonly url: string;
  /** A GitOpsSource of the repository, acting as `deployer`, polled every 5 s; its name is `shop` unless said. */
  source(spec?: Readonly<Record<string, unknown>>, name?: string): Promise<Json>;
  /** Commits, asks for a reconcile and waits until the commit is applied. */
  deploy(files: Parameters<GitRepo['write']>[0], name?: string): Promise<string>;
  /** Reconcile now. */
  request(name?: string): Promise<void>;
  /** An object of the namespace as it is, by one request; undefined where there is none. */
  get(kind: KnownKind, name: string): Promise<Json>;
  kubectl(...args: string[]): Promise<string>;
}

/** Lends the tests of a file a scene: `const scene = useScene();`, then `scene()` in each test. */
export function useScene(options: SceneOptions = {}): () => Scene {
  const cluster = useCluster(options.cluster);
  let git: GitServer | undefined;
  let operator: Operator | undefined;
  let repos = 0;
  beforeAll(async () => {
    git = await startGitServer(options.git);
    if (options.operator !== false) operator = await startOperator({ ...options, kubeconfigPath: cluster().kubeconfigPath });
  }, 60_000);
  afterAll(async () => {
    await operator?.stop();
    await git?.close();
  }, 30_000);
  return () => {
    if (git === undefined) throw new Error('the scene is there from beforeAll on');
    const server = git;
    return {
      cluster: cluster(),
      git: server,
      get operator() {
        if (operator === undefined) throw new Error('this scene has no operator');
        return operator;
      },
      stage: async () => makeStage(cluster(), server, `acme/shop-${(repos += 1)}.git`),
    };
  };
}

async function makeStage(cluster: Cluster, git: GitServer, repoName: string): Promise<Stage> {
  const namespace = await cluster.namespace('shop');
  await cluster.account(namespace, 'deployer', { clusterRole: 'cluster-admin' });
  const repo = await git.createRepo(repoName);
  const url = git.urlOf(repo);
  const request: Stage['request'] = async (name = 'shop') => {
    const annotations = { 'plumbline.dev/requestedAt': `${process.hrtime.bigint()}` };
    const path = `${sourcePath(namespace, name)}?fieldManager=kubectl-annotate`;
    await cluster.request.ok('PATCH', path, { body: { metadata: { annotations } } });
  };
  return {
    namespace,
    repo,
    url,
    source: (spec = {}, name = 'shop') =>
      applySource(cluster, { namespace, name, spec: { url, interval: '5s', serviceAccountName: 'deployer', ...spec } }),
    async deploy(files, name = 'shop') {
      const commit = await repo.write(files);
      await request(name);
      await waitUntilApplied(cluster, namespace, name, commit);
      return commit;
    },
    request,
    get: (kind, name) => cluster.get(kind, name, namespace),
    kubectl: (...args) => cluster.kubectl(...args, '-n', namespace),
  };
}

/** A stage on which a source has applied these files. */
export async function appliedStage(
  scene: Scene,
  files: Readonly<Record<string, string>>,
  spec: Readonly<Record<string, unknown>> = {},
): Promise<Stage> {
  const stage = await scene.stage();
  const commit = await stage.repo.write(files);
  await stage.source(spec);
  await waitUntilApplied(scene.cluster, stage.namespace, 'shop', commit);
  return stage;
}

/** A ConfigMap as a file. */
export function configMap(name: string, data: Readonly<Record<string, string>> = { key: 'value' }, extra = ''): string {
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`);
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${extra}data:\n${lines.join('')}`;
}

/** A Deployment of no replicas as a file. */
export function deployment(name: string, image = 'registry.example.com/web:1'): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: 0
  selector:
    matchLabels: {app: ${name}}
  template:
    metadata:
      labels: {app: ${name}}
    spec:
      containers:
        - name: ${name}
          image: ${image}
`;
}

/** As `kubectl replace` does with a manifest that knows nothing of our annotations. */
export async function replaceDeployment(cluster: Cluster, { metadata, spec }: Json, change: object): Promise<void> {
  const { namespace, name, labels } = metadata;
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}?fieldManager=kubectl-replace`;
  await cluster.request.ok('PUT', path, { body: { metadata: { name, labels }, spec: { ...spec, ...change } } });
}
