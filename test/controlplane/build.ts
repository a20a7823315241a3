/** Building one binary out of pinned Go modules. */
import { spawn } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type BinaryName, type Module, buildArgs, modulesDir } from './pins.ts';
import { type Progress, durationText } from './progress.ts';
import { startWatchdog } from './watchdog.ts';

export interface BuildOptions {
  readonly binary: BinaryName;
  readonly module: Module;
  /** Where the finished binary goes; it appears whole or not at all. */
  readonly outDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

const tickMs = 2_000;

/** Builds with `go build`, whose own cache keeps what is compiled: a build that was killed goes on where it was. */
export async function buildBinary(options: BuildOptions): Promise<void> {
  const { binary, module, outDir, progress } = options;
  const begun = Date.now();
  const output = join(outDir, `.${binary}.${process.pid}`);
  progress.say(`building ${binary}${binary === 'etcd' ? ' for Kubernetes' : ''} ${module.version}`);
  const watchdog = startWatchdog();
  watchdog.remove(output);
  try {
    await runGo(buildArgs(binary, module.version, output), join(modulesDir, module.name), options, watchdog, (counts) => {
      const seen = [
        durationText(Date.now() - begun),
        counts.downloaded > 0 && `${counts.downloaded} modules fetched`,
        counts.compiled > 0 && `${counts.compiled} packages compiled`,
      ];
      progress.tick(`building ${binary}: ${seen.filter(Boolean).join(', ')}`);
    });
    await rename(output, join(outDir, binary));
  } finally {
    await watchdog.close();
  }
  progress.say(`built ${binary} in ${durationText(Date.now() - begun)}`);
}

interface Counts {
  downloaded: number;
  compiled: number;
}

async function runGo(
  args: readonly string[],
  cwd: string,
  options: BuildOptions,
  watchdog: ReturnType<typeof startWatchdog>,
  onTick: (counts: Counts) => void,
): Promise<void> {
  const child = spawn('go', args, {
    cwd,
    env: { ...options.environment, CGO_ENABLED: '0', GOWORK: 'off' },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error('go is not installed: get it from https://go.dev/dl/', { cause: error }) : error),
    );
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  if (child.pid !== undefined) watchdog.guard(child.pid);
  const counts: Counts = { downloaded: 0, compiled: 0 };
  const words: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    // `-v` names each package that is compiled; everything else is go speaking to people.
    if (line.startsWith('go: downloading ')) counts.downloaded++;
    else if (/^[\w./~-]+$/.test(line)) counts.compiled++;
    else words.push(line);
  });
  const timer = setInterval(() => onTick(counts), tickMs);
  const abort = (): void => void watchdog.close();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    const status = await ended;
    options.signal?.throwIfAborted();
    if (status !== 0) throw new Error(`go build ${options.binary} ended with ${status}\n${words.slice(-20).join('\n')}`);
  } finally {
    clearInterval(timer);
    options.signal?.removeEventListener('abort', abort);
    if (child.pid !== undefined) watchdog.gone(child.pid);
  }
}
