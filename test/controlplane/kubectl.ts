/** Running kubectl against a control plane, with nothing of the user's own: no preferences, no cache, no kubeconfig. */
import { join } from 'node:path';
import { runText } from '../spawner/index.ts';

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KubectlOptions {
  readonly stdin?: string;
  /** Another identity than the admin. */
  readonly kubeconfig?: string;
  /** Beside those that kubectl is given. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Kubectl {
  readonly binary: string;
  /** Caches go here. */
  readonly workDir: string;
  readonly kubeconfig: string;
}

const timeoutMs = 120_000;

/** For a program in Go that is over before a collection or a second processor would pay. */
export const shortLived = { GOGC: 'off', GOMAXPROCS: '1' };

/** Where kubectl keeps what a control plane serves. */
export function kubectlCache(workDir: string): string {
  return join(workDir, 'kubectl-cache');
}

/** Runs kubectl whatever comes of it; rejects only when it could not be run or was cut off. */
export async function runKubectl(kubectl: Kubectl, args: readonly string[], options: KubectlOptions = {}): Promise<KubectlResult> {
  const env = {
    PATH: process.env['PATH'],
    HOME: kubectl.workDir,
    KUBECONFIG: options.kubeconfig ?? kubectl.kubeconfig,
    KUBECACHEDIR: kubectlCache(kubectl.workDir),
    KUBERC: 'off',
    ...shortLived,
    ...options.env,
  };
  return await runText(kubectl.binary, args, {
    env,
    input: options.stdin ?? '',
    timeoutMs,
    ...(options.signal && { signal: options.signal }),
  });
}

/** Standard output of a run that must succeed; rejects with its standard error. */
export async function kubectlOrThrow(run: (args: readonly string[]) => Promise<KubectlResult>, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit status ${code}\n${stderr}`);
  return stdout;
}
