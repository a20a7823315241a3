import { describe, expect, test } from '@jest/globals';
import { failsUntouched } from './failing.ts';
import { runPlugin } from './plugin.ts';
import { refusalOf, running } from './refused.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { getSource, patchSource, waitForCondition, waitUntilApplied } from './sources.ts';
import { startWebhook } from './webhook.ts';

/** No part of these may be seen anywhere; each is found by its first half as well. */
const password = 'Zq7gitpasswordKx31';
const value = 'Wv9clustersecretJm58';
const pin = '8237461950';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const large = value.repeat(60_000);

const secret = (fields: string, more = '') => `apiVersion: v1\nkind: Secret\nmetadata: {name: key}\n${more}${fields}\n`;
const good = secret(`stringData: {word: ${value}}`);

/** Where a text shows one of them, or enough of it, with what is around. */
function tracesIn(text: string): readonly string[] {
  return [password, value, pin].flatMap((hidden) => {
    const half = hidden.slice(0, Math.ceil(hidden.length / 2));
    // Cut at three bytes, base64 of a beginning is a beginning of the whole's.
    return [half, base64(half.slice(0, 6))].flatMap((trace) => {
      const at = text.indexOf(trace);
      return at < 0 ? [] : [text.slice(Math.max(at - 200, 0), at + 50)];
    });
  });
}

