/** Prometheus and promtool, as Debian's package `prometheus` brings them. */
import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { canInstall, installCommand, installPackage } from '../controlplane/debian.ts';
import { type Progress, progressOn } from '../controlplane/progress.ts';

const name = 'prometheus';
/** Where the package puts them. */
const home = '/usr/bin';

export type Tool = 'prometheus' | 'promtool';

export interface Run {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** The path of a tool. Throws with what to type where it is not installed. */
export async function toolPath(tool: Tool): Promise<string> {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), home]) {
    if (folder !== '' && (await isProgram(join(folder, tool)))) return join(folder, tool);
  }
  throw new Error(`${tool} is missing: ${installCommand(name)} (or Prometheus from https://prometheus.io/download/ in the PATH)`);
}

/**
 * Sees to it that both are there: as root on Debian they are installed, elsewhere they are named.
 */
export async function ensurePrometheus(progress: Progress = progressOn(process.stderr)): Promise<void> {
  try {
    await Promise.all([toolPath('prometheus'), toolPath('promtool')]);
    return;
  } catch (error) {
    if (!(await canInstall())) throw error;
  }
  await installPackage(name, 'for the tests of alerts and dashboards', { progress });
  await Promise.all([toolPath('prometheus'), toolPath('promtool')]);
}

/** Runs promtool to its end, whatever its status. */
export async function promtool(args: readonly string[], input = ''): Promise<Run> {
  return await run(await toolPath('promtool'), args, input);
}

function run(program: string, args: readonly string[], input: string): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args]);
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    child.stdin.on('error', () => undefined); // it may end before it has read everything; what counts is its status
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, out, err }));
    child.stdin.end(input);
  });
}

async function isProgram(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
