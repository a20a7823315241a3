/** The live part of `make bench`, alone: `node bench/run.ts --live`. Many sources from nothing to healthy, and then at rest. */
import { cpus } from 'node:os';
import { ensureBinaries } from '../../test/controlplane/binaries.ts';
import { progressOn } from '../../test/controlplane/progress.ts';
import { NotYet, waitFor } from '../../test/controlplane/wait-for.ts';
import { startGitServer } from '../../test/gitserver/index.ts';
import type { GitRepo, GitServer } from '../../test/gitserver/index.ts';
import { countHealthy, moreFiles, objectResources, repositoryFiles } from '../fleet.ts';
import { idleMinute } from '../idle.ts';
import type { Field } from '../plane.ts';
import { makeBundle, record, runBare, withOperator } from '../sides.ts';
import type { OperatorResult, Settled } from '../sides.ts';
import { table } from '../tables.ts';
import { median } from '../targets.ts';
import { usageOf } from '../usage.ts';
import { measureBusy } from './busy.ts';
import { measureEdits } from './edits.ts';
import { measureRestart } from './restart.ts';
import { liveVerdicts, stormPace } from './targets.ts';
import type { LiveMeasured, Storm } from './targets.ts';

export interface LivePlan {
  /** Numbers of sources that are brought in from nothing, ascending; with the last it goes on. */
  readonly storms: readonly number[];
  readonly edits: number;
  readonly busySeconds: number;
}

const full: LivePlan = { storms: [100, 300, 1_000], edits: 500, busySeconds: 60 };
const quickly: LivePlan = { storms: [100], edits: 50, busySeconds: 10 };

/** What is measured; of one number of sources where it is said. */
export function livePlan({ quick, sources }: { readonly quick: boolean; readonly sources: string | undefined }): LivePlan {
  const plan = quick ? quickly : full;
  const storms = sources === undefined ? plan.storms : [Number(sources)];
  return { ...plan, storms, edits: Math.min(plan.edits, storms.at(-1) ?? 0) };
}

/** Each application grows by these. */
const objectsMore = 6;
const progress = progressOn(process.stderr);
const seconds = (value: number): string => `${value.toFixed(2)} s`;

type Rest = Omit<LiveMeasured, 'storms'>;

interface StormEnd {
  readonly result: OperatorResult;
  readonly peakMib: number;
  readonly rest: Rest | undefined;
}

export async function measureLive(plan: LivePlan, rounds: number): Promise<LiveMeasured> {
  await makeBundle();
  const names = ['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager'] as const;
  const binaries = await ensureBinaries([...names], { environment: process.env, progress });
  const storms: Storm[] = [];
  let rest: Rest | undefined;
  for (const count of plan.storms) {
    const git = await startGitServer();
    try {
      const repo = await git.createRepo('acme/fleet.git', { allowFilter: true });
      const commit = await repo.write(repositoryFiles(count));
      const field: Field = { binaries, url: git.urlOf(repo), commit, count };
      progress.say(`${count} sources: recording what the operator writes`);
      const recording = await record(field);
      const bare: number[] = [];
      const ends: StormEnd[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        bare.push((await runBare(field, recording, true)).seconds);
        const isLast = round === rounds && count === plan.storms.at(-1);
        ends.push(await withOperator(field, (settled) => end(settled, isLast ? { plan, field, git, repo } : undefined)));
        progress.say(
          `${count} sources, round ${round} of ${rounds}: bare ${seconds(bare.at(-1) ?? 0)}, operator ${seconds(ends.at(-1)?.result.net ?? 0)}`,
        );
      }
      storms.push({ sources: count, bare, operator: ends.map((one) => one.result), peakMib: ends.map((one) => one.peakMib) });
      rest = ends.at(-1)?.rest;
    } finally {
      await git.close();
    }
  }
  if (rest === undefined) throw new Error('there was no storm');
  return { storms, ...rest };
}

interface After {
  readonly plan: LivePlan;
  readonly field: Field;
  readonly git: GitServer;
  readonly repo: GitRepo;
}

async function end(settled: Settled, after: After | undefined): Promise<StormEnd> {
  const { peakMib } = await usageOf(settled.operator.pid);
  return { result: settled.result, peakMib, rest: after && (await atRest(settled, after)) };
}

/** Everything that is measured of sources at rest, one thing after the other. */
async function atRest({ plane, operator }: Settled, { plan, field, git, repo }: After): Promise<Rest> {
  const { count } = field;
  progress.say(`${plan.edits} edits by hand`);
  const edits = await measureEdits(plane, count, plan.edits);
  progress.say(`six objects more for each of ${count} sources`);
  const commit = await repo.write(moreFiles(count));
  await waitFor(
    'the second commit is healthy everywhere',
    async () => {
      const healthy = await countHealthy(plane.control.request, commit);
      if (healthy < count) throw new NotYet(`${healthy} of ${count} sources are`);
      return true;
    },
    600_000,
  );
  progress.say('a minute (two at most) in which nothing changes');
  const idle = await idleMinute(plane, operator.pid, 0, () => git.counts.lsRefs);
  progress.say('status that changes all the time');
  const busy = await measureBusy(plane, operator.pid, count, plan.busySeconds);
  progress.say('a restart');
  await operator.stop();
  const objects = count * (objectResources.length + objectsMore);
  const restart = await measureRestart(plane, count, objects);
  return { sources: count, objects, edits, idle, busy, restart };
}

/** Whether everything is met. */
export function printLive(measured: LiveMeasured): boolean {
  const rows = measured.storms.map((storm) => [
    String(storm.sources),
    seconds(median(storm.bare)),
    ...(['net', 'git', 'seconds', 'startup'] as const).map((key) => seconds(median(storm.operator.map((one) => one[key])))),
    `${stormPace(storm, 'net').toFixed(0)} %`,
    `${Math.max(...storm.peakMib).toFixed(0)} MiB`,
  ]);
  const results = liveVerdicts(measured);
  const sections = [
    `Sources of 4 objects from nothing to all healthy; ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}; medians`,
    table(['sources', 'bare client', 'operator', 'git', 'with git', 'start-up', 'pace', 'peak'], rows, 0),
    'At rest, and what must be reached',
    table(
      ['', 'measured', 'target', ''],
      results.map((one) => [one.what, one.measured, one.target, one.met ? (one.target === '' ? '' : 'met') : 'MISSED']),
      2,
    ),
  ];
  process.stdout.write(`\n${sections.join('\n\n')}\n`);
  return results.every((one) => one.met);
}
