/** The git part of `make bench`, alone: `node bench/run.ts --git`. Three clients side by side, the same server, medians. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { progressOn } from '../../test/controlplane/progress.ts';
import { asInImage } from '../sides.ts';
import { table } from '../tables.ts';
import { median } from '../targets.ts';
import { cliChanged, cliCold, cliPast, cliPath, cliRefs, isomorphicCold } from './others.ts';
import type { Measured, OursRequest, PastWalked } from './ours-main.ts';
import { startPeer } from './peer.ts';
import type { Peer } from './peer.ts';
import { paths } from './repositories.ts';
import type { MakerRequest } from './maker-main.ts';
import type { ServerRequest, Started } from './server-main.ts';

const progress = progressOn(process.stderr);
const mebi = 1024 * 1024;

export interface Row {
  readonly what: string;
  /** Milliseconds, one for each round; empty where it is not measured. */
  readonly cli: readonly number[];
  readonly isomorphic: readonly number[];
  readonly ours: readonly Measured[];
  /** Of the command line's median, at the most. */
  readonly ratio: number;
}

export interface IdleGit {
  readonly repositories: number;
  readonly seconds: number;
  readonly requests: number;
  readonly cpuPercent: number;
}

interface Verdict {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  readonly met: boolean;
}

export interface GitMeasured {
  readonly rows: readonly Row[];
  readonly idle: IdleGit;
}

/** `rounds` of each; whoever is slow in the first is measured once. */
export async function measureGit(rounds: number, idleCount: number): Promise<GitMeasured> {
  const server = startPeer<ServerRequest>(new URL('server-main.ts', import.meta.url));
  const maker = startPeer<MakerRequest>(new URL('maker-main.ts', import.meta.url));
  const { nodeOptions } = await asInImage();
  const ours = startPeer<OursRequest>(new URL('ours-main.ts', import.meta.url), ['--expose-gc', ...nodeOptions]);
  try {
    const { url: base, root } = (await server.ask({ kind: 'start' })) as Started;
    const make = async (name: string, count: number, historyBytes = 0): Promise<string> => {
      progress.say(`making ${name}`);
      await maker.ask({ root, kind: 'files', name, count, historyBytes });
      return `${base}/${name}`;
    };
    const small = await make('100.git', 100);
    const middle = await make('2000.git', 2000);
    const large = await make('10000.git', 10_000);
    const old = await make('old.git', 2000, 200 * mebi);
    progress.say('making long.git');
    await maker.ask({ root, kind: 'past', name: 'long.git', files: 2000, commits: 300 });
    const long = `${base}/long.git`;
    // The process is warm, and so is the server.
    for (const url of [small, middle]) await ours.ask({ kind: 'cold', url, path: '' });
    await cliCold(small);

    const rows: Row[] = [];
    const row = async (what: string, ratio: number, sides: Sides): Promise<void> => {
      progress.say(what);
      rows.push({ what, ratio, ...(await alternating(rounds, sides)) });
    };
    const cold = (url: string, path = ''): Promise<Measured> => ours.ask({ kind: 'cold', url, path }) as Promise<Measured>;
    for (const [what, url] of [
      ['100 files', small],
      ['2,000 files', middle],
      ['10,000 files', large],
      ['2,000 files, 200 MB of history', old],
    ] as const) {
      await row(what, 1.1, { cli: () => cliCold(url), isomorphic: () => isomorphicCold(url, ''), ours: () => cold(url) });
    }
    const path = 'apps/7';
    await row('a path of 100 of 10,000 files', 1.1, {
      cli: () => cliPath(large, path),
      isomorphic: () => isomorphicCold(large, path),
      ours: () => cold(large, path),
    });
    progress.say('250 commits of history');
    rows.push(await walked(ours, long, rounds));
    progress.say('one changed file in 10,000');
    const change = (round: number): Promise<unknown> => maker.ask({ root, kind: 'change', name: '10000.git', round });
    rows.push(await changed(change, ours, large, rounds));
    await row('nothing changed', 1 / 3, {
      cli: () => cliRefs(large),
      ours: () => ours.ask({ kind: 'refs', url: large, path }) as Promise<Measured>,
    });
    await maker.ask({ root, kind: 'links', name: '100.git', count: idleCount });
    return { rows, idle: await idle(server, ours, `${base}/many/`, idleCount) };
  } finally {
    await ours.stop();
    await maker.stop();
    await server.ask({ kind: 'stop' }).catch(() => undefined);
    await server.stop();
  }
}

interface Sides {
  readonly cli: () => Promise<number>;
  readonly isomorphic?: () => Promise<number>;
  readonly ours: () => Promise<Measured>;
}

/** One after the other in each round, so that a busy moment meets all of them. */
async function alternating(rounds: number, sides: Sides): Promise<Pick<Row, 'cli' | 'isomorphic' | 'ours'>> {
  const cli: number[] = [];
  const isomorphic: number[] = [];
  const ours: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    cli.push(await sides.cli());
    ours.push(await sides.ours());
    const slow = (isomorphic[0] ?? 0) > 3000;
    if (sides.isomorphic !== undefined && !slow) isomorphic.push(await sides.isomorphic());
  }
  return { cli, isomorphic, ours };
}

async function changed(change: (round: number) => Promise<unknown>, ours: Peer<OursRequest>, url: string, rounds: number): Promise<Row> {
  const follow = (): Promise<Measured> => ours.ask({ kind: 'warm', url, path: '' }) as Promise<Measured>;
  await follow();
  const measured: Measured[] = [];
  const cli = await cliChanged(url, rounds, async (round) => {
    await change(round);
    measured.push(await follow());
  });
  return { what: 'one changed file in 10,000', ratio: 1.1, cli, isomorphic: [], ours: measured };
}

