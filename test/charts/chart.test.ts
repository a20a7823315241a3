import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { dashboards } from '../../charts/monitoring/dashboards/index.ts';
import { crdPath, crdTemplate, templatePath } from '../../charts/sync-crd.ts';
import { chartValues, wantedReadme } from '../../charts/values-table.ts';
import { parseConfig } from '../../operator/config.ts';
import { version } from '../../operator/version.ts';
import { type Rendered, chartDir, image, ofKind, theOnly, useHelm } from './helm.ts';

const helm = useHelm();

/** What helm says when it refuses these values. */
async function refusal(...args: string[]): Promise<string> {
  const { code, stderr } = await helm().run(['template', 'plumbline', chartDir, '-n', 'plumbline', '--kube-version', '1.37.0', ...args]);
  expect(code).not.toBe(0);
  return stderr;
}

describe('the chart', () => {
  test('passes helm lint, with and without values', async () => {
    expect(await helm().ok(['lint', chartDir])).toContain('0 chart(s) failed');
    expect(await helm().ok(['lint', '--strict', chartDir, ...image])).toContain('0 chart(s) failed');
  });

  test('is of the version of the operator', async () => {
    const chart = load(await readFile(`${chartDir}/Chart.yaml`, 'utf8')) as Rendered;
    expect([chart.version, chart.appVersion]).toEqual([version, version]);
  });

  test('refuses a cluster older than the oldest supported', async () => {
    const { code, stderr } = await helm().run(['template', 'plumbline', chartDir, '--kube-version', '1.35.9', ...image]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('chart requires kubeVersion: >=1.36.0-0')]);
    await helm().ok(['template', 'plumbline', chartDir, '--kube-version', 'v1.36.0-gke.1', ...image]);
  });

  test('brings the CRD of crds/, and keeps it at uninstall', async () => {
    const crd = theOnly(await helm().template(), 'CustomResourceDefinition');
    expect(crd.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    delete crd.metadata.annotations;
    const own = await readFile(crdPath, 'utf8');
    expect(crd).toEqual(load(own));
    expect(await readFile(templatePath, 'utf8')).toBe(crdTemplate(own));
  });

  test('leaves the CRD to others where asked', async () => {
    expect(ofKind(await helm().template('--set', 'crd.install=false'), 'CustomResourceDefinition')).toEqual([]);
  });

  test('does not take a CRD that helm would read as a template', async () => {
    expect(() => crdTemplate('metadata:\n  name: "{{ x }}"\nspec:\n')).toThrow('template action');
  });

  test('lists its values as they are', async () => {
    expect(await readFile(`${chartDir}/README.md`, 'utf8')).toBe(await wantedReadme());
  });

  test.each([
    ['no default', { properties: { a: { description: 'A.' } } }, {}, 'a has no default'],
    ['no description', { properties: { a: { properties: { b: {} } } } }, { a: { b: 1 } }, 'a.b has no description'],
    ['no schema', { properties: {} }, { a: 1 }, 'a is in values.yaml'],
  ])('has no value with %s', (_, schema, defaults, message) => {
    expect(() => chartValues(schema, defaults)).toThrow(message);
  });
});

