import { describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { heal, pushRefused, refusalOf, running, writesAs } from './refused.ts';
import { type Stage, configMap, deployment, useScene } from './scene.ts';
import { waitUntilApplied } from './sources.ts';

const good = { 'web.yaml': deployment('web'), 'settings.yaml': configMap('settings') };

function withEnv(name: string, env: string): string {
  return deployment(name).replace('image: registry.example.com/web:1', `image: registry.example.com/web:1\n          env: ${env}`);
}

describe('an object that the API server refuses', () => {
  const scene = useScene();

  test('is told whole, with every fault of every object, file, line and remedy; nothing changes; the fix heals', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, good);
    const bad = {
      'new.yaml': configMap('new'),
      'unknown.yaml': deployment('unknown').replace('replicas: 0', 'replica: 3'),
      'number.yaml': withEnv('number', '[{name: PORT, value: 8080}]'),
      'twice.yaml': withEnv('twice', '[{name: A, value: "1"}, {name: A, value: "2"}]'),
      'quantity.yaml': deployment('quantity').replace(
        'image: registry',
        'resources: {requests: {memory: 1Gigabyte}}\n          image: registry',
      ),
      'web.yaml': `# the shop\n${deployment('web').replace('replicas: 0', 'replicas: -1').replace('image: registry.example.com/web:1', "image: ''")}`,
      'settings.yaml': configMap('settings', { 'no spaces': 'here' }),
    };
    const { message } = await pushRefused(cluster, stage, bad, 'ObjectRefused');
    for (const line of [
      'unknown.yaml:1 Deployment NS/unknown refused: spec.replica: is no field of this kind',
      'number.yaml:1 Deployment NS/number refused: spec.template.spec.containers[name="number"].env[name="PORT"].value: expected string, got a number: 8080',
      'twice.yaml:1 Deployment NS/twice refused: spec.template.spec.containers[name="twice"].env: duplicate entries for key [name="A"]',
      'quantity.yaml:1 Deployment NS/quantity refused: a quantity is not one that Kubernetes knows',
      'web.yaml:2 Deployment NS/web refused: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'web.yaml:2 Deployment NS/web refused: spec.template.spec.containers[0].image: Required value',
      'settings.yaml:1 ConfigMap NS/settings refused: data[no spaces]: Invalid value: "no spaces": a valid config key must consist of',
      'Correct the name or the indentation of the field, or take it out.',
      'Put the value in quotes.',
      'State each entry once.',
      'Write quantities like 500m, 2 or 1Gi.',
      'Correct the fields that the message names, and push.',
    ]) {
      expect(message).toContain(line.replace('NS', stage.namespace));
    }
    // Found by the next poll: a source that fails is asked for as before.
    const commit = await stage.repo.write({
      ...Object.fromEntries(Object.keys(bad).map((file) => [file, null])),
      ...good,
      'new.yaml': configMap('new'),
    });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    expect(await stage.get('configmap', 'new')).toBeDefined();
  });

  test('a change beside a new object that is refused: no write at all goes out', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { ...good, 'old.yaml': configMap('old') });
    const audit = await cluster.audit();
    await pushRefused(
      cluster,
      stage,
      {
        'settings.yaml': configMap('settings', { key: 'other' }),
        'bad.yaml': deployment('bad').replace('replicas: 0', 'replicas: -1'),
        'old.yaml': null,
      },
      'ObjectRefused',
    );
    const user = `system:serviceaccount:${stage.namespace}:deployer`;
    const events = await audit.events();
    expect(events.filter((event) => event.impersonatedUser?.username === user && event.verb === 'patch').length).toBeGreaterThan(0);
    expect(writesAs(events, user)).toEqual([]);
    await heal(stage, { 'bad.yaml': null });
    expect((await stage.get('configmap', 'settings')).data.key).toBe('other');
    expect(await cluster.get('configmap', 'old', stage.namespace)).toBeUndefined();
  });

  test('in a first revision: told whole, and the rest of its stage is in', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const commit = await stage.repo.write({
      'a.yaml': configMap('a', { 'no spaces': 'here' }),
      'b.yaml': configMap('b', { 'none here': 'either' }),
      'c.yaml': configMap('c'),
      'web.yaml': deployment('web'),
    });
    await stage.source();
    const { message } = await refusalOf(cluster, stage, 'ObjectRefused', commit);
    expect(message).toContain(`a.yaml:1 ConfigMap ${stage.namespace}/a refused: data[no spaces]: Invalid value`);
    expect(message).toContain(`b.yaml:1 ConfigMap ${stage.namespace}/b refused: data[none here]: Invalid value`);
    expect(message).toContain('1 object was written before it failed.');
    expect(await cluster.get('deployment', 'web', stage.namespace)).toBeUndefined();
    await heal(stage, { 'a.yaml': null, 'b.yaml': null });
    expect(await stage.kubectl('get', 'configmap,deployment', '-l', 'applyset.kubernetes.io/part-of', '-o', 'name')).toBe(
      'configmap/c\ndeployment.apps/web\n',
    );
  });
});

