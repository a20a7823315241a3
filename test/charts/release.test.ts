import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { dump, load } from 'js-yaml';
import { crdTemplate } from '../../charts/sync-crd.ts';
import { useCluster, waitFor } from '../e2e/cluster.ts';
import { type Rendered, chartDir, image, theOnly, useHelm } from './helm.ts';

// Without a CRD: the chart brings it.
const cluster = useCluster({ crd: false });
const helm = useHelm();

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const ownCrd = `${crds}/gitopssources.plumbline.dev`;

async function withHelm(...args: string[]): Promise<string> {
  return helm().ok(args, { kubeconfig: cluster().kubeconfigPath });
}

/** Kinds of the Prometheus operator and of the Gateway API, by name alone: what they hold is compared in chart.test.ts. */
async function installForeignCrds(): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const versions = [{ name: 'v1', served: true, storage: true, schema }];
  const kinds = [
    ['monitoring.coreos.com', 'ServiceMonitor'],
    ['monitoring.coreos.com', 'PrometheusRule'],
    ['gateway.networking.k8s.io', 'HTTPRoute'],
  ] as const;
  const names = kinds.map(([group, kind]) => `${kind.toLowerCase()}s.${group}`);
  for (const [index, [group, kind]] of kinds.entries()) {
    // Groups below k8s.io are guarded: a CRD there says who approved it.
    const metadata = { name: names[index], annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' } };
    const spec = { group, scope: 'Namespaced', names: { kind, plural: `${kind.toLowerCase()}s` }, versions };
    await cluster().request.ok('POST', crds, { body: { metadata, spec } });
  }
  await cluster().kubectl('wait', '--for=condition=Established', ...names.map((name) => `crd/${name}`));
}

/** What only a switch brings. */
const switched = ['ServiceMonitor', 'PrometheusRule', 'ConfigMap', 'NetworkPolicy', 'Ingress', 'HTTPRoute'];

function kindsOf(text: string): readonly string[] {
  return [...text.matchAll(/^kind: (\w+)$/gm)].map(([, kind = '']) => kind);
}

describe('what the chart renders', () => {
  const sets: readonly (readonly [string, (shop: string) => readonly string[]])[] = [
    ['by default', () => []],
    ['for named namespaces', (shop) => ['--set', `namespaces={${shop}}`]],
    ['for one replica without a leader', () => ['--set', 'replicas=1,leaderElection=false']],
    [
      'with limits on rights',
      (shop) => ['--set', `rbac.impersonate.namespaces={${shop}},rbac.read[0].apiGroups={apps},rbac.read[0].resources={deployments}`],
    ],
    [
      'with every switch on',
      () => [
        '--set',
        'serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true,networkPolicy.enabled=true,networkPolicy.egress.enabled=true',
        '--set',
        'receivers.ingress.enabled=true,receivers.ingress.host=hooks.example.com,receivers.ingress.tlsSecretName=hooks-tls',
        '--set-json',
        'receivers.httpRoute={"enabled":true,"parentRefs":[{"name":"public","namespace":"gateways"}],"hostnames":["hooks.example.com"]}',
      ],
    ],
    [
      'with everything about pods',
      () => [
        '--set',
        'podLabels.a=b,podAnnotations.c=d,nodeSelector.e=f,priorityClassName=system-cluster-critical,topologySpread.whenUnsatisfiable=DoNotSchedule',
        '--set-json',
        'tolerations=[{"operator":"Exists"}]',
        '--set-json',
        'extraEnv=[{"name":"HTTPS_PROXY","value":"http://proxy.example.com:3128"}]',
        '--set-json',
        'imagePullSecrets=[{"name":"registry"}]',
      ],
    ],
  ];

  test('is taken by the API server, whatever the values', async () => {
    await installForeignCrds();
    const [release, shop] = [await cluster().namespace('plumbline'), await cluster().namespace()];
    for (const [name, values] of sets) {
      const text = await withHelm('template', 'plumbline', chartDir, '-n', release, '--kube-version', '1.37.0', ...image, ...values(shop));
      const applied = await cluster().tryKubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], { stdin: text });
      expect([name, applied.code, applied.stderr]).toEqual([name, 0, '']);
      if (name === 'with every switch on') expect(kindsOf(text)).toEqual(expect.arrayContaining(switched));
    }
  });

  test('makes pods that the restricted Pod Security Standard lets in', async () => {
    const release = await cluster().namespace('plumbline');
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await cluster().request.ok('PATCH', `/api/v1/namespaces/${release}`, { body: { metadata: { labels } } });
    const { spec } = theOnly(await helm().template(), 'Deployment').spec.template;
    const pods = `/api/v1/namespaces/${release}/pods?dryRun=All`;
    const pod = { metadata: { name: 'probe' }, spec: { ...spec, serviceAccountName: 'default' } };
    expect(await cluster().request.raw('POST', pods, { body: pod })).toMatchObject({ status: 201 });
    const loose = { ...pod, spec: { ...pod.spec, securityContext: {} } };
    expect(await cluster().request.raw('POST', pods, { body: loose })).toMatchObject({ status: 403 });
    expect(spec.containers[0].securityContext.readOnlyRootFilesystem).toBe(true);
  });
});

