/** A Prometheus of a test's own, which scrapes operators as the Prometheus operator would have it do. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { freePort } from '../controlplane/ports.ts';
import { waitFor } from '../controlplane/wait-for.ts';
import { startWatchdog } from '../controlplane/watchdog.ts';
import { toolPath } from './tools.ts';

export interface Target {
  /** `127.0.0.1:8080` */
  readonly address: string;
  readonly pod: string;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined where it is no number. */
  readonly value: number | undefined;
}

export interface FiringAlert {
  readonly name: string;
  readonly state: 'pending' | 'firing';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Prometheus {
  /** What an instant query answers, now. Throws what Prometheus says where it refuses it. */
  query(expr: string): Promise<readonly Sample[]>;
  alerts(): Promise<readonly FiringAlert[]>;
  /** Rules that could not be evaluated, as `name: why`. */
  failedRules(): Promise<readonly string[]>;
  /** The exemplars of a query, of all times. */
  exemplars(expr: string): Promise<readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]>;
  /** Whom it scrapes from now on. */
  scrape(targets: readonly Target[]): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts one that scrapes and evaluates each second. `rules`: the text of a rule file. */
export async function startPrometheus(rules: string): Promise<Prometheus> {
  const home = await mkdtemp(join(tmpdir(), 'plumbline-prometheus-'));
  const watchdog = startWatchdog();
  watchdog.remove(home);
  const targetsPath = join(home, 'targets.json');
  const scrape = async (targets: readonly Target[]): Promise<void> => {
    // The labels that the Prometheus operator gives a target; namespace is that of the pod.
    const labels = { namespace: 'plumbline-system', service: 'plumbline', job: 'plumbline', container: 'plumbline', endpoint: 'metrics' };
    const groups = targets.map(({ address, pod }) => ({ targets: [address], labels: { ...labels, pod } }));
    await writeFile(targetsPath, JSON.stringify(groups));
  };
  await scrape([]);
  await writeFile(join(home, 'rules.yaml'), rules);
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yaml'],
    scrape_configs: [{ job_name: 'plumbline', honor_labels: true, file_sd_configs: [{ files: [targetsPath], refresh_interval: '1s' }] }],
  };
  await writeFile(join(home, 'prometheus.yaml'), dump(config));
  const port = await freePort();
  const args = [
    `--config.file=${join(home, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(home, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--enable-feature=exemplar-storage',
    '--log.level=warn',
  ];
  const child = spawn(await toolPath('prometheus'), args, { cwd: home, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output = (output + chunk).slice(-10_000)));
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  if (child.pid !== undefined) watchdog.guard(child.pid);
  const url = `http://127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await watchdog.close();
    await rm(home, { recursive: true, force: true });
  };

  async function ask<T>(path: string): Promise<T> {
    const answer = (await (await fetch(`${url}/api/v1/${path}`)).json()) as { status: string; data: T; error?: string };
    if (answer.status !== 'success') throw new Error(`Prometheus refuses ${decodeURIComponent(path)}: ${answer.error}`);
    return answer.data;
  }

  try {
    await waitFor('Prometheus is ready', async () => (await fetch(`${url}/-/ready`)).ok, 60_000);
  } catch (error) {
    await close();
    throw new Error(`${(error as Error).message}\n${output}`, { cause: error });
  }
  return {
    async query(expr) {
      type Vector = readonly { metric: Record<string, string>; value: [number, string] }[];
      const { resultType, result } = await ask<{ resultType: string; result: Vector | [number, string] }>(
        `query?query=${encodeURIComponent(expr)}`,
      );
      if (resultType === 'scalar') return [{ labels: {}, value: numberOf((result as [number, string])[1]) }];
      return (result as Vector).map(({ metric, value }) => ({ labels: metric, value: numberOf(value[1]) }));
    },
    async alerts() {
      type Alert = Omit<FiringAlert, 'name'> & { readonly labels: { readonly alertname: string } };
      const { alerts } = await ask<{ alerts: readonly Alert[] }>('alerts');
      return alerts.map(({ state, labels: { alertname, ...labels }, annotations }) => ({ name: alertname, state, labels, annotations }));
    },
    async failedRules() {
      type Rule = { readonly name: string; readonly health: string; readonly lastError?: string };
      const { groups } = await ask<{ groups: readonly { rules: readonly Rule[] }[] }>('rules');
      return groups.flatMap(({ rules: all }) =>
        all.filter(({ health }) => health === 'err').map(({ name, lastError }) => `${name}: ${lastError}`),
      );
    },
    async exemplars(expr) {
      type Found = readonly { exemplars: readonly { labels: Record<string, string>; value: string }[] }[];
      const found = await ask<Found>(`query_exemplars?query=${encodeURIComponent(expr)}&start=0&end=${Math.ceil(Date.now() / 1_000) + 60}`);
      return found.flatMap((one) => one.exemplars.map(({ labels, value }) => ({ labels, value: Number(value) })));
    },
    scrape,
    [Symbol.asyncDispose]: close,
  };
}

function numberOf(text: string): number | undefined {
  const value = Number(text === '+Inf' ? 'Infinity' : text);
  return Number.isNaN(value) ? undefined : value;
}
