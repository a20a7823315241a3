/** `make fuzz`: a million inputs for every target, or for TARGET; goes on after a finding, and ends with 1 if there was one. */
import { Workplace } from '../source/verify/tools.ts';
import { Fuzzer, FuzzFinding } from './harness.ts';
import { targets } from './targets.ts';

const { TARGET, SEED, FROM, COUNT } = process.env;
const number = (text: string | undefined, otherwise: number): number => (text === undefined || text === '' ? otherwise : Number(text));

// Another each day: what one campaign misses another may meet. It is told, so that it can be run again.
const seed = number(SEED, Math.floor(Date.now() / 86_400_000));
const from = number(FROM, 0);
const chosen = targets.filter(({ name }) => TARGET === undefined || TARGET === '' || name === TARGET);
if (chosen.length === 0) {
  process.stderr.write(`there is no target ${TARGET}; there are ${targets.map(({ name }) => name).join(', ')}\n`);
  process.exitCode = 2;
}

const place = await Workplace.open();
const fuzzer = new Fuzzer(place);
try {
  for (const target of chosen) {
    const count = number(COUNT, Math.ceil(1_000_000 * (target.share ?? 1)));
    const began = performance.now();
    const seconds = (): string => `${((performance.now() - began) / 1_000).toFixed(0)} s`;
    try {
      const { taken, refused, slowestMs, slowestRound } = await fuzzer.run(target, { seed, from, count, onProgress });
      const reasons = Object.entries(refused).map(([reason, times]) => `${reason} ${times}`);
      const slowest = `slowest ${slowestMs.toFixed(1)} ms (round ${slowestRound})`;
      process.stdout.write(
        `PASS ${target.name}: ${count} inputs of seed ${seed}, ${taken} taken, ${reasons.join(', ')}; ${slowest}; ${seconds()}\n`,
      );
    } catch (error) {
      if (!(error instanceof FuzzFinding)) throw error;
      process.stdout.write(`FAIL ${error.message}\n`);
      process.exitCode = 1;
    }
  }
} finally {
  await fuzzer.close();
  await place.close();
}

function onProgress(rounds: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${rounds} `);
}
