import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { PackMemory } from '../../operator/source/pack-memory.ts';
import type { PackRoom } from '../../operator/source/pack-memory.ts';
import { PackWindow } from '../../operator/source/pack-window.ts';
import { readPack } from '../../operator/source/pack.ts';
import { Pacer } from '../../operator/source/pacer.ts';
import { Pieces } from '../../operator/source/pieces.ts';
import { PacketStream } from '../../operator/source/pktline.ts';

const mebi = 1024 * 1024;
const { signal } = new AbortController();

function packOf(objects: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(12);
  head.write('PACK');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(objects.length, 8);
  const body = [head];
  for (const data of objects) {
    const header: number[] = [];
    for (let rest = Math.floor(data.length / 16), byte = (2 << 4) | (data.length & 15); ; rest = Math.floor(rest / 128)) {
      header.push(rest > 0 ? byte | 0x80 : byte);
      if (rest === 0) break;
      byte = rest & 127;
    }
    body.push(Buffer.from(header), deflateSync(data, { level: 1 }));
  }
  const whole = Buffer.concat(body);
  return Buffer.concat([whole, createHash('sha1').update(whole).digest()]);
}

/** Folders that are nothing but size. */
function heavy(count: number, size: number, seed: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const data = Buffer.alloc(size);
    data.writeUInt32BE(seed * 1000 + index);
    return data;
  });
}

describe('packs that are read at once', () => {
  test('share memory: all come to their end, and what they hold together is bounded', async () => {
    const memory = new PackMemory({ bytes: 5 * mebi, shareBytes: mebi, patienceMs: 60_000 });
    const limits = { fileBytes: 2 * mebi, packBytes: mebi * 100, objects: 1000, keptBytes: 10 * mebi, deltaChain: 50 };
    const pacer = new Pacer();
    let most = 0;
    const read = async (seed: number): Promise<number> => {
      const inner = memory.room();
      const add = (bytes: number): void => {
        inner.add(bytes);
        most = Math.max(most, memory.taken);
      };
      const room = { ...inner, add };
      const bytes = packOf(heavy(18, mebi / 2, seed));
      const source = async function* (): AsyncGenerator<Buffer> {
        for (let at = 0; at < bytes.length; at += 1000) {
          yield bytes.subarray(at, at + 1000);
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      try {
        const { objects } = await readPack(source(), {
          limits,
          pacer,
          signal,
          room,
          held: { read: () => undefined },
          choose: () => 'none',
        });
        return objects.size;
      } finally {
        room.clear();
      }
    };
    expect(await Promise.all([1, 2, 3, 4].map(read))).toEqual([18, 18, 18, 18]);
    expect(memory.taken).toBe(0);
    // The one that goes on, what all took before they had to wait, and each its share and an object.
    expect(most / mebi).toBeLessThanOrEqual(5 + 9 + 4 * 1.5);
    expect(most / mebi).toBeGreaterThan(9);
  });

  const options = { bytes: 100, shareBytes: 10, patienceMs: 20 };
  const rooms = (): [PackRoom, PackRoom, PackRoom] => {
    const memory = new PackMemory(options);
    return [memory.room(), memory.room(), memory.room()];
  };

  test('wait where there is no room, but for the one that was large first and those within their share', async () => {
    const [first, second, small] = rooms();
    first.add(60);
    second.add(50);
    small.add(10);
    expect([first.wait(signal), small.wait(signal)]).toEqual([undefined, undefined]);
    const waiting = second.wait(signal);
    first.add(500);
    expect(first.wait(signal)).toBeUndefined();
    first.clear();
    await expect(waiting).resolves.toBeUndefined();
  });

  test('that wait for too long are refused in words, and leave with their signal', async () => {
    const [first, second, third] = rooms();
    first.add(90);
    second.add(50);
    third.add(50);
    await expect(second.wait(signal)).rejects.toMatchObject({ reason: 'GitTimeout', message: expect.stringContaining('take all memory') });
    const controller = new AbortController();
    const waiting = third.wait(controller.signal);
    controller.abort(new Error('mine'));
    await expect(waiting).rejects.toThrow('mine');
    expect(() => third.wait(controller.signal)).toThrow('mine');
  });
});

describe('bytes that come one by one', () => {
  test('are joined before they are passed on, as far as they are there', async () => {
    const one = (band: number, text: string): Buffer =>
      Buffer.concat([Buffer.from((text.length + 5).toString(16).padStart(4, '0')), Buffer.from([band]), Buffer.from(text)]);
    const text = Array.from({ length: 3000 }, (_, index) => String(index % 10)).join('');
    const chunk = Buffer.concat(
      Array.from(text, (letter, index) => (index === 1500 ? Buffer.concat([one(2, 'half'), one(1, letter)]) : one(1, letter))),
    );
    const body = async function* (): AsyncGenerator<Buffer> {
      yield chunk.subarray(0, 10_001);
      yield chunk.subarray(10_001);
      yield one(1, 'x'.repeat(5000));
      yield Buffer.from('0000');
    };
    const got: Buffer[] = [];
    for await (const piece of new PacketStream(body()).pack()) got.push(piece);
    expect(Buffer.concat(got).toString()).toBe(text + 'x'.repeat(5000));
    expect(got.length).toBeLessThan(8);
  });

  test('cost what they hold, not a buffer each', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const count = 300_000;
    let heap = 0;
    const source = async function* (): AsyncGenerator<Buffer> {
      collect();
      const before = process.memoryUsage().heapUsed;
      for (let index = 0; index < count; index += 1) yield Buffer.from([index & 255]);
      collect();
      heap = process.memoryUsage().heapUsed - before;
    };
    const window = new PackWindow(source(), mebi);
    await window.fill(count + 1);
    expect(window.available).toBe(count);
    expect(window.view.every((byte, index) => byte === (index & 255))).toBe(true);
    expect(heap / mebi).toBeLessThan(8);
  }, 60_000);

  test('are the same bytes, whatever the pieces', () => {
    const sizes = [1, 4096, 0, 3, 5, 4095, 9000, 1, 16_383, 2, 2, 5000, 7];
    const parts = sizes.map((size, index) => Buffer.alloc(size, index));
    const pieces = new Pieces();
    for (const part of parts) pieces.add(part);
    expect(pieces.length).toBe(Buffer.concat(parts).length);
    expect(pieces.join().equals(Buffer.concat(parts))).toBe(true);
    expect(pieces.join().equals(Buffer.concat(parts))).toBe(true);
    const only = Buffer.from('abc');
    const alone = new Pieces();
    alone.add(only);
    expect(alone.join()).toBe(only);
    expect(new Pieces().join()).toHaveLength(0);
  });
});
