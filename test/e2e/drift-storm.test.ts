import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { isSoak, seededRandom } from '../soak.ts';
import { NotYet, waitFor } from './cluster.ts';
import { pick } from './edits/mutate.ts';
import { type Operator, startOperator } from './operator.ts';
import { configMap, useScene } from './scene.ts';
import { conditionOf, getSource, waitUntilApplied } from './sources.ts';

const scene = useScene({ operator: false });
/** In a soak, leaders are killed as well, and their lease has to run out. */
const rounds = isSoak() ? 10 : 1;
const names = ['a', 'b', 'c', 'd', 'e', 'f'];
/** So many fields and managers that hardly any fights: who fights is slowed down. */
const data = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`key${index}`, 'value']));
const managers = ['kubectl-edit', 'kubectl-patch', 'kubectl-set', 'rival'];

test(
  'edits that go on while leaders stop, change and are killed are all put back, and each object stays the one it was',
  async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await stage.repo.write(Object.fromEntries(names.map((name) => [`${name}.yaml`, configMap(name, data)])));
    await stage.source({ interval: '10m' });
    const flags = ['--leader-elect=true', `--leader-election-namespace=${stage.namespace}`];
    const start = (more: readonly string[] = []): Promise<Operator> =>
      startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags: [...flags, ...more] });
    const path = `/api/v1/namespaces/${stage.namespace}/configmaps`;
    const get = (name: string): Promise<Json> => cluster.request.get(`${path}/${name}`);

    let leader = await start();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    let standby = await start();
    const uids = Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await get(name)).metadata.uid])));

    const random = seededRandom(3);
    const over = new AbortController();
    let edits = 0;
    const storm = (async () => {
      for (; !over.signal.aborted; edits += 1) {
        const name = pick(names, random);
        const key = pick(Object.keys(data), random);
        const body = { data: { [key]: random() < 0.5 ? `by hand ${edits}` : null } };
        await cluster.request.ok('PATCH', `${path}/${name}?fieldManager=${pick(managers, random)}`, { body });
        await sleep(20 + random() * 60);
      }
    })();
    /** Until somebody puts something back: who leads does so. */
    const untilCorrected = (operator: Operator): Promise<unknown> =>
      waitFor('edits are put back', async () => ((await operator.metric('plumbline_drift_corrections_total')) ?? 0) > 0, 40_000);

    for (let round = 0; round < rounds; round += 1) {
      await untilCorrected(leader);
      await leader.stop(); // gives the lease away
      await untilCorrected(standby);
      await standby.kill('SIGKILL');
      if (isSoak()) {
        // Once the lease of the dead one is over; whichever asks first then.
        const [one, other] = [await start(), await start()];
        const leads = async (operator: Operator): Promise<boolean> => (await operator.metric('plumbline_leader')) === 1;
        leader = await waitFor('one of them leads', async () => ((await leads(one)) ? one : (await leads(other)) ? other : undefined));
        standby = leader === one ? other : one;
      } else {
        leader = await start(['--leader-elect=false']);
      }
    }
    await untilCorrected(leader);
    over.abort();
    await storm;
    await waitFor(
      'everything is as git says, and that is told',
      async () => {
        const values = await Promise.all(names.map(async (name) => (await get(name)).data));
        const drifted = conditionOf(await getSource(cluster, stage.namespace, 'shop'), 'Drifted');
        if (values.some((value) => !isDeepStrictEqual(value, data)) || drifted?.reason !== 'InSync') throw new NotYet({ values, drifted });
        return true;
      },
      60_000,
    );
    expect(Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await get(name)).metadata.uid])))).toEqual(uids);
    expect(edits).toBeGreaterThan(names.length);
    await Promise.all([leader.stop(), standby.stop()]);
  },
  isSoak() ? 1_800_000 : 180_000,
);

test('ten edits of a ConfigMap, each of another key, are put back at once, however many went before', async () => {
  const { cluster } = scene();
  const stage = await scene().stage();
  const commit = await stage.repo.write({ 'a.yaml': configMap('a', data) });
  await stage.source({ interval: '10m' });
  await using _operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
  await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  const path = `/api/v1/namespaces/${stage.namespace}/configmaps/a`;
  const began = Date.now();
  for (const key of Object.keys(data).slice(0, 10)) {
    await cluster.request.ok('PATCH', path, { body: { data: { [key]: 'other' } } });
    await waitFor('it is back', async () => (await cluster.request.ok('GET', path)).data[key] === 'value');
  }
  expect(Date.now() - began).toBeLessThan(15_000); // paced for the source as one, they took 31 s and more
});
