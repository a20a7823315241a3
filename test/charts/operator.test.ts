import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Audit } from '../e2e/audit.ts';
import { waitFor } from '../e2e/cluster.ts';
import { type Operator, startOperator } from '../e2e/operator.ts';
import { heal, pushRefused } from '../e2e/refused.ts';
import { type Stage, configMap, useScene } from '../e2e/scene.ts';
import { chartDir, image, theOnly, useHelm } from './helm.ts';

// The chart brings the CRD; the operator is started by the tests, as the chart's account and with the chart's flags.
const scene = useScene({ cluster: { crd: false }, operator: false });
const helm = useHelm();

const widgetCrd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;
const widget = (size: number): string => `apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: one\nspec:\n  size: ${size}\n`;

interface Release {
  readonly namespace: string;
  readonly user: string;
  /** With the rights and flags of the release, but for addresses. */
  start(): Promise<Operator>;
  helm(verb: 'install' | 'uninstall'): Promise<void>;
}

async function release(...values: string[]): Promise<Release> {
  const { cluster } = scene();
  const namespace = await cluster.namespace('plumbline');
  const set = [...image, ...values];
  return {
    namespace,
    user: `system:serviceaccount:${namespace}:plumbline`,
    async start() {
      const kubeconfigPath = join(cluster.workDir, `${namespace}.json`);
      await writeFile(kubeconfigPath, await cluster.accountKubeconfig(namespace, 'plumbline'));
      const [container] = theOnly(await helm().template('-n', namespace, ...values), 'Deployment').spec.template.spec.containers;
      const flags = container.args.filter((arg: string) => !/-address=/.test(arg));
      // As its container, it has no file to write to, and starts no other program.
      const nodeOptions = ['--permission', '--allow-fs-read=*'];
      return startOperator({ kubeconfigPath, flags, nodeOptions, env: { NODE_DISABLE_COMPILE_CACHE: '1' } });
    },
    async helm(verb) {
      const args = verb === 'install' ? ['install', 'plumbline', chartDir, ...set] : ['uninstall', 'plumbline'];
      await helm().ok([...args, '-n', namespace], { kubeconfig: cluster.kubeconfigPath });
    },
  };
}

/** What the account was refused since, its own requests and those that it sent for others. */
async function refused(audit: Audit, { user }: Release): Promise<readonly string[]> {
  const events = (await audit.events()).filter((event) => event.user.username === user && event.responseStatus?.code === 403);
  return [...new Set(events.map(({ verb, objectRef }) => `${verb} ${objectRef?.apiGroup ?? ''}/${objectRef?.resource}`))].toSorted();
}

async function versionsOf(stage: Stage): Promise<Record<string, string>> {
  const columns = 'custom-columns=:.kind,:.metadata.name,:.metadata.uid,:.metadata.resourceVersion';
  const text = await stage.kubectl('get', 'configmaps,widgets', '-l', 'applyset.kubernetes.io/part-of', '--no-headers', '-o', columns);
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/))
      .map(([kind, name, ...rest]) => [`${kind} ${name}`, rest.join(' ')]),
  );
}

describe('with the rights of the chart alone', () => {
  test('the operator deploys, goes on after a reinstall without writing, and prunes nothing when its CRD is deleted', async () => {
    const { cluster } = scene();
    const installed = await release();
    await installed.helm('install');
    const stage = await scene().stage();
    const everywhere = [`${stage.namespace}-everywhere`, '--clusterrole=cluster-admin', `--serviceaccount=${stage.namespace}:deployer`];
    await cluster.kubectl('create', 'clusterrolebinding', ...everywhere);
    const audit = await cluster.audit();
    await using operator = await installed.start();
    await stage.source();
    await stage.deploy({ 'crd.yaml': widgetCrd, 'widget.yaml': widget(1), 'keep.yaml': configMap('keep'), 'gone.yaml': configMap('gone') });
    await stage.deploy({ 'widget.yaml': widget(2), 'gone.yaml': null });
    const members = await versionsOf(stage);
    expect(Object.keys(members)).toEqual(['ConfigMap keep', 'Widget one']);
    // Kinds that are not Kubernetes' own may be listed, not read singly.
    expect((await refused(audit, installed)).filter((what) => what !== 'get example.com/widgets')).toEqual([]);

    await operator.stop();
    await installed.helm('uninstall');
    expect(await versionsOf(stage)).toEqual(members);
    await installed.helm('install');
    await using _again = await installed.start();
    const source = `/apis/plumbline.dev/v1/namespaces/${stage.namespace}/gitopssources/shop`;
    await stage.request();
    await waitFor('the source is looked at anew', async () => {
      const { metadata, status } = await cluster.request.ok('GET', source);
      return status.lastHandledReconcileAt === metadata.annotations['plumbline.dev/requestedAt'];
    });
    expect(await versionsOf(stage)).toEqual(members);

    await cluster.kubectl('delete', 'crd', 'gitopssources.plumbline.dev', '--timeout=30s');
    expect(await versionsOf(stage)).toEqual(members);
  }, 120_000);

  test('the operator of one namespace deploys there, and writes nothing of its own elsewhere', async () => {
    const stage = await scene().stage();
    const installed = await release('--set', `namespaces={${stage.namespace}},crd.install=false`);
    await scene().cluster.kubectl('apply', '-f', join(import.meta.dirname, '../../crds/plumbline.dev_gitopssources.yaml'));
    await scene().cluster.kubectl('wait', '--for=condition=Established', 'crd/gitopssources.plumbline.dev');
    await installed.helm('install');
    const audit = await scene().cluster.audit();
    await using _operator = await installed.start();
    await stage.source();
    await stage.deploy({ 'one.yaml': configMap('one'), 'two.yaml': configMap('two') });
    const outside = {
      'role.yaml': 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: reader}\nrules: []\n',
      'other.yaml': configMap('other', {}, '  namespace: default\n'),
    };
    const { message } = await pushRefused(scene().cluster, stage, outside, 'OutOfScope');
    expect(message).toContain(
      `role.yaml:1 ClusterRole reader refused: cluster-wide, but this operator serves only namespaces ${stage.namespace}`,
    );
    expect(message).toContain(
      `other.yaml:1 ConfigMap default/other refused: in namespace default, but this operator serves only ${stage.namespace}`,
    );
    expect(message).toContain('Move the object, or let the operator serve that namespace.');
    await heal(stage, { 'two.yaml': null, 'role.yaml': null, 'other.yaml': null });
    expect(await stage.get('configmap', 'two')).toBeUndefined();
    await stage.kubectl('delete', 'gos', 'shop', '--timeout=30s');
    expect(await stage.kubectl('get', 'configmaps', '-l', 'applyset.kubernetes.io/part-of', '-o', 'name')).toBe('');
    // Whether the CRD itself is being deleted is then read from discovery.
    const crds = 'apiextensions.k8s.io/customresourcedefinitions';
    expect(await refused(audit, installed)).toEqual([`get ${crds}`, `list ${crds}`]);
  }, 120_000);
});
