/**
 * Everything that is checked, in one run: types, lint, format, and all tests. Nothing stops at the first fault. The last
 * line is `N passed, N failed`; each check counts as one. `--only PATTERN` runs the test files whose path matches and no
 * checks, `--soak` runs the long tests in full.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBinaries } from './controlplane/binaries.ts';
import { allBinaries } from './controlplane/pins.ts';
import { startWatchdog } from './controlplane/watchdog.ts';
import { ensureSshd } from './gitserver/find-sshd.ts';
import { ensurePrometheus } from './prometheus/tools.ts';
import { soakVariable } from './soak.ts';

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

const root = join(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);

const checks: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'lint', command: [bin('oxlint'), '--type-aware', '--deny-warnings'] },
  { name: 'format', command: [bin('oxfmt'), '--check'] },
];

const { values } = parseArgs({ options: { only: { type: 'string' }, soak: { type: 'boolean', default: false } } });
const results: Counts[] = [];
if (values.only === undefined) {
  for (const check of checks) results.push(await runCheck(check));
}
results.push(
  await bring('control plane', () => ensureBinaries(allBinaries, { environment: process.env })),
  await bring('prometheus', () => ensurePrometheus()),
  await bring('sshd', () => ensureSshd()),
);
results.push(await runJest(values.only, values.soak));

const sum = (of: keyof Counts): number => results.reduce((total, counts) => total + counts[of], 0);
process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed\n`);
process.exitCode = sum('failed') === 0 ? 0 : 1;

async function runCheck({ name, command }: (typeof checks)[number]): Promise<Counts> {
  const began = performance.now();
  const [program = '', ...args] = command;
  const status = await run(program, args, process.env);
  return report(name, status === 0, began);
}

/** Ahead of the tests, so that a first build or an installation is not taken for a slow test. */
async function bring(what: string, ensure: () => Promise<unknown>): Promise<Counts> {
  const began = performance.now();
  try {
    await ensure();
    return report(what, true, began);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return report(what, false, began);
  }
}

async function runJest(only: string | undefined, soak: boolean): Promise<Counts> {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-test-'));
  const watchdog = startWatchdog();
  watchdog.remove(dir);
  const outcome = join(dir, 'outcome.json');
  try {
    const pattern = only === undefined ? [] : ['--testPathPatterns', only];
    const args = [join(root, 'node_modules/jest/bin/jest.js'), '--json', '--outputFile', outcome, ...pattern];
    const env = {
      ...process.env,
      NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
      ...(soak && { [soakVariable]: '1' }),
    };
    const status = await run(process.execPath, args, env, 'quiet');
    return jestCounts(JSON.parse(await readFile(outcome, 'utf8')), status);
  } catch (error) {
    process.stderr.write(`jest left no outcome: ${(error as Error).message}\n`);
    return { passed: 0, failed: 1 };
  } finally {
    await watchdog.close();
  }
}

/** A file that could not be run counts as one failure; so does a jest that failed for a reason of its own. */
function jestCounts(
  outcome: { numPassedTests: number; numFailedTests: number; numRuntimeErrorTestSuites: number },
  status: number | null,
): Counts {
  const failed = outcome.numFailedTests + outcome.numRuntimeErrorTestSuites;
  return { passed: outcome.numPassedTests, failed: failed === 0 && status !== 0 ? 1 : failed };
}

function report(name: string, passed: boolean, began: number): Counts {
  process.stdout.write(`${passed ? 'PASS' : 'FAIL'} ${name} (${((performance.now() - began) / 1_000).toFixed(1)} s)\n`);
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1 };
}

/** `quiet` keeps standard output to itself: with --json, jest repeats the outcome there. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv, stdout: 'told' | 'quiet' = 'told'): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', stdout === 'told' ? 'inherit' : 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
}
