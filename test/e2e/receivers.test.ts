import { describe, expect, test } from '@jest/globals';
import { type Push, bitbucketCloud, everyForge, generic, github } from '../web/receivers/payloads.ts';
import type { Delivery } from '../web/receivers/payloads.ts';
import { waitFor } from './cluster.ts';
import { type Operator, startOperator } from './operator.ts';
import { isWrite, startProxy, writeText } from './proxy.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { getSource, patchSource, waitUntilApplied } from './sources.ts';

const token = 'Hq5receivertokenTn82';
/** Nothing but a hint makes these sources ask in time. */
const spec = { interval: '10m', ref: { branch: 'main' }, receiver: { secretRef: { name: 'hook' } } };

async function send(operator: Operator, path: string, { headers, body }: Delivery): Promise<number> {
  return (await fetch(`${operator.webhookUrl}${path}`, { method: 'POST', headers, body })).status;
}

describe('a source with a receiver', () => {
  const scene = useScene({ flags: ['--log-level=debug'] });

  async function deployed(more: object = {}): Promise<{ readonly stage: Stage; readonly push: Push; readonly path: string }> {
    const stage = await scene().stage();
    await stage.kubectl('create', 'secret', 'generic', 'hook', `--from-literal=token=${token}`);
    const commit = await stage.repo.write({ 'a.yaml': configMap('a', { round: '0' }) });
    await stage.source({ ...spec, ...more });
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    return { stage, push: { url: stage.url, ref: 'refs/heads/main', token }, path: `/hooks/${stage.namespace}/shop` };
  }
  const statusOf = async (stage: Stage, name = 'shop') => (await getSource(scene().cluster, stage.namespace, name)).status;

  test('is applied right after a push that any forge tells', async () => {
    const { cluster, operator } = scene();
    const { stage, push, path } = await deployed();
    for (const [round, [, tell]] of everyForge.entries()) {
      const commit = await stage.repo.write({ 'a.yaml': configMap('a', { round: String(round + 1) }) });
      expect(await send(operator, path, tell(push))).toBe(202);
      await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 10_000);
    }
    const { history } = await statusOf(stage);
    expect(history).toHaveLength(everyForge.length + 1);
    // What was asked is git alone: nothing was written to the source for it.
    expect((await getSource(cluster, stage.namespace, 'shop')).metadata.annotations).not.toHaveProperty(['plumbline.dev/requestedAt']);
  });

  test('has its remote asked once, which wakes every source of it, and so with other credentials and by another URL', async () => {
    const { cluster, git, operator } = scene();
    const { stage, push, path } = await deployed();
    const [other, otherwise] = [await scene().stage(), await scene().stage()];
    await other.source({ url: stage.url, interval: '10m', ref: { branch: 'main' } });
    await otherwise.kubectl('create', 'secret', 'generic', 'git', '--from-literal=username=ada', '--from-literal=password=of-her-own');
    const auth = { secretRef: { name: 'git' } };
    await otherwise.source({ url: `${stage.url}/`, interval: '10m', ref: { branch: 'main' }, auth });
    const first = (await statusOf(stage)).revision.applied.commit;
    for (const { namespace } of [other, otherwise]) await waitUntilApplied(cluster, namespace, 'shop', first);
    const commit = await stage.repo.write({ 'a.yaml': configMap('a', { round: '1' }) });
    const before = git.counts.lsRefs;
    expect(await send(operator, path, github(push))).toBe(202);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 10_000);
    for (const { namespace } of [other, otherwise]) await waitUntilApplied(cluster, namespace, 'shop', commit, 10_000);
    expect(git.counts.lsRefs - before).toBe(2);
  });

  test('is hinted at by what another source of its remote follows, and by nothing else', async () => {
    const { cluster, git, operator } = scene();
    const { stage, push, path } = await deployed();
    const other = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('b', { round: '0' }) }, { branch: 'staging' });
    await other.source({ url: stage.url, interval: '10m', ref: { branch: 'staging' } });
    await waitFor('staging is applied', async () => (await statusOf(other))?.revision?.applied?.commit);
    const before = git.counts.lsRefs;
    expect(await send(operator, path, github({ ...push, ref: 'refs/heads/feature' }))).toBe(202);
    expect(await send(operator, path, github({ ...push, url: 'https://git.example.com/acme/other.git' }))).toBe(202);
    expect(await send(operator, path, github(push, 'ping'))).toBe(202);
    const commit = await stage.repo.write({ 'a.yaml': configMap('b', { round: '1' }) }, { branch: 'staging' });
    expect(await send(operator, path, bitbucketCloud({ ...push, ref: 'refs/heads/staging' }))).toBe(202);
    await waitUntilApplied(cluster, other.namespace, 'shop', commit, 10_000);
    expect(git.counts.lsRefs - before).toBe(1);
  });

  test('takes a replay as it took the first: nothing happens that git does not say', async () => {
    const { cluster, operator } = scene();
    const { stage, push, path } = await deployed();
    const commit = await stage.repo.write({ 'a.yaml': configMap('a', { round: '1' }) });
    const delivery = github(push);
    expect(await send(operator, path, delivery)).toBe(202);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 10_000);
    const before = await getSource(cluster, stage.namespace, 'shop');
    for (let count = 0; count < 5; count += 1) expect(await send(operator, path, delivery)).toBe(202);
    const asked = await operator.metric('plumbline_git_requests_total', { result: 'success' });
    await waitFor('the remote was asked again', async () => {
      await send(operator, path, delivery);
      return ((await operator.metric('plumbline_git_requests_total', { result: 'success' })) ?? 0) > (asked ?? 0);
    });
    expect(await getSource(cluster, stage.namespace, 'shop')).toEqual(before);
  });

  test('lets nobody in without the token; a Secret that is made or rotated counts within seconds', async () => {
    const { operator } = scene();
    const { stage, push, path } = await deployed({ receiver: { secretRef: { name: 'later' } } });
    const statuses = await Promise.all([
      send(operator, path, github({ ...push, token: 'wrong' })),
      send(operator, path, github({ ...push, token: '' })),
      send(operator, path, { headers: {}, body: '' }),
      send(operator, path, github(push)), // its Secret is not there
      send(operator, `/hooks/${stage.namespace}/none`, github(push)),
      send(operator, '/hooks/none/shop', github(push)),
    ]);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 401]);
    await stage.kubectl('create', 'secret', 'generic', 'later', '--from-literal=token=old');
    await waitFor('the Secret is known', async () => (await send(operator, path, generic({ ...push, token: 'old' }))) === 202, 15_000);
    await stage.kubectl('patch', 'secret', 'later', '-p', '{"stringData":{"token":"new\\n"}}');
    await waitFor('the new token is known', async () => (await send(operator, path, generic({ ...push, token: 'new' }))) === 202, 15_000);
    expect(await send(operator, path, generic({ ...push, token: 'old' }))).toBe(401);
  });

  test('that is suspended, or follows one commit, is not asked for', async () => {
    const { cluster, git, operator } = scene();
    const { stage, push, path } = await deployed();
    await patchSource(cluster, stage.namespace, 'shop', { spec: { suspend: true } });
    await waitFor('it is suspended', async () =>
      (await statusOf(stage)).conditions.some(({ reason }: { reason: string }) => reason === 'Suspended'),
    );
    const before = git.counts.lsRefs;
    expect(await send(operator, path, github(push))).toBe(202);
    expect(git.counts.lsRefs - before).toBe(0);
    const pinned = await deployed();
    await patchSource(cluster, pinned.stage.namespace, 'shop', {
      spec: { ref: { branch: null, commit: await pinned.stage.repo.tip('main') } },
    });
    await waitFor('the commit is followed', async () => (await statusOf(pinned.stage)).observedGeneration === 2);
    const second = git.counts.lsRefs;
    expect(await send(operator, pinned.path, generic(pinned.push))).toBe(202);
    expect(git.counts.lsRefs - second).toBe(0);
  });

  test('shows its token nowhere', () => {
    const half = token.slice(0, 10);
    expect(scene().operator.output()).not.toContain(half);
    expect(scene().operator.output()).toContain('webhook accepted');
  });
});

