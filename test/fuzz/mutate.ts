/** Changes in bytes: turned, cut, doubled, moved, spliced with another input, numbers made large, words put in. */
import type { Dice } from './target.ts';

const longest = 64 * 1024;

/** A few changes in one of the seeds. */
export function mutate(seeds: readonly Buffer[], words: readonly string[], dice: Dice): Buffer {
  let bytes: Buffer = Buffer.from(dice.pick(seeds));
  for (let edits = 1 + dice.below(6); edits > 0; edits -= 1) bytes = edit(bytes, seeds, words, dice);
  return bytes.subarray(0, longest);
}

function edit(bytes: Buffer, seeds: readonly Buffer[], words: readonly string[], dice: Dice): Buffer {
  const [one, two] = [dice.below(bytes.length + 1), dice.below(bytes.length + 1)];
  const [from, to] = one < two ? [one, two] : [two, one];
  const part = bytes.subarray(from, Math.min(to, from + 256));
  const put = (piece: Buffer, over = 0): Buffer => Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(from + over)]);
  switch (dice.below(10)) {
    case 0:
      if (bytes.length > 0) bytes[dice.below(bytes.length)] = dice.below(256);
      return bytes;
    case 1:
      if (bytes.length > 0) {
        const at = dice.below(bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
      }
      return bytes;
    case 2:
      return put(Buffer.alloc(0), part.length);
    case 3:
      return Buffer.concat([bytes.subarray(0, to), part, bytes.subarray(to)]);
    case 4:
      return bytes.subarray(0, to);
    case 5:
      return put(Buffer.from([0xff, 0xff, 0xff, 0xff].slice(dice.below(4))));
    case 6: {
      // A length, or what is taken for one.
      const number = Buffer.alloc(4);
      number.writeUInt32BE(dice.oneIn(2) ? dice.below(300) : dice.below(2 ** 32));
      return put(number, dice.oneIn(2) ? 4 : 0);
    }
    case 7: {
      const other = dice.pick(seeds);
      const at = dice.below(other.length + 1);
      return dice.oneIn(2) ? put(other.subarray(at), bytes.length) : put(other.subarray(at, at + 1 + dice.below(64)));
    }
    case 8:
      return put(dice.bytes(1 + dice.below(8)), dice.below(4));
    default:
      return put(Buffer.from(words.length === 0 ? '\0' : dice.pick(words), 'latin1'), dice.oneIn(2) ? 0 : dice.below(8));
  }
}
