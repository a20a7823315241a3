import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { type AlteringProxy, type Seen, startAlteringProxy } from '../kube/altering-proxy.ts';
import { isSoak, seededRandom } from '../soak.ts';
import type { Audit, AuditEvent } from './audit.ts';
import { type Cluster, NotYet, waitFor } from './cluster.ts';
import { startOperator } from './operator.ts';
import { configMap, deployment, useScene } from './scene.ts';
import { conditionOf, getSource, waitUntilApplied } from './sources.ts';

const scene = useScene({ operator: false });
const rounds = isSoak() ? 500 : 20;
const seed = Number(process.env['PLUMBLINE_FAULTS_SEED'] ?? 1);

/** What the way to the API server does wrong while the rounds last. */
function misbehave(proxy: AlteringProxy, random: () => number): void {
  proxy.rule = ({ url }: Seen) => {
    const dice = random();
    if (url.includes('/leases')) return undefined;
    if (url.includes('watch=') || url.includes('allowWatchBookmarks')) {
      if (dice < 0.15) return { code: 410, body: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } };
      if (dice < 0.25) return { code: 429, headers: { 'retry-after': '1' } };
      if (dice < 0.35) return 'cut';
      if (dice < 0.42) return { delay: 300 * random() };
      return dice < 0.8 ? { shuffle: random, dropsBookmarks: random() < 0.5 } : undefined;
    }
    if (dice < 0.04) return { code: 503 };
    if (dice < 0.08) return { code: 429, headers: { 'retry-after': '1' } };
    if (dice < 0.12) return 'cut';
    if (dice < 0.16) return 'cut-after';
    return dice < 0.3 ? { delay: 200 * random() } : undefined;
  };
}

const textOf = ({ verb, requestURI, responseStatus }: AuditEvent): string => `${verb} ${requestURI} ${responseStatus?.code}`;

/** What the operator writes to tell: the status of a source, and the records of the audit trail. */
const told: Readonly<Record<string, string>> = { gitopssources: '/apis/plumbline.dev/v1', controllerrevisions: '/apis/apps/v1' };

/** The resource version of each of these lists. */
async function versionsOf(cluster: Cluster, namespace: string): Promise<Record<string, string>> {
  const versions: Record<string, string> = {};
  for (const [resource, path] of Object.entries(told)) {
    const list = await cluster.request.ok('GET', `${path}/namespaces/${namespace}/${resource}?limit=1`);
    versions[resource] = list.metadata.resourceVersion;
  }
  return versions;
}

/** Every change since a version: a write that changes nothing has no event. */
async function changesSince(cluster: Cluster, namespace: string, resource: string, version: string): Promise<string[]> {
  const path = `${told[resource]}/namespaces/${namespace}/${resource}?watch=1&timeoutSeconds=1&resourceVersion=${version}`;
  const lines = (await cluster.kubectl('get', '--raw', path)).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { type, object }: Json = JSON.parse(line);
    return `${type} ${object.metadata.name} ${object.metadata.resourceVersion}`;
  });
}

const closing: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(closing.map((close) => close())));

const quietMs = 6_000; // longer than the interval, and than corrections are added up for the trail

/** Waits until the operator wrote nothing in a namespace for a while (events aside), and gives what it wrote before. */
async function waitUntilQuiet(audit: Audit, namespace: string): Promise<AuditEvent[]> {
  const from = Date.now();
  return await waitFor(
    `nothing is written for ${quietMs} ms`,
    async () => {
      const writes = (await audit.events()).filter(({ verb, objectRef, userAgent }) => {
        const isWrite = userAgent?.startsWith('plumbline/') === true && !/^(get|list|watch)$/.test(verb);
        return isWrite && objectRef?.namespace === namespace && objectRef.resource !== 'events';
      });
      const last = Math.max(from, ...writes.map(({ stageTimestamp }) => Date.parse(stageTimestamp)));
      if (Date.now() - last < quietMs) throw new NotYet(writes.map((write) => `${write.stageTimestamp} ${textOf(write)}`));
      return writes;
    },
    60_000,
  );
}

