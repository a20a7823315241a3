import { afterEach, describe, expect, test } from '@jest/globals';
import { Leadership, LeadershipLostError, runLeaderElection } from '../../operator/reconcile/leader.ts';
import { NotYet, useCluster, waitFor } from '../e2e/cluster.ts';
import { startAlteringProxy } from '../kube/altering-proxy.ts';
import { clientOf, configMap, credentialsOf } from '../kube/clients.ts';
import type { Credentials } from '../../operator/kube/credentials-types.ts';
import type { Lease } from '../../operator/reconcile/lease.ts';
import type { LeaderElectionOptions, LeaseTiming } from '../../operator/reconcile/leader.ts';

const cluster = useCluster();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A fifth of the real pace. */
const timing: LeaseTiming = { leaseMs: 3_000, heldMs: 2_000, renewEveryMs: 1_000, renewAgainMs: 200, lookEveryMs: 400, requestMs: 800 };

interface Contender {
  readonly leadership: Leadership;
  readonly client: ReturnType<typeof clientOf>;
  readonly errors: readonly unknown[];
  /** As if the process had stood still for so long. */
  skip(ms: number): void;
  /** It leads; aborted when it shall stop. */
  readonly leads: Promise<AbortSignal>;
  readonly ended: Promise<'stopped' | 'lost'>;
  lost: boolean;
  stop(): void;
}

