/** What docs/operations.md tells people to type does what it says. */
import { execFile } from 'node:child_process';
import { dirname, delimiter } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { readText } from '../../crds/generate.ts';
import { ensureBinaries } from '../controlplane/binaries.ts';
import { useCluster, waitFor } from '../e2e/cluster.ts';

const run = promisify(execFile);
const page = readText('docs/operations.md') ?? '';
const url = 'https://git.example.com/acme/deployer.git';
const cluster = useCluster();

/** Types a command as a person would, with kubectl at hand. */
async function type(command: string, namespace: string): Promise<string> {
  const { kubectl } = await ensureBinaries(['kubectl'], { environment: process.env });
  const env = {
    HOME: cluster().workDir,
    PATH: `${dirname(kubectl)}${delimiter}${process.env['PATH'] ?? ''}`,
    KUBECONFIG: cluster().kubeconfigPath,
    NAMESPACE: namespace,
  };
  // A person's context has the namespace of the source.
  const { stdout } = await run('sh', ['-ec', `kubectl() { command kubectl --namespace "$NAMESPACE" "$@"; }\n${command}`], { env });
  return stdout;
}

async function source(namespace: string, name: string, metadata: object = {}, spec: object = {}): Promise<string> {
  const path = `/apis/plumbline.dev/v1/namespaces/${namespace}/gitopssources`;
  await cluster().request.ok('POST', path, {
    body: { apiVersion: 'plumbline.dev/v1', kind: 'GitOpsSource', metadata: { name, ...metadata }, spec: { url, ...spec } },
  });
  return `${path}/${name}`;
}

/** The command in a row of the table of everyday work, with its placeholders filled in. */
function everyday(what: string, name: string, commit = ''): string {
  const row = page.split('\n').find((line) => line.startsWith(`| ${what}`));
  const command = /`(kubectl [\s\S]*?)`(?: \(|\s*\|)/.exec(row ?? '')?.[1];
  if (command === undefined) throw new Error(`no command for: ${what}`);
  return command.replaceAll('NAME', name).replaceAll('COMMIT', commit).replaceAll('KIND', 'configmaps');
}

test('finalizers can be removed without the operator', async () => {
  const command = /<!-- tested: remove finalizers -->\n```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const finalizers = ['plumbline.dev/source'];
  const namespaces = [await cluster().namespace('docs'), await cluster().namespace('docs')];
  const paths = await Promise.all(namespaces.map((namespace) => source(namespace, 'stuck', { finalizers })));
  for (const path of paths) await cluster().request.ok('DELETE', path);
  for (const path of paths) expect((await cluster().request.get(path)).metadata.deletionTimestamp).toBeDefined();
  // The page's own --namespace comes last and wins.
  await type(command, 'default');
  for (const path of paths) await waitFor('the source is gone', async () => (await cluster().request.get(path)) === undefined);
});

test('the everyday commands do what they say', async () => {
  const namespace = await cluster().namespace('docs');
  const path = await source(namespace, 'shop', { labels: { 'applyset.kubernetes.io/id': 'applyset-x-v1' } }, { ref: { branch: 'main' } });
  const read = async (): Promise<{ spec: Record<string, unknown>; metadata: { annotations?: Record<string, string> } }> =>
    await cluster().request.get(path);

  await type(everyday('Reconcile now', 'shop'), namespace);
  expect((await read()).metadata.annotations?.['plumbline.dev/requestedAt']).toMatch(/^\d{10}$/);

  await type(everyday('Stop everything', 'shop'), namespace);
  expect((await read()).spec['suspend']).toBe(true);

  const commit = 'a'.repeat(40);
  await type(everyday('Roll back', 'shop', commit), namespace);
  expect((await read()).spec['ref']).toEqual({ commit });

  const status = { revision: { applied: { commit, time: '2026-01-01T00:00:00Z' } } };
  await cluster().request.ok('PATCH', `${path}/status`, { body: { status } });
  await type(everyday('Wait in CI', 'shop', commit), namespace);

  const body = { metadata: { name: 'member', labels: { 'applyset.kubernetes.io/part-of': 'applyset-x-v1' } } };
  await cluster().request.ok('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body });
  expect(await type(everyday('See the members', 'shop'), namespace)).toMatch(/^NAME.*\nmember .*\n$/);
});