describe('a field that cannot be changed', () => {
  const scene = useScene();
  const selector = (value: string, annotations = '') =>
    deployment('web').replaceAll('{app: web}', `{app: ${value}}`).replace('name: web\n', `name: web${annotations}\n`);
  const force = '\n  annotations: {plumbline.dev/force: enabled}';
  const uidOf = async (stage: Stage): Promise<string> => (await stage.get('deployment', 'web')).metadata.uid;

  test('is told with what to do; undoing the change heals', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'web.yaml': selector('web') });
    const { message } = await pushRefused(cluster, stage, { 'web.yaml': selector('shop') }, 'ImmutableField');
    expect(message).toContain(`web.yaml:1 Deployment ${stage.namespace}/web refused: spec.selector: `);
    expect(message).toContain('field is immutable');
    expect(message).toContain('Undo the change, or annotate the manifest with plumbline.dev/force: enabled to have it recreated.');
    await heal(stage, { 'web.yaml': selector('web') });
  });

  test('is recreated where the manifest says force: enabled', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'web.yaml': selector('web', force) });
    const before = await uidOf(stage);
    await stage.deploy({ 'web.yaml': selector('shop', force) });
    expect(await uidOf(stage)).not.toBe(before);
    expect((await stage.get('deployment', 'web')).spec.selector.matchLabels.app).toBe('shop');
  });

  test('is not deleted when the new one would be refused', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await running(cluster, stage, { 'web.yaml': selector('web', force) });
    const bad = selector('shop', force).replace('labels: {app: shop}', 'labels: {app: other}');
    const { message } = await pushRefused(cluster, stage, { 'web.yaml': bad }, 'ObjectRefused');
    expect(message).toContain('spec.template.metadata.labels: Invalid value');
    expect(message).toContain('`selector` does not match template `labels`');
    expect(message).not.toContain('immutable');
    await heal(stage, { 'web.yaml': selector('shop', force) });
  });

  test('is recreated only when the old one is gone, also where a finalizer holds it', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const job = (image: string) =>
      `apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations: {plumbline.dev/force: enabled}\n  finalizers: [example.com/hold]\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: migrate, image: ${image}}]\n`;
    await running(cluster, stage, { 'job.yaml': job('migrate:1') });
    const { uid } = (await stage.get('job', 'migrate')).metadata;
    const commit = await stage.repo.write({ 'job.yaml': job('migrate:2') });
    await stage.request();
    await waitFor('the old job is being deleted', async () => (await stage.get('job', 'migrate')).metadata.deletionTimestamp !== undefined);
    await stage.kubectl('patch', 'job', 'migrate', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    const made = await stage.get('job', 'migrate');
    expect(made.metadata.uid).not.toBe(uid);
    expect(made.metadata.deletionTimestamp).toBeUndefined();
    expect(made.spec.template.spec.containers[0].image).toBe('migrate:2');
  });
});
