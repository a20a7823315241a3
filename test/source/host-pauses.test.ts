import { expect, test } from '@jest/globals';
import { HostPauses } from '../../operator/source/host-pauses.ts';
import { HostSlots } from '../../operator/source/host-slots.ts';
import { StatusError } from '../../operator/source/http-errors.ts';

const { signal } = new AbortController();

function clock() {
  let now = 1000;
  const timers = new Set<{ due: number; fire: () => void }>();
  return {
    now: () => now,
    after(ms: number, fire: () => void): () => void {
      const timer = { due: now + ms, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms: number): void {
      now += ms;
      for (const timer of [...timers].filter(({ due }) => due <= now)) {
        timers.delete(timer);
        timer.fire();
      }
    },
  };
}

const answer = (status: number, retryAfterMs?: number) => () =>
  Promise.reject(new StatusError(status, { reason: 'GitError', message: String(status) }, { retryAfterMs }));

test('a host that says for how long is not asked until then, by nobody', async () => {
  const time = clock();
  const pauses = new HostPauses(time);
  let asked = 0;
  const ask = (host: string): Promise<number> => pauses.respecting(host, signal, async () => (asked += 1));
  await expect(pauses.respecting('a', signal, answer(429, 300_000))).rejects.toMatchObject({ status: 429 });
  for (let times = 0; times < 50; times += 1)
    await expect(ask('a')).rejects.toMatchObject({ retryAfterMs: 300_000, message: 'a asks to be left alone (429), for another 300 s' });
  await ask('b');
  expect(asked).toBe(1);
  time.advance(290_000);
  const waiting = ask('a');
  await new Promise(setImmediate);
  expect(asked).toBe(1);
  time.advance(10_000);
  await waiting;
  expect(asked).toBe(2);
});

test('who waits for a host can leave', async () => {
  const pauses = new HostPauses(clock());
  await expect(pauses.respecting('a', signal, answer(429, 5000))).rejects.toThrow('429');
  const controller = new AbortController();
  const waiting = pauses.respecting('a', controller.signal, async () => 1);
  controller.abort(new Error('no longer'));
  await expect(waiting).rejects.toThrow('no longer');
});

test('one broken repository does not make its host wait; three failures in a row do, longer each time', async () => {
  const time = clock();
  const pauses = new HostPauses(time);
  const ok = async (): Promise<string> => 'ok';
  for (let times = 0; times < 10; times += 1) {
    await expect(pauses.respecting('a', signal, answer(500))).rejects.toThrow('500');
    expect(await pauses.respecting('a', signal, ok)).toBe('ok');
  }
  const waits: number[] = [];
  for (let times = 0; times < 9; times += 1) {
    time.advance(60_000);
    await expect(pauses.respecting('a', signal, answer(503))).rejects.toThrow('503');
    let waited = 0;
    const state = { over: false };
    void pauses.respecting('a', signal, answer(503)).catch(() => (state.over = true));
    for (await new Promise(setImmediate); !state.over; await new Promise(setImmediate)) {
      time.advance(500);
      waited += 500;
    }
    waits.push(waited);
  }
  expect(waits.slice(0, 4)).toEqual([0, 1000, 4000, 16_000]);
  expect(Math.max(...waits)).toBe(30_000);
});

test('a host gets so many requests at a time, and no more', async () => {
  const slots = new HostSlots(4);
  let running = 0;
  let most = 0;
  const request = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
  };
  await Promise.all(Array.from({ length: 100 }, () => slots.with('a', signal, request)));
  expect(most).toBe(4);
});
