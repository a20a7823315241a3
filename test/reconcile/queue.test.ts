import { setImmediate as nextRound, setTimeout as slept } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { waitFor } from '../controlplane/wait-for.ts';
import { WalkQueue } from '../../operator/reconcile/queue.ts';
import { createTurns } from '../../operator/reconcile/turn.ts';

/** A queue whose walks end when they are told to. */
function gated() {
  const walks: { key: string; cause: string; signal: AbortSignal; end: () => void }[] = [];
  const queue = new WalkQueue({
    run: (key, cause, signal) =>
      new Promise<void>((resolve) => {
        walks.push({ key, cause, signal, end: resolve });
        signal.addEventListener('abort', () => resolve());
      }),
  });
  const begun = (count: number) => waitFor(`${count} walks begun`, () => walks.length >= count);
  return { queue, walks, begun };
}

describe('the queue', () => {
  test('walks one source once at a time, and once more for all that came meanwhile, for the newest cause', async () => {
    const { queue, walks, begun } = gated();
    queue.wake('a', 'New');
    await begun(1);
    queue.wake('a', 'Observed');
    queue.wake('a', 'Spec');
    expect(walks.length).toBe(1);
    walks[0]?.end();
    await begun(2);
    expect(walks[1]).toMatchObject({ key: 'a', cause: 'Spec' });
    walks[1]?.end();
    await queue.close(0);
    expect(walks.length).toBe(2);
  });

  test('walks different sources at the same time', async () => {
    const { queue, begun } = gated();
    queue.wake('a', 'New');
    queue.wake('b', 'New');
    await begun(2);
    await queue.close(0);
  });

  test('takes the earliest of several times', async () => {
    const { queue, walks, begun } = gated();
    queue.wake('a', 'Retry', 60_000);
    queue.wake('a', 'Observed');
    await begun(1);
    expect(walks[0]?.cause).toBe('Observed');
    await queue.close(0);
  });

  test('keeps a retry that is set while the source walks', async () => {
    const { queue, walks, begun } = gated();
    queue.wake('a', 'New');
    await begun(1);
    queue.wake('a', 'Retry', 5);
    walks[0]?.end();
    await begun(2);
    await queue.close(0);
  });

  test('aborts the walk of a source that is removed, and forgets it', async () => {
    const { queue, walks, begun } = gated();
    queue.wake('a', 'New');
    await begun(1);
    queue.remove('a');
    expect(walks[0]?.signal.aborted).toBe(true);
    await queue.close(0);
    expect(walks.length).toBe(1);
  });

  test('lets walks end within the grace when it closes, and aborts them after', async () => {
    const { queue, walks, begun } = gated();
    queue.wake('a', 'New');
    await begun(1);
    await queue.close(5);
    expect(walks[0]?.signal.aborted).toBe(true);
    queue.wake('b', 'New');
    expect(walks.length).toBe(1);
  });

  test('tells how many walks are under way or due, and since when the first of them', async () => {
    const { queue, walks, begun } = gated();
    expect(queue.load()).toEqual({ depth: 0, oldestSeconds: 0 });
    queue.wake('a', 'New');
    queue.wake('later', 'Retry', 60_000);
    await begun(1);
    await slept(30);
    const woken = performance.now();
    queue.wake('b', 'New');
    queue.wake('a', 'Again');
    await begun(2);
    const { depth, oldestSeconds } = queue.load();
    expect(depth).toBe(2);
    expect(oldestSeconds).toBeGreaterThanOrEqual(0.029);
    // Its next walk was due when it was woken; the one before is over.
    walks[0]?.end();
    await begun(3);
    const { oldestSeconds: next } = queue.load();
    expect(next).toBeLessThanOrEqual((performance.now() - woken) / 1_000);
    walks.forEach((walk) => walk.end());
    await nextRound();
    expect(queue.load()).toEqual({ depth: 0, oldestSeconds: 0 });
    await queue.close(0);
  });

  test('counts a walk that is due and cannot begin, since the event loop is busy', async () => {
    const { queue, walks, begun } = gated();
    queue.wake('a', 'New', 1);
    const from = performance.now();
    while (performance.now() < from + 20);
    const { depth, oldestSeconds } = queue.load();
    expect(depth).toBe(1);
    expect(oldestSeconds).toBeGreaterThanOrEqual(0.018);
    await begun(1);
    expect(queue.load().oldestSeconds).toBeGreaterThanOrEqual(0.018);
    walks[0]?.end();
    await queue.close(0);
  });
});

describe('turns at the CPU', () => {
  test('run every piece in order, and let the event loop go round between them', async () => {
    const turns = createTurns();
    const { signal } = new AbortController();
    let rounds = 0;
    const count = setInterval(() => (rounds += 1), 1);
    const busy = (ms: number) => {
      const end = performance.now() + ms;
      while (performance.now() < end);
    };
    const done = await Promise.all(
      [1, 2, 3, 4].map((piece) =>
        turns.take(
          inSteps(piece, () => busy(6)),
          turns.place(),
          signal,
        ),
      ),
    );
    clearInterval(count);
    expect(done).toEqual([1, 2, 3, 4]);
    expect(rounds).toBeGreaterThan(0);
  });
  test('go to the earliest place first, so that who comes back goes before those that have not begun', async () => {
    const turns = createTurns();
    const { signal } = new AbortController();
    const order: string[] = [];
    const walk = async (name: string): Promise<void> => {
      const place = turns.place();
      for (const part of ['reads', 'settles']) {
        await turns.take(
          inSteps(part, () => {}),
          place,
          signal,
        );
        order.push(`${name} ${part}`);
      }
    };
    await Promise.all(['a', 'b', 'c'].map(walk));
    expect(order).toEqual(['a reads', 'a settles', 'b reads', 'b settles', 'c reads', 'c settles']);
  });
  test('do not hold the event loop for a long work of many steps', async () => {
    const turns = createTurns();
    let rounds = 0;
    const count = setInterval(() => (rounds += 1), 1);
    await turns.take(
      (function* () {
        for (let step = 0; step < 20; step += 1) {
          const end = performance.now() + 3;
          while (performance.now() < end);
          yield;
        }
      })(),
      turns.place(),
      new AbortController().signal,
    );
    clearInterval(count);
    expect(rounds).toBeGreaterThan(3);
  });
  test('pass on what a piece throws, and skip one whose walk was aborted', async () => {
    const turns = createTurns();
    const gone = new AbortController();
    const no = (): never => {
      throw new Error('no');
    };
    const failing = turns.take(inSteps(1, no), turns.place(), new AbortController().signal);
    const skipped = turns.take(inSteps(2), turns.place(), gone.signal);
    gone.abort(new Error('gone'));
    await expect(failing).rejects.toThrow('no');
    await expect(skipped).rejects.toThrow('gone');
  });
});

/** A work of two steps. */
function* inSteps<T>(result: T, work: () => void = () => {}): Generator<void, T, void> {
  work();
  yield;
  work();
  return result;
}
