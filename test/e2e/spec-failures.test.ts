import { describe, expect, test } from '@jest/globals';
import { waitFor } from './cluster.ts';
import { failsUntouched, failureOf } from './failing.ts';
import { membersOf, running, waitForEvent, writesAs } from './refused.ts';
import { configMap, useScene } from './scene.ts';
import { conditionOf, getSource, patchSource, waitForCondition, waitUntilApplied } from './sources.ts';

const scene = useScene();
const files = { 'prod/a.yaml': configMap('a') };

describe('a spec that the API server refuses', () => {
  test.concurrent.each<[string, Record<string, unknown>, string]>([
    [
      'an unknown scheme',
      { url: 'git@example.com:acme/shop.git' },
      'spec.url: Invalid value: must begin with https://, http:// or ssh://; git@host:path is written ssh://git@host/path',
    ],
    [
      'a password in the URL',
      { url: 'https://ada:hunter2@example.com/shop.git' },
      'must hold no user name or password; put username and password into a Secret',
    ],
    ['two refs', { ref: { branch: 'main', tag: 'v1' } }, 'must state exactly one of branch, tag, semver, commit and name'],
    ['an empty ref', { ref: {} }, 'leave ref out to follow the remote'],
    ['a path that leaves the repository', { path: '../other' }, 'must not hold ..; write the path from the root of the repository'],
    ['an interval under 5 s', { interval: '1s' }, 'must not be under 5s; a receiver makes a push arrive at once'],
    ['an empty path', { path: '' }, 'must not be empty; leave path out to read the repository from its root'],
  ])('%s: says what to write instead, quotes no password, and leaves what runs alone', async (_, spec, words) => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, files);
    const before = await membersOf(stage);
    const patch = JSON.stringify({ spec });
    const refusal = await cluster.tryKubectl(['patch', 'gos', 'shop', '-n', stage.namespace, '--type=merge', '-p', patch]);
    expect(refusal.code).toBe(1);
    expect(refusal.stderr).toContain(words);
    expect(refusal.stderr).not.toContain('hunter2');
    await stage.deploy({ 'README.md': '# Shop' });
    expect(await membersOf(stage)).toEqual(before);
  });

  test.concurrent('a name over 63 characters', async () => {
    const stage = await scene().stage();
    const made = stage.source({}, 'a'.repeat(64));
    await expect(made).rejects.toThrow('metadata.name is longer than 63 characters; choose a shorter name for the source');
  });
});

describe('a spec that only an edit can mend', () => {
  test.concurrent.each<[string, Record<string, unknown>, string, RegExp]>([
    [
      'a schedule that does not parse',
      { schedule: '0 6 * * 1-9' },
      'InvalidSpec',
      /^spec\.schedule does not parse as a cron expression\. .*Write minute, hour, day of month, month and day of week, as in "0 6 \* \* 1-5"/,
    ],
    ['a schedule of six fields', { schedule: '0 0 6 * * *' }, 'InvalidSpec', /^spec\.schedule needs five fields and has 6\. /],
    [
      'a time zone that is none',
      { schedule: 'CRON_TZ=Europe/Atlantis 0 6 * * *' },
      'InvalidSpec',
      /^spec\.schedule names the time zone Europe\/Atlantis, which is not known\. /,
    ],
    [
      'a range that is none',
      { ref: { semver: 'newest' } },
      'InvalidSpec',
      /^spec\.ref\.semver: "newest" is no range of versions\. .*Write a range such as ">=1\.2\.0 <2\.0\.0"/,
    ],
    [
      'an ssh URL without a Secret',
      { url: 'ssh://git@git.example.com/acme/shop.git' },
      'InvalidSpec',
      /^spec\.auth is missing, and nobody is let in over ssh without a key\. .*Put the private key \(identity\)/,
    ],
  ])('%s: Stalled, nothing applied, nothing lost; the edit heals', async (_, spec, reason, message) => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await running(cluster, stage, files);
    const said = await failsUntouched(cluster, stage, () => stage.source(spec), { reason, stalled: true });
    expect(said).toMatch(message);
    await stage.repo.write({ 'prod/b.yaml': configMap('b') });
    await stage.request();
    // The request was heard, and still nothing of the new commit is there.
    await waitFor('the request is handled', async () => {
      const { metadata, status } = await getSource(cluster, stage.namespace, 'shop');
      return metadata.annotations['plumbline.dev/requestedAt'] === status.lastHandledReconcileAt;
    });
    expect((await getSource(cluster, stage.namespace, 'shop')).status.revision.observed.commit).toBe(commit);
    expect(await cluster.get('configmap', 'b', stage.namespace)).toBeUndefined();
    await stage.source();
    await waitUntilApplied(cluster, stage.namespace, 'shop', (await stage.repo.tip('main')) ?? '');
  });

  test.concurrent('everything that is wrong is told at once, on a source that never ran as well', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await stage.repo.write(files);
    await stage.source({ schedule: 'daily', ref: { semver: 'newest' } });
    const message = await failureOf(cluster, stage, { reason: 'InvalidSpec', stalled: true });
    expect(message).toContain('spec.ref.semver: "newest" is no range of versions');
    expect(message).toContain('spec.schedule needs five fields and has 1');
    const source = await getSource(cluster, stage.namespace, 'shop');
    expect(source.status.revision).toBeUndefined();
    expect(conditionOf(source, 'Reconciling')?.message).toContain('Nothing is tried again until ');
    await stage.source();
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test.concurrent('keys of the Secret that contradict the URL: nothing applied, and the corrected Secret heals', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await running(cluster, stage, files);
    await stage.kubectl('create', 'secret', 'generic', 'git', '--from-literal=tls.crt=abc', '--from-literal=tls.key=private-key-text');
    const edit = () => stage.source({ auth: { secretRef: { name: 'git' } } });
    const message = await failsUntouched(cluster, stage, edit, { reason: 'SecretInvalid' });
    expect(message).toMatch(/^the Secret of spec\.auth: tls\.crt, tls\.key is for https URLs, and spec\.url is http:\/\/\. /);
    expect(message).not.toContain('private-key-text');
    await stage.kubectl('patch', 'secret', 'git', '--type=merge', '-p', '{"data":null,"stringData":{"username":"ada"}}');
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });
});

