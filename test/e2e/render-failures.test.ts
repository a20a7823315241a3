import { describe, expect, test } from '@jest/globals';
import { failsUntouched, failureOf, wokenBy } from './failing.ts';
import { running, waitForEvent, writesAs } from './refused.ts';
import { configMap, deployment, type Stage, useScene } from './scene.ts';
import { waitUntilApplied } from './sources.ts';

const scene = useScene({ flags: ['--log-level=debug'] });
const files = { 'prod/a.yaml': configMap('a') };

/** Pushed over a running revision, these files make it fail with this reason; gives the message. */
async function refused(stage: Stage, pushed: Parameters<Stage['repo']['write']>[0], reason: string): Promise<string> {
  const push = async () => {
    await stage.repo.write(pushed);
    await stage.request();
  };
  return await failsUntouched(scene().cluster, stage, push, { reason });
}

describe('files that are no manifests', () => {
  test.concurrent('every fault of a revision is told at once, each with file, line and column; the fix heals', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, files, { path: 'prod' });
    const bad = {
      'prod/colon.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web: shop\n',
      'prod/tab.yaml': `${configMap('fine')}---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: tab\n`,
      'prod/key.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: key}\ndata:\n  a: "1"\n  a: "2"\n',
      'prod/nameless.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {app: web}\n',
      'prod/kindless.yaml': 'apiVersion: v1\nmetadata:\n  name: kindless\n',
      'prod/number.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: number\n  labels:\n    release: 7\n',
      'prod/broken.json': '{"apiVersion": "v1",\n "kind": }\n',
      'prod/one.yaml': configMap('twice'),
      'prod/two.yaml': `# Again\n${configMap('twice')}`,
      'prod/package.json': '{"name": "shop", "version": "1.0.0"}\n',
    };
    const message = await refused(stage, bad, 'RenderFailed');
    const lines = message.split('\n');
    for (const line of [
      /^prod\/broken\.json:2:10: /,
      /^prod\/colon\.yaml:4:12: /,
      /^prod\/key\.yaml:6:3: /,
      /^prod\/kindless\.yaml:1:1: kind is missing/,
      /^prod\/nameless\.yaml:3:1 ConfigMap: metadata\.name is missing/,
      /^prod\/number\.yaml:6:5 ConfigMap number: metadata\.labels\.release is a number, not a string: put it in quotes/,
      /^prod\/package\.json:1: no Kubernetes object: it has neither apiVersion nor kind/,
      /^prod\/tab\.yaml:\d+:\d+: /,
      new RegExp(`^prod/two\\.yaml:2 ConfigMap ${stage.namespace}/twice: stated twice, first at prod/one\\.yaml:1`),
    ]) {
      expect(lines).toContainEqual(expect.stringMatching(line));
    }
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toMatch(
      /^Nothing was changed; main@[0-9a-f]{7} keeps running\. Correct the file, or name it in spec\.exclude if it is no manifest\. Correct the files and lines that the message names, and push\. If prod\/package\.json is no manifest, add "package\.json" to spec\.exclude\. Take one of the two out\.$/,
    );
    await waitUntilApplied(
      cluster,
      stage.namespace,
      'shop',
      await stage.repo.write(Object.fromEntries(Object.keys(bad).map((file) => [file, null]))),
    );
  });

  test.concurrent('the glob that the message names skips what is no manifest, without a push', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, files, { path: 'prod' });
    const values = 'replicas: 2\n';
    const message = await refused(stage, { 'prod/ci/values (old).yaml': values, 'prod/.hidden/values.yaml': values }, 'RenderFailed');
    expect(message).toMatch(/^prod\/ci\/values \(old\)\.yaml:1: no Kubernetes object: it has neither apiVersion nor kind\. /);
    const glob = JSON.parse(/add (".*") to spec\.exclude/.exec(message)?.[1] ?? '');
    await stage.source({ path: 'prod', exclude: [glob] });
    await waitUntilApplied(cluster, stage.namespace, 'shop', (await stage.repo.tip('main')) ?? '');
  });

  test.concurrent.each([
    [
      'a kustomization',
      'KustomizeNotSupported',
      'kustomization.yaml',
      'resources: [web.yaml]\n',
      'Point spec.path at the output of kustomize build',
    ],
    ['a chart', 'HelmNotSupported', 'Chart.yaml', 'apiVersion: v2\nname: web\n', 'Point spec.path at the output of helm template'],
  ])('%s under the path is never applied raw, and can be left out', async (_, reason, name, text, remedy) => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, files);
    const message = await refused(
      stage,
      { [`prod/web/${name}`]: text, 'prod/web/web.yaml': configMap('raw'), 'prod/web/templates/x.yaml': '{{ .Values.x }}' },
      reason,
    );
    expect(message).toContain(`prod/web/${name}: a `);
    expect(message.endsWith(`${remedy}, or add "prod/web/**" to spec.exclude.`)).toBe(true);
    await stage.source({ exclude: ['prod/web/**'] });
    await waitUntilApplied(cluster, stage.namespace, 'shop', (await stage.repo.tip('main')) ?? '');
    expect(await cluster.get('configmap', 'raw', stage.namespace)).toBeUndefined();
  });
});

