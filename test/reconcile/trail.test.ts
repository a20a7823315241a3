import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Attempt, GitOpsSource, GitOpsSourceStatus } from '../../operator/api/types.ts';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import type { Logger } from '../../operator/log.ts';
import { SourceLog } from '../../operator/reconcile/source-log.ts';
import { Leadership, LeadershipLostError } from '../../operator/reconcile/leader.ts';
import { Trail } from '../../operator/reconcile/trail.ts';
import type { TrailOptions } from '../../operator/reconcile/trail.ts';
import type { Json } from '../controlplane/request.ts';
import { useCluster, waitFor } from '../e2e/cluster.ts';
import { type AlteringProxy, type Seen, startAlteringProxy } from '../kube/altering-proxy.ts';
import { clientOf } from '../kube/clients.ts';
import { applied, at, failed, noChanges, seen, sha } from '../report/outcomes.ts';

const cluster = useCluster();
const { signal } = new AbortController();
const endedName = 'plumbline.dev/source-ended';
let proxy: AlteringProxy;
let client: ConnectedClient;
let namespace = '';
let now = 0;
let sources: Map<string, GitOpsSource>;
let lost: { readonly attempts: readonly string[]; readonly error: unknown }[];
let debugs: string[];
let warnings: string[];
let trails: Trail[];

beforeAll(async () => {
  proxy = await startAlteringProxy(cluster().admin);
  client = clientOf(proxy.credentials);
});
afterAll(async () => {
  await client.close();
  await proxy.close();
});
beforeEach(async () => {
  namespace = await cluster().namespace('trail');
  now = Date.parse(at(60));
  [sources, lost, debugs, warnings, trails] = [new Map(), [], [], [], []];
});
afterEach(async () => {
  proxy.rule = () => undefined;
  for (const trail of trails) await trail.close(0);
});

/** A trail over sources that are kept here as their watch tells them. */
function start(more: Partial<TrailOptions> = {}): Trail {
  const quiet = (): void => {};
  const log: Logger = {
    debug: (message) => void debugs.push(message),
    info: quiet,
    warn: (message) => void warnings.push(message),
    error: quiet,
  };
  const trail = new Trail({
    client,
    store: { get: (key) => sources.get(key), all: () => [...sources.values()] },
    namespaces: [namespace],
    retentionMs: 60 * 60_000,
    now: () => now,
    log,
    sources: new SourceLog({ log, source: (key) => sources.get(key), prefix: 'test' }),
    onLost: (_, attempts, error) => void lost.push({ attempts: attempts.map(({ commit }) => commit), error }),
    ...more,
  });
  trail.start();
  trails.push(trail);
  return trail;
}

const attempt = (number: number, short: string, more: Partial<Attempt> = {}): Attempt => ({
  number,
  commit: sha(short),
  generation: 1,
  cause: 'Commit',
  attempted: at(number),
  applied: at(number),
  ...more,
});

function put(status: GitOpsSourceStatus, name = 'shop', uid: string = randomUUID()): GitOpsSource {
  const metadata = { namespace, name, uid, generation: 1 };
  const spec = { url: 'https://git.example.com/shop.git', historyLimit: 50 };
  const source = { metadata, spec, status } as unknown as GitOpsSource;
  sources.set(`${namespace}/${name}`, source);
  return source;
}

async function records(): Promise<readonly Json[]> {
  const { items } = await cluster().request.ok('GET', `/apis/apps/v1/namespaces/${namespace}/controllerrevisions`);
  return items.toSorted((a: Json, b: Json) => a.revision - b.revision);
}

const isCreate = ({ method, url }: Seen): boolean => method === 'POST' && url.includes('/controllerrevisions');
const refuse =
  (code: number, more: object = {}) =>
  (request: Seen) =>
    isCreate(request) ? { code, body: { kind: 'Status', message: 'the test says no', ...more } } : undefined;

