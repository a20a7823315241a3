/** The git child, seen from the operator: started when needed, watched, and replaced when it dies. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PlumblineError } from '../errors.ts';
import type { Reply, Request } from './child-messages.ts';
import { gitChildFlag } from './git-child.ts';
import { sizeText } from './limits.ts';

export interface ChildOptions {
  /** The file that Node runs, with the flag `--git-child`. Default: beside this file, or the bundle that this file is part of. */
  readonly entry?: string | undefined;
  /** Nothing of the operator's environment but this reaches the child. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** JavaScript objects. MiB. */
  readonly heapMiB: number;
  /** All of its memory, where /proc tells; above it the child is killed. Bytes. */
  readonly residentBytes: number;
}

export const defaultChildOptions: ChildOptions = { heapMiB: 384, residentBytes: 768 * 1024 * 1024 };

/** A child is no more: why, when it was a repository's doing or nobody's; undefined when it went because it was idle or told to. */
export type Death = PlumblineError | undefined;

/** One process. It says `reply` for each answer, and `death` once. */
export class GitProcess {
  readonly #child: ChildProcess;
  readonly #watch: NodeJS.Timeout;
  #tooLarge = false;
  #killed = false;

  constructor(options: ChildOptions, on: { reply(reply: Reply): void; death(death: Death): void }) {
    const child = fork(options.entry ?? defaultEntry(), [gitChildFlag], {
      serialization: 'advanced',
      // Large buffers lie outside the heap; they are what the watch below is for.
      execArgv: [`--max-old-space-size=${options.heapMiB}`, '--disable-warning=ExperimentalWarning'],
      env: { ...options.env },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    let dead = false;
    const die = (death: Death): void => {
      if (dead) return;
      dead = true;
      clearInterval(this.#watch);
      on.death(death);
    };
    child.on('message', (message) => on.reply(message as Reply));
    child.on('error', (error) => die(crash(error.message)));
    child.once('exit', (code, signal) => {
      // V8 ends a process whose heap is full by SIGABRT, or SIGTRAP.
      if (this.#tooLarge || signal === 'SIGABRT' || signal === 'SIGTRAP') die(tooLarge(options));
      else if (this.#killed || code === 0) die(undefined);
      else die(crash(signal ?? `exit ${code}`));
    });
    this.#watch = setInterval(() => {
      if (child.pid !== undefined && residentBytes(child.pid) > options.residentBytes) {
        this.#tooLarge = true;
        child.kill('SIGKILL');
      }
    }, 100);
    this.hold(false);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(request: Request): void {
    // A child that died in between says so by 'exit'.
    this.#child.send(request, () => undefined);
  }

  /** Whether it keeps the operator's process from ending. */
  hold(needed: boolean): void {
    if (needed) {
      this.#child.ref();
      this.#child.channel?.ref();
      this.#watch.ref();
    } else {
      this.#child.unref();
      this.#child.channel?.unref();
      this.#watch.unref();
    }
  }

  kill(): void {
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }
}

function tooLarge(options: ChildOptions): PlumblineError {
  return new PlumblineError({
    reason: 'RepositoryTooLarge',
    message: `reading the repository took over ${sizeText(options.residentBytes)} of memory`,
  });
}

function crash(how: string): PlumblineError {
  return new PlumblineError({ reason: 'InternalError', message: `the process that reads git ended (${how})` });
}

/** From the sources a file of its own; in a bundle the bundle itself, whose main sees the flag. */
function defaultEntry(): string {
  const here = fileURLToPath(import.meta.url);
  return here.endsWith('.ts') ? fileURLToPath(new URL('git-child-main.ts', import.meta.url)) : here;
}

/** 0 where there is no /proc, or no such process any more. */
function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error) return 0;
    throw error;
  }
}