describe('manifests saved from a cluster', () => {
  test.concurrent('work as they are: what the server sets is left out, told once, and nothing is written again', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await stage.kubectl('create', 'deployment', 'web', '--image=registry.example.com/web:1', '--replicas=0');
    await stage.kubectl('create', 'service', 'clusterip', 'web', '--tcp=80:8080');
    await stage.kubectl('annotate', 'service', 'web', 'kubectl.kubernetes.io/last-applied-configuration={}');
    const saved = await stage.kubectl('get', 'deployment,service', '-o', 'yaml', '--show-managed-fields');
    await stage.kubectl('delete', 'deployment,service', '--all');
    await running(cluster, stage, { 'saved.yaml': saved });
    await waitForEvent(
      cluster,
      stage.namespace,
      'shop',
      'Notice',
      /Deployment \S+\/web: left out what is set in the cluster, not in git: .*metadata\.uid/,
    );
    expect((await stage.get('service', 'web')).metadata.annotations).not.toHaveProperty([
      'kubectl.kubernetes.io/last-applied-configuration',
    ]);
    const audit = await cluster.audit();
    const commit = await stage.repo.write({ 'README.md': '# Shop' });
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    expect(asAccount(await audit.events(), stage)).toEqual([]);
  });

  test.concurrent("a Secret's stringData becomes data, and a key that leaves git leaves the cluster", async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const secret = (lines: string) => `apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  a: b2xk\nstringData:\n${lines}`;
    await running(cluster, stage, { 'db.yaml': secret('  a: new\n  b: "1"\n') });
    const data = async () => (await stage.get('secret', 'db')).data;
    expect(await data()).toEqual({ a: Buffer.from('new').toString('base64'), b: Buffer.from('1').toString('base64') });
    await stage.deploy({ 'db.yaml': secret('  c: three\n') });
    expect(await data()).toEqual({ a: 'b2xk', c: Buffer.from('three').toString('base64') });
  });

  test.concurrent('a value of stringData that is no string is told without it', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, files);
    const message = await refused(
      stage,
      { 'db.yaml': 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  pin: 778899\n' },
      'RenderFailed',
    );
    expect(message).toContain('db.yaml:6:3 Secret db: stringData.pin is a number, not a string: put it in quotes.');
    expect(message).not.toContain('778899');
  });
});

describe('a kind that the cluster does not know', () => {
  const crd = (kind: string, group: string) => {
    const plural = `${kind.toLowerCase()}s`;
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    return JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: { group, scope: 'Namespaced', names: { kind, plural }, versions: [{ name: 'v1', served: true, storage: true, schema }] },
    });
  };

  test.concurrent('refuses the revision whole, and heals as soon as the CRD is there', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, files, { interval: '10m' });
    const group = `${stage.namespace}.example.com`;
    const message = await refused(
      stage,
      {
        'widget.yaml': `apiVersion: ${group}/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n`,
        'old.yaml': 'apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: old}\n',
        'prod/a.yaml': configMap('a', { key: 'other' }),
      },
      'UnknownKind',
    );
    expect(message).toContain(
      `widget.yaml:1 Widget w refused: there is no kind Widget in ${group}/v1, neither in the cluster nor by a CRD of this revision`,
    );
    expect(message).toContain('old.yaml:1 Deployment old refused: there is no kind Deployment in extensions/v1beta1');
    expect(message).toContain('Deployment is served as apps/v1');
    await stage.repo.write({ 'old.yaml': null });
    await stage.request();
    await failureOf(cluster, stage, { reason: 'UnknownKind', message: /^widget\.yaml:1 Widget/ });
    // By kubectl, which takes a moment: the CRDs that are there when the watch opens are no news.
    await wokenBy(scene().operator, stage, () => cluster.tryKubectl(['create', '-f', '-'], { stdin: crd('Widget', group) }));
    await waitUntilApplied(cluster, stage.namespace, 'shop', (await stage.repo.tip('main')) ?? '');
    expect(await stage.kubectl('get', `widgets.${group}`, 'w', '-o', 'jsonpath={.spec.size}')).toBe('3');
  });

  test.concurrent('integers above 2^53 arrive to the last digit, in YAML and in JSON, and cause no second write', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const group = `${stage.namespace}.example.com`;
    await everywhere(stage);
    await running(cluster, stage, {
      'crd.json': crd('Gadget', group),
      'yaml.yaml': `apiVersion: ${group}/v1\nkind: Gadget\nmetadata: {name: yaml}\nspec: {id: 9007199254740993, low: -9223372036854775808}\n`,
      'json.json': `{"apiVersion": "${group}/v1", "kind": "Gadget", "metadata": {"name": "json"}, "spec": {"id": 9223372036854775807}}`,
    });
    // As text: this test could not read them exactly either.
    const text = async (name: string) =>
      (await stage.kubectl('get', `gadgets.${group}`, name, '-o', 'yaml')).match(/(?<=  )(?:id|low): -?\d+$/gm);
    expect(await text('yaml')).toEqual(['id: 9007199254740993', 'low: -9223372036854775808']);
    expect(await text('json')).toEqual(['id: 9223372036854775807']);
    const audit = await cluster.audit();
    await stage.deploy({ 'README.md': '# Shop' });
    expect(asAccount(await audit.events(), stage)).toEqual([]);
  });
});

