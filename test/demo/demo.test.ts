import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ensureBinaries } from '../controlplane/binaries.ts';
import { allBinaries } from '../controlplane/pins.ts';
import { GiveUp, waitFor } from '../controlplane/wait-for.ts';
import { git } from '../gitserver/git.ts';
import { isSoak } from '../soak.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** A demo in a folder for temporary files of its own, so that what it leaves can be seen. */
let folder = '';
let demo: Demo | undefined;

interface Demo {
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals | null>;
  output(): string;
  /** Resolves with what was printed up to this text; rejects with all of it when the demo ends before. */
  until(text: string): Promise<string>;
}

function startDemo(env: Readonly<Record<string, string>> = {}): Demo {
  const child = spawn(process.execPath, [join(root, 'test/demo/main.ts')], {
    env: { ...process.env, NODE_OPTIONS: '', KEEP: '', TMPDIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let over = false;
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      over = true;
      resolve(code ?? signal);
    });
  });
  demo = {
    child,
    ended,
    output: () => output,
    until: (text) =>
      waitFor(
        `the demo says ${text}`,
        () => {
          if (output.includes(text)) return output;
          if (over) throw new GiveUp(`it ended\n${output}`);
          return false;
        },
        150_000,
      ),
  };
  return demo;
}

/** Processes that know of the folder, by their command line or their environment. */
async function processesOf(place: string): Promise<string[]> {
  const { stdout } = await run('ps', ['axeww'], { maxBuffer: 64 * 2 ** 20 });
  return stdout.split('\n').filter((line) => line.includes(place));
}

async function expectNothingBehind(): Promise<void> {
  // The shells that guard the demo against a SIGKILL end with it, a moment later, and take away what it had no time for.
  await waitFor('no file is left', async () => (await readdir(folder)).length === 0);
  await waitFor('no process is left', async () => (await processesOf(folder)).length === 0);
}

beforeAll(async () => {
  await ensureBinaries(allBinaries, { environment: process.env });
}, 1_800_000);

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'plumbline-demo-test-')));
});

afterEach(async () => {
  demo?.child.kill('SIGKILL');
  await demo?.ended;
  demo = undefined;
  await rm(folder, { recursive: true, force: true });
});

describe('make demo', () => {
  test('is what the Makefile runs, and what these tests run', async () => {
    const { stdout } = await run('make', ['--dry-run', '--no-print-directory', 'demo'], { cwd: root });
    expect(stdout).toContain('node test/demo/main.ts\n');
  });

  test('tells the story, leaves it running with KEEP=1 as it says, and takes everything away', async () => {
    const { child, ended, output, until } = startDemo({ KEEP: '1' });
    const told = await until('Ctrl-C, or kill');
    const [, seconds] = /Every step was as told, in (\d+) s\./.exec(told) ?? [];
    expect(Number(seconds)).toBeLessThan(120);
    expect(told).not.toContain('✗');
    // Not a terminal: neither colours nor lines that are replaced.
    expect(told.includes('\u001b') || told.includes('\r')).toBe(false);
    for (const chapter of [1, 2, 3, 4, 5, 6, 7]) expect(told).toMatch(new RegExp(`^${chapter}  `, 'm'));
    expect(told).toMatch(/plumbline_revision_info\{namespace="shop",source="shop",stage="applied",commit="[0-9a-f]{40}",ref="main"\} 1/);

    const [, kubeconfig = ''] = /export KUBECONFIG=(\S+)/.exec(told) ?? [];
    const [, binaries = ''] = /export PATH=(\S+):\$PATH/.exec(told) ?? [];
    const [, cloneUrl = ''] = /git clone (\S+)/.exec(told) ?? [];
    const [, metrics = ''] = /curl -s (\S+)/.exec(told) ?? [];
    expect(dirname(dirname(kubeconfig))).toBe(folder);
    const clone = join(folder, 'clone-of-mine');
    await git('/', ['clone', '--quiet', cloneUrl, clone]);
    await git(clone, ['revert', '--no-edit', 'HEAD']);
    await git(clone, ['push', '--quiet']);
    const commit = await git(clone, ['rev-parse', 'HEAD']);
    const wait = `--for=jsonpath={.status.revision.applied.commit}=${commit}`;
    await run(join(binaries, 'kubectl'), ['wait', 'gos/payments', '-n', 'payments', wait, '--timeout=30s'], {
      env: { HOME: folder, KUBECONFIG: kubeconfig },
    });
    expect(await (await fetch(metrics)).text()).toContain('plumbline_build_info');
    await rm(clone, { recursive: true });
    await rm(join(folder, '.kube'), { recursive: true, force: true });

    child.kill('SIGINT');
    expect([await ended, output().slice(told.length).trim()]).toEqual([0, expect.any(String)]);
    await expectNothingBehind();
  }, 240_000);

  const stops = [
    ['while the control plane starts', 'the binaries are here', 'SIGINT', 130],
    ['in the middle of the story', '3  A broken manifest', 'SIGTERM', 143],
    ['while the chart is installed', '✓ a git server runs', 'SIGINT', 130],
  ] as const;
  test.each(isSoak() ? stops : stops.slice(0, 2))(
    'leaves nothing behind when it is stopped %s',
    async (_when, text, signal, status) => {
      const { child, ended, until, output } = startDemo();
      await until(text);
      child.kill(signal);
      expect([await ended, output().includes('Every step was as told')]).toEqual([status, false]);
      await expectNothingBehind();
    },
    240_000,
  );
});
