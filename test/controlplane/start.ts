/** A real control plane on this machine: etcd, kube-apiserver and, as asked, what makes Deployments and pods move. */
import { mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuditLevel,
  type Flags,
  apiServerFlags,
  auditPolicy,
  controllerManagerFlags,
  etcdFlags,
  fakeNode,
  kwokFlags,
  renderFlags,
  schedulerFlags,
} from './components.ts';
import { type KubectlOptions, type KubectlResult, kubectlOrThrow, runKubectl } from './kubectl.ts';
import { type Credentials, createPki } from './pki.ts';
import { freePort, isTaken } from './ports.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { type Requester, createRequester } from './request.ts';
import { waitFor } from './wait-for.ts';
import { type Watchdog, startWatchdog } from './watchdog.ts';

/** Where the binaries are; those of components that are not started may be absent. */
export interface BinaryPaths {
  readonly etcd: string;
  readonly 'kube-apiserver': string;
  readonly kubectl: string;
  readonly 'kube-controller-manager'?: string;
  readonly 'kube-scheduler'?: string;
  readonly kwok?: string;
}

export interface ControlPlaneOptions {
  readonly binaries: BinaryPaths;
  /** Deployments roll, namespaces and owned objects are collected, accounts are made. Default true. */
  readonly controllerManager?: boolean;
  /** Pods get a node. Default false. */
  readonly scheduler?: boolean;
  /** This many nodes, on which scheduled pods become Ready without running. Default 0. */
  readonly nodes?: number;
  /** How many processors each process uses at once. Default: all. */
  readonly processors?: number;
  /** How much of every finished request is written to `ControlPlane.auditLog`, a JSON line each. Default: nothing. */
  readonly audit?: AuditLevel;
  /** Win over the defaults; null takes one away. */
  readonly apiServerFlags?: Flags;
  readonly controllerManagerFlags?: Flags;
  /** Aborts the start; what was started is stopped. */
  readonly signal?: AbortSignal;
}

