import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate, makeSshKey, startGitServer, startSshd } from '../gitserver/index.ts';
import type { GitServer, Sshd, SshKey } from '../gitserver/index.ts';
import { startProxy } from '../source/connect-proxy.ts';
import { startForge } from '../source/forge.ts';
import type { Forge } from '../source/forge.ts';
import { failsUntouched } from './failing.ts';
import { startOperator } from './operator.ts';
import { type Stage, configMap, useScene } from './scene.ts';
import { getSource, waitForCondition, waitUntilApplied } from './sources.ts';

/** Halves of everything that is secret here: none may be seen anywhere. */
function halvesOf(texts: readonly string[]): readonly string[] {
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line.length >= 8 && !line.startsWith('-----'));
  // The beginning of an unencrypted key is the same for all of them.
  return lines.map((line) => line.slice(-Math.ceil(line.length / 2))).filter((half) => !/^[A=]*$/.test(half) && half.length >= 6);
}

describe('a repository is reached', () => {
  const scene = useScene({ flags: ['--log-level=debug'] });
  const client = makeCertificate({ purpose: 'client' });
  const passphrase = 'Zq7passphraseKx31';
  const closing: (() => Promise<unknown>)[] = [];
  let sshd: Sshd;
  let https: GitServer;
  let forge: Forge;
  let key: SshKey;

  beforeAll(async () => {
    sshd = await startSshd();
    closing.push(() => sshd.close());
    key = await makeSshKey('ed25519', passphrase);
    await sshd.authorize(key);
    https = await startGitServer({ tls: true, clientCa: client.ca });
    closing.push(() => https.close());
    forge = await startForge();
    closing.push(() => forge.close());
  }, 60_000);
  afterAll(async () => {
    for (const close of closing) await close();
  });

  async function makeSecret(stage: Stage, values: Readonly<Record<string, string>>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'secret-'));
    try {
      const file = join(folder, 'secret.json');
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'git', namespace: stage.namespace }, stringData: values };
      await writeFile(file, JSON.stringify(secret));
      await stage.kubectl('apply', '-f', file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  const auth = { secretRef: { name: 'git' } };

  /** Everything that the operator shows to anybody. */
  async function expectNothingShown(stage: Stage, secrets: readonly string[]): Promise<void> {
    const { cluster, operator } = scene();
    const events = await cluster.request.ok('GET', `/apis/events.k8s.io/v1/namespaces/${stage.namespace}/events`);
    const source = await getSource(cluster, stage.namespace, 'shop');
    const shown = [JSON.stringify(events), JSON.stringify(source), operator.output(), await operator.metrics()].join('\n');
    const halves = halvesOf(secrets);
    expect(halves.length).toBeGreaterThan(0);
    expect(halves.filter((half) => shown.includes(half))).toEqual([]);
  }

  test('over SSH, by an encrypted key; another host key is told, and nothing changes', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const repo = await sshd.createRepo(`${stage.namespace}.git`);
    const first = await repo.write({ 'prod/a.yaml': configMap('a', { key: 'one' }) });
    const values = { identity: key.private, password: passphrase, known_hosts: sshd.knownHosts };
    await makeSecret(stage, values);
    await stage.source({ url: sshd.urlOf(repo), auth, path: 'prod' });
    await waitUntilApplied(cluster, stage.namespace, 'shop', first);
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    const second = await repo.write({ 'prod/a.yaml': configMap('a', { key: 'two' }) });
    await stage.request();
    await waitUntilApplied(cluster, stage.namespace, 'shop', second);
    expect((await stage.get('configmap', 'a')).data.key).toBe('two');

    const other = await makeSshKey();
    const changed = async (): Promise<void> => {
      await makeSecret(stage, { ...values, known_hosts: `[127.0.0.1]:${sshd.port} ${other.public}` });
      await stage.request();
    };
    const message = await failsUntouched(cluster, stage, changed, { reason: 'HostKeyChanged' });
    expect(message).toContain(
      `shows the host key ${sshd.hostKeys[0]?.fingerprint} (ssh-ed25519), and known_hosts says ${other.fingerprint}`,
    );
    await makeSecret(stage, { ...values, password: `${passphrase}-wrong` });
    await stage.request();
    await waitForCondition(cluster, stage.namespace, 'shop', {
      status: 'False',
      reason: 'SecretInvalid',
      message: 'password does not open identity',
    });
    await makeSecret(stage, values);
    await stage.request();
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    await expectNothingShown(stage, [key.private, passphrase]);
  });

  test('over mutual TLS with an authority of its own; without the certificate it is not', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const repo = await https.createRepo(`${stage.namespace}.git`);
    const commit = await repo.write({ 'a.yaml': configMap('a') });
    const values = { 'ca.crt': https.ca ?? '', 'tls.crt': client.cert, 'tls.key': client.key };
    await makeSecret(stage, values);
    await stage.source({ url: https.urlOf(repo), auth });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    const broken = async (): Promise<void> => {
      await makeSecret(stage, { ...values, 'tls.key': makeCertificate({ purpose: 'client' }).key });
      await stage.request();
    };
    expect(await failsUntouched(cluster, stage, broken, { reason: 'SecretInvalid' })).toContain(
      'tls.key is not the key of the certificate in tls.crt',
    );
    await makeSecret(stage, values);
    await stage.request();
    await waitForCondition(cluster, stage.namespace, 'shop', { status: 'True' });
    await expectNothingShown(stage, [client.key]);
  });

  test('as a GitHub App, whose token and key are shown to nobody', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const server = await startGitServer({
      auth: {
        username: 'x-access-token',
        // Any token that was given: the process that polls and the one that fetches each have one.
        accepts: (password) => forge.tokens.includes(password),
      },
    });
    closing.push(() => server.close());
    const repo = await server.createRepo(`${stage.namespace}.git`);
    const commit = await repo.write({ 'a.yaml': configMap('a') });
    const values = {
      githubAppID: forge.appId,
      githubAppInstallationID: forge.installationId,
      githubAppPrivateKey: forge.privateKey,
      githubAppBaseURL: forge.url,
    };
    await makeSecret(stage, values);
    await stage.source({ url: server.urlOf(repo), auth });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    await makeSecret(stage, { ...values, githubAppInstallationID: '1' });
    await stage.request();
    await waitForCondition(cluster, stage.namespace, 'shop', {
      status: 'False',
      reason: 'AuthenticationFailed',
      message: 'knows no installation 1',
    });
    await expectNothingShown(stage, [forge.privateKey, ...forge.tokens]);
  });
});

describe('an operator whose environment names a proxy', () => {
  const scene = useScene({ operator: false });

  test('asks git servers through it, and the API server directly', async () => {
    const proxy = await startProxy({ hosts: ['git.test'], login: 'pro:xyKx31Zq7' });
    try {
      const { cluster } = scene();
      const at = `http://pro:xyKx31Zq7@127.0.0.1:${proxy.port}`;
      const env = { http_proxy: at, HTTPS_PROXY: at, NO_PROXY: '.svc,10.0.0.0/8' };
      await using operator = await startOperator({ kubeconfigPath: cluster.kubeconfigPath, env, flags: ['--log-level=debug'] });
      const stage = await scene().stage();
      const commit = await stage.repo.write({ 'a.yaml': configMap('a') });
      await stage.source({ url: stage.url.replace('127.0.0.1', 'git.test') });
      await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
      expect(proxy.asked.length).toBeGreaterThan(0);
      expect(proxy.asked.filter((question) => !question.includes('git.test'))).toEqual([]);
      expect(operator.output()).not.toContain('xyKx31Zq7');
    } finally {
      await proxy.close();
    }
  });
});
