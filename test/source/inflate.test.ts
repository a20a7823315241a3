import { randomBytes } from 'node:crypto';
import { constants, deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { inflateAlone, inflateOne, inflaterOfOneEngine, owned } from '../../operator/source/inflate.ts';
import type { Inflater } from '../../operator/source/inflate.ts';

const oneEngine = inflaterOfOneEngine();

test('this Node is as the engine that is used again expects it', () => {
  expect(oneEngine).toBeDefined();
});

const tail = Buffer.from('what follows');
const texts = [0, 1, 63, 64, 700, 65_536, 300_000].map((size): [string, Buffer] => [
  `${size} bytes`,
  Buffer.alloc(size, 'kind: ConfigMap\n'),
]);
const contents: [string, Buffer][] = [...texts, ['what does not pack', randomBytes(70_000)]];

describe.each<[string, Inflater]>([
  ['one engine for all', (input, size) => oneEngine?.(input, size)],
  ['an engine for each', inflateAlone],
  ['whichever works', inflateOne],
])('%s', (_, inflate) => {
  test.each(contents)('unpacks %s, and tells where they end', (__, content) => {
    for (const level of [constants.Z_NO_COMPRESSION, constants.Z_BEST_COMPRESSION]) {
      const packed = deflateSync(content, { level });
      const inflated = inflate(Buffer.concat([packed, tail]), content.length);
      expect(inflated?.consumed).toBe(packed.length);
      expect(inflated?.data.equals(content)).toBe(true);
    }
  });

  test.each(contents.slice(1))('refuses %s that are not of their size, or broken, and goes on', (__, content) => {
    const packed = deflateSync(content);
    const altered = Buffer.from(packed);
    altered.writeUInt32BE((altered.readUInt32BE(packed.length - 4) ^ 1) >>> 0, packed.length - 4);
    expect(inflate(packed, content.length - 1)).toBeUndefined();
    expect(inflate(packed, content.length + 1)).toBeUndefined();
    expect(inflate(packed.subarray(0, -1), content.length)).toBeUndefined();
    expect(inflate(altered, content.length)).toBeUndefined();
    expect(inflate(Buffer.concat([Buffer.from('no zlib'), packed]), content.length)).toBeUndefined();
    expect(inflate(Buffer.alloc(0), content.length)).toBeUndefined();
    expect(inflate(deflateSync(content, { dictionary: tail }), content.length)).toBeUndefined();
    expect(inflate(packed, content.length)?.data.equals(content)).toBe(true);
  });

  test('what was unpacked to keep stays as it is', () => {
    const [one, other] = [Buffer.from('one'), Buffer.from('two')];
    const first = owned(inflate(deflateSync(one), 3)?.data ?? other);
    inflate(deflateSync(other), 3);
    expect(first).toEqual(one);
  });
});