describe('a replica that does not lead', () => {
  const scene = useScene({ operator: false });

  test('authenticates a hint and passes it on to the leader; that is all that it writes', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await stage.kubectl('create', 'secret', 'generic', 'hook', `--from-literal=token=${token}`);
    const flags = ['--leader-elect=true', `--leader-election-namespace=${stage.namespace}`, `--namespaces=${stage.namespace}`];
    await using leader = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags });
    const lease = `/apis/coordination.k8s.io/v1/namespaces/${stage.namespace}/leases/plumbline`;
    await waitFor('the first one leads', async () => (await cluster.request.get(lease))?.spec?.holderIdentity);
    const proxy = await startProxy(cluster, 'standby');
    try {
      await using standby = await startOperator({ kubeconfigPath: proxy.kubeconfigPath, flags });
      const files = (round: string) => ({ 'a.yaml': configMap('a', { round }), 'other/b.yaml': configMap('b', { round }) });
      const first = await stage.repo.write(files('1'));
      await stage.source({ ...spec, exclude: ['other/**'] });
      await waitUntilApplied(cluster, stage.namespace, 'shop', first);
      await stage.kubectl('create', 'secret', 'generic', 'git', '--from-literal=username=ada', '--from-literal=password=of-her-own');
      await stage.source({ ...spec, path: './other', auth: { secretRef: { name: 'git' } } }, 'other');
      await waitUntilApplied(cluster, stage.namespace, 'other', first);
      const push = { url: stage.url, ref: 'refs/heads/main', token };
      const path = `/hooks/${stage.namespace}/shop`;
      const commit = await stage.repo.write(files('2'));
      expect(await send(standby, path, github({ ...push, token: 'wrong' }))).toBe(401);
      expect(await send(standby, path, github({ ...push, ref: 'refs/heads/other' }))).toBe(202);
      expect(proxy.seen.filter(isWrite)).toEqual([]);
      expect(await send(standby, path, github(push))).toBe(202);
      await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 10_000);
      await waitUntilApplied(cluster, stage.namespace, 'other', commit, 10_000);
      expect(proxy.seen.filter(isWrite).map(writeText)).toEqual(['PATCH gitopssources/shop']);
      expect(await send(leader, path, github(push))).toBe(202);
    } finally {
      await proxy.close();
    }
  });
});
