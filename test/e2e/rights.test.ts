import { describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { failsUntouched, wokenBy } from './failing.ts';
import { type Operator, startOperator } from './operator.ts';
import { heal, pushRefused, refusalOf, running } from './refused.ts';
import { type Stage, configMap, deployment, useScene } from './scene.ts';
import { patchSource, waitForCondition, waitUntilApplied } from './sources.ts';
import { startWebhook } from './webhook.ts';

const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n';

describe('a source acts with the rights of its account alone', () => {
  const scene = useScene({ flags: ['--log-level=debug'] });

  /** Runs the kubectl lines of a message, as they are printed. */
  async function runPrinted(message: string): Promise<number> {
    const commands = message.split('\n').flatMap((line) => /^ *kubectl (create .*)$/.exec(line)?.[1] ?? []);
    for (const command of commands) await scene().cluster.kubectl(...command.trim().split(' '));
    return commands.length;
  }

  test('what it lacks is told whole, every verb and kind, with the commands that grant it', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await cluster.account(stage.namespace, 'nobody');
    const commit = await stage.repo.write({
      'web.yaml': `${deployment('web')}---\n${service}`,
      'settings.yaml': configMap('settings'),
      'space.yaml': `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${stage.namespace}-more}\n`,
    });
    await stage.source({ serviceAccountName: 'nobody' });
    const { message } = await refusalOf(cluster, stage, 'Forbidden', commit);
    expect(message).toContain(`ServiceAccount ${stage.namespace}/nobody may not: create, patch namespaces cluster-wide; `);
    for (const kind of ['configmaps', 'deployments.apps', 'services']) {
      expect(message).toContain(`create, patch ${kind} in namespace ${stage.namespace}`);
    }
    expect(message).toContain('Nothing was changed.');
    expect(await runPrinted(message)).toBe(4);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test('a later revision that needs more is told and granted the same way; what runs keeps running', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await cluster.account(stage.namespace, 'nobody');
    const first = await stage.repo.write({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    await stage.source({ serviceAccountName: 'nobody' });
    await runPrinted((await refusalOf(cluster, stage, 'Forbidden', first)).message);
    await waitUntilApplied(cluster, stage.namespace, 'shop', first);
    const { message, commit } = await pushRefused(
      cluster,
      stage,
      { 'a.yaml': configMap('a', { key: 'other' }), 'b.yaml': null, 'web.yaml': service },
      'Forbidden',
    );
    expect(message).toContain(`delete configmaps in namespace ${stage.namespace}`);
    expect(message).toContain(`create, patch services in namespace ${stage.namespace}`);
    expect(await runPrinted(message)).toBe(4);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    expect((await stage.get('configmap', 'a')).data.key).toBe('other');
  });

  test('an account that is not there refuses the revision, and its appearance heals at once', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const commit = await running(cluster, stage, { 'a.yaml': configMap('a') });
    const later = () => patchSource(cluster, stage.namespace, 'shop', { spec: { serviceAccountName: 'later' } });
    const message = await failsUntouched(cluster, stage, later, { reason: 'ServiceAccountNotFound' });
    expect(message).toContain(`ServiceAccount ${stage.namespace}/later, as which this source acts, does not exist.`);
    expect(message).toContain(
      `Create it, and bind to it what the revision needs:\n  kubectl create serviceaccount later -n ${stage.namespace}`,
    );
    await stage.kubectl('create', 'rolebinding', 'later', '--clusterrole=cluster-admin', `--serviceaccount=${stage.namespace}:later`);
    await wokenBy(scene().operator, stage, () => stage.kubectl('create', 'serviceaccount', 'later'));
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 3_000);
  });

  test('it can grant no more than it has: told, with what to do', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    await cluster.account(stage.namespace, 'clerk', { clusterRole: 'admin' });
    const role = (verbs: string) =>
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: nodes}\nrules: [{apiGroups: [example.com], resources: [things], verbs: [${verbs}]}]\n`;
    await running(cluster, stage, { 'a.yaml': configMap('a') }, { serviceAccountName: 'clerk' });
    const { message } = await pushRefused(cluster, stage, { 'role.yaml': role('get') }, 'Forbidden');
    expect(message).toContain(`role.yaml:1 Role ${stage.namespace}/nodes refused: `);
    expect(message).toContain('is attempting to grant RBAC permissions not currently held');
    expect(message).toContain('An account grants no more than it holds itself: grant it these rights too, or the verb escalate on roles');
    await heal(stage, { 'role.yaml': null });
  });
});

describe('a namespace', () => {
  const scene = useScene({ flags: ['--log-level=debug'] });

  async function stageWithRightsEverywhere(): Promise<Stage> {
    const stage = await scene().stage();
    await scene().cluster.account(stage.namespace, 'everywhere', { clusterRole: 'cluster-admin', everywhere: true });
    return stage;
  }

  test('that is missing is named, and the source goes on by itself once it is there', async () => {
    const stage = await stageWithRightsEverywhere();
    const { cluster } = scene();
    await running(cluster, stage, { 'a.yaml': configMap('a') }, { serviceAccountName: 'everywhere' });
    const other = `${stage.namespace}-other`;
    const { commit, message } = await pushRefused(
      cluster,
      stage,
      { 'a.yaml': configMap('a', { key: 'other' }), 'b.yaml': configMap('b', {}, `  namespace: ${other}\n`) },
      'NamespaceNotFound',
    );
    expect(message).toContain(`b.yaml:1 ConfigMap ${other}/b refused: namespace ${other} does not exist.`);
    expect(message).toContain('Create the namespace, or add it to the repository; one that appears is noticed.');
    await wokenBy(scene().operator, stage, () => cluster.kubectl('create', 'namespace', other));
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 3_000);
    expect(await cluster.get('configmap', 'b', other)).toBeDefined();
  });

  test('that is being deleted is waited for, not told as forbidden', async () => {
    const stage = await stageWithRightsEverywhere();
    const { cluster } = scene();
    const other = await cluster.namespace('going');
    await cluster.kubectl('create', 'configmap', 'hold', '-n', other);
    await cluster.kubectl(
      'patch',
      'configmap',
      'hold',
      '-n',
      other,
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["example.com/hold"]}}',
    );
    await cluster.kubectl('delete', 'namespace', other, '--wait=false');
    await running(cluster, stage, { 'a.yaml': configMap('a') }, { serviceAccountName: 'everywhere' });
    const { commit, message } = await pushRefused(
      cluster,
      stage,
      { 'b.yaml': configMap('b', {}, `  namespace: ${other}\n`) },
      'NamespaceTerminating',
    );
    expect(message).toContain(`b.yaml:1 ConfigMap ${other}/b: its namespace is being deleted`);
    expect(message).toContain('Wait until it is gone, or look for the finalizer that holds it.');
    await cluster.kubectl('patch', 'configmap', 'hold', '-n', other, '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await waitFor('the namespace is gone', async () => (await cluster.get('namespace', other)) === undefined);
    await cluster.kubectl('create', 'namespace', other);
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 3_000);
    expect(await cluster.get('configmap', 'b', other)).toBeDefined();
  });

  test('of the revision that is being deleted is made anew with all that is in it, once it is gone', async () => {
    const stage = await stageWithRightsEverywhere();
    const { cluster } = scene();
    const own = `${stage.namespace}-own`;
    const namespace = `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${own}}\n`;
    const commit = await running(
      cluster,
      stage,
      { 'space.yaml': namespace, 'b.yaml': configMap('b', {}, `  namespace: ${own}\n`) },
      { serviceAccountName: 'everywhere' },
    );
    const uid = await cluster.kubectl('get', 'namespace', own, '-o', 'jsonpath={.metadata.uid}');
    await cluster.kubectl('delete', 'namespace', own, '--wait=false');
    await waitFor(
      'the namespace is another one and holds b',
      async () => {
        const now = await cluster.tryKubectl(['get', 'namespace', own, '-o', 'jsonpath={.metadata.uid}']);
        return now.code === 0 && now.stdout !== uid && (await cluster.get('configmap', 'b', own)) !== undefined;
      },
      20_000,
    );
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  /** Another namespace, in which the account of this stage may do anything. */
  async function openTo(stage: Stage): Promise<string> {
    const other = await scene().cluster.namespace('other');
    const account = `--serviceaccount=${stage.namespace}:deployer`;
    await scene().cluster.kubectl('create', 'rolebinding', 'shop', '-n', other, '--clusterrole=cluster-admin', account);
    return other;
  }

  test('of the source itself that is deleted, its account with it: what can go goes, an event names what stays', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const other = await openTo(stage);
    await stage.kubectl('create', 'rolebinding', 'other', '--clusterrole=cluster-admin', `--serviceaccount=${stage.namespace}:deployer`);
    await running(cluster, stage, { 'a.yaml': configMap('a'), 'b.yaml': configMap('b', {}, `  namespace: ${other}\n`) });
    await cluster.kubectl('delete', 'rolebinding', 'shop', '-n', other);
    await cluster.kubectl('delete', 'namespace', stage.namespace, '--wait=false');
    await waitFor('the namespace is gone', async () => (await cluster.get('namespace', stage.namespace)) === undefined, 20_000);
    expect(await cluster.get('configmap', 'b', other)).toBeDefined();
    await waitFor('an event names b', async () => {
      const { items } = await cluster.request.ok('GET', '/apis/events.k8s.io/v1/namespaces/default/events');
      return items.find(
        (event: { reason: string; note: string }) =>
          event.reason === 'LeftBehind' && event.note.includes(`ConfigMap ${other}/b`) && event.note.includes(`${stage.namespace}/shop`),
      );
    });
  });

  test('of the source itself that is deleted while what it has elsewhere cannot be: it is tried until it can', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const other = await openTo(stage);
    await running(cluster, stage, { 'b.yaml': configMap('b', {}, `  namespace: ${other}\n`) });
    const rule = { apiGroups: [''], resources: ['configmaps'] };
    const webhook = await startWebhook(cluster, { namespace: other, name: 'down', rule, decide: () => ({}) });
    await webhook.stop();
    await cluster.kubectl('delete', 'namespace', stage.namespace, '--wait=false');
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'False', reason: 'WebhookUnavailable', message: 'webhook' });
    expect(await cluster.get('configmap', 'b', other)).toBeDefined();
    await webhook.remove();
    await waitFor(
      'the namespace is gone, and b with it',
      async () =>
        (await cluster.get('namespace', stage.namespace)) === undefined && (await cluster.get('configmap', 'b', other)) === undefined,
      45_000,
    );
  }, 120_000);
});

describe('an operator that may not impersonate', () => {
  const scene = useScene({ operator: false });

  test('says that it is itself that lacks the right, and goes on once it has it', async () => {
    const stage = await scene().stage();
    const { cluster } = scene();
    const { kubeconfigPath } = await cluster.addUser({ name: 'weak-operator' });
    await cluster.request.ok('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      body: {
        metadata: { name: 'weak-operator' },
        rules: [
          { apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] },
          { apiGroups: ['plumbline.dev'], resources: ['*'], verbs: ['*'] },
          { apiGroups: ['events.k8s.io', ''], resources: ['events'], verbs: ['*'] },
        ],
      },
    });
    await cluster.kubectl('create', 'clusterrolebinding', 'weak-operator', '--clusterrole=weak-operator', '--user=weak-operator');
    await using operator: Operator = await startOperator({ kubeconfigPath });
    const commit = await stage.repo.write({ 'a.yaml': configMap('a'), 'b.yaml': configMap('b') });
    await stage.source();
    const { message } = await refusalOf(cluster, stage, 'OperatorForbidden', commit);
    expect(message).toContain(`the operator may not impersonate ServiceAccount ${stage.namespace}/deployer`);
    expect(message).toContain("Grant the operator the verb impersonate on serviceaccounts there, as the chart's roles do.");
    expect(message.match(/may not impersonate/g)).toHaveLength(1);
    await cluster.kubectl('create', 'clusterrole', 'impersonator', '--verb=impersonate', '--resource=serviceaccounts');
    await cluster.kubectl('create', 'clusterrolebinding', 'impersonator', '--clusterrole=impersonator', '--user=weak-operator');
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 30_000);
    expect(operator.output()).not.toContain('"level":"error"');
  });
});