describe('a source that is deleted', () => {
  test('has its last record, which says so, before its finalizer goes', async () => {
    const trail = start();
    const source = put({ attempts: [attempt(2, 'bbb', { applied: undefined }), attempt(1, 'aaa')] });
    await trail.ended(source, signal);
    const all = await records();
    expect(all.map(({ revision, data }) => [revision, data.result])).toEqual([
      [1, 'Applied'],
      [2, 'Failed'],
    ]);
    expect(all.map(({ metadata }) => metadata.annotations[endedName])).toEqual([undefined, new Date(now).toISOString()]);
  });

  test('has one of an attempt that the deletion broke off, and of another process', async () => {
    const noted = { commit: sha('bbb'), time: at(5) };
    const source = put({ attempts: [attempt(1, 'aaa', { healthy: at(2) })], revision: { attempted: noted } });
    const first = start();
    await waitFor('the first is recorded', async () => (await records()).length === 1);
    await first.close(0);
    const trail = start();
    trail.noted(source, noted);
    await trail.ended(source, signal);
    const all = await records();
    expect(all.map(({ revision, data }) => [revision, data.result, data.commit.sha])).toEqual([
      [1, 'Healthy', sha('aaa')],
      [2, 'Interrupted', sha('bbb')],
    ]);
    expect(all[1].metadata.annotations[endedName]).toBeDefined();
  });

  test('that moved on by a commit without a record has its end on the last one that there is', async () => {
    const source = put({ attempts: [attempt(1, 'aaa', { healthy: at(2) })] });
    const first = start();
    await waitFor('the first is recorded', async () => (await records()).length === 1);
    await first.close(0);
    await start().ended({ ...source, status: { attempts: [attempt(1, 'bbb', { attempted: at(9), silent: true })] } }, signal);
    expect((await records()).map(({ metadata }) => metadata.annotations[endedName])).toEqual([new Date(now).toISOString()]);
  });

  test('waits a minute for an API server that does not take the record, then goes, and what is lost is told', async () => {
    const trail = start();
    const source = put({ attempts: [attempt(1, 'aaa')] });
    proxy.rule = refuse(500);
    await expect(trail.ended(source, signal)).rejects.toMatchObject({ reason: 'ApiServerUnavailable', retryWithinMs: 60_000 });
    now += 59_000;
    await expect(trail.ended(source, signal)).rejects.toThrow(/last record of the audit trail cannot be written: .*goes without it/);
    expect(lost).toEqual([]);
    now += 1_000;
    await trail.ended(source, signal);
    expect(lost).toMatchObject([{ attempts: [sha('aaa')], error: { code: 500 } }]);
    await trail.ended(source, signal); // its finalizer could not be removed
    expect(lost).toHaveLength(1);
  });

  test('is not given up by a process that leads no more', async () => {
    const leadership = new Leadership(() => 0);
    leadership.assume();
    const former = clientOf(proxy.credentials, { beforeWrite: () => leadership.check() });
    try {
      const trail = start({ client: former });
      const source = put({ attempts: [attempt(1, 'aaa')] });
      leadership.resign();
      await expect(trail.ended(source, signal)).rejects.toThrow(LeadershipLostError);
      expect(lost).toEqual([]);
      leadership.assume();
      await trail.ended(source, signal);
      expect(await records()).toHaveLength(1);
    } finally {
      await former.close();
    }
  });

  test('does not wait for what is refused, as by a quota', async () => {
    const source = put({ attempts: [attempt(2, 'bbb'), attempt(1, 'aaa')] });
    const body = { metadata: { name: 'none' }, spec: { hard: { 'count/controllerrevisions.apps': '0' } } };
    const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
    await cluster().request.ok('POST', path, { body });
    const status = { hard: body.spec.hard, used: { 'count/controllerrevisions.apps': '0' } };
    await cluster().request.ok('PATCH', `${path}/none/status`, { body: { status } });
    await start().ended(source, signal);
    expect(await records()).toEqual([]);
    expect(lost).toMatchObject([{ attempts: [sha('aaa'), sha('bbb')], error: { code: 403 } }]);
  });

  test('in a namespace that goes is not held, and nothing is lost that would have stayed', async () => {
    const source = put({ attempts: [attempt(1, 'aaa')] });
    const hold = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'hold', finalizers: ['test.example.com/hold'] } };
    const path = `/api/v1/namespaces/${namespace}`;
    await cluster().request.ok('POST', `${path}/configmaps`, { body: hold });
    await cluster().request.ok('DELETE', path);
    const trail = start();
    await trail.ended(source, signal);
    expect(await records()).toEqual([]);
    expect(lost).toEqual([]);
    await cluster().request.ok('PATCH', `${path}/configmaps/hold`, { body: { metadata: { finalizers: null } } });
    expect(warnings).toEqual([]);
  });

  test('whose finalizer somebody took off has its last words all the same', async () => {
    const trail = start();
    const source = put({ attempts: [attempt(1, 'aaa')] });
    sources.clear();
    trail.gone(source);
    await waitFor('the end is noted', async () => (await records())[0]?.metadata.annotations[endedName]);
  });
});

