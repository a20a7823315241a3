import { expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import { type Endpoint, startEndpoint } from '../notify/endpoint.ts';
import { signatureOf } from '../../operator/notify/cloud-event.ts';
import { waitFor } from './cluster.ts';
import { startOperator } from './operator.ts';
import { web } from './pods.ts';
import { configMap, deployment, useScene } from './scene.ts';
import { getSource, waitForCondition, waitUntilApplied } from './sources.ts';

const forgeToken = 'Fg7forgetokenKq21';
const hookToken = 'Hk3hooktokenVz84';
const scene = useScene({ operator: false });

interface Told {
  readonly statuses: readonly (readonly [string, string])[];
  readonly events: readonly Json[];
}

/** What an endpoint that is a forge and takes webhooks was told, in order. */
function toldTo({ received }: Endpoint): Told {
  const parsed = received.map(({ path, body }) => ({ path, body: JSON.parse(body.toString()) }));
  return {
    statuses: parsed.filter(({ path }) => path !== '/hook').map(({ path, body }) => [path.split('/').at(-1) ?? '', body.state] as const),
    events: parsed.filter(({ path }) => path === '/hook').map(({ body }) => body),
  };
}

test('forges and webhooks hear what becomes of each revision and of drift, whatever ends meanwhile', async () => {
  const { cluster } = scene();
  const stage = await scene().stage();
  const flags = [`--namespaces=${stage.namespace}`, '--log-level=debug'];
  const endpoint = await startEndpoint();
  const events = (type: string) => toldTo(endpoint).events.filter((one) => one.type === `dev.plumbline.${type}`);
  const heard = (type: string, commit: string) =>
    waitFor(`${type} of ${commit} is told`, () => events(type).find((one) => one.data.commit.sha === commit));
  const stateOf = (commit: string) => toldTo(endpoint).statuses.findLast(([sha]) => sha === commit)?.[1];
  const allNoted = (): Promise<Json> =>
    waitFor('all that was told is noted', async () => {
      const { notify } = (await getSource(cluster, stage.namespace, 'shop')).status;
      return notify.pending === undefined && notify;
    });
  let operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags });
  try {
    await stage.kubectl('create', 'secret', 'generic', 'forge', `--from-literal=token=${forgeToken}\n`);
    const first = await stage.repo.write({ 'a.yaml': configMap('a', { round: '1' }) });
    const commitStatus = { provider: 'GitHub', apiURL: `${endpoint.url}/api`, secretRef: { name: 'forge' } };
    await stage.source({ notify: { commitStatus, webhook: { url: `${endpoint.url}/hook`, secretRef: { name: 'hook' } } } });
    const { metadata } = await waitUntilApplied(cluster, stage.namespace, 'shop', first);

    // Without its Secret the webhook is told of nothing; the source is Ready, and an event says what is missing.
    await waitFor('an event says so', async () => {
      const { items } = await cluster.request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${stage.namespace}/events`);
      return items.some(({ reason, note }: Json) => reason === 'NotifyFailed' && note.includes(`Secret ${stage.namespace}/hook`));
    });
    await stage.kubectl('create', 'secret', 'generic', 'hook', `--from-literal=token=${hookToken}`);
    await heard('revision.healthy', first);
    const [status, ...hooks] = endpoint.received;
    expect(status?.path).toBe(`/api/repos/${new URL(stage.url).pathname.slice(1).replace('.git', '')}/statuses/${first}`);
    expect(status?.headers.authorization).toBe(`Bearer ${forgeToken}`);
    expect(JSON.parse(status?.body.toString() ?? '')).toEqual({
      state: 'success',
      context: `plumbline/${stage.namespace}/shop@${metadata.uid.slice(0, 8)}`,
      description: `main@${first.slice(0, 7)} is applied and healthy`,
    });
    for (const { headers, body } of hooks) expect(headers['x-signature']).toBe(signatureOf(body, hookToken));
    expect(toldTo(endpoint).events.map(({ type }) => type)).toEqual(['dev.plumbline.revision.applied', 'dev.plumbline.revision.healthy']);

    // One that is refused, then its correction.
    const bad = await stage.repo.write({ 'web.yaml': deployment('web', 'web:2').replace('image: web:2', "image: ''") });
    await stage.request();
    expect((await heard('revision.failed', bad)).data).toMatchObject({ reason: 'ObjectRefused', commit: { ref: 'main' } });
    await waitFor('the forge knows', () => stateOf(bad) === 'failure');
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'False', reason: 'ObjectRefused' });
    const fixed = await stage.deploy({ 'web.yaml': null, 'a.yaml': configMap('a', { round: '2' }) });
    await heard('revision.healthy', fixed);

    // What somebody changes by hand.
    await stage.kubectl('patch', 'configmap', 'a', '--field-manager=kubectl-edit', '-p', '{"data":{"round":"9"}}');
    const drift = await waitFor('drift is told', () => events('drift.corrected')[0]);
    const object = `ConfigMap ${stage.namespace}/a`;
    expect(drift.data).toMatchObject({ commit: { sha: fixed }, drift: [{ object, class: 'modified', field: 'data.round' }] });

    // An endpoint that hangs holds up nothing.
    await allNoted();
    endpoint.answer = () => {};
    const last = await stage.deploy({ 'a.yaml': configMap('a', { round: '3' }) });
    await heard('revision.applied', last);
    await operator.kill('SIGKILL');
    const before = toldTo(endpoint).events.length;
    endpoint.answer = (_, response) => void response.writeHead(204).end();
    operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags });

    // Whoever comes next tells what was not heard, under the same id, and nothing that was.
    await heard('revision.healthy', last);
    await waitFor('the forge knows', () => stateOf(last) === 'success');
    const again = toldTo(endpoint).events.slice(before);
    expect(again.map(({ type, data }) => [type, data.commit.sha])).toEqual([
      ['dev.plumbline.revision.applied', last],
      ['dev.plumbline.revision.healthy', last],
    ]);
    const [one, other] = events('revision.applied').filter(({ data }) => data.commit.sha === last);
    expect([other.id, other.time]).toEqual([one.id, one.time]);
    const notify = await allNoted();
    expect(notify.told.filter(({ commit }: Json) => commit === last).map(({ to, type, result }: Json) => [to, type, result])).toEqual(
      expect.arrayContaining([
        ['Webhook', 'Applied', 'Delivered'],
        ['Webhook', 'Healthy', 'Delivered'],
        ['CommitStatus', 'Healthy', 'Delivered'],
      ]),
    );
    expect(await operator.metric('plumbline_notifications_total', { result: 'delivered' })).toBe(3);
    await waitFor('the records have it too', async () => {
      const path = `/apis/apps/v1/namespaces/${stage.namespace}/controllerrevisions?labelSelector=plumbline.dev/source=shop`;
      const { items } = await cluster.request.ok('GET', path);
      const noted = (commit: string): Json[] =>
        JSON.parse(items.find(({ data }: Json) => data.commit.sha === commit)?.metadata.annotations['plumbline.dev/notified'] ?? '[]');
      return noted(last).length === 3 && noted(bad).some(({ type }) => type === 'Failed');
    });

    // One that is deleted before it is healthy does not stay pending there, and does not wait for a forge that hangs.
    const side = await stage.repo.write({ 'web.yaml': web(1) }, { branch: 'side', parent: null });
    await stage.source({ ref: { branch: 'side' }, notify: { commitStatus } }, 'side');
    await waitFor('the forge has it as pending', () => stateOf(side) === 'pending');
    const parked: { end(): unknown }[] = [];
    endpoint.answer = (_, response) => void parked.push(response);
    await stage.kubectl('delete', 'gitopssources', 'side', '--timeout=9s');
    await waitFor('the forge hears its end', () => stateOf(side) === 'error');
    endpoint.answer = (_, response) => void response.writeHead(204).end();
    for (const response of parked) response.end();

    // A process that is told to stop notes what it told before it ends, so that the next one repeats nothing.
    const end = await stage.deploy({ 'a.yaml': configMap('a', { round: '4' }) });
    await heard('revision.healthy', end);
    await waitFor('the forge knows', () => stateOf(end) === 'success');
    await operator.stop();
    const left = (await getSource(cluster, stage.namespace, 'shop')).status.notify;
    expect(left.pending).toBeUndefined();
    const atEnd = left.told.filter(({ commit, type }: Json) => commit === end && type !== 'Pending');
    expect(atEnd.map(({ result }: Json) => result)).toEqual(['Delivered', 'Delivered', 'Delivered']);
    const lines = operator
      .output()
      .split('\n')
      .filter((line) => line.includes('"notification delivered"'));
    const logged = lines.map((line): Json => JSON.parse(line)).find(({ commit, type }) => commit === end && type === 'Applied');
    const applied = operator
      .output()
      .split('\n')
      .find((line) => line.includes('"revision applied"') && line.includes(end));
    const { walk }: Json = JSON.parse(applied ?? '');
    expect(walk).toMatch(/^\w+-\d+$/);
    expect(logged).toMatchObject({ namespace: stage.namespace, source: 'shop', walk });
    const source = JSON.stringify(await getSource(cluster, stage.namespace, 'shop'));
    for (const token of [forgeToken, hookToken]) {
      expect(operator.output()).not.toContain(token);
      expect(source).not.toContain(token);
    }
  } finally {
    await operator.stop();
    await endpoint.close();
  }
});
