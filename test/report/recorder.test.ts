import { afterEach, describe, expect, test } from '@jest/globals';
import { EventRecorder } from '../../operator/report/recorder.ts';
import { NotYet, useCluster, waitFor } from '../e2e/cluster.ts';
import { startAlteringProxy } from '../kube/altering-proxy.ts';
import { clientOf, credentialsOf } from '../kube/clients.ts';
import type { Credentials } from '../../operator/kube/credentials-types.ts';
import type { EventRecorderOptions, RecordedEvent } from '../../operator/report/recorder.ts';

const cluster = useCluster();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Stored {
  readonly metadata: { readonly name: string };
  readonly note: string;
  readonly type: string;
  readonly reason: string;
  readonly series?: { readonly count: number };
  readonly [field: string]: unknown;
}

function recorderOf(more: Partial<EventRecorderOptions> & { readonly credentials?: Credentials } = {}) {
  const { credentials = credentialsOf(cluster().admin), ...options } = more;
  const client = clientOf(credentials);
  const errors: unknown[] = [];
  const clock = { now: Date.now() };
  const recorder = new EventRecorder({
    client,
    instance: 'plumbline-0',
    now: () => clock.now,
    random: Math.random,
    onError: (error) => errors.push(error),
    pause: () => new Promise((resolve) => setTimeout(resolve, 50)),
    ...options,
  });
  closers.push(async () => {
    await recorder.close(0);
    await client.close();
  });
  return { recorder, errors, clock };
}

function event(namespace: string, more: Partial<RecordedEvent> = {}): RecordedEvent {
  return {
    source: { namespace, name: 'shop', uid: 'uid-1' },
    type: 'Normal',
    reason: 'Applied',
    action: 'Apply',
    note: 'main@4f2a9c1 is applied',
    ...more,
  };
}

async function eventsIn(namespace: string): Promise<readonly Stored[]> {
  const { items } = (await cluster().request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`)) as {
    readonly items: readonly Stored[];
  };
  return items.filter((item) => item['reportingController'] === 'plumbline.dev/plumbline');
}

function waitForEvents(namespace: string, count: number): Promise<readonly Stored[]> {
  return waitFor(`${count} events`, async () => {
    const events = await eventsIn(namespace);
    if (events.length !== count) throw new NotYet(events);
    return events;
  });
}

test('an event arrives as kubectl describe wants it', async () => {
  const namespace = await cluster().namespace('events');
  recorderOf().recorder.record(event(namespace));
  const [stored] = await waitForEvents(namespace, 1);
  expect(stored).toMatchObject({
    metadata: { name: expect.stringMatching(/^shop\.[0-9a-f]{16}$/u) },
    reportingInstance: 'plumbline-0',
    type: 'Normal',
    reason: 'Applied',
    action: 'Apply',
    note: 'main@4f2a9c1 is applied',
    regarding: { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', namespace, name: 'shop', uid: 'uid-1' },
  });
});

test.each(['system:Web..Reader', `${'long'.repeat(60)}.name`, ':', '-a.-b-.c-'])(
  'an event about an object named %s arrives',
  async (name) => {
    const namespace = await cluster().namespace('events');
    const about = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', namespace, name, uid: 'uid-2' };
    const { recorder, errors } = recorderOf();
    recorder.record(event(namespace, { about }));
    await recorder.close();
    expect(errors).toEqual([]);
    expect((await eventsIn(namespace)).map(({ regarding }) => regarding)).toEqual([about]);
  },
);

test('a note is cut to what an event holds, between characters', async () => {
  const namespace = await cluster().namespace('events');
  recorderOf().recorder.record(event(namespace, { note: '𝄞ü'.repeat(1_000) }));
  const [stored] = await waitForEvents(namespace, 1);
  expect(Buffer.byteLength(stored?.note ?? '')).toBeLessThanOrEqual(1_024);
  expect(stored?.note).toMatch(/^(𝄞ü)+𝄞?…$/u);
});

describe('the same event again', () => {
  test('is one series, told at doubling counts', async () => {
    const namespace = await cluster().namespace('events');
    const { recorder } = recorderOf();
    for (let count = 0; count < 21; count += 1) recorder.record(event(namespace));
    recorder.record(event(namespace, { note: 'another' }));
    const events = await waitForEvents(namespace, 2);
    expect(events.map(({ note, series }) => `${note}: ${series?.count}`).toSorted()).toEqual([
      'another: undefined',
      'main@4f2a9c1 is applied: 16',
    ]);
  });

  test('is a new one after ten minutes', async () => {
    const namespace = await cluster().namespace('events');
    const { recorder, clock } = recorderOf();
    recorder.record(event(namespace));
    clock.now += 599_000;
    recorder.record(event(namespace));
    clock.now += 600_000;
    recorder.record(event(namespace));
    const events = await waitForEvents(namespace, 2);
    expect(events.map(({ series }) => series?.count)).toEqual(expect.arrayContaining([2, undefined]));
  });

  test('is told anew each half an hour, since the API server forgets an event an hour after its last write', async () => {
    const namespace = await cluster().namespace('events');
    const { recorder, clock } = recorderOf();
    const upTo = (count: number) => {
      for (; told < count; told += 1, clock.now += 540_000) recorder.record(event(namespace));
    };
    let told = 0;
    const becomes = (count: number) =>
      waitFor(`a series of ${count}`, async () => {
        const stored = await eventsIn(namespace);
        if (stored.length !== 1 || stored[0]?.series?.count !== count) throw new NotYet(stored);
        return stored[0];
      });
    upTo(11);
    await becomes(8);
    upTo(12);
    const lastObservedTime = new Date(clock.now - 540_000).toISOString().replace('Z', '000Z');
    expect(await becomes(12)).toMatchObject({ series: { lastObservedTime } });
  });

  test('is made anew with its count where it is there no more', async () => {
    const namespace = await cluster().namespace('events');
    const { recorder, errors } = recorderOf();
    recorder.record(event(namespace));
    const [first] = await waitForEvents(namespace, 1);
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events/${first?.metadata.name}`;
    await cluster().request.ok('DELETE', path);
    recorder.record(event(namespace));
    const [second] = await waitForEvents(namespace, 1);
    expect(second).toMatchObject({ note: first?.note, reason: 'Applied', series: { count: 2 } });
    recorder.record(event(namespace));
    recorder.record(event(namespace));
    await recorder.close();
    expect((await eventsIn(namespace)).map(({ series }) => series?.count)).toEqual([4]);
    expect(errors).toEqual([]);
  });

  test('of another source is its own', async () => {
    const namespace = await cluster().namespace('events');
    const { recorder } = recorderOf();
    recorder.record(event(namespace));
    recorder.record(event(namespace, { source: { namespace, name: 'other', uid: 'uid-2' } }));
    await waitForEvents(namespace, 2);
  });
});