describe('the time of a source that is gone', () => {
  const hour = 60 * 60_000;
  /** What a starting process does with the trails that it finds. */
  async function sweep(): Promise<void> {
    debugs = [];
    const trail = start();
    await waitFor('the trail is read', () => debugs.includes('audit trail read'));
    await trail.close(5_000);
  }
  /** Leaves the record of a source that then is gone, without a word where `ended` is false. */
  async function left(ended: boolean, name = 'shop'): Promise<void> {
    const trail = start();
    const source = put({ attempts: [attempt(1, 'aaa', { healthy: at(2) })] }, name);
    const before = (await records()).length;
    trail.healthTold(`${namespace}/${name}`);
    await waitFor('it is recorded', async () => (await records()).length > before);
    now += 10 * hour;
    if (ended) await trail.ended(source, signal);
    sources.clear();
    await trail.close(1_000);
  }

  async function lastsAnHour(): Promise<void> {
    now += hour;
    await sweep();
    expect(await records()).toHaveLength(1);
    now += 1;
    await sweep();
    expect(await records()).toEqual([]);
  }

  test('begins with its end, however old its last record is', async () => {
    await left(true);
    await lastsAnHour();
  });

  test('begins when it is missed, where nobody saw it go', async () => {
    await left(false);
    await sweep();
    const [record] = await records();
    expect(record.metadata.annotations[endedName]).toBe(new Date(now).toISOString());
    await lastsAnHour();
  });

  test('is its own, whatever comes under its name', async () => {
    await left(true);
    now += hour + 1;
    put({ attempts: [attempt(1, 'ccc', { healthy: at(2), attempted: at(3) })] });
    await sweep();
    expect((await records()).map(({ data }) => data.commit.sha)).toEqual([sha('ccc')]);
  });
});

describe('a stop', () => {
  const wrote = { changes: { ...noChanges, changed: 1 } };

  test('writes the corrections that wait, also of a record that is only made then', async () => {
    const trail = start();
    const running = attempt(1, 'aaa', { healthy: at(2) });
    for (const name of ['one', 'two']) {
      const source = put({ attempts: [running] }, name);
      trail.attemptsAfter(source, source.status ?? {}, applied(seen('aaa'), wrote));
      if (name === 'one') continue;
      trail.attemptsAfter(source, source.status ?? {}, applied(seen('aaa'), wrote));
      trail.healthTold(`${namespace}/two`);
    }
    trail.healthTold(`${namespace}/one`);
    await trail.close(5_000);
    const counted = (await records()).map(({ metadata }) => [metadata.name, metadata.annotations['plumbline.dev/corrections']]);
    expect(counted).toEqual([
      [`one-1-aaa0000`, '{"unknown":1}'],
      [`two-1-aaa0000`, '{"unknown":2}'],
    ]);
  });

  test('counts what was put back while others failed on the record of what runs', async () => {
    const status = { revision: { applied: { commit: sha('aaa'), time: at(2) } }, attempts: [attempt(4, 'ccc', { applied: undefined })] };
    const before = [attempt(3, 'bbb', { applied: undefined }), attempt(1, 'aaa', { healthy: at(2) })];
    const [{ metadata }, trail] = [put({ ...status, attempts: [...status.attempts, ...before] }), start()];
    await waitFor('both are recorded', async () => (await records()).length === 2);
    const putBack = [{ id: { group: '', version: 'v1', kind: 'ConfigMap', namespace, name: 'a' }, uid: '1', findings: [] }];
    trail.attemptsAfter(put(status, 'shop', metadata.uid), status, failed(seen('ccc'), undefined, { corrected: putBack, putBack }));
    await trail.close(5_000);
    expect((await records()).map((one) => one.metadata.annotations['plumbline.dev/corrections'])).toEqual(['{"unknown":1}', undefined]);
  });

  test('tells what it cannot write in its time', async () => {
    const trail = start();
    const source = put({ attempts: [attempt(1, 'aaa', { healthy: at(2) })] });
    proxy.rule = ({ url }) => (url.includes('controllerrevisions') ? 'hang' : undefined);
    trail.attemptsAfter(source, source.status ?? {}, applied(seen('aaa'), wrote));
    const before = performance.now();
    await trail.close(300);
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(warnings).toContain('corrections are not counted');
  });
});

