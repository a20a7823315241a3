import { afterAll, expect, test } from '@jest/globals';
import type { GitOpsSource } from '../../operator/api/types.ts';
import { createLogger } from '../../operator/log.ts';
import { DriftWatch } from '../../operator/reconcile/drift-watch.ts';
import type { DriftWatchOptions } from '../../operator/reconcile/drift-watch.ts';
import type { DriftReport } from '../../operator/report/drift.ts';
import { useCluster, waitFor } from '../e2e/cluster.ts';
import { startAlteringProxy } from '../kube/altering-proxy.ts';
import { clientOf, configMaps } from '../kube/clients.ts';
import { member } from '../plan/made.ts';

const cluster = useCluster();
const closing: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closing.map((close) => close())));

test('what left the watch of a suspended source is looked up until the API server says, and then told', async () => {
  const namespace = await cluster().namespace('drift-watch');
  const proxy = await startAlteringProxy(cluster().admin);
  const client = clientOf(proxy.credentials);
  let refusals = 2;
  proxy.rule = () =>
    (refusals -= 1) < 0
      ? undefined
      : { code: 403, body: { kind: 'Status', status: 'Failure', code: 403, reason: 'Forbidden', message: 'not yet' } };
  const source = {
    metadata: { namespace, name: 'shop' },
    spec: { suspend: true, drift: { mode: 'Correct' } },
  } as unknown as GitOpsSource;
  const told: DriftReport[] = [];
  const options = {
    env: { client, now: () => 0, inventory: { isStated: () => true, membersOf: () => [], find: () => undefined } },
    store: { get: () => source },
    teller: { waitOf: () => 0, drift: (_source: GitOpsSource, report: DriftReport) => Promise.resolve(told.push(report) > 0) },
    log: { of: () => createLogger({ level: 'error', write: () => {}, now: () => 0 }) },
    random: () => 0.9,
    isWalking: () => false,
  } as unknown as DriftWatchOptions;
  const watch = new DriftWatch(options);
  closing.push(async () => {
    watch.stop();
    await client.close();
    await proxy.close();
  });
  const gone = member({ namespace }, { resource: configMaps });
  await Promise.all([watch.lookUp(`${namespace}/shop`, gone), watch.lookUp(`${namespace}/shop`, gone)]);
  expect(proxy.seen.length).toBe(3);
  await waitFor('it is told', () => told.length > 0);
  expect(told[0]?.items).toMatchObject([{ id: gone.id, class: 'missing', since: '1970-01-01T00:00:00.000Z' }]);
});
