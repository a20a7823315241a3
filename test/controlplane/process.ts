/** One child process of the control plane: started, waited for, stopped, its output kept in a file. */
import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { GiveUp, waitFor } from './wait-for.ts';
import type { Watchdog } from './watchdog.ts';

export interface ProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Output is added to this file. */
  readonly logPath: string;
  readonly watchdog: Watchdog;
  /** True once it serves; throwing means not yet. */
  readonly ready: (signal: AbortSignal) => Promise<boolean>;
  readonly startTimeoutMs?: number;
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, whyever. */
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  /** Sends a signal and resolves when the process has ended; SIGKILL follows after `graceMs`. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
}

/** Starts a process and resolves when it is ready. Rejects with the end of its output when it ends before, or is late. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const log = await open(options.logPath, 'a', 0o600);
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    ...(options.env && { env: options.env }),
  });
  await log.close();
  let over = false;
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  }).finally(() => {
    over = true;
    if (child.pid !== undefined) options.watchdog.gone(child.pid);
  });
  const { pid } = child;
  if (pid === undefined) {
    await ended; // rejects: it could not be spawned
    throw new Error(`${options.name} could not be started`);
  }
  options.watchdog.guard(pid);
  const running: RunningProcess = {
    name: options.name,
    pid,
    ended,
    hasEnded: () => over,
    async stop(signal = 'SIGTERM', graceMs = 10_000) {
      if (over) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended.finally(() => clearTimeout(timer));
    },
  };
  try {
    await waitFor(
      `${options.name} is ready`,
      async (signal) => {
        if (over) throw new GiveUp(`it ended with ${child.exitCode ?? child.signalCode}`);
        return await options.ready(signal);
      },
      options.startTimeoutMs ?? 60_000,
    );
  } catch (error) {
    await running.stop('SIGKILL');
    throw new Error(`${(error as Error).message}\n${await logTail(options.logPath)}`, { cause: error });
  }
  return running;
}

/** The last lines of a log file. */
export async function logTail(path: string, lines = 40): Promise<string> {
  const text = await readFile(path, 'utf8');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
