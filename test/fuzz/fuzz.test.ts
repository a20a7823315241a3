import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isSoak } from '../soak.ts';
import { Workplace } from '../source/verify/tools.ts';
import { brokenTargets } from './broken-targets.ts';
import { Fuzzer, FuzzFinding } from './harness.ts';
import type { Target } from './target.ts';
import { targets } from './targets.ts';

// A thousandth of `make fuzz`, always the same inputs. docs/fuzzing.md says what the campaigns found.

const count = isSoak() ? 20_000 : 1_000;

let place: Workplace;
let fuzzer: Fuzzer;
beforeAll(async () => {
  place = await Workplace.open();
  fuzzer = new Fuzzer(place);
});
afterAll(async () => {
  await fuzzer.close();
  await place.close();
});

describe('whatever it is fed: a value that holds, or an error of the catalogue, at once, in bounded memory', () => {
  test.each(targets.map((target) => [target.name, target] as const))(
    '%s',
    async (_, target) => {
      const { taken, refused } = await fuzzer.run(target, { seed: 1, count });
      const sum = Object.values(refused).reduce((total, one) => total + one, 0);
      expect(taken + sum).toBe(count);
      // A harness that reaches only one of the two tests nothing.
      expect(Math.min(taken, sum)).toBeGreaterThan(0);
    },
    isSoak() ? 1_200_000 : 180_000,
  );
});

describe('the harness finds', () => {
  const broken = (name: string): Target => brokenTargets.find((target) => target.name === name) as Target;

  test.each([
    ['crashes', 'broken: throws', /round \d+: TypeError: /],
    ['what is taken and wrong', 'broken: wrong', /round \d+: Error: taken, and wrong: /],
    ['time', 'broken: slow', /round \d+: it took \d+ ms/],
    ['memory outside of the heap', 'broken: buffers', /round \d+: it took \d+ of \d+ bytes outside of the heap/],
    ['memory of the heap', 'broken: heap', /round \d+: the thread ended: .*memory/],
    ['messages that nobody should print', 'broken: message', /round \d+: a message with control characters/],
  ])(
    '%s, and says how to see it again',
    async (_, name, words) => {
      const error = await fuzzer.run(broken(name), { seed: 1, count: 1_000 }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(FuzzFinding);
      expect((error as FuzzFinding).message).toMatch(words);
      expect((error as FuzzFinding).message).toMatch(/\nagain: make fuzz TARGET='.+' SEED=1 FROM=\d+ COUNT=1$/);
    },
    180_000,
  );
});