/** One process that wants to lead, with a client that asks its leadership before each write. */
function contend(
  identity: string,
  namespace: string,
  more: Partial<LeaderElectionOptions> & { readonly credentials?: Credentials } = {},
): Contender {
  const { credentials = credentialsOf(cluster().admin), ...options } = more;
  const skipped = { ms: 0 };
  const monotonic = () => performance.now() + skipped.ms;
  const leadership = new Leadership(monotonic, timing);
  const client = clientOf(credentials, { beforeWrite: () => leadership.check() });
  const stop = new AbortController();
  const errors: unknown[] = [];
  const started = Promise.withResolvers<AbortSignal>();
  const contender: Contender = {
    leadership,
    client,
    errors,
    lost: false,
    skip: (ms) => void (skipped.ms += ms),
    leads: started.promise,
    ended: runLeaderElection({
      client,
      leadership,
      namespace,
      name: 'plumbline',
      identity,
      monotonic,
      now: () => Date.now(),
      random: () => 0,
      signal: stop.signal,
      onStarted: async (signal) => {
        started.resolve(signal);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      onLost: () => void (contender.lost = true),
      onError: (error) => errors.push(error),
      timing,
      ...options,
    }),
    stop: () => stop.abort(),
  };
  closers.push(async () => {
    stop.abort();
    await contender.ended.catch(() => undefined);
    await client.close();
  });
  return contender;
}

async function leaseIn(namespace: string): Promise<Lease> {
  return (await cluster().request.ok('GET', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/plumbline`)) as Lease;
}

async function setHolder(namespace: string, holderIdentity: string): Promise<void> {
  const lease = await leaseIn(namespace);
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/plumbline`;
  await cluster().request.ok('PUT', path, { body: { ...lease, spec: { ...lease.spec, holderIdentity } } });
}

test('one leads; when it stops, the next takes over at once', async () => {
  const namespace = await cluster().namespace('lease');
  const a = contend('a', namespace);
  await a.leads;
  const b = contend('b', namespace);
  expect((await leaseIn(namespace)).spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 3, leaseTransitions: 0 });
  expect(b.leadership.stillLeader()).toBe(false);
  a.stop();
  expect(await a.ended).toBe('stopped');
  const releasedAt = performance.now();
  await b.leads;
  expect(performance.now() - releasedAt).toBeLessThan(timing.leaseMs);
  expect((await leaseIn(namespace)).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  expect([a.leadership.stillLeader(), b.leadership.stillLeader()]).toEqual([false, true]);
});

test('of two that start together exactly one leads', async () => {
  const namespace = await cluster().namespace('lease');
  const contenders = ['a', 'b', 'c'].map((identity) => contend(identity, namespace));
  await Promise.race(contenders.map(({ leads }) => leads));
  await waitFor('the lease was renewed', async () => {
    const { spec } = await leaseIn(namespace);
    return spec?.renewTime !== spec?.acquireTime;
  });
  expect(contenders.filter(({ leadership }) => leadership.stillLeader())).toHaveLength(1);
});

describe('a leader that was paused for longer than it holds', () => {
  test('writes nothing when it wakes up, ends as lost, and does not give away what is no longer its own', async () => {
    const namespace = await cluster().namespace('lease');
    const a = contend('a', namespace);
    const leading = await a.leads;
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const write = (name: string) =>
      a.client.request({ method: 'POST', path, body: configMap(namespace, name), signal: AbortSignal.timeout(5_000) });
    await write('before');
    a.skip(timing.heldMs);
    await expect(write('after')).rejects.toThrow(LeadershipLostError);
    expect(await a.ended).toBe('lost');
    expect(a.lost).toBe(true);
    expect(leading.reason).toBeInstanceOf(LeadershipLostError);
    const { items } = (await cluster().request.ok('GET', path)) as {
      readonly items: readonly { readonly metadata: { readonly name: string } }[];
    };
    expect(items.map(({ metadata }) => metadata.name)).not.toContain('after');
    expect((await leaseIn(namespace)).spec?.holderIdentity).toBe('a');
  });

  test('still reads', async () => {
    const namespace = await cluster().namespace('lease');
    const a = contend('a', namespace);
    await a.leads;
    a.skip(timing.heldMs);
    const path = `/api/v1/namespaces/${namespace}`;
    await expect(a.client.request({ method: 'GET', path, signal: AbortSignal.timeout(5_000) })).resolves.toMatchObject({ status: 200 });
  });
});

test('a leader that cannot renew stops before the next one starts, whatever its clock on the wall says', async () => {
  const namespace = await cluster().namespace('lease');
  const proxy = await startAlteringProxy(cluster().admin);
  closers.push(() => proxy.close());
  const a = contend('a', namespace, { credentials: proxy.credentials, now: () => performance.now() });
  await a.leads;
  const b = contend('b', namespace);
  const first = (await leaseIn(namespace)).metadata.resourceVersion;
  // Its times are those of 1970, yet it renews: that is what counts.
  const since = performance.now();
  await waitFor('the leader renewed for longer than its lease lasts', async () => {
    if (b.leadership.stillLeader()) throw new Error('the standby took a lease that was renewed');
    return performance.now() - since > timing.leaseMs + timing.lookEveryMs && (await leaseIn(namespace)).metadata.resourceVersion !== first;
  });
  proxy.rule = ({ url }) => (url.includes('/leases') ? 'cut' : undefined);
  await b.leads;
  expect(a.leadership.stillLeader()).toBe(false);
  expect(await a.ended).toBe('lost');
  expect(a.errors.length).toBeGreaterThan(0);
});

test('a leader whose answer was lost goes on: the lease is its own all the same', async () => {
  const namespace = await cluster().namespace('lease');
  const proxy = await startAlteringProxy(cluster().admin);
  closers.push(() => proxy.close());
  const a = contend('a', namespace, { credentials: proxy.credentials });
  await a.leads;
  let lost = 0;
  proxy.rule = ({ method, url }) => (method === 'PUT' && url.includes('/leases') && lost++ === 0 ? 'cut-after' : undefined);
  await waitFor('an answer was lost', () => lost > 0);
  const { resourceVersion } = (await leaseIn(namespace)).metadata;
  await waitFor('it renews again', async () => (await leaseIn(namespace)).metadata.resourceVersion !== resourceVersion);
  expect({ leads: a.leadership.stillLeader(), lost: a.lost }).toEqual({ leads: true, lost: false });
});

test('a lease that somebody deletes is made anew by its leader', async () => {
  const namespace = await cluster().namespace('lease');
  const a = contend('a', namespace);
  await a.leads;
  await cluster().request.ok('DELETE', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/plumbline`);
  await waitFor('the lease is there again', async () => {
    const { spec } = await leaseIn(namespace);
    if (spec?.holderIdentity !== 'a') throw new NotYet(spec);
    return true;
  });
  expect({ leads: a.leadership.stillLeader(), lost: a.lost }).toEqual({ leads: true, lost: false });
});

test('a lease that another has taken is lost', async () => {
  const namespace = await cluster().namespace('lease');
  const a = contend('a', namespace);
  await a.leads;
  await waitFor('the other has it', () => setHolder(namespace, 'other').then(() => true));
  expect(await a.ended).toBe('lost');
  expect((await leaseIn(namespace)).spec?.holderIdentity).toBe('other');
});

test('the lease is held until the work is done, then given away', async () => {
  const namespace = await cluster().namespace('lease');
  const work = Promise.withResolvers<void>();
  const a = contend('a', namespace, { onStarted: () => work.promise });
  await waitFor('it leads', () => a.leadership.stillLeader());
  a.stop();
  const { resourceVersion } = (await leaseIn(namespace)).metadata;
  await waitFor('it still renews', async () => (await leaseIn(namespace)).metadata.resourceVersion !== resourceVersion);
  expect((await leaseIn(namespace)).spec?.holderIdentity).toBe('a');
  work.resolve();
  expect(await a.ended).toBe('stopped');
  expect((await leaseIn(namespace)).spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
});

test('work that fails ends the election with its fault, and the lease is given away', async () => {
  const namespace = await cluster().namespace('lease');
  const a = contend('a', namespace, { onStarted: () => Promise.reject(new Error('no work')) });
  await expect(a.ended).rejects.toThrow('no work');
  expect((await leaseIn(namespace)).spec?.holderIdentity).toBe('');
});

test('who waits and is stopped never starts', async () => {
  const namespace = await cluster().namespace('lease');
  const a = contend('a', namespace);
  await a.leads;
  const b = contend('b', namespace, { onStarted: () => Promise.reject(new Error('started')) });
  b.stop();
  expect(await b.ended).toBe('stopped');
});

test('who may not have leases says so, and waits', async () => {
  const namespace = await cluster().namespace('lease');
  const user = await cluster().addUser({ name: 'nobody' });
  const a = contend('a', namespace, { credentials: credentialsOf(user) });
  await waitFor('it was told', () => a.errors.length > 1);
  expect(a.errors[0]).toMatchObject({ code: 403 });
  expect(a.leadership.stillLeader()).toBe(false);
});

describe('leadership', () => {
  test('counts from before the renewal was sent', () => {
    let now = 100;
    const leadership = new Leadership(() => now, timing);
    expect(() => leadership.check()).toThrow(LeadershipLostError);
    leadership.renewed(100);
    now = 100 + timing.heldMs - 1;
    expect(leadership.stillLeader()).toBe(true);
    leadership.check();
    now += 1;
    expect(leadership.stillLeader()).toBe(false);
    expect(() => leadership.check()).toThrow(LeadershipLostError);
  });

  test('without election it is there for ever', () => {
    let now = 0;
    const leadership = new Leadership(() => now, timing);
    leadership.assume();
    now = Number.MAX_SAFE_INTEGER;
    leadership.check();
  });
});
