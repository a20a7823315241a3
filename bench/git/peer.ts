/** A child process that answers one message with another. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface Peer<Request> {
  ask(request: Request): Promise<unknown>;
  stop(): Promise<void>;
}

export function startPeer<Request>(file: URL, execArgv: readonly string[] = []): Peer<Request> {
  const child = fork(file, [], {
    execArgv: ['--disable-warning=ExperimentalWarning', ...execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let next = 0;
  child.on('message', (message) => {
    const { id, value, error } = message as { id: number; value?: unknown; error?: string };
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new Error(error));
    waiting.delete(id);
  });
  child.once('exit', (code) => {
    for (const one of waiting.values()) one.reject(new Error(`${file.pathname} ended (${code})`));
  });
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        next += 1;
        waiting.set(next, { resolve, reject });
        child.send({ id: next, request });
      }),
    async stop() {
      if (child.exitCode !== null) return;
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}
