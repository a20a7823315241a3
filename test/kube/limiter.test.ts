import { describe, expect, test } from '@jest/globals';
import { Limiter } from '../../operator/kube/limiter.ts';
import type { Release } from '../../operator/kube/limiter.ts';

const never = new AbortController().signal;

/** Asks for slots by name, and tells in which order they were given. */
function desk(slots: number, turn?: number) {
  const limiter = new Limiter(slots, turn);
  const given: string[] = [];
  const held = new Map<string, Release>();
  return {
    limiter,
    given,
    ask(name: string, flow?: string, more: { behind?: boolean; signal?: AbortSignal } = {}): Promise<void> {
      return limiter.acquire({ flow, signal: never, ...more }).then((release) => {
        given.push(name);
        held.set(name, release);
      });
    },
    async release(...names: string[]): Promise<void> {
      for (const name of names) held.get(name)?.();
      await settled();
    },
  };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('the limit on requests in flight', () => {
  test('no more than the slots are in flight', async () => {
    const { given, ask, release, limiter } = desk(2);
    for (const name of ['a', 'b', 'c']) void ask(name);
    await settled();
    expect(given).toEqual(['a', 'b']);
    expect(limiter.load()).toEqual({ inFlight: 2, waiting: 1 });
    await release('a');
    expect(given).toEqual(['a', 'b', 'c']);
  });

  test.each([
    [1, 1],
    [2, 1],
    [3, 1],
    [5, 2],
    [16, 8],
  ])('of %d slots one flow holds %d', async (slots, share) => {
    const { given, ask } = desk(slots);
    for (let count = 0; count < slots; count += 1) void ask(`a${count}`, 'a');
    await settled();
    expect(given).toHaveLength(share);
  });

  test('it is known how many flows wait for others', async () => {
    const { ask, release, limiter } = desk(2);
    for (const flow of ['a', 'b', 'c', 'c', 'd']) void ask(flow, flow);
    await settled();
    expect(limiter.waitingFlows()).toBe(2);
    await release('a', 'b');
    expect(limiter.waitingFlows()).toBe(1);
  });

  test('what belongs to no flow may use every slot', async () => {
    const { given, ask } = desk(4);
    for (let count = 0; count < 4; count += 1) void ask(`n${count}`);
    await settled();
    expect(given).toHaveLength(4);
  });

  test('flows take turns, however many of one came first', async () => {
    const { given, ask, release } = desk(2, 1);
    for (const name of ['a1', 'a2', 'a3', 'a4']) void ask(name, 'a');
    for (const name of ['b1', 'b2']) void ask(name, 'b');
    void ask('c1', 'c');
    await settled();
    expect(given).toEqual(['a1', 'b1']);
    await release('a1');
    await release('b1');
    await release('c1', 'a2');
    await release('b2', 'a3');
    expect(given).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
  });

  test('who has begun is done before others begin, also when it comes back later', async () => {
    const { given, ask, release } = desk(2);
    for (const flow of ['a', 'b', 'c', 'd']) void ask(`${flow}1`, flow);
    await settled();
    expect(given).toEqual(['a1', 'b1']);
    await release('a1');
    void ask('a2', 'a');
    await release('b1');
    void ask('b2', 'b');
    await release('c1', 'a2', 'b2');
    expect(given).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'd1']);
  });

  test('a turn ends, and then the others have theirs', async () => {
    const { given, ask, release } = desk(2, 2);
    for (const name of ['a1', 'a2', 'a3', 'a4']) void ask(name, 'a');
    for (const name of ['b1', 'b2']) void ask(name, 'b');
    void ask('c1', 'c');
    await settled();
    for (const name of ['a1', 'b1', 'a2', 'b2', 'c1', 'a3']) await release(name);
    expect(given).toEqual(['a1', 'b1', 'a2', 'b2', 'c1', 'a3', 'a4']);
  });

  test('a turn that was left off is whole again once nobody waits', async () => {
    const { given, ask, release } = desk(1, 4);
    void ask('a1', 'a');
    await settled();
    await release('a1');
    void ask('x1', 'x');
    void ask('b1', 'b');
    void ask('a2', 'a');
    await settled();
    for (const name of ['x1', 'b1']) await release(name);
    expect(given).toEqual(['a1', 'x1', 'b1', 'a2']);
  });

  test('what belongs to no flow goes first', async () => {
    const { given, ask, release } = desk(2);
    for (const flow of ['a', 'b', 'c']) void ask(flow, flow);
    for (const name of ['n1', 'n2']) void ask(name);
    await settled();
    for (const name of ['a', 'b', 'n1']) await release(name);
    expect(given).toEqual(['a', 'b', 'n1', 'n2', 'c']);
  });

  test('within a flow the first comes first', async () => {
    const { given, ask, release } = desk(2);
    for (const name of ['1', '2', '3']) void ask(name, 'a');
    await settled();
    await release('1');
    await release('2');
    expect(given).toEqual(['1', '2', '3']);
  });

  test('what goes behind waits until nothing else waits, and goes one by one', async () => {
    const { given, ask, release } = desk(4);
    void ask('behind1', undefined, { behind: true });
    void ask('behind2', undefined, { behind: true });
    for (const name of ['a1', 'a2', 'a3']) void ask(name, 'a');
    await settled();
    expect(given).toEqual(['behind1', 'a1', 'a2']);
    await release('behind1');
    expect(given).toEqual(['behind1', 'a1', 'a2']); // a3 waits for its share
    await release('a1');
    expect(given).toEqual(['behind1', 'a1', 'a2', 'a3', 'behind2']);
  });

  test('who is aborted while waiting leaves no trace', async () => {
    const { given, ask, release, limiter } = desk(1);
    const abort = new AbortController();
    void ask('a');
    const waiting = expect(ask('b', 'f', { signal: abort.signal })).rejects.toThrow('enough');
    const behind = expect(ask('c', 'f', { signal: abort.signal, behind: true })).rejects.toThrow('enough');
    abort.abort(new Error('enough'));
    await waiting;
    await behind;
    expect(limiter.load()).toEqual({ inFlight: 1, waiting: 0 });
    await release('a');
    expect(given).toEqual(['a']);
    await ask('d');
    expect(limiter.load()).toEqual({ inFlight: 1, waiting: 0 });
  });

  test('the last one waiting that is aborted lets go what goes behind', async () => {
    const { given, ask } = desk(2);
    const abort = new AbortController();
    void ask('a1', 'a');
    const waiting = ask('a2', 'a', { signal: abort.signal }).catch(() => {});
    void ask('behind', undefined, { behind: true });
    await settled();
    expect(given).toEqual(['a1']);
    abort.abort();
    await waiting;
    await settled();
    expect(given).toEqual(['a1', 'behind']);
  });

  test('giving back twice gives back once', async () => {
    const { ask, release, limiter } = desk(1);
    await ask('a');
    await release('a');
    await release('a');
    expect(limiter.load()).toEqual({ inFlight: 0, waiting: 0 });
  });

  test('an already aborted signal gets no slot', async () => {
    const limiter = new Limiter(1);
    await expect(limiter.acquire({ signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(limiter.load()).toEqual({ inFlight: 0, waiting: 0 });
  });

  test('tens of thousands that wait cost nothing each', async () => {
    const limiter = new Limiter(16);
    // Of the processor, whoever else is at work.
    const began = process.cpuUsage();
    let most = 0;
    const work = Array.from({ length: 40_000 }, async (_, index) => {
      const release = await limiter.acquire({ flow: `f${index % 1000}`, signal: never });
      most = Math.max(most, limiter.load().inFlight);
      await Promise.resolve();
      release();
    });
    await Promise.all(work);
    expect(most).toBe(16);
    expect(process.cpuUsage(began).user).toBeLessThan(5_000_000);
  });
});
