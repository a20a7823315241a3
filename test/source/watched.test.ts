import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { metered, watched } from '../../operator/source/watched.ts';
import type { Deadlines } from '../../operator/source/watched.ts';

const never = new AbortController().signal;
const where = 'https://git.example.com/shop.git';

/** Reads it all, as slowly as the reader says; the reason and message where it is given up. */
async function taken(body: AsyncIterable<Buffer>, deadlines: Deadlines, readMs = 0): Promise<string> {
  let bytes = 0;
  try {
    await watched(where, deadlines, never, async (signal, meter) => {
      const read = async (): Promise<void> => {
        for await (const chunk of metered(body, meter)) {
          // One that was given up is read no further: else its sender outlives the test.
          if (signal.aborted) return;
          bytes += chunk.length;
          await sleep(readMs);
        }
      };
      await Promise.race([read(), new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))]);
    });
    return `${bytes} bytes`;
  } catch (error) {
    return error instanceof PlumblineError ? `${error.reason}: ${error.message}` : String(error);
  }
}

/** Chunks with a pause before each, and one at the end. */
async function* sent(chunks: readonly number[], pauseMs: number, endMs = 0): AsyncGenerator<Buffer> {
  for (const size of chunks) {
    await sleep(pauseMs, undefined, { ref: false });
    yield Buffer.alloc(size);
  }
  await sleep(endMs);
}

const quick = { idleMs: 200, deadlineMs: 60_000 };

describe('a transfer', () => {
  test('that gets on is left alone, however long it takes', async () => {
    expect(await taken(sent(Array<number>(10).fill(1024), 50), quick)).toBe('10240 bytes');
  });

  test.each([
    ['that is silent from the beginning', () => sent([1024], 2_000), 'sent nothing'],
    ['that falls silent', () => sent([700, 1], 1, 2_000), 'sent only 701 bytes'],
    ['that drips', () => sent(Array<number>(1_000).fill(1), 20), 'sent only \\d+ bytes'],
  ])('%s is given up', async (_, body, words) => {
    expect(await taken(body(), quick)).toMatch(new RegExp(`^GitTimeout: ${where} ${words} of a pack for 0\\.2 s$`));
  });

  test('that never ends is given up', async () => {
    expect(await taken(sent(Array<number>(10_000).fill(1024), 1), { idleMs: 200, deadlineMs: 300 })).toBe(
      `GitTimeout: ${where} was not done after 0.3 s`,
    );
  });

  // A server that answers nonsense is asked once more, by what it says of itself then.
  test('that failed and is begun anew is not given up for the silence before', async () => {
    const failing = async function* (): AsyncGenerator<Buffer> {
      await sleep(20);
      yield* [];
      throw new Error('broken');
    };
    const bytes = await watched(where, { ...quick, idleMs: 1_000 }, never, async (signal, meter) => {
      await expect(metered(failing(), meter).next()).rejects.toThrow('broken');
      let sum = 0;
      for await (const chunk of metered(sent([2048, 2048], 600), meter)) {
        signal.throwIfAborted();
        sum += chunk.length;
      }
      return sum;
    });
    expect(bytes).toBe(4096);
  });

  // Found with a server that is cut at every byte: the end of a pack that was all there already counted as silence.
  test('that is read slowly is not taken for one that is silent', async () => {
    expect(await taken(sent([100, 100, 100], 0), quick, 300)).toBe('300 bytes');
  });

  test('whose bytes wait for a busy process is not either', async () => {
    const busy = async function* (): AsyncGenerator<Buffer> {
      const [arrived, arrive] = [Promise.withResolvers<void>(), sleep(10)];
      void arrive.then(() => arrived.resolve());
      setImmediate(() => {
        const until = performance.now() + 400;
        while (performance.now() < until);
      });
      await arrived.promise;
      yield Buffer.alloc(10);
    };
    expect(await taken(busy(), quick)).toBe('10 bytes');
  });
});
