/** Short programs for tests, by the run's spawner where there is one, else as children of this process. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import type { Readable } from 'node:stream';
import { frame, frames, kinds, readFrames } from './frames.ts';
import type { Command, Exit } from './frames.ts';

/** The environment variable that holds the path of the spawner's socket. */
export const spawnerVariable = 'PLUMBLINE_TEST_SPAWNER';

export interface Program {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Once it has ended and its output is whole. Rejects when it could not be started, or was killed before. */
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  kill(): void;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Starts a program; nothing is inherited. Its output has to be read. */
export function startProgram(program: string, args: readonly string[], { cwd, env }: ProgramOptions): Program {
  const socket = process.env[spawnerVariable];
  return socket === undefined ? asChild({ program, args, cwd, env }) : bySpawner(socket, { program, args, cwd, env });
}

export interface Ran extends Exit {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Runs a program to its end, whatever comes of it. Rejects when it could not be started, or at `signal`. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions & { readonly input?: string | Iterable<Buffer>; readonly signal?: AbortSignal },
): Promise<Ran> {
  const { input, signal } = options;
  signal?.throwIfAborted();
  const running = startProgram(program, args, options);
  const kill = (): void => running.kill();
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const collected = Promise.all([collect(running.stdout), collect(running.stderr)]);
    // A program may end before it has read everything; what matters then is how it ended.
    running.stdin.on('error', () => undefined);
    if (typeof input === 'object') for (const chunk of input) running.stdin.write(chunk);
    running.stdin.end(typeof input === 'string' ? input : undefined);
    const { code, signal: by } = await running.exit;
    signal?.throwIfAborted();
    const [stdout, stderr] = await collected;
    return { code, signal: by, stdout, stderr };
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/** As runProgram, its output as text; rejects when it was killed, after `timeoutMs` in the end. */
export async function runText(
  program: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly timeoutMs: number; readonly input?: string; readonly signal?: AbortSignal },
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const late = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? late : AbortSignal.any([options.signal, late]);
  const { code, signal: by, stdout, stderr } = await runProgram(program, args, { ...options, signal });
  if (code === null) throw new Error(`${program} was killed by ${by}: ${stderr.toString()}`);
  return { code, stdout: stdout.toString(), stderr: stderr.toString() };
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function asChild({ program, args, cwd, env }: Command): Program {
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  exit.catch(() => undefined); // told to whoever waits for it
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exit, kill: () => void child.kill() };
}

function bySpawner(path: string, command: Command): Program {
  const socket = connect({ path });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  socket.write(frame(kinds.command, Buffer.from(JSON.stringify(command))));
  const decode = readFrames();
  const exit = new Promise<Exit>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      for (const { kind, payload } of decode(chunk)) {
        if (kind === kinds.exit) {
          const told = JSON.parse(payload.toString()) as Exit;
          if (told.failure === undefined) resolve(told);
          else reject(Object.assign(new Error(told.failure.message), { code: told.failure.code }));
          for (const stream of [stdout, stderr]) stream.end();
          // Its input may not all have been read, and never will be.
          socket.destroy();
          continue;
        }
        const stream = kind === kinds.stdout ? stdout : stderr;
        if (!stream.write(payload)) {
          socket.pause();
          stream.once('drain', () => socket.resume());
        }
      }
    });
    socket.once('error', reject);
    socket.once('close', () => {
      reject(new Error(`${command.program} was cut off`)); // of no effect once it has ended
      for (const stream of [stdout, stderr]) stream.end();
    });
  });
  exit.catch(() => undefined); // told to whoever waits for it
  const stdin = new Writable({
    write: (chunk: Buffer, _, done) => void socket.write(frames(kinds.stdin, chunk), done),
    final: (done) => void socket.write(frame(kinds.endOfInput, Buffer.alloc(0)), () => done()),
  });
  return { stdin, stdout, stderr, exit, kill: () => void socket.destroy() };
}
