/** `make setup`: brings every binary of the control plane, and says where they are. `--clean` takes the cache away. */
import { dirname } from 'node:path';
import { cleanCache, ensureBinaries } from './binaries.ts';
import { allBinaries } from './pins.ts';

try {
  if (process.argv.includes('--clean')) {
    process.stdout.write(`removed ${await cleanCache(process.env)} (Go keeps its own caches: go clean -cache -modcache)\n`);
  } else {
    const paths = await ensureBinaries(allBinaries, { environment: process.env });
    for (const folder of new Set(Object.values(paths).map(dirname))) process.stdout.write(`${folder}\n`);
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
