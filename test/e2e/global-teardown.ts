/** jest runs this once after everything. */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { operatorVariable } from './protocol.ts';

export default async function tearDown(): Promise<void> {
  await globalThis.plumblineTestBroker?.close();
  await globalThis.plumblineTestSpawner?.close();
  const bundle = process.env[operatorVariable];
  if (bundle !== undefined) await rm(dirname(bundle), { recursive: true, force: true });
}
