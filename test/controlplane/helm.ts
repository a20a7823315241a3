/** Running helm with nothing of the user's own: no repositories, no cache, no kubeconfig. */
import { runText } from '../spawner/index.ts';
import { shortLived } from './kubectl.ts';

export interface HelmResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HelmOptions {
  readonly kubeconfig?: string;
  readonly signal?: AbortSignal;
}

export interface HelmRunner {
  /** Whatever comes of it; rejects only when helm could not be run or was cut off. */
  run(args: readonly string[], options?: HelmOptions): Promise<HelmResult>;
  /** Standard output; rejects with standard error unless helm succeeds. */
  ok(args: readonly string[], options?: HelmOptions): Promise<string>;
}

const timeoutMs = 120_000;

/** helm at `binary`, which keeps what it keeps in `workDir`. */
export function helmRunner(binary: string, workDir: string): HelmRunner {
  const home = { HOME: workDir, HELM_CACHE_HOME: workDir, HELM_CONFIG_HOME: workDir, HELM_DATA_HOME: workDir };
  const env = { PATH: process.env['PATH'], ...home, ...shortLived };
  const run: HelmRunner['run'] = (args, { kubeconfig = '/dev/null', signal } = {}) =>
    runText(binary, args, { env: { ...env, KUBECONFIG: kubeconfig }, timeoutMs, ...(signal && { signal }) });
  return {
    run,
    async ok(args, options) {
      const { code, stdout, stderr } = await run(args, options);
      if (code !== 0) throw new Error(`helm ${args.join(' ')}: exit status ${code}\n${stderr}`);
      return stdout;
    },
  };
}
