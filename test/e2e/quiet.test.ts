import { describe, expect, test } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import type { AuditEvent } from './audit.ts';
import { NotYet, waitFor } from './cluster.ts';
import { startOperator } from './operator.ts';
import { type Stage, configMap, deployment, useScene, appliedStage } from './scene.ts';
import { conditionOf, getSource, patchSource, waitForCondition, waitUntilApplied } from './sources.ts';

/** What the operator asked of the API server, its watches and leases aside. */
function ofOperator(events: readonly AuditEvent[]): readonly string[] {
  return events
    .filter(
      (event) => event.userAgent?.startsWith('plumbline/') === true && event.verb !== 'watch' && event.objectRef?.resource !== 'leases',
    )
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

const isWrite = (text: string): boolean => !/^(get|list|watch) /.test(text);

describe('a cluster that is as git says', () => {
  const scene = useScene({ operator: false });

  test('costs no request at any poll, and no write at a restart of the operator', async () => {
    const { cluster } = scene();
    const stages = await Promise.all([scene().stage(), scene().stage()]);
    const files = { 'web.yaml': deployment('web'), 'a.yaml': configMap('a', {}, '  labels: {team: shop}\n') };
    await Promise.all(stages.map((stage) => stage.repo.write(files)));
    await Promise.all(stages.map((stage) => stage.source()));
    const secret = await stages[0].kubectl('create', 'secret', 'generic', 'git', '--from-literal=bearerToken=none');
    expect(secret).toContain('created');
    await patchSource(cluster, stages[0].namespace, 'shop', { spec: { auth: { secretRef: { name: 'git' } } } });
    const operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
    try {
      for (const stage of stages) await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
      await waitFor('the events are out', async () => (await stages[1].kubectl('get', 'events', '-o', 'name')).includes('shop'));
      const polls = async (): Promise<number> => (await operator.metric('plumbline_git_requests_total', { result: 'success' })) ?? 0;
      // What is still looked at behind the revisions ends; then nothing begins.
      let [audit, before] = [await cluster.audit(), await polls()];
      await waitFor('the remotes were asked twice each without a request', async () => {
        const asked = (await polls()) - before;
        const requests = ofOperator(await audit.events());
        if (requests.length > 0) [audit, before] = [await cluster.audit(), await polls()];
        if (asked < 4 || requests.length > 0) throw new NotYet(`${asked} polls, and ${requests.join(', ')}`);
        return true;
      });
    } finally {
      await operator.stop();
    }

    const before = await Promise.all(stages.map((stage) => getSource(cluster, stage.namespace, 'shop')));
    const audit = await cluster.audit();
    await using again = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, flags: ['--log-level=debug'] });
    await waitFor('each source was walked', () => again.logs().filter((line) => line['message'] === 'nothing to do').length >= 2);
    expect(ofOperator(await audit.events()).filter(isWrite)).toEqual([]);
    expect(await Promise.all(stages.map((stage) => getSource(cluster, stage.namespace, 'shop')))).toEqual(before);
  });
});

