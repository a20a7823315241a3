import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { GitOpsSource, Notification } from '../../operator/api/types.ts';
import type { ConnectedClient } from '../../operator/kube/connect.ts';
import { isNewer } from '../../operator/kube/versions.ts';
import type { Logger } from '../../operator/log.ts';
import { SourceLog } from '../../operator/reconcile/source-log.ts';
import { Teller } from '../../operator/reconcile/teller.ts';
import { Trail } from '../../operator/reconcile/trail.ts';
import type { DriftItem } from '../../operator/report/drift.ts';
import { createMetrics } from '../../operator/report/metrics.ts';
import { useCluster } from '../e2e/cluster.ts';
import { applySource, getSource } from '../e2e/sources.ts';
import { type AlteringProxy, startAlteringProxy } from '../kube/altering-proxy.ts';
import { clientOf } from '../kube/clients.ts';
import { at } from '../report/outcomes.ts';

const cluster = useCluster();
const { signal } = new AbortController();
const quiet = (): void => {};
const log: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const metrics = createMetrics({ version: 'test' });
let proxy: AlteringProxy;
let client: ConnectedClient;
let namespace = '';
let key = '';
let sources: Map<string, GitOpsSource>;
let offered: GitOpsSource[];
let events: string[];

beforeAll(async () => {
  proxy = await startAlteringProxy(cluster().admin);
  client = clientOf(proxy.credentials);
});
afterAll(async () => {
  await client.close();
  await proxy.close();
});
beforeEach(async () => {
  namespace = await cluster().namespace('teller');
  key = `${namespace}/shop`;
  [sources, offered, events] = [new Map(), [], []];
  proxy.rule = () => undefined;
  const notify = { webhook: { url: 'https://hooks.example.com', secretRef: { name: 'hook' } } };
  const spec = { url: 'https://git.example.com/shop.git', drift: { mode: 'Report' }, notify };
  sources.set(key, (await applySource(cluster(), { namespace, name: 'shop', spec })) as GitOpsSource);
});

/** The voice of one process, over sources that are kept here as their watch tells them. */
function start(): Teller {
  const store = { get: (one: string) => sources.get(one), all: () => [...sources.values()] };
  const logs = new SourceLog({ log, source: store.get, prefix: 'test' });
  const trail = new Trail({
    client,
    store,
    log,
    sources: logs,
    namespaces: [namespace],
    retentionMs: 60_000,
    now: Date.now,
    onLost: quiet,
  });
  return new Teller({
    client,
    store: { ...store, noteWritten },
    recorder: { record: ({ reason, note }) => void events.push(`${reason} ${note}`) },
    trail,
    notifier: { offer: (source) => void offered.push(source), forget: quiet, dropped: quiet },
    metrics,
    log: logs,
    now: () => at(9),
  });
}

/** As the store does: what is newer is known already. */
function noteWritten(source: GitOpsSource): void {
  const known = sources.get(key);
  const versions = [source.metadata.resourceVersion ?? '', known?.metadata.resourceVersion ?? ''] as const;
  if (known !== undefined && isNewer(...versions)) sources.set(key, source);
}

const current = (): GitOpsSource => sources.get(key) ?? ({} as GitOpsSource);
const deployment = (name: string) => ({ group: 'apps', version: 'v1', kind: 'Deployment', namespace: 'shop', name });
const items = (count: number): readonly DriftItem[] =>
  Array.from({ length: count }, (_, index) => ({
    id: deployment(`web-${index}`),
    uid: `u${index}`,
    class: 'modified',
    manager: 'kubectl-edit',
    since: at(1),
    field: index === 0 ? `metadata.annotations.${'x'.repeat(1_100)}` : 'spec.replicas',
  }));
const report = (count: number) => ({ mode: 'Report', items: items(count), fights: [] }) as const;
const pending = async (): Promise<readonly Notification[]> => (await getSource(cluster(), namespace, 'shop')).status.notify.pending;
const seriesOf = async (): Promise<string> => Buffer.concat((await metrics.scrape()).body).toString();

test('of drift that was told, more than the status lists as well, the next process tells nothing again', async () => {
  await start().drift(current(), report(30), signal);
  const [first, ...none] = await pending();
  expect([first?.type, first?.drift?.length, first?.moreDrift, none]).toEqual(['Drifted', 10, 20, []]);
  expect(events).not.toEqual([]);
  events = [];
  const next = start();
  await next.drift(current(), report(30), signal);
  expect([await pending(), events]).toEqual([[first], []]);
  await next.drift(current(), report(31), signal);
  const last = (await pending()).at(-1);
  expect(last?.drift?.map(({ object }) => object)).toEqual(['Deployment shop/web-30']);
  expect(events.length).toBeGreaterThan(0);
  for (const event of events) expect(event).toContain('web-30');
});

test('what may wait is told a second after the last patch at the earliest', async () => {
  const teller = start();
  expect(await teller.drift(current(), report(1), signal)).toBe(true);
  expect(await teller.drift(current(), report(2), signal)).toBe(false);
  expect((await getSource(cluster(), namespace, 'shop')).status.drift).toHaveLength(1);
  expect(teller.waitOf(key)).toBeGreaterThan(0);
});

describe('a source that goes while something is told of it', () => {
  const goes = (teller: Teller): void => {
    teller.leaving(current());
    sources.delete(key);
    teller.forget(key);
    metrics.removeSource(key);
    offered = [];
  };
  const isPatch = ({ method, url }: { readonly method: string; readonly url: string }): boolean =>
    method === 'PATCH' && url.includes('/shop/status');

  test('is offered to nobody once more, and leaves no series', async () => {
    const teller = start();
    proxy.rule = (request) => void (isPatch(request) && goes(teller));
    await teller.drift(current(), report(1), signal);
    expect(offered).toEqual([]);
    expect(await seriesOf()).not.toContain(namespace);
  });

  test('and another one of its name came: that one is not told of what was the old one’s', async () => {
    const teller = start();
    const old = current();
    const another = { ...old, metadata: { ...old.metadata, uid: 'another', resourceVersion: '9'.repeat(12) } };
    proxy.rule = (request) => void (isPatch(request) && sources.set(key, another));
    await teller.drift(old, report(1), signal);
    expect([offered, current()]).toEqual([[], another]);
  });

  test.each([403, 404])('leaves no series where it is answered with %d', async (code) => {
    const teller = start();
    proxy.rule = (request) => {
      if (!isPatch(request)) return undefined;
      sources.delete(key); // and what forgets it has run by then
      return { code, body: { kind: 'Status', message: 'the test says no' } };
    };
    const telling = teller.drift(current(), report(1), signal);
    await (code === 404 ? telling : expect(telling).rejects.toThrow('the test says no'));
    expect(offered).toEqual([]);
    expect(await seriesOf()).not.toContain(namespace);
  });

  test('one that stays keeps them', async () => {
    proxy.rule = (request) => (isPatch(request) ? { code: 403, body: { kind: 'Status', message: 'the test says no' } } : undefined);
    await expect(start().drift(current(), report(1), signal)).rejects.toThrow('the test says no');
    expect(await seriesOf()).toContain(namespace);
    metrics.removeSource(key);
  });
});
