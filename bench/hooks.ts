/** The receivers' part of `make bench`, alone: `node bench/run.ts --hooks`. From a forge's call to the one changed object of a large source. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { ensureBinaries } from '../test/controlplane/binaries.ts';
import { progressOn } from '../test/controlplane/progress.ts';
import { startControlPlane } from '../test/controlplane/start.ts';
import type { ControlPlane } from '../test/controlplane/start.ts';
import { waitFor } from '../test/controlplane/wait-for.ts';
import { startGitServer } from '../test/gitserver/index.ts';
import { github } from '../test/web/receivers/payloads.ts';
import { percentile } from './live/latency.ts';
import { launch, makeBundle } from './sides.ts';
import { table } from './tables.ts';
import type { Verdict } from './targets.ts';

export interface HooksMeasured {
  readonly objects: number;
  /** From the call until the status says that its commit is applied, milliseconds. */
  readonly latencies: readonly number[];
}

const objects = 1_000;
const mostMs = 1_000;
/** Between two looks at the status: what a figure may be too high by, milliseconds. */
const lookEveryMs = 5;
const deadlineMs = 60_000;
const namespace = 'hooks';
const token = 'bench-hook-token';
const crd = join(import.meta.dirname, '../crds/plumbline.dev_gitopssources.yaml');
const sourcePath = `/apis/plumbline.dev/v1/namespaces/${namespace}/gitopssources/shop`;
const progress = progressOn(process.stderr);

const fileOf = (index: number): string => `maps/m${index}.yaml`;
const mapOf = (index: number, round: number): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m${index}}\ndata: {round: "${round}"}\n`;

/** Calls `rounds` times, each after a push that changes another one of the objects. */
export async function measureHooks(rounds: number): Promise<HooksMeasured> {
  progress.say('making the bundle, bringing the control plane');
  await makeBundle();
  const binaries = await ensureBinaries(['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager'], {
    environment: process.env,
    progress,
  });
  const git = await startGitServer();
  const control = await startControlPlane({ binaries });
  try {
    const repo = await git.createRepo('acme/hooks.git', { allowFilter: true });
    const url = git.urlOf(repo);
    const first = await repo.write(Object.fromEntries(Array.from({ length: objects }, (_, index) => [fileOf(index), mapOf(index, 0)])));
    await prepare(control, url);
    await using operator = await launch(control.kubeconfigPath);
    progress.say(`a source of ${objects} objects, then ${rounds} calls`);
    const applied = async (): Promise<string | undefined> =>
      (await control.request.ok('GET', sourcePath)).status?.revision?.applied?.commit;
    await waitFor('the source is applied', async () => (await applied()) === first, deadlineMs * 5);
    const latencies: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const index = (round * 37) % objects;
      const commit = await repo.write({ [fileOf(index)]: mapOf(index, round) });
      const { headers, body } = github({ url, ref: 'refs/heads/main', token });
      const began = performance.now();
      const answer = await fetch(`${operator.webhookUrl}/hooks/${namespace}/shop`, { method: 'POST', headers, body });
      if (answer.status !== 202) throw new Error(`the receiver answered ${answer.status}`);
      while ((await applied()) !== commit) {
        if (performance.now() - began > deadlineMs)
          throw new Error(`round ${round}: not applied within ${deadlineMs} ms\n${operator.output()}`);
        await sleep(lookEveryMs);
      }
      latencies.push(performance.now() - began);
      await sleep(1_000); // the receiver takes one a second, and a status is written once a second
    }
    return { objects, latencies };
  } finally {
    await control.stop();
    await git.close();
  }
}

async function prepare(control: ControlPlane, url: string): Promise<void> {
  await control.kubectl('create', '-f', crd);
  await control.kubectl('wait', '--for=condition=Established', '--timeout=30s', '-f', crd);
  await control.kubectl('create', 'namespace', namespace);
  await control.kubectl('create', 'serviceaccount', 'deployer', '-n', namespace);
  await control.kubectl(
    'create',
    'rolebinding',
    'deployer',
    '-n',
    namespace,
    '--clusterrole=edit',
    `--serviceaccount=${namespace}:deployer`,
  );
  await control.kubectl('create', 'secret', 'generic', 'hook', '-n', namespace, `--from-literal=token=${token}`);
  const spec = { url, ref: { branch: 'main' }, interval: '1h', serviceAccountName: 'deployer', receiver: { secretRef: { name: 'hook' } } };
  const body = { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata: { name: 'shop', namespace }, spec };
  await control.request.ok('POST', sourcePath.slice(0, sourcePath.lastIndexOf('/')), { body });
}

/** Pure: what must be reached. */
export function hooksVerdicts({ objects: of, latencies }: HooksMeasured): readonly Verdict[] {
  return [50, 99].map((percent) => {
    const value = percentile(latencies, percent);
    const what = `hook → applied, one changed object in a source of ${of}, ${latencies.length} calls: p${percent}`;
    return { what, measured: `${value.toFixed(0)} ms`, target: `< ${mostMs} ms`, met: value < mostMs };
  });
}

/** Prints the table; whether everything is reached. */
export function printHooks(measured: HooksMeasured): boolean {
  const results = hooksVerdicts(measured);
  const rows = results.map((one) => [one.what, one.measured, one.target, one.met ? 'met' : 'MISSED']);
  process.stdout.write(`\nReceivers; ${cpus().length} cores\n\n${table(['', 'measured', 'target', ''], rows, 2)}\n`);
  return results.every((one) => one.met);
}
