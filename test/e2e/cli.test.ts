import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type PluginResult, runPlugin } from './plugin.ts';
import { configMap, deployment, type Stage, useScene } from './scene.ts';
import { waitForCondition } from './sources.ts';

describe('kubectl plumbline diff', () => {
  const scene = useScene();
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plumbline-cli-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = (...args: string[]): Promise<PluginResult> => runPlugin(scene().cluster.kubeconfigPath, args);

  /** A source that is applied, then suspended, so that what is pushed next stays undone. */
  async function atRest(stage: Stage, files: Readonly<Record<string, string>>): Promise<void> {
    await stage.repo.write(files);
    await stage.source();
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'True' });
    await stage.source({ suspend: true });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Reconciling', status: 'False', reason: 'Suspended' });
  }

  test('says that nothing would change, and exits with 0', async () => {
    const stage = await scene().stage();
    await atRest(stage, { 'a.yaml': configMap('a') });
    expect(await run('diff', `${stage.namespace}/shop`)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^main@[0-9a-f]{7}: nothing would change\n$/),
    });
  });

  test('prints what would be created, changed field by field, anew or later, and pruned; nothing is written', async () => {
    const stage = await scene().stage();
    const everywhere = ['--clusterrole=cluster-admin', `--serviceaccount=${stage.namespace}:deployer`];
    await stage.kubectl('create', 'clusterrolebinding', `${stage.namespace}-everywhere`, ...everywhere);
    const group = `${stage.namespace}.example`;
    const crd = (fields: string): string =>
      `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.${group}}\nspec:\n  group: ${group}\n  scope: Namespaced\n  names: {plural: widgets, kind: Widget}\n  versions:\n    - name: v1\n      served: true\n      storage: true\n      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {${fields}}}}}}\n`;
    const widget = (spec: string): string => `apiVersion: ${group}/v1\nkind: Widget\nmetadata: {name: one}\nspec: {${spec}}\n`;
    const forced = (labels: string): string =>
      deployment('api')
        .replace('name: api\n', 'name: api\n  annotations: {plumbline.dev/force: enabled}\n')
        .replaceAll('{app: api}', labels);
    await atRest(stage, {
      'web.yaml': deployment('web', 'web:1'),
      'b.yaml': configMap('b'),
      'crd.yaml': crd('size: {type: integer}'),
      'widget.yaml': widget('size: 1'),
      'api.yaml': forced('{app: api}'),
    });
    await stage.repo.write({
      'web.yaml': deployment('web', 'web:2'),
      'b.yaml': null,
      'c.yaml': configMap('c'),
      'crd.yaml': crd('size: {type: integer}, color: {type: string}'),
      'widget.yaml': widget('size: 1, color: red'),
      'api.yaml': forced('{app: api, tier: back}'),
    });
    const { code, out } = await run('diff', `${stage.namespace}/shop`);
    expect(out).toContain(`+ ConfigMap ${stage.namespace}/c  c.yaml:1\n`);
    expect(out).toContain(
      `~ Deployment ${stage.namespace}/web  web.yaml:1\n    spec.template.spec.containers[name=web].image: "web:1" → "web:2"\n`,
    );
    expect(out).toContain(`~ Deployment ${stage.namespace}/api  api.yaml:1\n    is deleted and made anew: `);
    expect(out).toContain(
      `~ Widget ${stage.namespace}/one  widget.yaml:1\n    is tried once the CustomResourceDefinition that changes with it`,
    );
    expect(out).toContain(`~ CustomResourceDefinition widgets.${group}  crd.yaml:1\n    spec.versions[name=v1].schema.`);
    expect(out).toContain(`- ConfigMap ${stage.namespace}/b\n`);
    expect(out).toMatch(/: 1 created, 4 changed, 1 pruned\n$/);
    expect(code).toBe(1);
    expect(await stage.kubectl('get', 'configmap', 'b', '-o', 'name')).toBe('configmap/b\n');
  });

  test('reads a source that is not applied yet, masks Secrets, tells what would be adopted', async () => {
    const stage = await scene().stage();
    await stage.kubectl('create', 'secret', 'generic', 'key', '--from-literal=word=before-0815');
    await stage.repo.write({ 'key.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {word: after-4711}\n' });
    const spec = { url: stage.url, serviceAccountName: 'deployer' };
    const file = join(folder, 'source.yaml');
    const metadata = { name: 'shop', namespace: stage.namespace };
    await writeFile(file, JSON.stringify({ apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata, spec }));
    const { code, out } = await run('diff', '-f', file);
    expect(code).toBe(1);
    expect(out).toContain('data.word: *** → ***');
    expect(out).toContain(`* Secret ${stage.namespace}/key  is adopted; its managers so far: kubectl-create`);
    for (const value of ['before-0815', 'after-4711']) {
      expect(out).not.toContain(value);
      expect(out).not.toContain(Buffer.from(value).toString('base64'));
    }
  });

  test('tells what is refused, with file and line, and exits above 1', async () => {
    const stage = await scene().stage();
    await atRest(stage, { 'web.yaml': deployment('web') });
    await stage.repo.write({ 'web.yaml': deployment('web').replace('replicas: 0', 'replicas: -1') });
    const { code, out } = await run('diff', `${stage.namespace}/shop`);
    expect(out).toContain('! web.yaml:1 ');
    expect(out).toContain('spec.replicas');
    expect(code).toBe(2);
  });

  test.each([
    [['diff'], 'diff takes either NAMESPACE/NAME or -f SOURCE.yaml'],
    [['dif', 'a/b'], 'dif is no command'],
    [['diff', 'shop'], 'write NAMESPACE/NAME'],
    [['diff', '--nonsense', 'a/b'], '--nonsense'],
    [['diff', '-f', '/nowhere/source.yaml'], 'cannot be read: ENOENT'],
    [['diff', 'default/nobody'], 'there is no GitOpsSource default/nobody'],
  ])('%j is answered with %j', async (args, message) => {
    const { code, err } = await run(...args);
    expect(err).toContain(message);
    expect(code).toBeGreaterThan(1);
  });
});
