/** What a parser that strangers feed brings to be fuzzed. */
import type { Workplace } from '../source/verify/tools.ts';

/** Random numbers, all from one seed. */
export interface Dice {
  /** In [0, 1). */
  random(): number;
  /** 0 … count - 1. */
  below(count: number): number;
  /** True once in `times`. */
  oneIn(times: number): boolean;
  pick<T>(from: readonly T[]): T;
  bytes(length: number): Buffer;
}

export interface Target {
  readonly name: string;
  /** What of a full campaign it gets, where an input costs far more than those of others; default 1. */
  readonly share?: number;
  /** Real inputs, made by the tools that people use; what changes in them is up to the harness. */
  seeds(place: Workplace): Promise<readonly Buffer[]>;
  /** An input that is well-formed, or nearly: what mutations of bytes would seldom reach. */
  generate(dice: Dice): Buffer;
  /** Pieces of this language that are put in here and there. */
  readonly words: readonly string[];
  /** Mends what would otherwise stop a changed input at the door (a checksum); half of the changed inputs go through it. */
  mend?(input: Buffer): Buffer;
  /** Takes the input, and checks what came of it: throws PlumblineError where it is refused, anything else is a finding. */
  parse(input: Buffer, dice: Dice): unknown;
}

/** What a target throws where a value that it was given cannot be. */
export function mustHold(holds: boolean, what: string): void {
  if (!holds) throw new Error(`taken, and wrong: ${what}`);
}