describe('namespaces', () => {
  test.concurrent("an object without one goes to the source's own namespace, with targetNamespace to that; never to default", async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const other = await cluster.namespace('target');
    await everywhere(stage);
    const role = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: NAME\n  namespace: default\nrules: []\n';
    const name = `${stage.namespace}-role`;
    await running(cluster, stage, { 'a.yaml': configMap(stage.namespace), 'role.yaml': role.replace('NAME', name) });
    const where = async () =>
      JSON.parse(
        await cluster.kubectl('get', 'configmap', '-A', `--field-selector=metadata.name=${stage.namespace}`, '-o', 'json'),
      ).items.map(({ metadata }: { metadata: { namespace: string } }) => metadata.namespace);
    expect(await where()).toEqual([stage.namespace]);
    await waitForEvent(cluster, stage.namespace, 'shop', 'Notice', `left out metadata.namespace (default): ClusterRole is cluster-wide`);

    await stage.source({ targetNamespace: other, path: '.' });
    const commit = await stage.repo.write({ 'b.yaml': configMap('b', {}, `  namespace: ${other}\n`) });
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    expect(await where()).toEqual([other]);
    expect(await cluster.get('clusterrole', name)).toBeDefined();
  });

  test.concurrent('one that names another than targetNamespace is refused with file and line', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, files, { targetNamespace: stage.namespace });
    const message = await refused(
      stage,
      { 'prod/b.yaml': `# B\n${configMap('b', {}, '  namespace: kube-system\n')}` },
      'NamespaceMismatch',
    );
    expect(message).toMatch(
      new RegExp(
        `^prod/b\\.yaml:2 ConfigMap kube-system/b refused: metadata\\.namespace is kube-system, but spec\\.targetNamespace is ${stage.namespace}\\. ` +
          '.* Take metadata\\.namespace out of the manifest, or targetNamespace out of the spec\\.$',
      ),
    );
    await waitUntilApplied(cluster, stage.namespace, 'shop', await stage.repo.write({ 'prod/b.yaml': configMap('b') }));
  });
});

describe('the same YAML in a new commit', () => {
  test.concurrent('moves the revision with one status patch, and no object is looked at or written', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, { 'web.yaml': deployment('web'), ...files });
    const before = await stage.kubectl('get', 'deployment,configmap', '-o', 'yaml');
    const audit = await cluster.audit();
    // Another file, and another way to write the same.
    const commit = await stage.repo.write(
      { 'README.md': '# Shop', 'prod/a.yaml': `# A comment\n${configMap('a')}` },
      { message: 'Say more' },
    );
    await stage.request();
    const source = await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    expect(source.status).toMatchObject({
      revision: { observed: { commit }, attempted: { commit }, applied: { commit } },
      commit: { sha: commit, subject: 'Say more' },
      history: [{ commit, result: 'Applied' }, { result: 'Applied' }],
    });
    const events = await audit.events();
    expect(asAccount(events, stage)).toEqual([]);
    const patches = events.filter(
      ({ verb, objectRef, userAgent }) =>
        verb === 'patch' &&
        objectRef?.resource === 'gitopssources' &&
        objectRef.namespace === stage.namespace &&
        userAgent?.startsWith('plumbline/') === true,
    );
    expect(patches.map(({ objectRef }) => objectRef?.subresource)).toEqual(['status']);
    expect(await stage.kubectl('get', 'deployment,configmap', '-o', 'yaml')).toBe(before);
  });
});

/** The stage's account may do everything in every namespace. */
async function everywhere({ namespace }: Stage): Promise<void> {
  await scene().cluster.request.ok('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    body: {
      metadata: { name: `${namespace}-everywhere` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', namespace, name: 'deployer' }],
    },
  });
}

/** What was asked in the name of the stage's account, its rights aside. */
function asAccount(events: Parameters<typeof writesAs>[0], stage: Stage): readonly string[] {
  return events
    .filter(({ impersonatedUser, objectRef }) => {
      const isAccount = impersonatedUser?.username === `system:serviceaccount:${stage.namespace}:deployer`;
      return isAccount && objectRef?.resource !== 'selfsubjectaccessreviews';
    })
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}