test(
  `${rounds} revisions and edits over a broken way to the API server end as git says, seed ${seed}`,
  async () => {
    const { cluster, git } = scene();
    void git;
    const random = seededRandom(seed);
    const proxy = await startAlteringProxy(cluster.admin);
    closing.push(() => proxy.close());
    const kubeconfigPath = join(cluster.workDir, 'faults.kubeconfig');
    const context = { name: 'faults', context: { cluster: 'faults', user: 'faults' } };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'faults', cluster: { server: proxy.credentials.server } }],
      users: [{ name: 'faults', user: {} }],
      contexts: [context],
      'current-context': 'faults',
    };
    await writeFile(kubeconfigPath, JSON.stringify(config));
    const stage = await scene().stage();
    await stage.repo.write({ 'web.yaml': deployment('web'), 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    await stage.source({ interval: '5s', health: { wait: false } });
    await using _operator = await startOperator({ kubeconfigPath });
    let last = (await stage.repo.tip('main')) ?? '';
    await waitUntilApplied(cluster, stage.namespace, 'shop', last);
    misbehave(proxy, random);
    const configMaps = `/api/v1/namespaces/${stage.namespace}/configmaps`;
    const web = `/apis/apps/v1/namespaces/${stage.namespace}/deployments/web`;
    let value = '';
    for (let round = 0; round < rounds; round += 1) {
      const dice = random();
      if (dice < 0.35) {
        value = `v${round}`;
        last = await stage.repo.write({ 'a.yaml': configMap('a', { key: value }) });
        await stage.request();
      } else if (dice < 0.6)
        await cluster.request.raw('PATCH', `${configMaps}/a?fieldManager=kubectl-patch`, { body: { data: { key: `hand-${round}` } } });
      else if (dice < 0.75)
        await cluster.request.raw('PATCH', `${web}/scale?fieldManager=kubectl`, { body: { spec: { replicas: (round % 3) + 1 } } });
      else if (dice < 0.9) await cluster.request.raw('DELETE', `${configMaps}/b`);
      else if (dice < 0.95) proxy.cut();
      else proxy.silence();
      await new Promise((resolve) => setTimeout(resolve, random() * 300));
    }
    proxy.rule = () => undefined;
    // Silence is ended by the watches' own deadline of 90 s; that is waited for in the soak, and shown for one watch by
    // test/kube/reflector.test.ts.
    if (isSoak()) proxy.silence();
    else proxy.cut();
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', last, isSoak() ? 300_000 : 90_000);
    await waitFor(
      'the cluster is as git says, and so is the status',
      async () => {
        const [a, b] = [await cluster.request.get(`${configMaps}/a`), await cluster.request.get(`${configMaps}/b`)];
        const deployed = await cluster.request.get(web);
        const source = await getSource(cluster, stage.namespace, 'shop');
        const seen: Json = {
          a: a?.data,
          b: b?.data,
          replicas: deployed?.spec.replicas,
          drifted: conditionOf(source, 'Drifted'),
          drift: source.status.drift,
        };
        if (seen.a?.key !== (value || 'value') || seen.b?.key !== 'value' || seen.replicas !== 0 || seen.drifted?.status !== 'False')
          throw new NotYet(seen);
        return true;
      },
      // Hundreds of edits are a fight, which is over once the field was left alone for twice as long as was waited.
      isSoak() ? 600_000 : 90_000,
    );
    const versions = await versionsOf(cluster, stage.namespace);
    const audit = await cluster.audit();
    const writes = await waitUntilQuiet(audit, stage.namespace);
    // What was still to be told was told once: no write left its object as it was.
    for (const [resource, version] of Object.entries(versions)) {
      const ofOurs = writes.filter(
        ({ objectRef, responseStatus }) => objectRef?.resource === resource && (responseStatus?.code ?? 500) < 300,
      );
      const changes = await changesSince(cluster, stage.namespace, resource, version);
      expect({ resource, needless: Math.max(ofOurs.length - changes.length, 0), ofOurs: ofOurs.map(textOf), changes }).toMatchObject({
        needless: 0,
      });
    }
    const created = writes.filter(({ verb }) => verb === 'create').map(({ objectRef }) => `${objectRef?.resource}/${objectRef?.name}`);
    expect(created).toEqual([...new Set(created)]);
    // All objects were as git says before.
    expect(writes.filter(({ objectRef }) => !((objectRef?.resource ?? '') in versions)).map(textOf)).toEqual([]);
  },
  isSoak() ? 1_800_000 : 240_000,
);
