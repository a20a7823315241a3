/** What this project is measured against: the git command line, and isomorphic-git. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addRemote, fetch, init, listFiles, readBlob } from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { gitEnvironment } from '../../test/gitserver/git.ts';

/**
 * Runs a script and gives what it prints. The scripts of the command line measure themselves: a process as large as this
 * one is slow to start others, which would be counted on their side.
 */
function shell(cwd: string, script: string, environment: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...gitEnvironment(cwd), ...environment };
    const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', `${preamble}${script}`], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(Buffer.concat(chunks).toString()) : reject(new Error(`${script.trim()} ended with ${code}`)),
    );
  });
}

/** What git would tidy up behind the measurement is not measured. `took` runs the function `work` and prints its milliseconds. */
const preamble = `
git init -q --bare .
git config gc.auto 0
git config maintenance.auto false
git config remote.origin.url "$URL"
took() { local began=$EPOCHREALTIME; work; local ended=$EPOCHREALTIME; echo $(( \${ended/./} - \${began/./} )); }
`;

const msOf = (microseconds: string): number => Number(microseconds.trim()) / 1_000;

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-git-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Milliseconds that a script takes, whose function `work` is measured. */
function cli(url: string, work: string, more: Readonly<Record<string, string>> = {}): Promise<number> {
  return inFolder(async (folder) => msOf(await shell(folder, `work() { ${work}; }\ntook`, { URL: url, ...more })));
}

/** Fetches one commit and reads all of its objects. */
export function cliCold(url: string): Promise<number> {
  return cli(url, 'git fetch -q --depth 1 origin main; git cat-file --batch-all-objects --batch >/dev/null');
}

/** Fetches commit and folders, then the files of a path. */
export function cliPath(url: string, path: string): Promise<number> {
  const read = `git ls-tree -r --format='%(objectname)' FETCH_HEAD "$AT" | git cat-file --batch >/dev/null`;
  return cli(url, `git fetch -q --depth 1 --filter=blob:none origin main; ${read}`, { AT: path });
}

/** Follows a repository: `change` makes the next commit. */
export function cliChanged(url: string, rounds: number, change: (round: number) => Promise<unknown>): Promise<number[]> {
  return inFolder(async (folder) => {
    await shell(folder, 'git fetch -q --depth 1 origin main', { URL: url });
    const again = `work() { git fetch -q --depth 1 "$URL" main; git cat-file blob FETCH_HEAD:apps/7/7.yaml >/dev/null; }\ntook`;
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await change(round);
      times.push(msOf(await shell(folder, again, { URL: url })));
    }
    return times;
  });
}

export function cliRefs(url: string): Promise<number> {
  return cli(url, 'git ls-remote -q "$URL" >/dev/null');
}

export interface CliPast {
  readonly ms: number;
  /** Path → the commit that changed it last, as far as the commits that were fetched tell. */
  readonly last: ReadonlyMap<string, string>;
}

/** Fetches that many commits with their folders, and the paths that each of them changed. */
export function cliPast(url: string, depth: number): Promise<CliPast> {
  return inFolder(async (folder) => {
    const fetched = 'git fetch -q --depth="$DEPTH" --filter=blob:none origin main';
    const log = `git log --no-renames --name-only --format=:%H FETCH_HEAD >log`;
    const said = await shell(folder, `work() { ${fetched}; ${log}; }\ntook\ngit rev-parse FETCH_HEAD~$((DEPTH - 1))`, {
      URL: url,
      DEPTH: String(depth),
    });
    const [took = '', oldest = ''] = said.trim().split('\n');
    const last = new Map<string, string>();
    let commit = '';
    for (const line of (await readFile(join(folder, 'log'), 'utf8')).split('\n')) {
      if (line.startsWith(':')) commit = line.slice(1);
      // What the oldest of them changed cannot be told from what was there before.
      else if (line !== '' && commit !== oldest && !last.has(line)) last.set(line, commit);
    }
    return { ms: msOf(took), last };
  });
}

/** isomorphic-git, on disk, as it is used: one commit, every file read. */
export function isomorphicCold(url: string, path: string): Promise<number> {
  return inFolder((dir) =>
    timed(async () => {
      await init({ fs, dir, bare: true, gitdir: dir });
      await addRemote({ fs, gitdir: dir, remote: 'origin', url });
      const { fetchHead } = await fetch({
        fs,
        http,
        gitdir: dir,
        remote: 'origin',
        ref: 'main',
        singleBranch: true,
        depth: 1,
        tags: false,
      });
      const oid = fetchHead ?? '';
      const cache = {};
      for (const filepath of await listFiles({ fs, gitdir: dir, ref: oid, cache })) {
        if (path === '' || filepath.startsWith(`${path}/`)) await readBlob({ fs, gitdir: dir, oid, filepath, cache });
      }
    }),
  );
}
