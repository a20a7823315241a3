import { describe, expect, test } from '@jest/globals';
import { type Claim, NotAsTold, tellOn } from './tell.ts';

function onScreen(isTTY: boolean, signal = new AbortController().signal) {
  const screen = { text: '', isTTY, columns: 40, write: (text: string) => (screen.text += text) };
  return { screen, tell: tellOn(screen, signal) };
}

const claim = (answers: readonly string[], more: Partial<Claim> = {}): Claim => {
  const left = [...answers];
  return {
    says: 'web has image 2',
    expected: '2',
    look: 'kubectl describe gos shop',
    got: async () => (left.length > 1 ? left.shift() : left[0]) ?? '',
    ...more,
  };
};

describe('a claim', () => {
  test('is waited for, and told once it holds', async () => {
    const { screen, tell } = onScreen(false);
    await tell.check(claim(['1', '1', '2\n']));
    expect(screen.text).toBe('  ✓ web has image 2\n');
  });

  test('that does not hold in time says what was expected, what was seen and where to look', async () => {
    const { screen, tell } = onScreen(false);
    await expect(tell.check(claim(['1'], { withinMs: 1 }))).rejects.toThrow(new NotAsTold(claim([]), '1').message);
    expect(screen.text).toBe('  ✗ web has image 2\n');
    expect(new NotAsTold(claim([]), '1').message).toBe('expected  2\ngot       1\nlook at   kubectl describe gos shop');
  });

  test('counts a question that fails as not yet, and tells its fault', async () => {
    const { tell } = onScreen(false);
    const got = (): Promise<string> => Promise.reject(new Error('no such object'));
    await expect(tell.check(claim([], { got, withinMs: 1 }))).rejects.toThrow('got       no such object');
  });

  test('is given up when the demo is stopped', async () => {
    const stop = new AbortController();
    const { tell } = onScreen(false, stop.signal);
    const waiting = tell.check(claim(['1']));
    stop.abort(new Error('stopped by SIGINT'));
    await expect(waiting).rejects.toThrow('stopped by SIGINT');
  });
});

describe('output', () => {
  test('has colours and lines that are replaced on a terminal only', async () => {
    for (const isTTY of [true, false]) {
      const { screen, tell } = onScreen(isTTY);
      tell.heading('Set-up');
      await tell.during('a line that is longer than the terminal is wide', async () => undefined);
      expect([screen.text.includes('\u001b'), screen.text.includes('\r')]).toEqual([isTTY, isTTY]);
      const ticks = screen.text.split('\r').filter((line) => line.includes('…'));
      expect(ticks.length).toBe(isTTY ? 1 : 0);
    }
  });

  test('wraps a message, and leaves a command to copy whole', () => {
    const { screen, tell } = onScreen(false);
    tell.quote(`${'word '.repeat(30)}let it go:\n  kubectl annotate ${'x'.repeat(120)} y`);
    const lines = screen.text.trim().split('\n');
    expect(lines.every((line) => line.includes('kubectl') || line.length <= 106)).toBe(true);
    expect(lines.at(-1)).toBe(`        kubectl annotate ${'x'.repeat(120)} y`);
  });
});
