/** Prometheus and promtool, as Debian's package `prometheus` brings them. */
import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import process from 'node:process';

const install = ['apt-get', 'install', '--yes', '--no-install-recommends', 'prometheus'];
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
  throw new Error(`${tool} is missing: ${install.join(' ')} (or Prometheus from https://prometheus.io/download/ in the PATH)`);
}

/**
 * Sees to it that both are there: as root on Debian they are installed, elsewhere they are named.
 */
export async function ensurePrometheus(): Promise<void> {
  try {
    await Promise.all([toolPath('prometheus'), toolPath('promtool')]);
    return;
  } catch (error) {
    if (process.getuid?.() !== 0 || !(await isProgram('/usr/bin/apt-get'))) throw error;
  }
  const [program = '', ...args] = install;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const one of [['update'], args]) {
    const { status, out, err } = await run(program, one, { env });
    if (status !== 0) throw new Error(`${[program, ...one].join(' ')} ended with ${status}:\n${out}${err}`);
  }
  await Promise.all([toolPath('prometheus'), toolPath('promtool')]);
}

/** Runs promtool to its end, whatever its status. */
export async function promtool(args: readonly string[], input = ''): Promise<Run> {
  return await run(await toolPath('promtool'), args, { input });
}

function run(program: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv; input?: string }): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], options.env === undefined ? {} : { env: options.env });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    child.stdin.on('error', () => undefined); // it may end before it has read everything; what counts is its status
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, out, err }));
    child.stdin.end(options.input ?? '');
  });
}

async function isProgram(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
