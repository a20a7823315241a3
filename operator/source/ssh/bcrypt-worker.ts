/** Makes keys out of passphrases on another thread, so that nothing else has to wait. */
import { Worker } from 'node:worker_threads';
import type { KeyAsked } from './bcrypt-key.ts';

/** Beside this file where TypeScript is run, beside the bundle in the image. */
const file = new URL(import.meta.url.endsWith('.ts') ? 'bcrypt-thread.ts' : 'bcrypt-thread.mjs', import.meta.url);
/** Ten times what the most rounds take: whoever waits in line behind a thread that does not answer goes on. Milliseconds. */
const mostMs = 120_000;
let last: Promise<unknown> = Promise.resolve();

/** One after the other: a thread costs memory, and many sources may start at once. */
export function keyOfPassphrase(asked: KeyAsked): Promise<Buffer> {
  const key = last.then(() => inThread(asked));
  last = key.catch(() => undefined); // whoever asked is told
  return key;
}

async function inThread(asked: KeyAsked): Promise<Buffer> {
  const thread = new Worker(file, { workerData: asked, execArgv: [], env: {}, resourceLimits: { maxOldGenerationSizeMb: 64 } });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      thread.once('message', (key: Uint8Array) => resolve(Buffer.from(key)));
      thread.once('error', reject);
      timer = setTimeout(() => reject(new Error('the thread that opens a private key does not answer')), mostMs);
      thread.once('exit', (code) => reject(new Error(`the thread that opens a private key ended with ${code}`)));
    });
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