describe('the value of a Secret', () => {
  const scene = useScene({ flags: ['--log-level=debug'], git: { auth: { username: 'deployer', password } } });

  async function stageWithLogin(): Promise<Stage> {
    const stage = await scene().stage();
    await stage.kubectl('create', 'secret', 'generic', 'git', '--from-literal=username=deployer', `--from-literal=password=${password}`);
    return stage;
  }
  const auth = { auth: { secretRef: { name: 'git' } } };

  async function diff(stage: Stage): Promise<string> {
    const { out, err } = await runPlugin(scene().cluster.kubeconfigPath, ['diff', `${stage.namespace}/shop`]);
    return out + err;
  }

  /** Everything that the operator shows to anybody. */
  async function expectNothingShown(stage: Stage, ...more: string[]): Promise<void> {
    const { cluster, operator } = scene();
    const events = await cluster.request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${stage.namespace}/events`);
    const source = await getSource(cluster, stage.namespace, 'shop');
    const shown = [JSON.stringify(events), JSON.stringify(source), operator.output(), await operator.metrics(), ...more].join('\n');
    expect(tracesIn(shown)).toEqual([]);
  }

  test.each([
    [
      'that is not base64',
      secret(`data: {word: "${value}!"}`),
      'ObjectRefused',
      'key.yaml:1 Secret NS/key refused: a value under data is not base64.',
    ],
    [
      'that is a number',
      secret(`data: {word: ${pin}}`),
      'ObjectRefused',
      'key.yaml:1 Secret NS/key refused: data.word: expected string, got a number.',
    ],
    ['that is a number under stringData', secret(`stringData: {word: ${pin}}`), 'RenderFailed', 'stringData.word'],
    ['that is a list', secret(`data: [${value}]`), 'ObjectRefused', 'key.yaml:1 Secret NS/key refused: data: expected map, got a list.'],
    ['that is over 1 MiB', secret(`stringData: {word: ${large}}`), 'ObjectRefused', 'key.yaml:1 Secret NS/key refused: data: Too long'],
    [
      'that its type does not take',
      secret(`stringData: {.dockerconfigjson: ${value}}`, 'type: kubernetes.io/dockerconfigjson\n'),
      'ObjectRefused',
      'key.yaml:1 Secret NS/key refused: data[.dockerconfigjson]: Invalid value',
    ],
    [
      'in a field that is none',
      secret(`stringDatum: {word: ${value}}`),
      'ObjectRefused',
      'key.yaml:1 Secret NS/key refused: stringDatum: is no field of this kind.',
    ],
    ['in a file whose YAML is broken', secret(`stringData: {word: "${value}`), 'RenderFailed', 'key.yaml:'],
    ['in a file that states a key twice', secret(`stringData:\n  word: ${value}\n  word: ${value}`), 'RenderFailed', 'key.yaml:'],
  ])('%s is told without it', async (_what, manifest, reason, told) => {
    const stage = await stageWithLogin();
    const { cluster } = scene();
    await running(cluster, stage, { 'key.yaml': good, 'a.yaml': configMap('a') }, auth);
    const { uid } = (await stage.get('secret', 'key')).metadata;
    const commit = await stage.repo.write({ 'key.yaml': manifest });
    await stage.request();
    const { message } = await refusalOf(cluster, stage, reason, commit);
    expect(message).toContain(told.replace('NS', stage.namespace));
    expect(await stage.kubectl('get', 'secret', 'key', '-o', 'jsonpath={.data.word}{.metadata.uid}')).toBe(base64(value) + uid);
    await expectNothingShown(stage, await diff(stage));
    await stage.deploy({ 'key.yaml': good });
  });

  test('in an immutable Secret, and in what a webhook says of it, is told without it', async () => {
    const stage = await stageWithLogin();
    const { cluster } = scene();
    await running(cluster, stage, { 'key.yaml': secret(`stringData: {word: ${value}}`, 'immutable: true\n') }, auth);
    const commit = await stage.repo.write({ 'key.yaml': secret(`stringData: {word: ${value}-new}`, 'immutable: true\n') });
    await stage.request();
    const { message } = await refusalOf(cluster, stage, 'ImmutableField', commit);
    expect(message).toContain(`key.yaml:1 Secret ${stage.namespace}/key refused: data: field is immutable.`);
    await expectNothingShown(stage, await diff(stage));
    const webhook = await startWebhook(cluster, {
      namespace: stage.namespace,
      name: 'talkative',
      rule: { apiGroups: [''], resources: ['secrets'] },
      decide: ({ object }) => ({
        deny: `I have seen ${Buffer.from(object?.data?.word ?? '', 'base64').toString()} and ${JSON.stringify(object?.data)}`,
      }),
    });
    const other = good.replace('name: key', 'name: other');
    const denied = await stage.repo.write({ 'key.yaml': secret(`stringData: {word: ${value}}`, 'immutable: true\n'), 'other.yaml': other });
    await stage.request();
    const refused = await refusalOf(cluster, stage, 'ObjectRefused', denied);
    expect(refused.message).toContain(
      `other.yaml:1 Secret ${stage.namespace}/other refused: admission webhook talkative.example.com denied it`,
    );
    expect(webhook.reviews.length).toBeGreaterThan(0);
    await webhook.remove();
    await expectNothingShown(stage, await diff(stage));
  });

  test('in a revision that is refused for where it is, whose it is, or what is beside it is told without it', async () => {
    const stage = await stageWithLogin();
    const { cluster } = scene();
    await cluster.account(stage.namespace, 'wide', { clusterRole: 'cluster-admin', everywhere: true });
    const files = { 'prod/key.yaml': good, 'prod/a.yaml': configMap('a') };
    await stage.repo.write({ 'rival/theirs.yaml': good.replace('name: key', 'name: theirs') });
    await stage.source({ ...auth, path: 'rival' }, 'rival');
    await waitForCondition(cluster, stage.namespace, 'rival', { status: 'True' });
    await running(cluster, stage, files, { ...auth, path: 'prod', serviceAccountName: 'wide' });
    const changed = good.replace(value, `${value}-new`);
    const elsewhere = (namespace: string): string =>
      changed.replace('metadata: {name: key', `metadata: {name: key, namespace: ${namespace}`);
    // The wider account first: what it may do is not to be done by the way.
    const cases: readonly [string, string, Record<string, string>, RegExp][] = [
      [
        'NamespaceNotFound',
        'wide',
        { 'prod/more.yaml': elsewhere('no-such') },
        /more\.yaml:1 Secret no-such\/key refused: namespace no-such does/,
      ],
      ['Forbidden', 'deployer', { 'prod/more.yaml': elsewhere('default') }, /create, patch secrets in namespace default/],
      ['OwnedByOther', 'deployer', { 'prod/more.yaml': changed.replace('name: key', 'name: theirs') }, /Secret \S+\/theirs/],
      [
        'ObjectRefused',
        'deployer',
        { 'prod/key.yaml': changed, 'prod/a.yaml': configMap('a').replace('"value"', '5') },
        /a\.yaml:1 ConfigMap/,
      ],
    ];
    for (const [reason, serviceAccountName, pushed, message] of cases) {
      const push = async () => {
        await stage.repo.write({ ...files, 'prod/more.yaml': null, ...pushed });
        await patchSource(cluster, stage.namespace, 'shop', { spec: { serviceAccountName } });
        await stage.request();
      };
      await failsUntouched(cluster, stage, push, { reason, message });
    }
    const rival = JSON.stringify(await getSource(cluster, stage.namespace, 'rival'));
    await expectNothingShown(stage, rival, await diff(stage));
    await stage.deploy({ ...files, 'prod/more.yaml': null });
  });

  test('with which git is asked is told without it, also when it is refused', async () => {
    const stage = await stageWithLogin();
    const { cluster } = scene();
    const commit = await running(cluster, stage, { 'a.yaml': configMap('a') }, auth);
    const spoilt = async () => {
      await stage.kubectl('patch', 'secret', 'git', '-p', JSON.stringify({ stringData: { password: `${password}-wrong` } }));
      await stage.request();
    };
    await failsUntouched(cluster, stage, spoilt, { reason: 'AuthenticationFailed' });
    await expectNothingShown(stage, await diff(stage));
    await stage.kubectl('patch', 'secret', 'git', '-p', JSON.stringify({ stringData: { password } }));
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    await expectNothingShown(stage);
  });
});