describe('values', () => {
  test.each([
    ['without an image', [], 'image.repository is required: there is no public image. Build one with the Dockerfile'],
    ['with an empty default account', [...image, '--set', 'defaultServiceAccount='], 'defaultServiceAccount'],
    ['that the chart does not know', [...image, '--set', 'replicaCount=3'], "additional properties 'replicaCount' not allowed"],
    ['that the chart does not know, deep down', [...image, '--set', 'image.name=x'], "additional properties 'name' not allowed"],
    ['of a wrong type', [...image, '--set-string', 'replicas=two'], 'replicas'],
    ['with an unknown log level', [...image, '--set', 'logLevel=trace'], 'logLevel'],
    ['with a digest that is none', [...image, '--set', 'image.digest=latest'], 'digest'],
    ['with a tag in the repository and a digest', ['--set', 'image.repository=r.example.com/p@sha256:00'], 'repository'],
    ['with a namespace that is none', [...image, '--set', 'namespaces={Shop}'], 'namespaces'],
    ['with a wildcard to read', [...image, '--set', 'rbac.read[0].apiGroups={apps}', '--set', 'rbac.read[0].resources={*}'], 'resources'],
    [
      'with a subresource to read',
      [...image, '--set', 'rbac.read[0].apiGroups={apps}', '--set', 'rbac.read[0].resources={pods/exec}'],
      'resources',
    ],
    ['of two replicas without a leader', [...image, '--set', 'leaderElection=false'], 'leaderElection=false allows one replica only'],
    ['with somebody else\u2019s account of no name', [...image, '--set', 'serviceAccount.create=false'], 'serviceAccount.name is required'],
    ['of an Ingress without a host', [...image, '--set', 'receivers.ingress.enabled=true'], 'receivers.ingress.host is required'],
    ['of a route without a Gateway', [...image, '--set', 'receivers.httpRoute.enabled=true'], 'receivers.httpRoute.parentRefs is required'],
    [
      'that limit accounts twice',
      [...image, '--set', 'namespaces={a}', '--set', 'rbac.impersonate.namespaces={b}'],
      'rbac.impersonate.namespaces has no meaning beside namespaces',
    ],
  ])('%s are refused', async (_, args, message) => {
    expect(await refusal(...args)).toContain(message);
  });

  test.each([
    [
      'by default',
      [],
      {
        leaderElect: true,
        namespaces: [],
        defaultServiceAccount: 'default',
        concurrency: 16,
        historyRetentionMs: 2_592_000_000,
        logLevel: 'info',
      },
    ],
    [
      'of a small installation',
      ['--set', 'replicas=1,leaderElection=false,namespaces={a,b},defaultServiceAccount=deployer,concurrency=4,logLevel=debug'],
      { leaderElect: false, namespaces: ['a', 'b'], defaultServiceAccount: 'deployer', concurrency: 4, logLevel: 'debug' },
    ],
  ])('%s become flags that the operator knows', async (_, args, expected) => {
    const { spec } = theOnly(await helm().template(...args), 'Deployment').spec.template;
    const container = spec.containers[0];
    const parsed = parseConfig(container.args, {});
    expect(parsed).toEqual({ config: expect.objectContaining({ ...expected, leaderElectionNamespace: 'plumbline' }) });
    const addresses = 'config' in parsed ? [parsed.config.metricsAddress, parsed.config.webhookAddress] : [];
    expect(container.ports.map((port: Rendered) => port.containerPort)).toEqual(addresses.map((address) => address.port));
  });

  test('give the operator the memory of the highest peak that was measured, and of its git cache; and no volume', async () => {
    const { spec } = theOnly(await helm().template(), 'Deployment').spec.template;
    expect([spec.volumes, spec.containers[0].volumeMounts]).toEqual([undefined, undefined]);
    const page = await readFile(`${chartDir}/../../docs/performance.md`, 'utf8');
    const peaks = [...page.matchAll(/^\| [^|]*memory[^|]*\| (\d+) MiB \|/gm)].map(([, mib]) => Number(mib));
    expect(peaks.length).toBeGreaterThan(3);
    const parsed = parseConfig(spec.containers[0].args, {});
    const cacheMib = 'config' in parsed ? parsed.config.git.cacheBytes / 2 ** 20 : Number.NaN;
    const { requests, limits } = spec.containers[0].resources;
    expect([requests.memory, limits.memory]).toEqual(['256Mi', '1Gi']);
    expect(Math.max(...peaks) + cacheMib).toBeLessThan(1_024);
  });

  test('name the image by digest, else by tag, else by version', async () => {
    const imageOf = async (...args: string[]): Promise<string> =>
      theOnly(await helm().template(...args), 'Deployment').spec.template.spec.containers[0].image;
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(await imageOf()).toBe(`registry.example.com/plumbline:${version}`);
    expect(await imageOf('--set', 'image.tag=main')).toBe('registry.example.com/plumbline:main');
    expect(await imageOf('--set', `image.tag=main,image.digest=${digest}`)).toBe(`registry.example.com/plumbline@${digest}`);
  });

  test('for a Prometheus keep its hands off the label namespace', async () => {
    const monitor = theOnly(
      await helm().template('--set', 'serviceMonitor.enabled=true,serviceMonitor.labels.release=prom'),
      'ServiceMonitor',
    );
    expect(monitor.spec.endpoints).toEqual([{ port: 'metrics', path: '/metrics', interval: '30s', honorLabels: true }]);
    expect(monitor.metadata.labels.release).toBe('prom');
  });

  test('bring the rules, with runbooks where they are', async () => {
    expect(ofKind(await helm().template(), 'PrometheusRule')).toEqual([]);
    const rule = async (...args: string[]): Promise<Rendered> =>
      theOnly(await helm().template('--set', 'prometheusRule.enabled=true,prometheusRule.labels.release=prom', ...args), 'PrometheusRule');
    const plain = await rule();
    expect(plain.metadata.labels.release).toBe('prom');
    expect(plain.spec).toEqual(load(await readFile(`${chartDir}/rules/plumbline.yaml`, 'utf8')));
    const linked = await rule('--set', 'prometheusRule.runbookURL=https://docs.example.com/plumbline/operations.html');
    const urls = linked.spec.groups.flatMap((group: Rendered) =>
      group.rules.flatMap((one: Rendered) => one.annotations?.runbook_url ?? []),
    );
    expect(urls).toContain('https://docs.example.com/plumbline/operations.html#plumblinedown');
    expect(urls.filter((url: string) => !url.startsWith('https://docs.example.com/plumbline/operations.html#'))).toEqual([]);
  });

  test('bring the dashboards, labelled for the sidecar', async () => {
    expect(ofKind(await helm().template(), 'ConfigMap')).toEqual([]);
    const maps = ofKind(
      await helm().template('--set', 'dashboards.enabled=true', '--set', 'dashboards.annotations.grafana_folder=GitOps'),
      'ConfigMap',
    );
    expect(maps.map(({ metadata }) => metadata.name)).toEqual(Object.keys(dashboards).map((name) => `plumbline-${name}`));
    for (const { metadata, data } of maps) {
      expect(metadata.labels).toMatchObject({ grafana_dashboard: '1', 'app.kubernetes.io/name': 'plumbline' });
      expect(metadata.annotations).toEqual({ grafana_folder: 'GitOps' });
      const [[file, text] = ['', '']] = Object.entries(data as Readonly<Record<string, string>>);
      expect(JSON.parse(text)).toEqual(JSON.parse(await readFile(`${chartDir}/dashboards/${file.replace('plumbline-', '')}`, 'utf8')));
    }
  });

  test('limit the network in steps', async () => {
    const policyOf = async (...args: string[]): Promise<Rendered> => theOnly(await helm().template(...args), 'NetworkPolicy').spec;
    const open = await policyOf('--set', 'networkPolicy.enabled=true');
    expect(open).toMatchObject({ policyTypes: ['Ingress'], ingress: [{ ports: [{ port: 'metrics' }] }, { ports: [{ port: 'webhook' }] }] });
    expect(JSON.stringify(open)).not.toContain('"from"');
    const from = '[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"monitoring"}}}]';
    const closed = await policyOf(
      '--set',
      'networkPolicy.enabled=true,networkPolicy.egress.enabled=true',
      '--set-json',
      `networkPolicy.ingress.metricsFrom=${from}`,
    );
    expect(closed.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(closed.ingress[0].from).toEqual(JSON.parse(from));
    expect(closed.egress.flatMap((rule: Rendered) => rule.ports.map((port: Rendered) => port.port))).toEqual([53, 53, 443, 6443, 80, 22]);
  });

  test('let forges reach the receivers, and nothing else', async () => {
    const none = await helm().template();
    expect([...ofKind(none, 'Ingress'), ...ofKind(none, 'HTTPRoute')]).toEqual([]);
    const service = theOnly(none, 'Service');
    const ingress = theOnly(
      await helm().template(
        '--set',
        'receivers.ingress.enabled=true,receivers.ingress.host=hooks.example.com,receivers.ingress.className=public',
        '--set',
        'receivers.ingress.tlsSecretName=hooks-tls,receivers.ingress.annotations.a=b',
      ),
      'Ingress',
    );
    const backend = { service: { name: service.metadata.name, port: { name: 'webhook' } } };
    expect(ingress.metadata.annotations).toEqual({ a: 'b' });
    expect(ingress.spec).toEqual({
      ingressClassName: 'public',
      rules: [{ host: 'hooks.example.com', http: { paths: [{ path: '/hooks/', pathType: 'Prefix', backend }] } }],
      tls: [{ hosts: ['hooks.example.com'], secretName: 'hooks-tls' }],
    });
    const route = theOnly(
      await helm().template(
        '--set-json',
        'receivers.httpRoute={"enabled":true,"parentRefs":[{"name":"public","namespace":"gateways"}],"hostnames":["hooks.example.com"]}',
      ),
      'HTTPRoute',
    );
    expect(route.spec).toEqual({
      parentRefs: [{ name: 'public', namespace: 'gateways' }],
      hostnames: ['hooks.example.com'],
      rules: [
        {
          matches: [{ method: 'POST', path: { type: 'PathPrefix', value: '/hooks/' } }],
          backendRefs: [{ name: service.metadata.name, port: 9292 }],
        },
      ],
    });
    expect(service.spec.ports).toContainEqual({ name: 'webhook', port: 9292, targetPort: 'webhook' });
  });

  test('for pods reach the pods', async () => {
    const values = {
      podLabels: { team: 'platform' },
      podAnnotations: { 'example.com/a': 'b' },
      nodeSelector: { pool: 'infra' },
      tolerations: [{ key: 'infra', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      priorityClassName: 'system-cluster-critical',
      imagePullSecrets: [{ name: 'registry' }],
      extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy.example.com:3128' }],
    };
    const args = Object.entries(values).flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);
    const { metadata, spec } = theOnly(await helm().template(...args), 'Deployment').spec.template;
    expect(metadata).toMatchObject({ labels: values.podLabels, annotations: values.podAnnotations });
    const { nodeSelector, tolerations, affinity, priorityClassName, imagePullSecrets } = values;
    expect(spec).toMatchObject({ nodeSelector, tolerations, affinity, priorityClassName, imagePullSecrets });
    expect(spec.containers[0].env).toEqual(values.extraEnv);
  });
});