test('a release lives, and what was deployed outlives it', async () => {
  const [release, shop] = [await cluster().namespace('plumbline'), await cluster().namespace('shop')];
  const sources = `/apis/plumbline.dev/v1/namespaces/${shop}/gitopssources`;
  const install = (chart: string, ...args: string[]): Promise<string> =>
    withHelm('upgrade', '--install', 'plumbline', chart, '-n', release, ...image, ...args);
  const fields = async (): Promise<readonly string[]> => {
    const crd = await cluster().request.ok('GET', ownCrd);
    return Object.keys(crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties);
  };

  // A release whose CRD is one field older.
  const notes = await install(await olderChart());
  expect(notes).toContain(`kubectl --namespace ${release} rollout status deployment/plumbline`);
  expect(await fields()).not.toContain('schedule');
  await cluster().kubectl('wait', '--for=condition=Established', 'crd/gitopssources.plumbline.dev');
  const body = {
    apiVersion: 'plumbline.dev/v1',
    kind: 'GitOpsSource',
    metadata: { name: 'shop', finalizers: ['plumbline.dev/source'] },
    spec: { url: 'https://git.example.com/shop.git' },
  };
  const source = await waitFor('the kind is served', async () => {
    const { status, body: made } = await cluster().request.raw('POST', sources, { body });
    return status === 201 && made;
  });

  await install(chartDir);
  expect(await fields()).toContain('schedule');
  await waitFor('the new field is kept', async () => {
    const { body: patched } = await cluster().request.raw('PATCH', `${sources}/shop`, { body: { spec: { schedule: '0 6 * * 1-5' } } });
    return patched.spec?.schedule === '0 6 * * 1-5';
  });

  expect(await withHelm('uninstall', 'plumbline', '-n', release)).toContain('[CustomResourceDefinition] gitopssources.plumbline.dev');
  expect(await cluster().kubectl('get', 'deployments,services,roles,poddisruptionbudgets', '-n', release, '-o', 'name')).toBe('');
  expect(
    await cluster().kubectl('get', 'clusterroles,clusterrolebindings', '-l', 'app.kubernetes.io/instance=plumbline', '-o', 'name'),
  ).toBe('');
  const left = await cluster().request.ok('GET', `${sources}/shop`);
  expect(left.metadata).toMatchObject({ uid: source.metadata.uid, finalizers: ['plumbline.dev/source'] });
  expect(left.metadata).not.toHaveProperty('deletionTimestamp');

  await install(chartDir, '--set', 'replicas=1');
  expect(await cluster().request.ok('GET', `${sources}/shop`)).toEqual(left);
  const { items } = await cluster().request.ok('GET', `/apis/apps/v1/namespaces/${release}/deployments`);
  expect(items.map((deployment: Rendered) => [deployment.metadata.name, deployment.spec.replicas])).toEqual([['plumbline', 1]]);

  // A second release does not take the CRD from the first; it does without, or says that it means to.
  const second = await cluster().namespace('plumbline');
  const args = ['-n', second, ...image, '--set', `namespaces={${shop}}`];
  await expect(withHelm('install', 'second', chartDir, ...args)).rejects.toThrow('invalid ownership metadata');
  await withHelm('install', 'second', chartDir, ...args, '--set', 'crd.install=false');
  const ownerOf = async (): Promise<string> =>
    (await cluster().request.ok('GET', ownCrd)).metadata.annotations['meta.helm.sh/release-namespace'];
  expect(await ownerOf()).toBe(release);
  await withHelm('upgrade', 'second', chartDir, ...args, '--take-ownership');
  expect(await ownerOf()).toBe(second);
});

/** The chart before `spec.schedule` came. */
async function olderChart(): Promise<string> {
  const dir = join(helm().workDir, 'older');
  await cp(chartDir, dir, { recursive: true });
  const crd = load(await readFile(join(import.meta.dirname, '../../crds/plumbline.dev_gitopssources.yaml'), 'utf8')) as Rendered;
  delete crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.schedule;
  await writeFile(join(dir, 'templates', 'crd.yaml'), crdTemplate(dump(crd, { lineWidth: -1 })));
  return dir;
}
