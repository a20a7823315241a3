import { describe, expect, test } from '@jest/globals';
import { type PluginResult, runPlugin } from './plugin.ts';
import { configMap, deployment, useScene } from './scene.ts';
import { waitForCondition, waitUntilApplied } from './sources.ts';

describe('kubectl plumbline verify', () => {
  const scene = useScene();

  const run = (...args: string[]): Promise<PluginResult> => runPlugin(scene().cluster.kubeconfigPath, args);

  test('prints what differs, that verdicts and dry runs agree, and writes nothing', async () => {
    const stage = await scene().stage();
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: hunter2, user: shop}\n';
    const commit = await stage.repo.write({
      'web.yaml': deployment('web'),
      'a.yaml': configMap('a'),
      'b.yaml': configMap('b'),
      'keys.yaml': secret,
    });
    await stage.source({ drift: { mode: 'Report' }, health: { wait: false } });
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    const clean = await run('verify', `${stage.namespace}/shop`);
    expect(clean).toEqual({
      code: 0,
      err: '',
      out: `main@${commit.slice(0, 7)}: 4 objects, 0 differences, 0 disagreements with the dry run; 0 verdicts took a dry run of their own\n`,
    });
    await stage.kubectl('scale', 'deployment/web', '--replicas=2');
    await stage.kubectl('delete', 'configmap/b');
    await stage.kubectl('patch', 'secret/keys', '-p', '{"stringData":{"password":"swordfish"}}');
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Drifted', status: 'True' });
    const { code, out } = await run('verify', `${stage.namespace}/shop`);
    expect(out).toMatch(new RegExp(`^~ ConfigMap ${stage.namespace}/b is gone$`, 'm'));
    expect(out).toMatch(/^~ Deployment \S+\/web: spec\.replicas is modified by field manager kubectl since /m);
    expect(out).toMatch(/^~ Secret \S+\/keys: data\.password is modified by field manager kubectl-patch since /m);
    expect(out).toMatch(/: 4 objects, 3 differences, 0 disagreements with the dry run; 1 verdicts took a dry run of their own\n$/);
    expect(out).not.toMatch(/swordfish|hunter2|c3dvcmRmaXNo|aHVudGVyMg/);
    expect(code).toBe(0);
    expect(await stage.kubectl('get', 'deployment/web', '-o', 'jsonpath={.spec.replicas}')).toBe('2');
  });

  test('wants a source, and one that is applied', async () => {
    expect(await run('verify')).toMatchObject({ code: 64, err: expect.stringContaining('verify takes NAMESPACE/NAME') });
    const stage = await scene().stage();
    await stage.repo.write({ 'a.yaml': 'no object' });
    await stage.source({ health: { wait: false } });
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { status: 'False' });
    expect(await run('verify', `${stage.namespace}/shop`)).toMatchObject({
      code: 2,
      err: expect.stringContaining('nothing of GitOpsSource'),
    });
  });
});
