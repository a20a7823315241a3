import { describe, expect, test } from '@jest/globals';
import { type PluginResult, runPlugin } from './plugin.ts';
import { configMap, deployment, useScene } from './scene.ts';
import { waitForCondition, waitUntilApplied } from './sources.ts';

describe('kubectl plumbline verify', () => {
  const scene = useScene();

  const run = (...args: string[]): Promise<PluginResult> => runPlugin(scene().cluster.kubeconfigPath, args);

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

  test('prints what differs, that verdicts and dry runs agree, and writes nothing', async () => {
    const stage = await scene().stage();
    const seed =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seed, annotations: {plumbline.dev/apply: IfNotPresent}}\ndata: {key: in-git}\n';
    const once = `apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  suspend: true
  ttlSecondsAfterFinished: 3600
  template: {spec: {restartPolicy: Never, containers: [{name: once, image: registry.example.com/once:1}]}}
`;
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: hunter2, user: shop}\n';
    const commit = await stage.repo.write({
      'web.yaml': deployment('web'),
      'a.yaml': configMap('a'),
      'b.yaml': configMap('b'),
      'keys.yaml': secret,
      'seed.yaml': seed,
      'once.yaml': once,
    });
    await stage.kubectl('create', 'configmap', 'seed', '--from-literal=key=by-hand');
    await stage.source({ drift: { mode: 'Report' }, health: { wait: false } });
    await waitUntilApplied(scene().cluster, stage.namespace, 'shop', commit);
    const clean = await run('verify', `${stage.namespace}/shop`);
    expect(clean).toEqual({
      code: 0,
      err: '',
      out: `main@${commit.slice(0, 7)}: 6 objects, 0 differences, 0 disagreements with the dry run, 0 with the status; 0 verdicts took a dry run of their own\n`,
    });
    await stage.kubectl('scale', 'deployment/web', '--replicas=2');
    await stage.kubectl('delete', 'configmap/b', 'job/once');
    await stage.kubectl('patch', 'secret/keys', '-p', '{"stringData":{"password":"swordfish"}}');
    await waitForCondition(scene().cluster, stage.namespace, 'shop', { type: 'Drifted', status: 'True', message: /^3 objects differ/ });
    const { code, out } = await run('verify', `${stage.namespace}/shop`);
    expect(out).toMatch(new RegExp(`^~ ConfigMap ${stage.namespace}/b is gone$`, 'm'));
    expect(out).toMatch(/^~ Deployment \S+\/web: spec\.replicas is modified by field manager kubectl since /m);
    expect(out).toMatch(/^~ Secret \S+\/keys: data\.password is modified by field manager kubectl-patch since /m);
    expect(out).toMatch(
      /: 6 objects, 3 differences, 0 disagreements with the dry run, 0 with the status; 1 verdicts took a dry run of their own\n$/,
    );
    expect(out).not.toMatch(/swordfish|hunter2|c3dvcmRmaXNo|aHVudGVyMg/);
    expect(code).toBe(0);
    expect(await stage.kubectl('get', 'deployment/web', '-o', 'jsonpath={.spec.replicas}')).toBe('2');

    // What the operator tells is no longer so.
    await scene().operator.stop();
    const object = `Deployment ${stage.namespace}/web`;
    await stage.kubectl('scale', 'deployment/web', '--replicas=0');
    await stage.kubectl('patch', 'configmap/a', '-p', '{"data":{"key":"by-hand"}}');
    await stage.kubectl('delete', 'secret/keys');
    const stale = await run('verify', `${stage.namespace}/shop`);
    expect(
      stale.out
        .split('\n')
        .filter((line) => line.startsWith('!'))
        .toSorted(),
    ).toEqual([
      `! Secret ${stage.namespace}/keys is missing, and the status does not tell it`,
      `! data.key of ConfigMap ${stage.namespace}/a is modified, and the status does not tell it`,
      `! the status tells that data.password of Secret ${stage.namespace}/keys is modified, which is not so`,
      `! the status tells that spec.replicas of ${object} is modified, which is not so`,
    ]);
    expect(stale.out).toMatch(/ 3 differences, 0 disagreements with the dry run, 4 with the status; /);
    expect(stale.code).toBe(1);
  });
});