describe('suspend', () => {
  test.concurrent('stops asking, applying and pruning at once; what happened meanwhile comes when it ends', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await running(cluster, stage, { ...files, 'prod/b.yaml': configMap('b') });
    await patchSource(cluster, stage.namespace, 'shop', { spec: { suspend: true } });
    const source = await waitForCondition(cluster, stage.namespace, 'shop', { type: 'Reconciling', status: 'False', reason: 'Suspended' });
    expect(conditionOf(source, 'Ready')).toMatchObject({ status: 'True', reason: 'Applied' });
    await waitForEvent(cluster, stage.namespace, 'shop', 'Suspended');
    const asked = scene().git.requestsFor(stage.repo);

    const next = await stage.repo.write({ 'prod/a.yaml': configMap('a', { key: 'new' }), 'prod/b.yaml': null });
    const audit = await cluster.audit();
    await stage.kubectl('delete', 'configmap', 'a');
    await stage.request();
    // Another source of the same operator and interval shows that it went on asking and applying.
    const beside = await scene().stage();
    await running(cluster, beside, files);
    const besideAsked = scene().git.requestsFor(beside.repo);
    await waitFor('its remote is asked twice', async () => scene().git.requestsFor(beside.repo) >= besideAsked + 2);
    expect(scene().git.requestsFor(stage.repo)).toBe(asked);
    expect(writesAs(await audit.events(), `system:serviceaccount:${stage.namespace}:deployer`)).toEqual([]);
    expect((await getSource(cluster, stage.namespace, 'shop')).status.revision).toMatchObject({
      observed: { commit },
      applied: { commit },
    });

    await patchSource(cluster, stage.namespace, 'shop', { spec: { suspend: false } });
    await waitUntilApplied(cluster, stage.namespace, 'shop', next);
    expect((await stage.get('configmap', 'a')).data.key).toBe('new');
    expect(await cluster.get('configmap', 'b', stage.namespace)).toBeUndefined();
  });
});

describe('schedule', () => {
  // A cron expression has minutes: the next one is at most 60 s away.
  test.concurrent('asks the remote at its time, long before the interval', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, files, { interval: '24h', schedule: 'CRON_TZ=Europe/Vienna * * * * *' });
    const commit = await stage.repo.write({ 'prod/b.yaml': configMap('b') });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit, 75_000);
    expect(new Date((await getSource(cluster, stage.namespace, 'shop')).status.revision.observed.time).getSeconds()).toBeLessThan(15);
  }, 120_000);
});