test('corrections of a record that does not come are looked after by one timer', () => {
  const trail = start();
  const source = put({ attempts: [attempt(1, 'aaa', { healthy: at(2) })] });
  const timers = jest.spyOn(globalThis, 'setTimeout');
  try {
    for (let times = 0; times < 3; times += 1) {
      trail.attemptsAfter(source, source.status ?? {}, applied(seen('aaa'), { changes: { ...noChanges, changed: 1 } }));
    }
    expect(timers.mock.calls.filter(([, ms]) => ms === 5_000)).toHaveLength(1);
  } finally {
    timers.mockRestore();
  }
});

test('attempts that were broken off one after the other are all open', async () => {
  const trail = start();
  const source = put({ attempts: [attempt(1, 'aaa')] });
  for (const [short, minute] of [
    ['bbb', 5],
    ['ccc', 6],
    ['ccc', 6], // walked again
  ] as const) {
    trail.begin(source);
    trail.noted(source, { commit: sha(short), time: at(minute) });
  }
  await trail.ended(source, signal);
  expect((await records()).map(({ data }) => [data.commit.sha, data.result])).toEqual([
    [sha('aaa'), 'Applied'],
    [sha('bbb'), 'Interrupted'],
    [sha('ccc'), 'Interrupted'],
  ]);
});

test('an attempt that was broken off stays open over outcomes that are none of an attempt', () => {
  const trail = start();
  const source = put({ attempts: [attempt(1, 'aaa')] });
  trail.noted(source, { commit: sha('bbb'), time: at(5) });
  trail.begin(source);
  const away = failed(undefined, { reason: 'GitUnreachable', message: 'no' });
  expect(trail.attemptsAfter(source, source.status ?? {}, away)).toBe(source.status?.attempts);
  trail.told(`${namespace}/shop`);
  const next = trail.attemptsAfter(source, source.status ?? {}, failed(seen('ccc')));
  expect(next?.map(({ commit, interrupted }) => [commit, interrupted])).toEqual([
    [sha('ccc'), undefined],
    [sha('bbb'), true],
    [sha('aaa'), undefined],
  ]);
});

test('the seventh attempt without a record is told as soon as it has no place, once, and named by the next record', async () => {
  const trail = start();
  proxy.rule = refuse(403);
  const source = put({ attempts: [6, 5, 4, 3, 2, 1].map((number) => attempt(number, `b${number}b`, { applied: undefined })) });
  const attempts = trail.attemptsAfter(source, source.status ?? {}, failed(seen('ccc')));
  const known = put({ attempts: attempts ?? [] }, 'shop', source.metadata.uid);
  expect(lost).toEqual([]); // the status says so still
  trail.told(`${namespace}/shop`);
  trail.told(`${namespace}/shop`);
  expect(lost).toEqual([{ attempts: [sha('b1b')], error: undefined }]);
  proxy.rule = () => undefined;
  await trail.ended(known, signal);
  const all = await records();
  expect(all.map(({ revision }) => revision)).toEqual([2, 3, 4, 5, 6, 7]);
  expect(all[0].data.unrecorded).toEqual([{ commit: sha('b1b'), time: at(1) }]);
});

const six = [6, 5, 4, 3, 2, 1].map((number) => attempt(number, `b${number}b`, { applied: undefined }));

test('an outcome that could not be told takes no attempt out', () => {
  const trail = start();
  proxy.rule = refuse(403);
  const source = put({ attempts: six });
  expect(trail.attemptsAfter(source, source.status ?? {}, failed(seen('ccc')))).toHaveLength(6);
  expect(trail.attemptsAfter(source, source.status ?? {}, { kind: 'suspended' })).toBe(source.status?.attempts);
  trail.told(`${namespace}/shop`);
  expect(lost).toEqual([]);
});

test('a record that waits is made of what the status says by then', async () => {
  const trail = start();
  proxy.rule = refuse(500);
  const before = proxy.seen.filter(isCreate).length;
  const source = put({ attempts: six });
  trail.told(`${namespace}/shop`);
  await waitFor('the first was tried', () => proxy.seen.filter(isCreate).length > before);
  const attempts = trail.attemptsAfter(source, source.status ?? {}, failed(seen('ccc')));
  put({ attempts: attempts ?? [] }, 'shop', source.metadata.uid);
  let creates = 0;
  proxy.rule = (request) => (isCreate(request) && (creates += 1) === 1 ? refuse(403)(request) : undefined);
  await waitFor('all that can be are made', async () => (await records()).length === 4);
  const [oldest] = await records();
  expect(oldest.data.commit.sha).toBe(sha('b2b'));
  expect(oldest.data.unrecorded).toEqual([{ commit: sha('b1b'), time: at(1) }]);
});
