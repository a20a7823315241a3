/** The spawner of a run. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Spawner {
  readonly path: string;
  close(): Promise<void>;
}

/** Starts it and resolves when it takes commands. It never outlives this process. */
export async function startSpawner(): Promise<Spawner> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-spawner-'));
  const path = join(folder, 'socket');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), path], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the spawner ended with ${code}`)));
    child.stdout.once('data', () => resolve());
  });
  child.unref();
  return {
    path,
    async close() {
      // Else this process might have nothing left to wait for, and end in the middle of this.
      child.ref();
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
