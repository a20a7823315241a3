/**
 * Starts programs for test processes: to fork a process as large as a jest worker costs ten times what this small one
 * costs. Listens on the Unix socket that is its argument; ends with its standard input. One connection is one program:
 * frames say what to start and give its standard input; back come frames of its output, and how it ended. Whoever closes
 * the connection before has it killed.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { frame, frames, kinds, readFrames } from './frames.ts';
import type { Command, Exit } from './frames.ts';

const running = new Set<ChildProcess>();

createServer((socket) => {
  let child: ChildProcess | undefined;
  const decode = readFrames();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    for (const { kind, payload } of decode(chunk)) {
      if (kind === kinds.command) child = start(JSON.parse(payload.toString()) as Command, socket);
      else if (kind === kinds.endOfInput) child?.stdin?.end();
      // What a program that has ended was still to read is let go: to pause for it would be for ever.
      else if (child?.stdin?.writable === true && !child.stdin.write(payload)) socket.pause();
    }
  });
  socket.once('close', () => child?.kill());
}).listen(process.argv[2], () => process.stdout.write('ready\n'));

process.stdin.resume().once('end', () => {
  for (const child of running) child.kill('SIGKILL');
  process.exit();
});

function start({ program, args, cwd, env }: Command, socket: Socket): ChildProcess {
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  // A program may end without reading all of its input.
  child.stdin.on('error', () => undefined);
  child.stdin.on('drain', () => socket.resume());
  child.stdin.once('close', () => socket.resume());
  for (const [kind, stream] of [[kinds.stdout, child.stdout] as const, [kinds.stderr, child.stderr] as const]) {
    stream.on('data', (chunk: Buffer) => {
      if (!socket.write(frames(kind, chunk))) stream.pause();
    });
    socket.on('drain', () => stream.resume());
  }
  const end = (exit: Exit): void => {
    running.delete(child);
    socket.end(frame(kinds.exit, Buffer.from(JSON.stringify(exit))));
  };
  child.once('error', (error: NodeJS.ErrnoException) =>
    end({ code: null, signal: null, failure: { message: error.message, code: error.code } }),
  );
  child.once('close', (code, signal) => end({ code, signal }));
  return child;
}
