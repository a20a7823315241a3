import { expect, test } from '@jest/globals';
import { KubeError } from '../../operator/kube/client.ts';
import { Behind } from '../../operator/reconcile/behind.ts';

function start(size = 10) {
  const givenUp: string[] = [];
  const pauses: number[] = [];
  const queue = new Behind({
    size,
    onGivenUp: (name, error) => givenUp.push(`${name} ${error === undefined ? 'dropped' : (error as Error).message}`),
    pause: (outages) => {
      pauses.push(outages);
      return Promise.resolve();
    },
  });
  return { queue, givenUp, pauses };
}

test('does one after the other, each name once', async () => {
  const { queue } = start();
  const done: string[] = [];
  let atOnce = 0;
  const work = (name: string) => async (): Promise<void> => {
    atOnce += 1;
    expect(atOnce).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    atOnce -= 1;
    done.push(name);
  };
  for (const name of ['a', 'b', 'a', 'c']) queue.push(name, work(name));
  expect(done).toEqual([]);
  await queue.close(1_000);
  expect(done).toEqual(['a', 'b', 'c']);
});

test('tries again while the API server is away, and gives up what is wrong in itself', async () => {
  const { queue, givenUp, pauses } = start();
  const done: string[] = [];
  let tries = 0;
  queue.push('away', async () => {
    tries += 1;
    if (tries < 4) throw new KubeError(tries === 1 ? 0 : 503, {});
    done.push('away');
    await Promise.resolve();
  });
  queue.push('wrong', () => Promise.reject(new KubeError(403, { message: 'forbidden' })));
  queue.push('after', async () => void done.push('after'));
  await queue.close(1_000);
  expect([done, givenUp, pauses]).toEqual([['away', 'after'], ['wrong forbidden'], [1, 2, 3]]);
});

test('drops the oldest where too many wait, and what is left when its time is over', async () => {
  const { queue, givenUp } = start(2);
  let aborted = false;
  queue.push('hangs', (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject((aborted = true)))));
  await new Promise((resolve) => setImmediate(resolve));
  for (const name of ['a', 'b', 'c']) queue.push(name, () => Promise.resolve());
  expect(givenUp).toEqual(['a dropped']);
  await queue.close(10);
  expect(aborted).toBe(true);
  queue.push('late', () => Promise.reject(new Error('never')));
  expect(givenUp).toEqual(['a dropped']);
});
