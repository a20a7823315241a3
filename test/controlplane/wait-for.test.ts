import { expect, test } from '@jest/globals';
import { GiveUp, NotYet, waitFor } from './wait-for.ts';

test('gives what the probe gives as soon as it gives something', async () => {
  let calls = 0;
  expect(await waitFor('three', () => (++calls === 3 ? calls : undefined))).toBe(3);
});

test('takes a probe that throws for one that has nothing yet', async () => {
  let calls = 0;
  const probe = async (): Promise<string> => {
    if (++calls < 3) throw new Error('connection refused');
    return 'there';
  };
  expect(await waitFor('it is there', probe)).toBe('there');
});

test('zero and the empty string are values', async () => {
  expect(await waitFor('zero', () => 0)).toBe(0);
  expect(await waitFor('nothing written', () => '')).toBe('');
});

test.each([
  ['what the probe gave', () => undefined, 'the pod is ready: not within 60 ms; last seen: the probe gave undefined'],
  [
    'what it threw',
    () => {
      throw new Error('404');
    },
    'the pod is ready: not within 60 ms; last seen: 404',
  ],
  [
    'what was seen instead',
    () => {
      throw new NotYet({ phase: 'Pending' });
    },
    "the pod is ready: not within 60 ms; last seen: { phase: 'Pending' }",
  ],
])('says at the deadline %s', async (_, probe, message) => {
  await expect(waitFor('the pod is ready', probe, 60)).rejects.toThrow(message);
});

test('a probe that hangs is cut off and aborted at the deadline', async () => {
  let cut = false;
  const probe = (signal: AbortSignal): Promise<never> => new Promise(() => signal.addEventListener('abort', () => (cut = true)));
  await expect(waitFor('an answer', probe, 50)).rejects.toThrow('an answer: not within 50 ms');
  expect(cut).toBe(true);
});

test('stops at once when the probe knows that it will never be', async () => {
  const began = Date.now();
  const probe = (): never => {
    throw new GiveUp('the process ended with 1');
  };
  await expect(waitFor('it is ready', probe, 10_000)).rejects.toThrow('it is ready: the process ended with 1');
  expect(Date.now() - began).toBeLessThan(2_000);
});
