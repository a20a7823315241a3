/** The operator as a process of its own, bundled as the image has it, against a test's cluster. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../controlplane/ports.ts';
import { GiveUp, waitFor } from '../controlplane/wait-for.ts';
import { startWatchdog } from '../controlplane/watchdog.ts';
import { operatorVariable } from './protocol.ts';

const sources = join(import.meta.dirname, '../../operator/main.ts');
const bundle = process.env[operatorVariable];

export interface OperatorOptions {
  readonly kubeconfigPath: string;
  /** Added to the harness's own: addresses of free ports, `--leader-elect=false`. The last of a name wins. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What Node runs; default the bundle, or the sources where a run has made none. */
  readonly entry?: string;
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
  /** Resolve once the process is there, not once it is ready. Default false. */
  readonly unready?: boolean;
}

/** One log line, as written. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Operator {
  readonly pid: number;
  readonly metricsUrl: string;
  readonly webhookUrl: string;
  readonly ended: Promise<Ended>;
  /** Everything it wrote, standard output and standard error. */
  output(): string;
  /** Those lines that are JSON. */
  logs(): readonly LogLine[];
  /** The text of /metrics. */
  metrics(): Promise<string>;
  /** The value of one series, with at least these labels; undefined when there is none. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<Ended>;
  kill(signal: NodeJS.Signals): Promise<Ended>;
  /** SIGSTOP: it does nothing, and its connections stay. */
  pause(): void;
  resume(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts an operator and resolves when it is ready. `await using` stops it; it never outlives the test process. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const [metricsPort, webhookPort] = [await freePort(), await freePort()];
  const home = await mkdtemp(join(tmpdir(), 'plumbline-operator-'));
  const watchdog = startWatchdog();
  watchdog.remove(home);
  const flags = [
    `--metrics-address=127.0.0.1:${metricsPort}`,
    `--webhook-address=127.0.0.1:${webhookPort}`,
    '--leader-elect=false',
    ...(options.flags ?? []),
  ];
  // Nothing of the developer's environment: no proxy, no git configuration, no home.
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    TMPDIR: home,
    KUBECONFIG: options.kubeconfigPath,
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
    ...options.env,
  };
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), options.entry ?? bundle ?? sources, ...flags], {
    env,
    cwd: home,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => lines.push(line));
  let over: Ended | undefined;
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  }).then(async (how) => {
    over = how;
    await watchdog.close();
    await rm(home, { recursive: true, force: true });
    return how;
  });
  const { pid } = child;
  if (pid === undefined) {
    await ended;
    throw new Error('the operator could not be started');
  }
  watchdog.guard(pid);

  const kill = async (signal: NodeJS.Signals): Promise<Ended> => {
    if (over === undefined) child.kill(signal);
    return await ended;
  };
  const metricsUrl = `http://127.0.0.1:${metricsPort}`;
  const fetchText = async (path: string, signal?: AbortSignal): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${metricsUrl}${path}`, signal === undefined ? {} : { signal });
    return { status: answer.status, text: await answer.text() };
  };
  const operator: Operator = {
    pid,
    metricsUrl,
    webhookUrl: `http://127.0.0.1:${webhookPort}`,
    ended,
    output: () => lines.join('\n'),
    logs: () => lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine),
    metrics: async () => (await fetchText('/metrics')).text,
    metric: async (name, labels = {}) => metricValue((await fetchText('/metrics')).text, name, labels),
    async stop() {
      // One that was paused hears SIGTERM only once it goes on.
      if (over === undefined) child.kill('SIGCONT');
      return await kill('SIGTERM');
    },
    kill,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await operator.stop();
    },
  };
  if (options.unready !== true) {
    try {
      await waitFor(
        'the operator is ready',
        async (signal) => {
          if (over !== undefined) throw new GiveUp(`it ended with ${over.code ?? over.signal}`);
          return (await fetchText('/readyz', signal)).status === 200;
        },
        20_000,
      );
    } catch (error) {
      await kill('SIGKILL');
      throw new Error(`${(error as Error).message}\n${operator.output()}`, { cause: error });
    }
  }
  return operator;
}

/** The value of the first series of `name` in Prometheus' text format that has at least these labels. */
export function metricValue(text: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  for (const line of text.split('\n')) {
    const [, series, inBraces = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (series === name && wanted.every((one) => `,${inBraces},`.includes(`,${one},`))) return Number(value);
  }
  return undefined;
}