describe('when events cannot be written', () => {
  test('nobody is bothered, it is told once, and they arrive when they can, the newest at least', async () => {
    const namespace = await cluster().namespace('events');
    const proxy = await startAlteringProxy(cluster().admin);
    closers.push(() => proxy.close());
    proxy.rule = () => ({ code: 503, body: { kind: 'Status', code: 503, reason: 'ServiceUnavailable' } });
    const { recorder, errors } = recorderOf({ credentials: proxy.credentials, queueSize: 20 });
    recorder.record(event(namespace, { note: 'the first' }));
    await waitFor('it was tried', () => errors.length > 0);
    for (let count = 0; count < 24; count += 1) recorder.record(event(namespace, { note: `note ${count}` }));
    expect(recorder.dropped).toBeGreaterThanOrEqual(4);
    await waitFor('it was tried again and again', () => proxy.seen.length > 12);
    expect(errors).toHaveLength(1);
    proxy.rule = () => undefined;
    const events = await waitFor('the newest arrive', async () => {
      const stored = await eventsIn(namespace);
      if (stored.length < 20) throw new NotYet(stored.length);
      return stored;
    });
    const notes = new Set(events.map(({ note }) => note));
    expect(notes.has('note 23')).toBe(true);
    expect(notes.has('note 0')).toBe(false);
  });

  test('an event that is refused is given up, the next one goes on', async () => {
    const namespace = await cluster().namespace('events');
    const { recorder, errors } = recorderOf();
    recorder.record(event(`${namespace}-gone`, { source: { namespace: `${namespace}-gone`, name: 'shop', uid: 'uid-2' } }));
    recorder.record(event(namespace));
    await waitForEvents(namespace, 1);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 404 });
  });

  test('an event whose answer was lost is not told twice', async () => {
    const namespace = await cluster().namespace('events');
    const proxy = await startAlteringProxy(cluster().admin);
    closers.push(() => proxy.close());
    let cut = 0;
    proxy.rule = () => (cut++ === 0 ? 'cut-after' : undefined);
    const { recorder } = recorderOf({ credentials: proxy.credentials });
    recorder.record(event(namespace));
    recorder.record(event(namespace));
    const events = await waitFor('the series counts', async () => {
      const stored = await eventsIn(namespace);
      if (stored[0]?.series?.count !== 2) throw new NotYet(stored);
      return stored;
    });
    expect(events).toHaveLength(1);
  });
});

describe('closing', () => {
  test('sends what is queued', async () => {
    const namespace = await cluster().namespace('events');
    const { recorder } = recorderOf();
    for (let count = 0; count < 5; count += 1) recorder.record(event(namespace, { note: `note ${count}` }));
    await recorder.close(5_000);
    expect(await eventsIn(namespace)).toHaveLength(5);
    recorder.record(event(namespace, { note: 'too late' }));
    await recorder.close();
    expect(await eventsIn(namespace)).toHaveLength(5);
  });

  test('waits no longer than its grace', async () => {
    const namespace = await cluster().namespace('events');
    const proxy = await startAlteringProxy(cluster().admin);
    closers.push(() => proxy.close());
    proxy.rule = () => 'hang';
    const { recorder, errors } = recorderOf({ credentials: proxy.credentials });
    recorder.record(event(namespace));
    await waitFor('it hangs', () => proxy.seen.length > 0);
    const since = performance.now();
    await recorder.close(200);
    expect(performance.now() - since).toBeLessThan(2_000);
    expect(errors).toEqual([]);
  });
});
