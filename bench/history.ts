/**
 * History of a repository that nobody has seen yet: the 250 commits before the newest, and for each of its files the one
 * that changed it last. Beside it the git command line, which has to fetch and walk the same.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileObjects } from '../operator/render/index.ts';
import { anonymous } from '../operator/source/credentials.ts';
import { createGitClient } from '../operator/source/git-client.ts';
import { openPast } from '../operator/source/history/past.ts';
import { createTurns } from '../operator/reconcile/turn.ts';
import { git } from '../test/gitserver/git.ts';
import { startGitServer } from '../test/gitserver/index.ts';
import type { GitRepo, GitServer } from '../test/gitserver/index.ts';

const files = 2_000;
const commits = 300;
const changesPerCommit = 5;
const depth = 250;

/** Milliseconds each. */
export interface HistoryRound {
  readonly ours: number;
  readonly commandLine: number;
  /** The longest that the event loop stood still in ours. */
  readonly blocked: number;
  /** Files whose last change both tell the same; the others are older than the walk goes. */
  readonly agreed: number;
}

/** Medians are the caller's. Rejects when the two tell different commits. */
export async function measureHistory(rounds: number): Promise<readonly HistoryRound[]> {
  const server = await startGitServer();
  try {
    const repo = await server.createRepo('acme/history.git', { allowFilter: true });
    await grow(repo);
    const results: HistoryRound[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const theirs = await byCommandLine(server.urlOf(repo));
      results.push(await byUs(server, repo, theirs));
    }
    return results;
  } finally {
    await server.close();
  }
}

const pathOf = (file: number): string => `apps/team-${file % 40}/app-${file}.yaml`;

async function grow(repo: GitRepo): Promise<void> {
  const lines: string[] = [];
  for (let commit = 0; commit < commits; commit += 1) {
    lines.push('commit refs/heads/main', `committer Ada <ada@example.com> ${1_800_000_000 + 60 * commit} +0000`, 'data 4', 'Work');
    for (let change = 0; change < (commit === 0 ? files : changesPerCommit); change += 1) {
      const file = commit === 0 ? change : (commit * 31 + change * 397) % files;
      const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-${file}}\ndata: {v: "${commit}"}\n`;
      lines.push(`M 100644 inline ${pathOf(file)}`, `data ${text.length}`, text);
    }
  }
  await git(repo.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], `${lines.join('\n')}\n`);
  await repo.git('repack', '-adq');
}

interface Theirs {
  readonly ms: number;
  /** By path, as far as the history that was fetched goes. */
  readonly last: ReadonlyMap<string, string>;
}

async function byCommandLine(url: string): Promise<Theirs> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-history-'));
  try {
    await git(folder, ['init', '--quiet', '--bare']);
    const began = performance.now();
    await git(folder, ['fetch', '--quiet', `--depth=${depth}`, '--filter=blob:none', url, 'main']);
    const log = await git(folder, ['log', '--no-renames', '--name-only', '--format=:%H', 'FETCH_HEAD']);
    const ms = performance.now() - began;
    const oldest = await git(folder, ['rev-parse', `FETCH_HEAD~${depth - 1}`]);
    const last = new Map<string, string>();
    let commit = '';
    for (const line of log.split('\n')) {
      if (line.startsWith(':')) commit = line.slice(1);
      else if (line !== '' && commit !== oldest && !last.has(line)) last.set(line, commit);
    }
    return { ms, last };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function byUs(server: GitServer, repo: GitRepo, theirs: Theirs): Promise<HistoryRound> {
  const client = createGitClient();
  const turns = createTurns();
  const { signal } = new AbortController();
  const url = server.urlOf(repo);
  const commit = (await repo.tip('main')) ?? '';
  try {
    // The commit itself is there before its history is asked for.
    const checkout = await client.checkout(url, anonymous, { commit, fullRef: 'refs/heads/main', shortRef: 'main' }, signal);
    const loop = watchLoop();
    const began = performance.now();
    const past = openPast({
      old: undefined,
      head: commit,
      atHand: checkout.objects,
      readObjects: fileObjects,
      now: () => performance.now(),
      onFault: (error) => {
        throw error;
      },
      server: {
        history: (asked, until) => client.history(url, anonymous, asked, until),
        objects: (oids, until) => client.objects(url, anonymous, oids, until),
        descends: (ancestor, descendant, until) => client.descends(url, anonymous, ancestor, descendant, until),
      },
    });
    const asked = Array.from({ length: files }, (_, file) => ({ id: pathOf(file), path: pathOf(file) }));
    const changes = await past.lastChanges(asked, { signal, run: (work, until) => turns.take(work, turns.place(), until) });
    const ours = performance.now() - began;
    const blocked = loop.stop();
    for (const [path, { commit: ourCommit, exact }] of changes) {
      const known = theirs.last.get(path);
      if (exact ? known !== ourCommit : known !== undefined) throw new Error(`${path}: git says ${known}, we say ${ourCommit}`);
    }
    return { ours, commandLine: theirs.ms, blocked, agreed: [...changes.values()].filter(({ exact }) => exact).length };
  } finally {
    await client.close();
  }
}

/** The longest time between two rounds of the event loop. */
function watchLoop(): { stop(): number } {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 5);
    last = now;
  }, 5);
  return {
    stop: () => {
      clearInterval(timer);
      return Math.max(longest, performance.now() - last - 5);
    },
  };
}
