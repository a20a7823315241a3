/** The stage of the demo: control plane, git server, chart, and the operator with nothing but the chart's rights. */
import { mkdir, mkdtemp, readFile, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBinaries } from '../controlplane/binaries.ts';
import { helmRunner } from '../controlplane/helm.ts';
import { kubectlOrThrow } from '../controlplane/kubectl.ts';
import { freePort } from '../controlplane/ports.ts';
import { startProcess } from '../controlplane/process.ts';
import { type ControlPlane, startControlPlane } from '../controlplane/start.ts';
import { tokenKubeconfig } from '../controlplane/token-kubeconfig.ts';
import { GiveUp } from '../controlplane/wait-for.ts';
import { type Watchdog, startWatchdog } from '../controlplane/watchdog.ts';
import { type GitServer, startGitServer } from '../gitserver/index.ts';
import { Clone } from './clone.ts';
import type { Tell } from './tell.ts';

export interface Setting {
  readonly plane: ControlPlane;
  readonly kubectlPath: string;
  readonly kubectl: (...args: string[]) => Promise<string>;
  /** Applies a file of this folder, with the repository's URL in it. */
  readonly applyFile: (name: string) => Promise<void>;
  readonly clone: Clone;
  readonly cloneUrl: string;
  readonly metricsUrl: string;
  readonly operatorLog: string;
}

export const operatorNamespace = 'plumbline-system';
const root = join(import.meta.dirname, '../..');
/** The URL that the files of this folder hold. */
const exampleUrl = 'https://git.example.com/acme/shop.git';
/** Of the operator, for whoever leaves the demo running. */
const tokenSeconds = 7 * 24 * 3_600;

/** Sets everything up; what has to be undone is put on the stack, which the caller disposes of, also when this rejects. */
export async function setUp(tell: Tell, stack: AsyncDisposableStack, signal: AbortSignal): Promise<Setting> {
  const workDir = await realpath(await mkdtemp(join(tmpdir(), 'plumbline-demo-')));
  const watchdog = startWatchdog();
  watchdog.remove(workDir);
  stack.defer(() => watchdog.close());

  const names = ['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager', 'kube-scheduler', 'kwok', 'helm'] as const;
  const bring = () => ensureBinaries(names, { environment: process.env, progress: tell.progress, signal });
  const binaries = await tell.during('the binaries are here', bring, 'its own');
  const plane = await tell.during('a control plane runs: etcd, API server, controllers, scheduler, two nodes', async () => {
    const started = await startControlPlane({ binaries, scheduler: true, nodes: 2, signal });
    stack.defer(() => started.stop());
    return started;
  });
  const kubectl: Setting['kubectl'] = (...args) => kubectlOrThrow((all) => plane.tryKubectl(all, { signal }), args);
  const { git, clone, cloneUrl } = await tell.during('a git server runs, with an empty repository acme/shop', async () => {
    const server = await startShop(join(workDir, 'git'));
    stack.defer(() => server.git.close());
    return { ...server, clone: await Clone.of(server.cloneUrl, join(workDir, 'clone')) };
  });
  signal.throwIfAborted();

  await tell.during('helm installed the chart', async () => {
    const helm = helmRunner(binaries.helm, join(workDir, 'helm'));
    const values = 'image.repository=registry.example.com/plumbline,replicas=0';
    const where = ['--namespace', operatorNamespace, '--create-namespace'];
    await helm.ok(['install', 'plumbline', join(root, 'charts/plumbline'), ...where, '--set', values], {
      kubeconfig: plane.kubeconfigPath,
      signal,
    });
  });
  tell.say('Nodes and pods are simulated here, no container runs: the release has no replicas, and the operator runs');
  tell.say("from the sources beside it, as the chart's service account, with the chart's flags and no right but the chart's.");
  const operatorLog = join(workDir, 'operator.log');
  const metricsUrl = await tell.during('the operator runs, and leads', async () => {
    const started = await startOperator({ plane, kubectl, workDir, logPath: operatorLog, watchdog, signal });
    stack.defer(() => started.stop());
    return started.metricsUrl;
  });
  return {
    plane,
    kubectlPath: binaries.kubectl,
    kubectl,
    async applyFile(name) {
      const text = (await readFile(join(import.meta.dirname, name), 'utf8')).replaceAll(exampleUrl, git.urlOf('acme/shop.git'));
      await kubectlOrThrow((args) => plane.tryKubectl(args, { stdin: text, signal }), ['apply', '-f', '-']);
    },
    clone,
    cloneUrl,
    metricsUrl,
    operatorLog,
  };
}

async function startShop(folder: string): Promise<{ git: GitServer; cloneUrl: string }> {
  await mkdir(folder);
  const git = await startGitServer({ root: folder });
  const repo = await git.createRepo('acme/shop.git');
  return { git, cloneUrl: git.urlOf(repo) };
}

interface OperatorOptions {
  readonly plane: ControlPlane;
  readonly kubectl: Setting['kubectl'];
  readonly workDir: string;
  readonly logPath: string;
  readonly watchdog: Watchdog;
  readonly signal: AbortSignal;
}

async function startOperator(options: OperatorOptions): Promise<{ metricsUrl: string; stop(): Promise<void> }> {
  const { plane, kubectl, workDir, logPath, watchdog, signal } = options;
  const token = await kubectl('create', 'token', 'plumbline', '-n', operatorNamespace, `--duration=${tokenSeconds}s`);
  const kubeconfig = join(workDir, 'operator-kubeconfig');
  const { server, admin } = plane;
  const text = tokenKubeconfig({ server, caPem: admin.caPem, token: token.trim(), namespace: operatorNamespace });
  await writeFile(kubeconfig, text, { mode: 0o600 });

  const path = 'jsonpath={.spec.template.spec.containers[0].args}';
  const flags = JSON.parse(await kubectl('get', 'deployment', 'plumbline', '-n', operatorNamespace, '-o', path)) as string[];
  const [metricsPort, webhookPort] = [await freePort(), await freePort()];
  const addresses = [`--metrics-address=127.0.0.1:${metricsPort}`, `--webhook-address=127.0.0.1:${webhookPort}`];
  const metricsUrl = `http://127.0.0.1:${metricsPort}`;
  const home = join(workDir, 'operator');
  await mkdir(home);
  signal.throwIfAborted();
  const operator = await startProcess({
    name: 'the operator',
    command: process.execPath,
    args: [join(root, 'operator/main.ts'), ...flags.filter((flag) => !/^--(metrics|webhook)-address=/.test(flag)), ...addresses],
    // Nothing of the environment of whoever runs the demo.
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      TMPDIR: home,
      KUBECONFIG: kubeconfig,
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
    },
    logPath,
    watchdog,
    ready: async (within) => {
      if (signal.aborted) throw new GiveUp('it is stopped');
      return (await fetch(`${metricsUrl}/readyz`, { signal: within })).ok;
    },
    startTimeoutMs: 30_000,
  });
  return { metricsUrl, stop: () => operator.stop() };
}