export interface ControlPlane {
  readonly server: string;
  /** The admin's (group system:masters). */
  readonly kubeconfigPath: string;
  readonly admin: Credentials;
  /** As the admin. */
  readonly request: Requester;
  /** A folder of its own, gone after `stop`; logs lie in it as `NAME.log`. */
  readonly workDir: string;
  /** Empty unless asked for. */
  readonly auditLog: string;
  /** By name of the process, those that run. */
  pids(): Readonly<Record<string, number>>;
  /** Runs kubectl as the admin; resolves with its standard output, rejects with its standard error. */
  kubectl(...args: string[]): Promise<string>;
  /** Runs kubectl whatever comes of it; `kubeconfig` for another identity. */
  tryKubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** An identity of its own, with nothing but what RBAC gives it. */
  addUser(user: { readonly name: string; readonly groups?: readonly string[] }): Promise<Credentials>;
  /** Stops the API server alone, etcd keeps what it has. SIGKILL cuts every connection at once. */
  stopApiServer(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port. */
  startApiServer(): Promise<void>;
  restartApiServer(signal?: NodeJS.Signals): Promise<void>;
  /** Ends every process and removes the folder. */
  stop(): Promise<void>;
}

const bindAttempts = 3;

/** Go's heap may grow to five times what is in use before it is collected: here processor time is dearer than memory. */
const collectLate = '400';

/** Starts a control plane and resolves when every part of it serves; nothing of it outlives this process. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const watchdog = startWatchdog();
  const workDir = await realpath(await mkdtemp(join(tmpdir(), 'plumbline-cp-')));
  watchdog.remove(workDir);
  const abort = (): void => void watchdog.close();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    return await startParts(options, workDir, watchdog);
  } catch (error) {
    await watchdog.close();
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

async function startParts(options: ControlPlaneOptions, workDir: string, watchdog: Watchdog): Promise<ControlPlane> {
  const { binaries } = options;
  const withControllers = options.controllerManager ?? true;
  const nodes = options.nodes ?? 0;
  const running = new Map<string, RunningProcess>();
  const env = { ...process.env, GOGC: collectLate, ...(options.processors && { GOMAXPROCS: String(options.processors) }) };
  const start = async (
    name: string,
    command: string | undefined,
    args: readonly string[],
    ready: (signal: AbortSignal) => Promise<boolean>,
  ) => {
    if (command === undefined) throw new Error(`${name} is asked for, and there is no binary of it`);
    const logPath = join(workDir, `${name}.log`);
    running.set(name, await startProcess({ name, command, args, env, logPath, watchdog, ready }));
  };

  const pki = await createPki(join(workDir, 'certs'));
  const etcdUrl = await onFreePort(async (port, peerPort) => {
    const url = `http://127.0.0.1:${port}`;
    const flags = etcdFlags(join(workDir, `etcd-${port}`), port, peerPort);
    await start('etcd', binaries.etcd, renderFlags(flags), async (signal) => (await fetch(`${url}/health`, { signal })).ok);
    return url;
  });

  let audit: { path: string; policyPath: string } | undefined;
  const auditLog = join(workDir, 'audit.log');
  if (options.audit !== undefined) {
    audit = { path: auditLog, policyPath: join(workDir, 'audit-policy.json') };
    await writeFile(audit.policyPath, auditPolicy(options.audit));
  }
  const startApiServer = async (port: number, request: Requester): Promise<void> => {
    const flags = apiServerFlags({ port, etcdUrl, certs: pki.files, serviceAccountAdmission: withControllers, audit });
    await start(
      'kube-apiserver',
      binaries['kube-apiserver'],
      renderFlags(flags, options.apiServerFlags),
      async (signal) => (await request.raw('GET', '/readyz', { signal })).status === 200,
    );
  };
  const { port, admin, request } = await onFreePort(async (free) => {
    const server = `https://127.0.0.1:${free}`;
    const issued = await pki.issue({ name: 'admin', groups: ['system:masters'] }, server, join(workDir, 'kubeconfig'));
    const requester = createRequester(issued);
    try {
      await startApiServer(free, requester);
    } catch (error) {
      await requester.close();
      throw error;
    }
    return { port: free, admin: issued, request: requester };
  });

  const always = async (): Promise<boolean> => true;
  if (withControllers) {
    const args = renderFlags(controllerManagerFlags(admin.kubeconfigPath, pki.files), options.controllerManagerFlags);
    await start('kube-controller-manager', binaries['kube-controller-manager'], args, async () => {
      return (await request.get('/api/v1/namespaces/default/serviceaccounts/default')) !== undefined;
    });
  }
  if (options.scheduler === true) {
    await start('kube-scheduler', binaries['kube-scheduler'], renderFlags(schedulerFlags(admin.kubeconfigPath)), always);
  }
  if (nodes > 0) {
    await start('kwok', binaries.kwok, renderFlags(kwokFlags(admin.kubeconfigPath, await freePort())), always);
    await addNodes(request, nodes);
  }

  const tryKubectl: ControlPlane['tryKubectl'] = (args, how) =>
    runKubectl({ binary: binaries.kubectl, workDir, kubeconfig: admin.kubeconfigPath }, args, how);
  const stopApiServer = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    await running.get('kube-apiserver')?.stop(signal, 5_000);
    running.delete('kube-apiserver');
  };
  const startAgain = async (): Promise<void> => {
    if (!running.has('kube-apiserver')) await startApiServer(port, request);
  };
  let users = 0;
  return {
    server: admin.server,
    kubeconfigPath: admin.kubeconfigPath,
    admin,
    request,
    workDir,
    auditLog,
    pids: () => Object.fromEntries([...running].filter(([, one]) => !one.hasEnded()).map(([name, one]) => [name, one.pid])),
    tryKubectl,
    kubectl: (...args) => kubectlOrThrow(tryKubectl, args),
    async addUser(user) {
      const dir = join(workDir, 'users');
      await mkdir(dir, { recursive: true, mode: 0o700 });
      return await pki.issue(user, admin.server, join(dir, `kubeconfig-${++users}`));
    },
    stopApiServer,
    startApiServer: startAgain,
    async restartApiServer(signal) {
      await stopApiServer(signal);
      await startAgain();
    },
    async stop() {
      await request.close();
      // What is left is thrown away: nothing has to end in good order.
      const all = [...running.values()];
      running.clear();
      await Promise.all(all.map((one) => one.stop('SIGKILL')));
      await watchdog.close();
    },
  };
}

/** Runs `attempt` with two free ports, and again with others where somebody else was faster to take one of them. */
async function onFreePort<T>(attempt: (port: number, second: number) => Promise<T>): Promise<T> {
  for (let left = bindAttempts; ; left--) {
    const [port, second] = [await freePort(), await freePort()];
    try {
      return await attempt(port, second);
    } catch (error) {
      if (left <= 1 || !((await isTaken(port)) || (await isTaken(second)))) throw error;
    }
  }
}

async function addNodes(request: Requester, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `node-${index}`);
  await Promise.all(names.map((name) => request.ok('POST', '/api/v1/nodes', { body: fakeNode(name) })));
  await waitFor(
    'every node is ready to take pods',
    async () => {
      const list = await request.ok('GET', '/api/v1/nodes');
      return list.items.every(
        (node: { status: { conditions?: { type: string; status: string }[] }; spec: { taints?: unknown[] } }) =>
          node.spec.taints === undefined && node.status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
      );
    },
    60_000,
  );
}
