/** Chance from a seed: round N of a seed is the same alone as after all the others. */
import { seededRandom } from '../soak.ts';
import type { Dice } from './target.ts';

/** The dice of one round. */
export function diceOf(seed: number, round: number): Dice {
  const random = seededRandom(Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(round + 1, 0xc2b2_ae35));
  const below = (count: number): number => Math.floor(random() * count);
  return {
    random,
    below,
    oneIn: (times) => below(times) === 0,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}
