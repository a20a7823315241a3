import { describe, expect, test } from '@jest/globals';
import { freePort } from '../controlplane/ports.ts';
import { type GitServer, type GitServerOptions, startGitServer } from '../gitserver/index.ts';
import { failsUntouched, failureOf, wokenBy } from './failing.ts';
import { running, waitForEvent } from './refused.ts';
import { configMap, type Stage, useScene } from './scene.ts';
import { patchSource, waitUntilApplied } from './sources.ts';

const files = { 'a.yaml': configMap('a') };

describe('a git server that cannot be asked', () => {
  const scene = useScene({ flags: ['--log-level=debug'] });

  /** A server and its repository of one test alone. */
  async function ownServer(options: GitServerOptions = {}): Promise<GitServer & AsyncDisposable> {
    const server = await startGitServer({ root: scene().git.root, ...options });
    return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
  }

  /** The server answers so from now on, and is asked at once. */
  async function broken(server: GitServer, stage: Stage, fault: GitServer['fault']): Promise<void> {
    server.fault = fault;
    await stage.request();
  }

  /** A source that runs is to follow this from now on. */
  const edit = (stage: Stage, spec: object) => patchSource(scene().cluster, stage.namespace, 'shop', { spec });

  // First of those that run at the same time: it takes its 30 s.
  test.concurrent('a server that takes the connection and says nothing has failed after 30 s', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await using server = await ownServer();
    const commit = await running(cluster, stage, files, { url: server.urlOf(stage.repo) });
    const message = await failsUntouched(cluster, stage, () => broken(server, stage, { kind: 'hang' }), {
      reason: 'GitTimeout',
      deadlineMs: 45_000,
    });
    expect(message).toMatch(
      new RegExp(
        `^http:\\S+\\.git said nothing for 30 s\\. Nothing was changed; main@${commit.slice(0, 7)} keeps running\\. Not Ready since `,
      ),
    );
    server.fault = undefined;
    const next = await stage.repo.write({ 'b.yaml': configMap('b') });
    // It may have been asked again before it answers, which takes 30 s more.
    await waitUntilApplied(cluster, stage.namespace, 'shop', next, 60_000);
  }, 180_000);

  test.concurrent('no such host: told with the host; the right URL heals', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await running(cluster, stage, files);
    const url = 'http://git.plumbline.invalid/acme/shop.git';
    const message = await failsUntouched(cluster, stage, () => edit(stage, { url }), { reason: 'GitUnreachable' });
    expect(message).toMatch(
      /^http:\/\/git\.plumbline\.invalid\/acme\/shop\.git cannot be reached: (no such host|the name of its host cannot be looked up)/,
    );
    expect(message).toMatch(
      /Not Ready since 20\d\d-\d\d-\d\dT[\d:]+Z\. Check spec\.url, DNS and network policies; the source goes on by itself\.$/,
    );
    await edit(stage, { url: stage.url });
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test.concurrent('connection refused: a server that comes back is asked again, and the message says since when it was gone', async () => {
    const { cluster, git } = scene();
    const stage = await scene().stage();
    const port = await freePort();
    let server = await startGitServer({ port, root: git.root });
    try {
      await stage.repo.write(files);
      await running(cluster, stage, { 'b.yaml': configMap('b') }, { url: server.urlOf(stage.repo) });
      const gone = async () => {
        await server.close();
        await stage.request();
      };
      const message = await failsUntouched(cluster, stage, gone, { reason: 'GitUnreachable' });
      expect(message).toContain(`http://127.0.0.1:${port}/${stage.repo.name} cannot be reached: connection refused.`);
      expect(message).toContain('Not Ready since ');
      const commit = await stage.repo.write({ 'c.yaml': configMap('c') });
      server = await startGitServer({ port, root: git.root });
      await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
      await waitForEvent(cluster, stage.namespace, 'shop', 'GitUnreachable', 'connection refused');
    } finally {
      await server.close();
    }
  });

  test.concurrent('credentials: none, then a Secret that is missing, then a wrong password; each heals, and no password is told', async () => {
    const { cluster, git, operator } = scene();
    const stage = await scene().stage();
    const password = 'correct-horse-battery';
    const server = await startGitServer({ root: git.root, auth: { username: 'ada', password } });
    try {
      await running(cluster, stage, files);
      const asked = () => edit(stage, { url: server.urlOf(stage.repo) });
      expect(await failsUntouched(cluster, stage, asked, { reason: 'AuthenticationFailed' })).toMatch(
        /^http:\/\/127\.0\.0\.1:\d+\/acme\/shop-\d+\.git asks for credentials \(401\); some servers say so of a repository that does not exist\. Nothing was changed; .* Check the Secret that spec\.auth names; without one, add it\.$/,
      );
      const named = () => edit(stage, { auth: { secretRef: { name: 'git' } } });
      expect(await failsUntouched(cluster, stage, named, { reason: 'SecretNotFound' })).toContain(
        `Secret ${stage.namespace}/git, which spec.auth.secretRef names, does not exist`,
      );
      const wrong = () =>
        wokenBy(operator, stage, () =>
          stage.kubectl('create', 'secret', 'generic', 'git', '--from-literal=username=ada', '--from-literal=password=wrong-horse'),
        );
      const refused = { reason: 'AuthenticationFailed', message: 'refuses the credentials (401)' };
      expect(await failsUntouched(cluster, stage, wrong, refused)).toContain('Check the Secret that spec.auth names');
      const commit = await stage.repo.write({ 'b.yaml': configMap('b') });
      await stage.kubectl('patch', 'secret', 'git', '--type=merge', '-p', JSON.stringify({ stringData: { password } }));
      await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
      const told = [await stage.kubectl('get', 'gos,events', '-o', 'yaml'), operator.output(), await operator.metrics()].join('\n');
      for (const secret of [password, 'wrong-horse', Buffer.from(`ada:${password}`).toString('base64')]) expect(told).not.toContain(secret);
    } finally {
      await server.close();
    }
  });

  test.concurrent('a Secret with a key that does not parse: the key is named, and its correction is found', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    const commit = await running(cluster, stage, files);
    await stage.kubectl('create', 'secret', 'generic', 'git', '--from-literal=password=only-a-password');
    const named = () => edit(stage, { auth: { secretRef: { name: 'git' } } });
    const message = await failsUntouched(cluster, stage, named, { reason: 'SecretInvalid' });
    expect(message).toMatch(/^the Secret of spec\.auth: password is set without username\. .* Add key username\.$/);
    expect(message).not.toContain('only-a-password');
    await stage.kubectl('patch', 'secret', 'git', '--type=merge', '-p', '{"stringData":{"username":"ada"}}');
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test.concurrent('no such repository: 404 is told as that; one that appears heals', async () => {
    const { cluster, git } = scene();
    const stage = await scene().stage();
    await running(cluster, stage, files);
    const away = () => edit(stage, { url: git.urlOf(`acme/late-${stage.namespace}.git`) });
    expect(await failsUntouched(cluster, stage, away, { reason: 'RepositoryNotFound' })).toMatch(
      /^there is no repository at http:\S+\/acme\/late-\S+\.git \(404\)\. Nothing was changed; \S+ keeps running\. Not Ready since \S+ Check spec\.url; a private repository needs spec\.auth\.$/,
    );
    const repo = await git.createRepo(`acme/late-${stage.namespace}.git`);
    await waitUntilApplied(cluster, stage.namespace, 'shop', await repo.write({ ...files, 'b.yaml': configMap('b') }));
  });

  test.concurrent('a certificate that nobody here trusts: ca.crt in the Secret heals, and the Secret need hold nothing else', async () => {
    const { cluster, git } = scene();
    const stage = await scene().stage();
    const server = await startGitServer({ root: git.root, tls: true });
    try {
      await running(cluster, stage, files);
      const away = () => edit(stage, { url: server.urlOf(stage.repo) });
      const message = await failsUntouched(cluster, stage, away, { reason: 'UntrustedCertificate' });
      expect(message).toMatch(
        /^the TLS certificate of https:\S+ is not trusted: its issuer is not known here \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)\./,
      );
      expect(message).toContain('Put the CA into key ca.crt of the Secret that spec.auth names.');
      await edit(stage, { auth: { secretRef: { name: 'git' } } });
      await failureOf(cluster, stage, { reason: 'SecretNotFound' });
      const commit = await stage.repo.write({ 'b.yaml': configMap('b') });
      await stage.kubectl('create', 'secret', 'generic', 'git', `--from-literal=ca.crt=${server.ca}`);
      await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
    } finally {
      await server.close();
    }
  });

  test.concurrent('a login page instead of git: it is told as a page, without what it says', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await using server = await ownServer();
    await running(cluster, stage, files, { url: server.urlOf(stage.repo) });
    const page = '<html><head><title>Sign in</title><style>body{}</style></head><body><h1>Sign in to Acme</h1></body></html>';
    const message = await failsUntouched(cluster, stage, () => broken(server, stage, { kind: 'html', body: page }), {
      reason: 'GitError',
    });
    expect(message).toMatch(/^http:\S+\.git answers with text\/html\S* .*a page for people \(a login\?\)\. Nothing was changed/);
    expect(message).not.toMatch(/<|Sign in|Acme/);
    const commit = await stage.repo.write({ 'b.yaml': configMap('b') });
    server.fault = undefined;
    await waitUntilApplied(cluster, stage.namespace, 'shop', commit);
  });

  test.concurrent('an error of the server: its status and words are told, and it is asked again', async () => {
    const { cluster } = scene();
    const stage = await scene().stage();
    await using server = await ownServer();
    await running(cluster, stage, files, { url: server.urlOf(stage.repo) });
    const fault = { kind: 'status', status: 503, body: 'Down for maintenance\n' } as const;
    const message = await failsUntouched(cluster, stage, () => broken(server, stage, fault), { reason: 'GitError' });
    expect(message).toMatch(/^http:\S+\.git answers 503: Down for maintenance\. /);
    server.fault = undefined;
    await waitUntilApplied(cluster, stage.namespace, 'shop', await stage.repo.write({ 'b.yaml': configMap('b') }));
  });
});
