import { expect, test } from '@jest/globals';
import { failureOf } from './failing.ts';
import { startOperator } from './operator.ts';
import { configMap, useScene } from './scene.ts';
import { useSigners } from './signing.ts';
import { waitUntilApplied } from './sources.ts';

const scene = useScene({ operator: false });
const signers = useSigners();

test('after a restart what runs is verified anew: nothing is put back whose key left the Secret meanwhile', async () => {
  const { cluster } = scene();
  const { allowedSigners, bobAsc, secret, commit } = signers();
  const stage = await scene().stage();
  await secret(stage, { allowed_signers: allowedSigners });
  const job = (label: string): string =>
    `apiVersion: batch/v1\nkind: Job\nmetadata: {name: once, labels: {v: ${label}}}\nspec:\n  ttlSecondsAfterFinished: 600\n  template:\n    spec: {restartPolicy: Never, containers: [{name: a, image: a}]}\n`;
  const first = await commit(stage.repo, { 'prod/a.yaml': configMap('a'), 'prod/job.yaml': job('one') }, 'alice');
  const operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
  await stage.source({ verify: { mode: 'HEAD', secretRef: { name: 'keys' } } });
  await waitUntilApplied(cluster, stage.namespace, 'shop', first);
  await operator.stop();
  await secret(stage, { 'bob.asc': bobAsc });
  await stage.kubectl('delete', 'configmap/a', 'job/once');
  await using _again = await startOperator({ kubeconfigPath: cluster.kubeconfigPath });
  expect(await failureOf(cluster, stage, { reason: 'SignatureUntrusted' })).toContain('has no key allowed_signers');
  expect(await cluster.get('configmap', 'a', stage.namespace)).toBeUndefined();
  // What a Job that is gone was, is not read from a commit that nobody vouches for any more: it counts as unchanged.
  const second = await commit(stage.repo, { 'prod/job.yaml': job('two') }, 'bob@example.com');
  await stage.request();
  await waitUntilApplied(cluster, stage.namespace, 'shop', second);
  await stage.kubectl('get', 'configmap', 'a');
  expect(await stage.get('job', 'once')).toBeUndefined();
});
