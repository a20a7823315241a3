import { describe, expect, test } from '@jest/globals';
import { catalogue, eventReasons } from '../../operator/errors.ts';
import type { Json } from '../controlplane/request.ts';
import { statusWrites, writesTo } from './audit.ts';
import { NotYet, waitFor } from './cluster.ts';
import { objectPath } from './objects.ts';
import { type Stage, configMap, replaceDeployment, useScene } from './scene.ts';
import { conditionOf, getSource, patchSource, waitForCondition, waitUntilApplied } from './sources.ts';

/** A Deployment as people write one: defaults left out, a quantity that reads back otherwise, a port without protocol. */
function web(replicas = 1, image = 'registry.example.com/web:1'): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: ${image}
          env: [{name: MODE, value: fast}, {name: COLOUR, value: red}]
          ports: [{containerPort: 80}]
          resources: {requests: {memory: 1024Mi}}
          volumeMounts: []
      volumes: []
`;
}

const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: s3cr3t-in-git, user: shop}\n';

describe('drift', () => {
  const scene = useScene();

  async function running(files: Readonly<Record<string, string>>, spec = {}): Promise<Stage> {
    const stage = await scene().stage();
    const commit = await stage.repo.write(files);
    await stage.source({ interval: '10m', health: { wait: false }, ...spec });
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    return stage;
  }
  const get = (stage: Stage): Promise<Json> => stage.get('deployment', 'web');
  /** As an autoscaler does it. */
  const autoscale = async (stage: Stage, replicas: number, path = `${objectPath('deployment', 'web', stage.namespace)}/scale`) => {
    await waitFor('no controller writes at the same moment', async () => {
      const body = { ...(await scene().cluster.request.ok('GET', path)), spec: { replicas } };
      return (await scene().cluster.request.raw('PUT', `${path}?fieldManager=kube-controller-manager`, { body })).status === 200;
    });
  };
  const container = (object: Json): Json => object.spec.template.spec.containers.find((one: Json) => one.name === 'web');
  const source = (stage: Stage): Promise<Json> => getSource(scene().cluster, stage.namespace, 'shop');
  const drifted = (stage: Stage, message: RegExp): Promise<Json> =>
    waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Drifted', status: 'True', message });
  const inSync = (stage: Stage): Promise<Json> =>
    waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Drifted', status: 'False', reason: 'InSync' });
  const notes = async (stage: Stage, reason: string): Promise<readonly Json[]> => {
    const { items } = await scene().cluster.request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${stage.namespace}/events`);
    return items.filter((event: Json) => event.reason === reason);
  };
  const correctedBy = async (stage: Stage, manager: string): Promise<number> =>
    (await scene().operator.metric('plumbline_drift_corrections_total', { namespace: stage.namespace, manager })) ?? 0;

  test.each<[string, (stage: Stage) => Promise<unknown>, (object: Json) => unknown, unknown, string]>([
    [
      'set image',
      (stage) => stage.kubectl('set', 'image', 'deployment/web', 'web=registry.example.com/web:2'),
      (object) => container(object).image,
      'registry.example.com/web:1',
      'kubectl-set',
    ],
    ['scale', (stage) => stage.kubectl('scale', 'deployment/web', '--replicas=3'), (object) => object.spec.replicas, 1, 'kubectl'],
    [
      'label',
      (stage) => stage.kubectl('label', 'deployment/web', 'app=other', '--overwrite'),
      (object) => object.metadata.labels.app,
      'web',
      'kubectl-label',
    ],
    [
      'label removed',
      (stage) => stage.kubectl('label', 'deployment/web', 'app-'),
      (object) => object.metadata.labels.app,
      'web',
      'unknown',
    ],
    [
      'patch that removes an env entry',
      (stage) =>
        stage.kubectl('patch', 'deployment/web', '--type=json', '-p', '[{"op":"remove","path":"/spec/template/spec/containers/0/env/0"}]'),
      (object) => container(object).env.map((one: Json) => one.name),
      ['MODE', 'COLOUR'],
      'unknown',
    ],
    [
      'set env',
      (stage) => stage.kubectl('set', 'env', 'deployment/web', 'MODE=slow'),
      (object) => container(object).env.find((one: Json) => one.name === 'MODE').value,
      'fast',
      'kubectl-set',
    ],
    [
      'edit',
      async (stage) => {
        const env = { KUBE_EDITOR: `sed -i -e 's/memory: 1Gi/memory: 2Gi/'` };
        const { code, stderr } = await scene().cluster.tryKubectl(['edit', 'deployment/web', '-n', stage.namespace], { env });
        expect({ code, stderr }).toMatchObject({ code: 0 });
      },
      (object) => container(object).resources.requests.memory,
      '1Gi',
      'kubectl-edit',
    ],
    [
      'server-side apply by another manager',
      async (stage) => {
        const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 7 } };
        const args = ['apply', '--server-side', '--force-conflicts', '--field-manager=rival', '-n', stage.namespace, '-f', '-'];
        const { code, stderr } = await scene().cluster.tryKubectl(args, { stdin: JSON.stringify(object) });
        expect({ code, stderr }).toMatchObject({ code: 0 });
      },
      (object) => object.spec.replicas,
      1,
      'rival',
    ],
  ])('kubectl %s is put back at once, and who was overruled is told', async (_name, edit, read, expected, manager) => {
    const stage = await running({ 'web.yaml': web() });
    const { uid, resourceVersion, annotations } = (await get(stage)).metadata;
    await edit(stage);
    const after = await waitFor(
      'it is put back',
      async () => {
        const object = await get(stage);
        return object.metadata.resourceVersion !== resourceVersion && JSON.stringify(read(object)) === JSON.stringify(expected) && object;
      },
      5_000,
    );
    expect(after.metadata.uid).toBe(uid);
    expect(after.metadata.annotations['plumbline.dev/commit']).toBe(annotations['plumbline.dev/commit']);
    await waitFor('it is counted', async () => (await correctedBy(stage, manager)) >= 1);
    const said = manager === 'unknown' ? 'by an unknown field manager' : `by field manager ${manager})`;
    await waitFor('the source and the object have an event', async () => {
      const events = (await notes(stage, 'DriftCorrected')).filter(({ note }) => note.includes(said));
      const kinds = events.map(({ regarding }) => `${regarding.kind} ${regarding.name}`).toSorted();
      if (kinds.join() !== 'Deployment web,GitOpsSource shop') throw new NotYet(events.map(({ note }) => note));
      return true;
    });
    await inSync(stage);
  });

  test('what reads back otherwise, is defaulted, or empty is no drift: nothing is written, also after an edit of something else', async () => {
    const stage = await running({ 'web.yaml': web().replace('  replicas: 1\n', '') });
    const audit = await scene().cluster.audit();
    await autoscale(stage, 4);
    await stage.kubectl('annotate', 'deployment/web', 'acme.io/note=hello');
    await stage.kubectl('rollout', 'restart', 'deployment/web');
    await stage.kubectl('set', 'env', 'deployment/web', 'EXTRA=1');
    const told = await waitFor('what kubectl added is told', async () => {
      const found = await source(stage);
      return found.status.drift?.length === 1 && found;
    });
    expect(told.status.drift).toEqual([
      {
        object: `Deployment ${stage.namespace}/web`,
        class: 'extra',
        field: 'spec.template.spec.containers[name=web].env[name=EXTRA]',
        manager: 'kubectl-set',
        since: expect.any(String),
      },
    ]);
    expect([told.status.objects.drifted, conditionOf(told, 'Drifted')?.status]).toEqual([0, 'False']);
    const extra = { namespace: stage.namespace, class: 'extra' };
    await waitFor('it is counted', async () => (await scene().operator.metric('plumbline_drift_objects', extra)) === 1);
    expect(writesTo(await audit.events(), stage, 'deployments')).toEqual([]);
    const { replicas, template } = (await get(stage)).spec;
    expect([replicas, template.metadata.annotations['kubectl.kubernetes.io/restartedAt'] !== undefined]).toEqual([4, true]);
  });

  test('a deleted object comes back, and an edit of a Secret, of which no value is told', async () => {
    const stage = await running({ 'web.yaml': web(), 'keys.yaml': secret, 'a.yaml': configMap('a') });
    await stage.kubectl('delete', 'deployment/web');
    await waitFor('it is back', () => get(stage), 5_000);
    const patch = { stringData: { password: 's3cr3t-by-hand', user: null }, data: { user: null } };
    await stage.kubectl('patch', 'secret/keys', '-p', JSON.stringify(patch));
    await waitFor(
      'the password is back',
      async () => Buffer.from((await stage.get('secret', 'keys')).data?.password ?? '', 'base64').toString() === 's3cr3t-in-git',
      5_000,
    );
    expect(Buffer.from((await stage.get('secret', 'keys')).data.user, 'base64').toString()).toBe('shop');
    await stage.kubectl('patch', 'configmap/a', '-p', '{"data":{"key":"other"}}');
    await waitFor('the key is back', async () => (await stage.get('configmap', 'a')).data.key === 'value', 5_000);
    const events = await waitFor('all is told', async () => {
      const found = (await notes(stage, 'DriftCorrected')).map(({ note }) => note as string);
      return found.some((note) => note.includes('data.password')) && found.some((note) => note.includes('data.key')) && found;
    });
    expect(events.join()).toContain('was gone and is made anew');
    const everything = JSON.stringify([await source(stage), events, scene().operator.output(), await scene().operator.metrics()]);
    expect(everything).not.toContain('s3cr3t');
    expect(everything).not.toContain(Buffer.from('s3cr3t-by-hand').toString('base64'));
  });

  describe('in mode Report', () => {
    const report = { drift: { mode: 'Report' } };

    test('nothing is touched and everything told, until a revision changes that object', async () => {
      const stage = await running({ 'web.yaml': web(), 'a.yaml': configMap('a'), 'b.yaml': configMap('b') }, report);
      const audit = await scene().cluster.audit();
      await stage.kubectl('scale', 'deployment/web', '--replicas=3');
      await stage.kubectl('label', 'deployment/web', 'app-');
      await stage.kubectl('delete', 'configmap/a');
      const told = await waitFor('all three are told', async () => {
        const found = await source(stage);
        return found.status.drift?.length === 3 && found;
      });
      const object = `Deployment ${stage.namespace}/web`;
      expect(told.status.drift).toEqual([
        { object: `ConfigMap ${stage.namespace}/a`, class: 'missing', since: expect.any(String) },
        { object, class: 'removed', field: 'metadata.labels.app', since: expect.any(String) },
        { object, class: 'modified', field: 'spec.replicas', manager: 'kubectl', since: expect.any(String) },
      ]);
      expect(told.status.objects.drifted).toBe(2);
      expect(conditionOf(told, 'Drifted')).toMatchObject({ status: 'True', reason: 'Drifted' });
      expect(conditionOf(told, 'Ready')).toMatchObject({ status: 'True' });
      for (const [of, count] of Object.entries({ missing: 1, removed: 1, modified: 1, extra: 0 })) {
        expect(await scene().operator.metric('plumbline_drift_objects', { namespace: stage.namespace, class: of })).toBe(count);
      }
      expect(await scene().operator.metric('plumbline_drift_since_timestamp_seconds', { namespace: stage.namespace })).toBeGreaterThan(0);
      await waitFor('the object has its event', async () => {
        return (await notes(stage, 'Drifted')).some(
          ({ regarding, note }) => regarding.kind === 'Deployment' && note.includes('spec.replicas'),
        );
      });
      expect(writesTo(await audit.events(), stage, 'deployments')).toEqual([]);
      await stage.deploy({ 'b.yaml': configMap('b', { key: 'next' }) });
      expect((await get(stage)).spec.replicas).toBe(3);
      expect(await stage.get('configmap', 'a')).toBeUndefined();
      await drifted(stage, /3 objects? differ|2 objects differ/);
      await stage.deploy({ 'web.yaml': web(1, 'registry.example.com/web:2') });
      const after = await get(stage);
      expect([after.spec.replicas, after.metadata.labels.app]).toEqual([1, 'web']);
      await stage.deploy({ 'a.yaml': configMap('a', { key: 'new' }) });
      expect(await stage.get('configmap', 'a')).toBeDefined();
      await inSync(stage);
      expect((await source(stage)).status.drift).toBeUndefined();
    });

    test('an object whose label was taken off is told as that, once looked up', async () => {
      const stage = await running({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b', { key: 'value', other: '1' }) }, report);
      await stage.kubectl('label', 'configmap/a', 'applyset.kubernetes.io/part-of-');
      const told = await drifted(stage, /metadata\.labels\["applyset\.kubernetes\.io\/part-of"\] is removed/);
      expect(told.status.drift).toMatchObject([{ class: 'removed' }]);
      expect((await stage.get('configmap', 'a')).metadata.labels?.['applyset.kubernetes.io/part-of']).toBeUndefined();
      // Ownership is taken back without what did drift, also where nobody is recorded to own anything, or the hash is not ours.
      const isOurs = async (): Promise<boolean> => {
        const { managedFields } = (await stage.get('configmap', 'b')).metadata;
        const own = managedFields.find((one: Json) => one.manager === 'plumbline' && one.operation === 'Apply');
        return own?.fieldsV1['f:data']?.['f:other'] !== undefined && JSON.stringify(own.fieldsV1).includes('plumbline.dev/hash');
      };
      await stage.kubectl('patch', 'configmap/b', '-p', '{"data":{"key":"by hand"}}');
      await drifted(stage, /b: data\.key is modified by field manager kubectl-patch /);
      await stage.kubectl('patch', 'configmap/b', '--type=merge', '-p', '{"metadata":{"managedFields":[{}]}}');
      await waitFor('it is ours again', isOurs);
      await stage.kubectl('annotate', 'configmap/b', 'plumbline.dev/hash=v1:none', '--overwrite');
      await waitFor('the hash is ours again', isOurs);
      await drifted(stage, /b: data\.key is modified by field manager before-first-apply /);
      expect((await stage.get('configmap', 'b')).data).toEqual({ key: 'by hand', other: '1' });
      // And told while a revision fails.
      await stage.repo.write({ 'c.yaml': 'kind: [' });
      await stage.request();
      await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Ready', status: 'False', reason: 'RenderFailed' });
      await stage.kubectl('patch', 'configmap/b', '-p', '{"data":{"other":"by hand"}}');
      await drifted(stage, /b: data\.other is modified by field manager kubectl-patch /);
    });

    test('what was edited and edited back is taken back by one apply, without what did drift', async () => {
      const stage = await running({ 'web.yaml': web() }, report);
      await stage.kubectl('scale', 'deployment/web', '--replicas=3');
      await drifted(stage, /spec\.replicas/);
      await patchSource(scene().cluster, stage.namespace, 'shop', { spec: { suspend: true } });
      await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Reconciling', status: 'False', reason: 'Suspended' });
      await stage.kubectl('set', 'image', 'deployment/web', 'web=registry.example.com/web:2');
      await drifted(stage, /image is modified/);
      await stage.kubectl('set', 'image', 'deployment/web', 'web=registry.example.com/web:1');
      await waitForCondition(scene().cluster, stage.namespace, 'shop', {
        type: 'Drifted',
        status: 'True',
        message: /^1 object differs from git: [^;]*spec\.replicas[^;]*$/,
      });
      const audit = await scene().cluster.audit();
      await patchSource(scene().cluster, stage.namespace, 'shop', { spec: { suspend: false } });
      const ours = (object: Json): string =>
        JSON.stringify(object.metadata.managedFields.find((one: Json) => one.manager === 'plumbline').fieldsV1);
      await waitFor('the image is ours again', async () => ours(await get(stage)).includes('f:image'));
      expect((await get(stage)).spec.replicas).toBe(3);
      const applies = writesTo(await audit.events(), stage, 'deployments').filter((text) => !text.includes('dryRun'));
      expect(applies.length).toBe(1);
    });
  });

  test('suspended, nothing is put back, and drift and health are told all the same, within the pace; a deletion too', async () => {
    const stage = await running({ 'web.yaml': web(), 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    await patchSource(scene().cluster, stage.namespace, 'shop', { spec: { suspend: true } });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Reconciling', status: 'False', reason: 'Suspended' });
    const audit = await scene().cluster.audit();
    await stage.kubectl('scale', 'deployment/web', '--replicas=3');
    await stage.kubectl('delete', 'configmap/a');
    await stage.kubectl('patch', 'configmap/b', '-p', '{"data":{"key":"other"}}');
    await drifted(stage, /ConfigMap \S+\/b: data\.key is modified by field manager kubectl-patch /);
    await drifted(stage, /ConfigMap \S+\/a is gone since .*; Deployment \S+\/web: spec\.replicas is modified by field manager kubectl /);
    await waitFor('the health is told', async () => /0 of 3 replicas/.test(conditionOf(await source(stage), 'Healthy')?.message ?? ''));
    const at = statusWrites(await audit.events(), stage.namespace);
    expect(at.slice(1).filter((time, index) => time - (at[index] ?? 0) < 990)).toEqual([]);
    expect(at.length).toBeGreaterThanOrEqual(2);
    await patchSource(scene().cluster, stage.namespace, 'shop', { spec: { suspend: false } });
    await inSync(stage);
    expect((await get(stage)).spec.replicas).toBe(1);
    expect(await stage.get('configmap', 'a')).toBeDefined();
    expect((await stage.get('configmap', 'b')).data.key).toBe('value');
  });

  test('in mode Ignore nothing is compared or put back', async () => {
    const stage = await running({ 'web.yaml': web(), 'b.yaml': configMap('b') }, { drift: { mode: 'Ignore' } });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Drifted', status: 'Unknown', reason: 'DriftIgnored' });
    await stage.kubectl('scale', 'deployment/web', '--replicas=3');
    await stage.deploy({ 'b.yaml': configMap('b', { key: 'next' }) });
    expect((await get(stage)).spec.replicas).toBe(3);
    expect((await source(stage)).status.drift).toBeUndefined();
  });

  test('what a rule ignores is left to its manager, also by later revisions, and is applied to a new object', async () => {
    const ignore = [
      { group: 'apps', kind: 'Deployment', paths: ['/spec/replicas', '/spec/template/spec/containers/[name=web]/image'] },
      { kind: 'ConfigMap', paths: ['/data/key'] },
    ];
    const data = (other: string): string => configMap('a', { key: 'value', other });
    const stage = await running({ 'web.yaml': web(), 'a.yaml': data('1') }, { drift: { ignore } });
    expect((await get(stage)).spec.replicas).toBe(1);
    const audit = await scene().cluster.audit();
    await autoscale(stage, 3);
    await stage.kubectl('patch', 'configmap/a', '-p', '{"data":{"key":"theirs"}}');
    await stage.kubectl('set', 'image', 'deployment/web', 'web=registry.example.com/web:9');
    await stage.kubectl('set', 'env', 'deployment/web', 'MODE=slow');
    await waitFor('the rest is put back', async () => container(await get(stage)).env[0].value === 'fast');
    const kept = await get(stage);
    expect([kept.spec.replicas, container(kept).image]).toEqual([3, 'registry.example.com/web:9']);
    await inSync(stage);
    expect(writesTo(await audit.events(), stage, 'deployments').filter((text) => !text.includes('dryRun')).length).toBe(1);
    await stage.deploy({ 'web.yaml': web(1).replace('value: red', 'value: blue'), 'a.yaml': data('2') });
    expect((await stage.get('configmap', 'a')).data).toEqual({ key: 'theirs', other: '2' });
    const later = await get(stage);
    expect([later.spec.replicas, container(later).image, container(later).env[1].value]).toEqual([3, 'registry.example.com/web:9', 'blue']);
    await inSync(stage);
  });

  test('another manifest under our own name is put back', async () => {
    const stage = await running({ 'a.yaml': configMap('a') });
    const object = await stage.get('configmap', 'a');
    const { labels, annotations } = object.metadata;
    const rival = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', labels, annotations: { ...annotations, 'plumbline.dev/hash': 'v1:x' } },
      data: { key: 'rival' },
    };
    const args = ['apply', '--server-side', '--force-conflicts', '--field-manager=plumbline', '-n', stage.namespace, '-f', '-'];
    expect((await scene().cluster.tryKubectl(args, { stdin: JSON.stringify(rival) })).code).toBe(0);
    await waitFor('it is put back', async () => (await stage.get('configmap', 'a')).data.key === 'value', 5_000);
    await waitFor('it is told', async () =>
      (await notes(stage, 'DriftCorrected')).some(({ note }) => note.includes('by field manager plumbline')),
    );
  });

  test('a fight is told and slowed down, and ends with git', async () => {
    const stage = await running({ 'web.yaml': web() });
    for (let round = 2; round <= 6; round += 1) {
      await replaceDeployment(scene().cluster, await get(stage), { replicas: round });
      if (round < 6) await waitFor('it is put back', async () => (await get(stage)).spec.replicas === 1, 5_000);
    }
    const told = await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Drifted', status: 'True', reason: 'Fight' });
    const words = `Field manager kubectl-replace writes spec.replicas of Deployment ${stage.namespace}/web again`;
    expect(conditionOf(told, 'Drifted')?.message).toContain(words);
    await stage.request(); // a walk for something else, in the pause
    expect(await scene().operator.metric('plumbline_drift_fights', { namespace: stage.namespace })).toBe(2); // and the annotation
    await waitFor('it is put back in the end', async () => (await get(stage)).spec.replicas === 1, 10_000);
    await stage.deploy({ 'web.yaml': web(4) });
    expect((await get(stage)).spec.replicas).toBe(4);
    await inSync(stage);
  });

  test('every event of this operator has a reason that is documented', async () => {
    const { items }: Json = await scene().cluster.request.ok('GET', '/apis/events.k8s.io/v1/events');
    const ours = items.filter((event: Json) => event.reportingController === 'plumbline.dev/plumbline');
    const reasons = new Set<string>(ours.map(({ reason }: Json) => reason as string));
    expect([...reasons]).toEqual(expect.arrayContaining(['Applied', 'Drifted', 'DriftCorrected']));
    expect([...reasons].filter((reason) => !(reason in catalogue) && !(reason in eventReasons))).toEqual([]);
  });
});
