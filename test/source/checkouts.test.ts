import { beforeEach, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { Checkouts } from '../../operator/source/checkouts.ts';
import type { Checkout } from '../../operator/source/types.ts';

const signal = new AbortController().signal;
let now: number;
let fetched: string[];
let held: number;
let checkouts: Checkouts;

beforeEach(() => {
  now = 0;
  fetched = [];
  held = 0;
  checkouts = new Checkouts({ isFull: () => held > 100, perRemote: 2, idleMs: 1000, now: () => now });
});

function get(remote: string, commit: string, bytes = 10, error?: PlumblineError): Promise<Checkout> {
  return checkouts.get(remote, commit, signal, async () => {
    fetched.push(`${remote}@${commit}`);
    if (error !== undefined) throw error;
    held += bytes;
    return { release: () => (held -= bytes) } as unknown as Checkout;
  });
}

test('the last commits of a remote are kept', async () => {
  for (const commit of ['1', '2', '1', '3', '1', '3', '2']) await get('a', commit);
  expect(fetched).toEqual(['a@1', 'a@2', 'a@3', 'a@2']);
});

test('all together stay under the limit, the newest always', async () => {
  await get('a', '1', 60);
  await get('b', '1', 60);
  await get('b', '1', 60);
  await get('a', '1', 60);
  await get('c', '1', 500);
  await get('c', '1', 500);
  expect(fetched).toEqual(['a@1', 'b@1', 'a@1', 'c@1']);
});

test('what nobody wants any more is let go, and holds nothing then', async () => {
  await get('a', '1');
  now = 900;
  await get('b', '1');
  now = 1500;
  checkouts.sweep();
  await get('a', '1');
  await get('b', '1');
  checkouts.forget('b');
  await get('b', '1');
  expect(fetched).toEqual(['a@1', 'b@1', 'a@1', 'b@1']);
  expect(held).toBe(20);
});

test('a commit that is too large is not fetched over and over', async () => {
  const large = new PlumblineError({ reason: 'RepositoryTooLarge', message: 'too large' });
  for (let times = 0; times < 3; times += 1) await expect(get('a', '1', 0, large)).rejects.toBe(large);
  const ill = new PlumblineError({ reason: 'GitError', message: 'ill' });
  for (let times = 0; times < 2; times += 1) await expect(get('a', '2', 0, ill)).rejects.toBe(ill);
  expect(fetched).toEqual(['a@1', 'a@2', 'a@2']);
});