/** Where 2,000 files changed last, in the last 250 commits. Both sides have to say the same. */
async function walked(ours: Peer<OursRequest>, url: string, rounds: number): Promise<Row> {
  const path = paths(2000);
  const asked = Array.from({ length: 2000 }, (_, index) => path(index));
  // The process is warm in this row as well.
  for (let round = 0; round < 2; round += 1) await ours.ask({ kind: 'past', url, paths: asked });
  const cli: number[] = [];
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const theirs = await cliPast(url, 250);
    const { last, ...taken } = (await ours.ask({ kind: 'past', url, paths: asked })) as PastWalked;
    for (const [file, commit] of last)
      if (theirs.last.get(file) !== commit) throw new Error(`${file}: git says ${theirs.last.get(file)}, we say ${commit}`);
    if (last.length < theirs.last.size) progress.say(`  of ${theirs.last.size} files ${last.length} were told in time`);
    cli.push(theirs.ms);
    measured.push(taken);
  }
  return { what: '250 commits of history walked', ratio: 1.1, cli, isomorphic: [], ours: measured };
}

/** A minute of many repositories of which none changes. */
async function idle(server: Peer<ServerRequest>, ours: Peer<OursRequest>, base: string, count: number): Promise<IdleGit> {
  progress.say(`${count} sources on ${count} repositories, for a minute`);
  await ours.ask({ kind: 'subscribe', urls: Array.from({ length: count }, (_, index) => `${base}${index}.git`) });
  // From here on every interval asks each once; the first answers are all in.
  await sleep(70_000);
  const lsRefs = async (): Promise<number> => ((await server.ask({ kind: 'counts' })) as { all: number }).all;
  const cpu = async (): Promise<number> => (await ours.ask({ kind: 'cpu' })) as number;
  const [requests, seconds, begun] = [await lsRefs(), await cpu(), performance.now()];
  await sleep(60_000);
  const elapsed = (performance.now() - begun) / 1000;
  return {
    repositories: count,
    seconds: elapsed,
    requests: (await lsRefs()) - requests,
    cpuPercent: (((await cpu()) - seconds) / elapsed) * 100,
  };
}

const ratioOf = ({ cli, ours }: Row): number => median(ours.map(({ ms }) => ms)) / median(cli);

/** What every row must reach, and what all of them together. */
export function gitVerdicts({ rows, idle: quiet }: GitMeasured): Verdict[] {
  const verdicts = rows.map((row): Verdict => {
    const ratio = ratioOf(row);
    return { what: row.what, measured: ratio.toFixed(2), target: `≤ ${row.ratio.toFixed(2)}`, met: ratio <= row.ratio };
  });
  const all = rows.flatMap(({ ours }) => ours);
  const blocked = Math.max(...all.map(({ blockedMs }) => blockedMs));
  const byClock = Math.max(...all.map(({ blockedByClockMs }) => blockedByClockMs));
  const over = Math.max(...all.map(({ peakMib, keptMib }) => peakMib - 1.5 * keptMib));
  const each = quiet.requests / quiet.repositories / (quiet.seconds / 60);
  return [
    ...verdicts,
    {
      what: 'longest turn of the event loop',
      measured: `${blocked.toFixed(0)} ms (${byClock.toFixed(0)} by the clock)`,
      target: '≤ 50 ms',
      met: blocked <= 50,
    },
    { what: 'memory over 1.5 × what is kept', measured: `${over.toFixed(0)} MiB`, target: '≤ 64 MiB', met: over <= 64 },
    {
      what: `requests a repository and minute, ${quiet.repositories} repositories`,
      measured: each.toFixed(2),
      target: '≤ 1.1',
      met: each <= 1.1,
    },
    { what: 'of a core, meanwhile', measured: `${quiet.cpuPercent.toFixed(1)} %`, target: '< 2 %', met: quiet.cpuPercent < 2 },
  ];
}

/** Prints everything; whether all targets are met. */
export function printGit(measured: GitMeasured): boolean {
  const shown = (values: readonly number[]): string =>
    values.length === 0 ? '' : median(values).toFixed(values.some((ms) => ms < 10) ? 1 : 0);
  const verdicts = gitVerdicts(measured);
  const said = ({ met }: Verdict): string => (met ? 'REACHED' : 'MISSED');
  const rows = measured.rows.map(({ what, cli, isomorphic, ours }, index) => {
    const verdict = verdicts[index];
    return [
      what,
      shown(cli),
      shown(isomorphic),
      shown(ours.map(({ ms }) => ms)),
      ...(verdict === undefined ? [] : [verdict.measured, verdict.target, said(verdict)]),
      shown(ours.map(({ blockedMs }) => blockedMs)),
      shown(ours.map(({ cpuMs }) => cpuMs)),
      shown(ours.map(({ peakMib }) => peakMib)),
      median(ours.map(({ keptMib }) => keptMib)).toFixed(1),
    ];
  });
  const sections = [
    `git, medians in milliseconds and MiB; ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}`,
    table(['', 'git', 'isomorphic-git', 'plumbline', 'ratio', 'target', '', 'longest turn', 'CPU', 'peak', 'kept'], rows),
    table(
      ['', 'measured', 'target', ''],
      verdicts.slice(rows.length).map((one) => [one.what, one.measured, one.target, said(one)]),
    ),
  ];
  process.stdout.write(`\n${sections.join('\n\n')}\n`);
  return verdicts.every(({ met }) => met);
}
