/** A thread that makes one key, tells it and ends; in the image it is a file of its own, beside the operator's. */
import { parentPort, workerData } from 'node:worker_threads';
import { bcryptKey } from './bcrypt-key.ts';
import type { KeyAsked } from './bcrypt-key.ts';

// A thread's postMessage knows no origin; the rule takes it for a window's.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(bcryptKey(workerData as KeyAsked));
