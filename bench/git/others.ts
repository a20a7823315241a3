/** What this project is measured against: the git command line, and isomorphic-git. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addRemote, fetch, init, listFiles, readBlob } from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { gitEnvironment } from '../../test/gitserver/git.ts';

/** Runs git; gives what it prints, or only the number of bytes of it. */
function git(cwd: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    // What it would tidy up behind the measurement is not measured.
    const child = spawn('git', ['-c', 'gc.auto=0', '-c', 'maintenance.auto=false', ...args], {
      cwd,
      env: gitEnvironment(cwd),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(Buffer.concat(chunks).toString('latin1')) : reject(new Error(`git ${args.join(' ')} failed`)),
    );
    // git may end before it has read what it does not need.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

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

/** Fetches one commit and reads all of its objects. Milliseconds. */
export function cliCold(url: string): Promise<number> {
  return inFolder(async (folder) => {
    await git(folder, ['init', '-q', '--bare', '.']);
    return timed(async () => {
      await git(folder, ['fetch', '-q', '--depth', '1', url, 'main']);
      await git(folder, ['cat-file', '--batch-all-objects', '--batch']);
    });
  });
}

/** Fetches commit and folders, then the files of a path. */
export function cliPath(url: string, path: string): Promise<number> {
  return inFolder(async (folder) => {
    await git(folder, ['init', '-q', '--bare', '.']);
    await git(folder, ['remote', 'add', 'origin', url]);
    return timed(async () => {
      await git(folder, ['fetch', '-q', '--depth', '1', '--filter=blob:none', 'origin', 'main']);
      const names = await git(folder, ['ls-tree', '-r', '--format=%(objectname)', 'FETCH_HEAD', path]);
      await git(folder, ['cat-file', '--batch'], names);
    });
  });
}

/** Follows a repository: `change` makes the next commit. */
export function cliChanged(url: string, rounds: number, change: (round: number) => Promise<unknown>): Promise<number[]> {
  return inFolder(async (folder) => {
    await git(folder, ['init', '-q', '--bare', '.']);
    await git(folder, ['fetch', '-q', '--depth', '1', url, 'main']);
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await change(round);
      times.push(
        await timed(async () => {
          await git(folder, ['fetch', '-q', '--depth', '1', url, 'main']);
          await git(folder, ['cat-file', 'blob', 'FETCH_HEAD:apps/7/7.yaml']);
        }),
      );
    }
    return times;
  });
}

export function cliRefs(url: string): Promise<number> {
  return inFolder((folder) => timed(() => git(folder, ['ls-remote', '-q', url])));
}

export interface CliPast {
  readonly ms: number;
  /** Path → the commit that changed it last, as far as the commits that were fetched tell. */
  readonly last: ReadonlyMap<string, string>;
}

/** Fetches that many commits with their folders, and the paths that each of them changed. */
export function cliPast(url: string, depth: number): Promise<CliPast> {
  return inFolder(async (folder) => {
    await git(folder, ['init', '-q', '--bare', '.']);
    let log = '';
    const ms = await timed(async () => {
      await git(folder, ['fetch', '-q', `--depth=${depth}`, '--filter=blob:none', url, 'main']);
      log = await git(folder, ['log', '--no-renames', '--name-only', '--format=:%H', 'FETCH_HEAD']);
    });
    // What the oldest of them changed cannot be told from what was there before.
    const oldest = (await git(folder, ['rev-parse', `FETCH_HEAD~${depth - 1}`])).trim();
    const last = new Map<string, string>();
    let commit = '';
    for (const line of log.split('\n')) {
      if (line.startsWith(':')) commit = line.slice(1);
      else if (line !== '' && commit !== oldest && !last.has(line)) last.set(line, commit);
    }
    return { ms, last };
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
