/**
 * `make bench`: how fast many sources land on a fresh control plane, beside the fastest that any client could, and what
 * the operator costs while nothing changes; then how many sources live, and how fast commits are read from git. `--quick`
 * is one round of fewer sources, `--sources=N` another number; `--core`, `--live`, `--hooks` and `--git` are the parts
 * alone, `--no-git` all but that one.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBinaries } from '../test/controlplane/binaries.ts';
import { progressOn } from '../test/controlplane/progress.ts';
import { startGitServer } from '../test/gitserver/index.ts';
import { repositoryFiles } from './fleet.ts';
import { measureGit, printGit } from './git/run.ts';
import { livePlan, measureLive, printLive } from './live/run.ts';
import { liveVerdicts } from './live/targets.ts';
import { hooksVerdicts, measureHooks, printHooks } from './hooks.ts';
import type { Field } from './plane.ts';
import type { BareResult, OperatorRun } from './sides.ts';
import { measureScrape } from './scrape.ts';
import { makeBundle, record, runBare, runOperator } from './sides.ts';
import { table } from './tables.ts';
import { median, paceOf, verdicts } from './targets.ts';
import type { Measured } from './targets.ts';

const resultsPath = join(import.meta.dirname, 'results.json');
const progress = progressOn(process.stderr);
const seconds = (value: number): string => `${value.toFixed(2)} s`;

/** Other work on the machine slows either side, whichever runs just then. */
function warnOfLoad(): void {
  const [load = 0] = loadavg();
  if (load > cpus().length / 4)
    progress.say(`this machine is busy (load ${load.toFixed(1)}): the figures will be worse, and differ from round to round`);
}

async function measure(count: number, rounds: number): Promise<Measured> {
  warnOfLoad();
  progress.say('making the bundle, bringing the control plane');
  await makeBundle();
  const binaries = await ensureBinaries(['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager'], {
    environment: process.env,
    progress,
  });
  const git = await startGitServer();
  try {
    const repo = await git.createRepo('acme/fleet.git', { allowFilter: true });
    await repo.write(repositoryFiles(count));
    // A past of 250 commits, which is walked for every object.
    const commit = await repo.pad(249);
    const field: Field = { binaries, url: git.urlOf(repo), commit, count };
    progress.say(`recording what the operator writes for ${count} sources`);
    const recording = await record(field);
    const bare: BareResult[] = [];
    const runs: OperatorRun[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      progress.say(`round ${round} of ${rounds}: the bare client`);
      const one = await runBare(field, recording);
      bare.push(one);
      progress.say(
        `round ${round} of ${rounds}: the operator${round === rounds ? ', then a minute (two at most) in which nothing changes' : ''} (bare: ${seconds(one.seconds)})`,
      );
      const run = await runOperator(field, round === rounds ? () => git.counts.lsRefs : undefined);
      runs.push(run);
      progress.say(`  ${seconds(run.result.net)}`);
    }
    const idle = runs.at(-1)?.idle;
    if (idle === undefined) throw new Error('there was no round');
    progress.say('scrapes of many sources');
    return { sources: count, bare, operator: runs.map((run) => run.result), idle, scrape: await measureScrape() };
  } finally {
    await git.close();
  }
}

function print(measured: Measured): boolean {
  const { bare, operator, sources, idle } = measured;
  const rounds = operator.map((one, index) => [
    `round ${index + 1}`,
    ...[bare[index]?.seconds ?? Number.NaN, one.net, one.git, one.seconds, one.startup].map(seconds),
  ]);
  const middle = [
    'median',
    median(bare.map((one) => one.seconds)),
    ...(['net', 'git', 'seconds', 'startup'] as const).map((key) => median(operator.map((one) => one[key]))),
  ];
  const text = middle.map((cell) => (typeof cell === 'number' ? seconds(cell) : cell));
  const calls = (operator.at(-1)?.calls ?? []).map(({ verb, resource, count, allowed }) => [
    verb,
    resource,
    String(count),
    Number.isFinite(allowed) ? String(allowed) : '',
  ]);
  const results = verdicts(measured);
  const sections = [
    `${sources} sources of 4 objects, from nothing to healthy; ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}`,
    table(['', 'bare client', 'operator', 'git', 'with git', 'start-up'], [...rounds, text]),
    'Calls of the operator (last round)',
    table(['verb', 'resource', 'calls', 'allowed'], calls, 2),
    `Idle for ${idle.seconds.toFixed(0)} s, and what must be reached`,
    table(
      ['', 'measured', 'target', ''],
      results.map((one) => [one.what, one.measured, one.target, one.met ? 'met' : 'MISSED']),
      2,
    ),
  ];
  process.stdout.write(`\n${sections.join('\n\n')}\n`);
  return results.every((one) => one.met);
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    core: { type: 'boolean' },
    live: { type: 'boolean' },
    hooks: { type: 'boolean' },
    git: { type: 'boolean' },
    sources: { type: 'string' },
    rounds: { type: 'string' },
  },
  allowNegative: true,
});
const count = Number(values.sources ?? (values.quick ? 100 : 300));
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const parts = ['core', 'live', 'hooks', 'git'] as const;
const isAny = parts.some((part) => values[part] === true);
/** Those that are named, else all that are not refused. */
const isWanted = (part: (typeof parts)[number]): boolean => (isAny ? values[part] === true : values[part] !== false);
const gitRounds = Number(values.rounds ?? (values.quick ? 1 : 5));

/** Writes what was measured beside what the last run of the other part left. */
async function keep(part: object): Promise<void> {
  const before = JSON.parse(await readFile(resultsPath, 'utf8').catch(() => '{}')) as object;
  await writeFile(resultsPath, `${JSON.stringify({ ...before, ...part }, undefined, 2)}\n`);
}

try {
  const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
  let met = true;
  if (isWanted('core')) {
    const measured = await measure(count, rounds);
    met = print(measured);
    await keep({ at: new Date().toISOString(), machine, met, pacePercent: paceOf(measured), ...measured, verdicts: verdicts(measured) });
  }
  if (isWanted('live')) {
    warnOfLoad();
    const live = await measureLive(livePlan({ quick: values.quick, sources: values.sources }), rounds);
    met = printLive(live) && met;
    await keep({ live: { at: new Date().toISOString(), machine, ...live, verdicts: liveVerdicts(live) } });
  }
  if (isWanted('hooks')) {
    warnOfLoad();
    const hooks = await measureHooks(values.quick ? 20 : 200);
    met = printHooks(hooks) && met;
    await keep({ hooks: { at: new Date().toISOString(), machine, ...hooks, verdicts: hooksVerdicts(hooks) } });
  }
  if (isWanted('git')) {
    warnOfLoad();
    const git = await measureGit(gitRounds, values.quick ? 100 : 1000);
    met = printGit(git) && met;
    await keep({ git: { at: new Date().toISOString(), machine, ...git } });
  }
  process.exitCode = met ? 0 : 1;
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = 1;
}
