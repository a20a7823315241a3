import { expect, test } from '@jest/globals';
import { realClock } from '../../operator/source/clock.ts';
import { anonymous } from '../../operator/source/credentials.ts';
import { Pacer } from '../../operator/source/pacer.ts';
import { resolveRange, resolveRef } from '../../operator/source/refs.ts';
import { Remote } from '../../operator/source/remote.ts';
import type { Observation, RemoteRefs } from '../../operator/source/types.ts';

function tagged(count: number): RemoteRefs {
  const refs = new Map<string, string>();
  for (let index = 0; index < count; index += 1)
    refs.set(`refs/tags/v1.${index % 300}.${Math.floor(index / 300)}`, String(index).padStart(40, '0'));
  return { refs, tags: new Map(), head: 'a'.repeat(40), headRef: 'refs/heads/main' };
}

test('a range is looked for among many tags in small steps, and finds what it finds in one', () => {
  const remote = tagged(20_000);
  const steps = resolveRange(remote, '>=1.0.0 <1.200.0');
  let count = 0;
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) count += 1;
  expect(count).toBeGreaterThan(100);
  expect(step.value).toEqual(resolveRef(remote, { semver: '>=1.0.0 <1.200.0' }));
  expect(step.value.shortRef).toBe('v1.199.66');
});

test('a remote with many tags gives way while it looks for the ranges that are followed', async () => {
  const refs = tagged(60_000);
  let turns = 0;
  let answered = false;
  const count = (): void => {
    if (answered) turns += 1;
    setImmediate(count).unref();
  };
  count();
  const remote = new Remote({
    clock: realClock,
    random: () => 0.5,
    freshMs: 60_000,
    pacer: new Pacer(),
    listRefs: async () => {
      answered = true;
      return refs;
    },
  });
  const observed = (semver: string): Promise<Observation> =>
    new Promise((onObserved) =>
      remote.subscribe({ url: 'https://git.example.com/a.git', credentials: anonymous, ref: { semver }, intervalMs: 60_000, onObserved }),
    );
  const [low, high, none, wrong] = await Promise.all(['~1.7', '>=1.0.0', '>=2', 'no range'].map(observed));
  expect([low?.resolved?.shortRef, high?.resolved?.shortRef]).toEqual(['v1.7.199', 'v1.299.199']);
  expect([none?.error?.reason, wrong?.error?.reason]).toEqual(['RefNotFound', 'InvalidSpec']);
  expect(turns).toBeGreaterThan(3);
  // One that comes later, with a range that nobody asked for, is answered all the same.
  expect((await observed('~1.8')).resolved?.shortRef).toBe('v1.8.199');
  remote.close();
});