describe('what somebody changes by hand', () => {
  const scene = useScene();

  const applied = (files: Readonly<Record<string, string>>, spec = {}): Promise<Stage> => appliedStage(scene(), files, spec);
  const get = (stage: Stage, name: string): Promise<Json> => stage.get('configmap', name);
  const entryOf = (object: Json): Json =>
    object.metadata.managedFields.find((one: Json) => one.manager === 'plumbline' && one.operation === 'Apply');
  const patch = (stage: Stage, name: string, body: object): Promise<string> =>
    stage.kubectl('patch', 'configmap', name, '--type=merge', '-p', JSON.stringify(body));

  test('an object whose managedFields were cleared is applied again, so that proof of ownership returns', async () => {
    const stage = await applied({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    const before = await get(stage, 'a');
    const other = await get(stage, 'b');
    await patch(stage, 'a', { metadata: { managedFields: [{}] } });
    const after = await waitFor('our entry is back', async () => {
      const a = await get(stage, 'a');
      return entryOf(a) !== undefined && a;
    });
    expect(entryOf(after).fieldsV1).toEqual(entryOf(before).fieldsV1);
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect((await get(stage, 'b')).metadata.resourceVersion).toBe(other.metadata.resourceVersion);
    await stage.deploy({ 'a.yaml': null });
    expect(await get(stage, 'a')).toBeUndefined();
  });

  test('a hash, or the label, is put right, with the commit that is applied', async () => {
    const stage = await applied({ 'a.yaml': configMap('a') });
    const { annotations, labels } = (await get(stage, 'a')).metadata;
    await stage.kubectl('annotate', 'configmap', 'a', 'plumbline.dev/hash=v1:none', '--overwrite');
    await waitFor(
      'the hash is back',
      async () => (await get(stage, 'a')).metadata.annotations['plumbline.dev/hash'] === annotations['plumbline.dev/hash'],
    );
    await stage.kubectl('label', 'configmap', 'a', 'applyset.kubernetes.io/part-of-');
    await waitFor('the label is back', async () => {
      const found = (await get(stage, 'a')).metadata.labels?.['applyset.kubernetes.io/part-of'];
      return found === labels['applyset.kubernetes.io/part-of'];
    });
    expect((await get(stage, 'a')).metadata.annotations).toEqual(annotations);
  });

  test('a member that was deleted comes back at once', async () => {
    const stage = await applied({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') }, { interval: '10m' });
    const { uid } = (await get(stage, 'a')).metadata;
    await stage.kubectl('delete', 'configmap', 'a');
    const back = await waitFor('a is back', () => get(stage, 'a'), 3_000);
    expect(back.metadata.uid).not.toBe(uid);
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True', message: /1 created/ });
  });

  test('commit and origin are true as of the last change of the manifest, and no reason to write', async () => {
    const stage = await applied({ 'all.yaml': `${configMap('a')}---\n${configMap('b')}` });
    const first = (await stage.repo.tip('main')) ?? '';
    const before = await get(stage, 'b');
    // b moves two lines down; another commit states the same YAML.
    const second = await stage.deploy({ 'all.yaml': `${configMap('a', { key: 'next', more: 'lines' })}---\n${configMap('b')}` });
    const third = await stage.deploy({ 'README.md': 'nothing of the cluster\n' });
    expect(await get(stage, 'b')).toEqual(before);
    expect(before.metadata.annotations).toMatchObject({ 'plumbline.dev/commit': first, 'plumbline.dev/origin': 'all.yaml:8' });
    expect((await get(stage, 'a')).metadata.annotations).toMatchObject({
      'plumbline.dev/commit': second,
      'plumbline.dev/origin': 'all.yaml:1',
    });
    const { revision, history } = (await getSource(scene().cluster, stage.namespace, 'shop')).status;
    expect(revision).toMatchObject({ observed: { commit: third }, attempted: { commit: third }, applied: { commit: third } });
    expect(history.map((entry: Json) => entry.commit)).toEqual([third, second, first]);
    // Written by us, those two go with the manifest; a hand that changes them changes nothing else.
    await stage.kubectl('annotate', 'configmap', 'b', 'plumbline.dev/origin=elsewhere:1', '--overwrite');
    await stage.request();
    await stage.deploy({ 'README.md': 'still nothing\n' });
    expect((await get(stage, 'b')).metadata.annotations['plumbline.dev/origin']).toBe('elsewhere:1');
  });
});

describe('telling', () => {
  const scene = useScene();

  test('any new requestedAt is answered once, with its value', async () => {
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('a') });
    await stage.source({ interval: '10m' });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    for (const word of ['now', 'ASAP please']) {
      const commit = await stage.repo.write({ 'a.yaml': configMap('a', { key: word }) });
      await stage.kubectl('annotate', 'gos', 'shop', `plumbline.dev/requestedAt=${word}`, '--overwrite');
      const source = await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
      expect(source.status.lastHandledReconcileAt).toBe(word);
    }
  });

  test('a failure that repeats itself is told once: no status write, no event, the same time', async () => {
    const stage = await scene().stage();
    const commit = await stage.repo.write({ 'a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {port: 80}\n' });
    await stage.source();
    const first = await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'False', reason: 'ObjectRefused' });
    expect(conditionOf(first, 'Ready')?.message).toMatch(/^a\.yaml:1 ConfigMap \S+\/a refused: data\.port: expected string, got a number/);
    const audit = await scene().cluster.audit();
    const tries = async (): Promise<number> =>
      (await scene().operator.metric('plumbline_reconcile_errors_total', { namespace: stage.namespace, reason: 'ObjectRefused' })) ?? 0;
    await waitFor('it was tried three times', async () => (await tries()) >= 3);
    const asked = ofOperator(await audit.events()).filter(
      (text) => isWrite(text) && text.includes(stage.namespace) && !text.includes('dryRun'),
    );
    expect(asked.filter((text) => text.includes('gitopssources'))).toEqual([]);
    expect(asked.filter((text) => text.includes('/events')).length).toBeLessThanOrEqual(1);
    expect(await getSource(scene().cluster, stage.namespace, 'shop')).toEqual(first);
    expect(first.status.revision).toMatchObject({ observed: { commit }, attempted: { commit } });
    expect(first.status.revision.applied).toBeUndefined();
    await stage.deploy({ 'a.yaml': configMap('a') });
  });

  test('the status is patched twice for a revision over a running one: its attempt and its outcome', async () => {
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': configMap('a') });
    await stage.source({ interval: '10m' });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    const audit = await scene().cluster.audit();
    await stage.deploy({ 'a.yaml': configMap('a', { key: 'next' }) });
    const written = async () => {
      const writes = (await audit.events()).filter((event) => event.userAgent?.startsWith('plumbline/') === true && event.verb === 'patch');
      return writes.filter(({ objectRef, requestURI }) => {
        return objectRef?.namespace === stage.namespace && objectRef.resource !== 'events' && !requestURI.includes('dryRun');
      });
    };
    // The log has a request when all of its answer is out, which the next of another client may outrun.
    const ours = await waitFor('the outcome is in the log', async () => {
      const found = await written();
      return found.at(-1)?.objectRef?.subresource === 'status' && found.length > 1 && found;
    });
    const asked = ours.map(({ objectRef, requestURI }) => [
      [objectRef?.resource, objectRef?.subresource].filter(Boolean).join('/'),
      new URL(requestURI, 'https://api').searchParams.get('fieldManager'),
    ]);
    expect(asked).toEqual([
      ['gitopssources/status', 'plumbline-controller'],
      ['configmaps', 'plumbline'],
      ['gitopssources/status', 'plumbline-controller'],
    ]);
    expect(ours.find((event) => event.objectRef?.resource === 'configmaps')?.impersonatedUser?.username).toBe(
      `system:serviceaccount:${stage.namespace}:deployer`,
    );
  });
});
