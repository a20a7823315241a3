import { expect, test } from '@jest/globals';
import { readLines } from '../../operator/kube/lines.ts';

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void, void> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function linesOf(text: string, size: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(chunksOf(new TextEncoder().encode(text), size))) lines.push(line);
  return lines;
}

test.each([1, 2, 3, 5, 1000])('lines are the same in chunks of %d bytes, also within a character', async (size) => {
  expect(await linesOf('{"a":"ä€😀"}\n\n{}\n', size)).toEqual(['{"a":"ä€😀"}', '{}']);
});

test('a line that was cut is no line', async () => {
  expect(await linesOf('{"a":1}\n{"b":', 4)).toEqual(['{"a":1}']);
});

test('a line of megabytes in small chunks is read in linear time', async () => {
  const long = 'x'.repeat(8_000_000);
  const began = process.cpuUsage();
  expect(await linesOf(`${long}\n`, 4096)).toEqual([long]);
  expect(process.cpuUsage(began).user).toBeLessThan(3_000_000);
});
