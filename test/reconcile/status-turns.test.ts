import { describe, expect, test } from '@jest/globals';
import { StatusTurns } from '../../operator/reconcile/status-turns.ts';

const key = 'shop/shop';

/** Turns on a clock of the test's own, and what was written when. */
function made() {
  const clock = { now: 10_000 };
  const turns = new StatusTurns(() => clock.now);
  const written: string[] = [];
  const patch = (what: string) => (): Promise<void> => {
    written.push(`${what} at ${clock.now}`);
    turns.written(key);
    return Promise.resolve();
  };
  return { clock, turns, written, patch };
}

describe('the status of a source', () => {
  test('is written by one after the other, in the order in which they came, also after one that fails', async () => {
    const { turns } = made();
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = turns.take(key, async () => {
      await gate.promise;
      order.push('first');
      throw new Error('refused');
    });
    const second = turns.take(key, () => Promise.resolve(order.push('second')));
    await turns.take('shop/other', () => Promise.resolve(order.push('another source')));
    gate.resolve();
    await expect(first).rejects.toThrow('refused');
    await second;
    expect(order).toEqual(['another source', 'first', 'second']);
  });

  test('is written at most once a second by what may wait, whoever wrote it last; what may not never waits, and counts', async () => {
    const { clock, turns, written, patch } = made();
    const later = async (ms: number, what: string): Promise<boolean> => {
      clock.now += ms;
      return await turns.takePaced(key, patch(what));
    };
    expect(turns.waitOf(key)).toBe(0);
    await turns.take(key, patch('outcome'));
    expect(turns.waitOf(key)).toBe(1_000);
    expect(await later(400, 'health')).toBe(false);
    await turns.take(key, patch('outcome'));
    expect(await later(999, 'health')).toBe(false);
    expect(turns.waitOf(key)).toBe(1);
    expect(await later(1, 'health')).toBe(true);
    expect(await later(0, 'drift')).toBe(false);
    expect(await later(1_000, 'drift')).toBe(true);
    expect(await turns.takePaced('shop/other', () => Promise.resolve())).toBe(true);
    turns.forget(key);
    expect(await later(0, 'another source of the name')).toBe(true);
    expect(written).toEqual([
      'outcome at 10000',
      'outcome at 10400',
      'health at 11400',
      'drift at 12400',
      'another source of the name at 12400',
    ]);
  });

  test('is looked at again when the turn has come: of two that may go at once, one goes', async () => {
    const { turns, written, patch } = made();
    expect(await Promise.all([turns.takePaced(key, patch('health')), turns.takePaced(key, patch('drift'))])).toEqual([true, false]);
    expect(written).toEqual(['health at 10000']);
  });

  test('is waited for by a note without holding a turn, and no longer than its signal', async () => {
    const { clock, turns, written, patch } = made();
    await turns.take(key, patch('outcome'));
    clock.now += 980;
    const noted = turns.takeWhenDue(key, patch('note'), new AbortController().signal);
    await turns.take(key, patch('outcome'));
    clock.now += 1_000;
    await noted;
    expect(written).toEqual(['outcome at 10000', 'outcome at 10980', 'note at 11980']);
    const stopped = turns.takeWhenDue(key, patch('never'), AbortSignal.abort(new Error('the operator stops')));
    await expect(stopped).rejects.toThrow('aborted');
    expect(written).toHaveLength(3);
  });
});
