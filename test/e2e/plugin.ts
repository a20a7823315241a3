/** kubectl-plumbline as a user runs it: of the bundle, or of the sources where a run has made none. */
import { join } from 'node:path';
import { runProgram } from '../spawner/index.ts';
import { operatorVariable } from './protocol.ts';

export interface PluginResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the plugin as whoever a kubeconfig names, whatever comes of it. */
export async function runPlugin(kubeconfig: string, args: readonly string[]): Promise<PluginResult> {
  const bundle = process.env[operatorVariable];
  const script =
    bundle === undefined ? [join(import.meta.dirname, '../../operator/cli/kubectl-plumbline.ts')] : [bundle, 'kubectl-plumbline'];
  const env = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], KUBECONFIG: kubeconfig };
  const { code, stdout, stderr } = await runProgram(process.execPath, [...script, ...args], { env });
  return { code, out: stdout.toString(), err: stderr.toString() };
}
