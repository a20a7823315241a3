import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { PlumblineError } from '../../../operator/errors.ts';
import { readCredentials } from '../../../operator/source/credentials.ts';
import { createGitClient } from '../../../operator/source/git-client.ts';
import { resolveRef } from '../../../operator/source/refs.ts';
import type { Checkout, Credentials, GitClient, RefSpec } from '../../../operator/source/types.ts';
import { parseGitUrl } from '../../../operator/source/url.ts';
import { makeSshKey, startSshd } from '../../gitserver/index.ts';
import type { GitRepo, Sshd, SshKey } from '../../gitserver/index.ts';
import { failure } from '../failure.ts';

const signal = new AbortController().signal;
let git: GitClient;
/** For servers that hang on purpose; the others may be slow on a busy machine. */
let impatient: GitClient;
let key: SshKey;

beforeAll(async () => {
  git = createGitClient();
  impatient = createGitClient({ timeouts: { idleMs: 3000, connectMs: 2000 } });
  key = await makeSshKey();
});
afterAll(async () => {
  await git.close();
  await impatient.close();
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function credentialsFor(url: string, identity: string, knownHosts: string, password?: string): Credentials {
  const data = {
    identity: base64(identity),
    known_hosts: base64(knownHosts),
    ...(password === undefined ? {} : { password: base64(password) }),
  };
  return readCredentials(data, parseGitUrl(url));
}

async function checkoutOf(url: string, credentials: Credentials, spec: RefSpec = {}): Promise<Checkout> {
  const refs = await git.listRefs(url, credentials, signal, ['refs/tags/']);
  return git.checkout(url, credentials, resolveRef(refs, spec), signal);
}

describe.each([
  ['a stock sshd, which speaks version 0', false],
  ['an sshd that takes GIT_PROTOCOL, which speaks version 2', true],
])('%s', (_, acceptEnv) => {
  let sshd: Sshd;
  let repo: GitRepo;
  let url: string;
  let credentials: Credentials;

  beforeAll(async () => {
    sshd = await startSshd({ acceptEnv });
    await sshd.authorize(key);
    repo = await sshd.createRepo("it's a shop!.git");
    url = encodeURI(sshd.urlOf(repo));
    credentials = credentialsFor(url, key.private, sshd.knownHosts);
  });
  afterAll(() => sshd.close());

  test('gives refs, and commits with every byte', async () => {
    const first = await repo.write({ 'prod/web.yaml': 'v: 1\n' }, { message: 'First' });
    await repo.tag('v1.0.0', first, 'an annotated tag');
    await repo.tag('light', first);
    const noise = Array.from({ length: 300 }, (__, index) => [`prod/${index}.yaml`, `number: ${index}\n`.repeat(500)] as const);
    const second = await repo.write({ 'prod/web.yaml': 'v: 2\n', ...Object.fromEntries(noise) });
    const refs = await git.listRefs(url, credentials, signal, ['refs/tags/']);
    expect([refs.head, refs.headRef]).toEqual([second, 'refs/heads/main']);
    expect([refs.refs.get('refs/heads/main'), refs.refs.get('refs/tags/v1.0.0'), refs.refs.get('refs/tags/light')]).toEqual([
      second,
      first,
      first,
    ]);
    const files = (await (await checkoutOf(url, credentials)).snapshot({ path: 'prod', exclude: [] }, signal)).files;
    expect(files).toHaveLength(301);
    for (const { path, oid } of files.slice(0, 5)) expect(oid).toBe(await repo.git('rev-parse', `main:${path}`));
    const old = await checkoutOf(url, credentials, { tag: 'v1.0.0' });
    expect((await old.snapshot({ path: 'prod', exclude: [] }, signal)).files.map(({ content }) => content.toString())).toEqual(['v: 1\n']);
  });

  test('questions that follow each other share a connection', async () => {
    await repo.write({ 'web.yaml': '1' });
    // One that was kept before may be gone by now.
    await git.listRefs(url, credentials, signal);
    const before = sshd.logins();
    for (let poll = 0; poll < 5; poll += 1) await git.listRefs(url, credentials, signal);
    expect(sshd.logins()).toBe(before);
  });

  test('an empty repository and a missing commit are told', async () => {
    const empty = encodeURI(sshd.urlOf(await sshd.createRepo(`empty-${acceptEnv}.git`)));
    expect((await failure(checkoutOf(empty, credentials, { branch: 'main' }))).reason).toBe('EmptyRepository');
    await repo.write({ 'web.yaml': '1' });
    expect((await failure(checkoutOf(url, credentials, { commit: '4'.repeat(40) }))).reason).toBe('RefNotFound');
  });

  test('a repository that is not there is told with what the server says', async () => {
    const error = await failure(git.listRefs(sshd.urlOf('nowhere.git'), credentials, signal));
    expect([error.reason, error.message]).toEqual([
      'RepositoryNotFound',
      expect.stringContaining("nowhere.git' does not appear to be a git repository"),
    ]);
    expect(error.message).toContain('status 128');
    // The connection is as good as it was.
    expect((await git.listRefs(url, credentials, signal)).head).toHaveLength(40);
  });
});

describe('keys', () => {
  let sshd: Sshd;
  let url: string;

  beforeAll(async () => {
    sshd = await startSshd({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
    const repo = await sshd.createRepo('shop.git');
    await repo.write({ 'web.yaml': '1' });
    url = sshd.urlOf(repo);
    await sshd.authorize(key);
  });
  afterAll(() => sshd.close());

  test.each<[string, Parameters<typeof makeSshKey>]>([
    ['ed25519', ['ed25519']],
    ['ecdsa 256', ['ecdsa', '', ['-b', '256']]],
    ['ecdsa 521', ['ecdsa', '', ['-b', '521']]],
    ['RSA', ['rsa', '', ['-b', '2048']]],
    ['RSA as PEM', ['rsa', '', ['-b', '2048', '-m', 'PEM']]],
    ['RSA as PKCS #8', ['rsa', '', ['-b', '2048', '-m', 'PKCS8']]],
    ['ecdsa as PKCS #8', ['ecdsa', '', ['-m', 'PKCS8']]],
    ['encrypted ed25519', ['ed25519', 'open sesame ä']],
    ['encrypted RSA, aes128-cbc', ['rsa', 'open sesame', ['-b', '2048', '-Z', 'aes128-cbc', '-a', '5']]],
    ['encrypted ecdsa as PEM', ['ecdsa', 'open sesame', ['-m', 'PEM']]],
  ])('%s lets in', async (_, args) => {
    const own = await makeSshKey(...args);
    await sshd.authorize(own);
    const credentials = credentialsFor(url, own.private, sshd.knownHosts, args[1] === '' ? undefined : args[1]);
    expect((await git.listRefs(url, credentials, signal)).head).toHaveLength(40);
  });

  test('a key that is not authorized is told with its fingerprint', async () => {
    const stranger = await makeSshKey();
    const error = await failure(git.listRefs(url, credentialsFor(url, stranger.private, sshd.knownHosts), signal));
    expect([error.reason, error.message]).toEqual(['AuthenticationFailed', expect.stringContaining(stranger.fingerprint)]);
    expect(error.message).toContain(sshd.user);
  });

  test.each([[0], [1], [2]])('each host key is taken when it alone is known (%i)', async (index) => {
    const host = sshd.hostKeys[index] as SshKey;
    const credentials = credentialsFor(url, key.private, `[127.0.0.1]:${sshd.port} ${host.public}`);
    expect((await git.listRefs(url, credentials, signal)).head).toHaveLength(40);
  });

  test('another host key than the known one is told with both fingerprints, and nothing is said to it', async () => {
    const other = await makeSshKey();
    const before = sshd.logins();
    const error = await failure(git.listRefs(url, credentialsFor(url, key.private, `[127.0.0.1]:${sshd.port} ${other.public}`), signal));
    expect(error.reason).toBe('HostKeyChanged');
    expect(error.message).toContain(`[127.0.0.1]:${sshd.port} shows the host key ${sshd.hostKeys[0]?.fingerprint} (ssh-ed25519)`);
    expect(error.message).toContain(`known_hosts says ${other.fingerprint} (ssh-ed25519)`);
    expect(sshd.logins()).toBe(before);
  });

  test('a revoked one is told, also where it is known as well', async () => {
    const lines = sshd.knownHosts + sshd.knownHosts.replace(/^/gm, '@revoked ').replace(/@revoked $/, '');
    const error = await failure(git.listRefs(url, credentialsFor(url, key.private, lines), signal));
    expect([error.reason, error.message]).toEqual(['HostKeyRevoked', expect.stringContaining(`${sshd.hostKeys[0]?.fingerprint}`)]);
  });

  test('a host that is not known is told by its name and what it shows', async () => {
    // Known when the Secret was read, and not any more when the server is asked.
    const credentials = credentialsFor(url, key.private, sshd.knownHosts);
    const unknown = { id: 'unknown', ssh: { ...credentials.ssh, identity: key.private, knownHosts: `other.example.com ${key.public}` } };
    const error = await failure(git.listRefs(url, unknown, signal));
    expect([error.reason, error.message]).toEqual(['HostKeyUnknown', expect.stringContaining(`${sshd.hostKeys[0]?.fingerprint}`)]);
    const authority = { id: 'ca', ssh: { ...unknown.ssh, knownHosts: `@cert-authority * ${key.public}` } };
    expect((await failure(git.listRefs(url, authority, signal))).message).toContain('only by @cert-authority (line 1)');
  });
});

describe('what a server may do instead', () => {
  let sshd: Sshd;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.close());
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function forced(options: string, client = git): Promise<PlumblineError> {
    const own = await makeSshKey();
    await sshd.authorize(own, options);
    const url = sshd.urlOf('x.git');
    return await failure(client.listRefs(url, credentialsFor(url, own.private, sshd.knownHosts), signal));
  }

  test.each([
    ['has no git', 'command="nonsense-of-a-command"', 'GitError', 'has no git-upload-pack (exit status 127)'],
    ['refuses in words', 'command="echo You shall not pass >&2; exit 1"', 'RepositoryNotFound', 'status 1): You shall not pass'],
    ['greets', 'command="echo Welcome"', 'GitError', 'Welcome'],
    ['says half', 'command="printf 00"', 'GitError', 'ends in the middle'],
    ['says nothing', 'command="true"', 'GitError', 'says nothing'],
    ['colours its words', String.raw`command="printf '\033[31mred\n\n' >&2; exit 3"`, 'RepositoryNotFound', 'status 3): [31mred'],
    ['hangs', 'command="sleep 60"', 'GitTimeout', ' nothing '],
    ['hangs after it said half', 'command="printf 00; sleep 60"', 'GitTimeout', 'for 3 s'],
  ])('one that %s', async (_, options, reason, words) => {
    const error = await forced(options, reason === 'GitTimeout' ? impatient : git);
    expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(words)]);
  });

  test('one that runs no commands', async () => {
    const own = await makeSshKey();
    const strict = await startSshd({ config: ['MaxSessions 0'] });
    closing.push(() => strict.close());
    await strict.authorize(own);
    const url = strict.urlOf('x.git');
    const error = await failure(git.listRefs(url, credentialsFor(url, own.private, strict.knownHosts), signal));
    expect([error.reason, error.message]).toEqual(['GitError', expect.stringContaining('refuses to run git-upload-pack')]);
  });

  async function standIn(onSocket: (socket: Socket) => void): Promise<string> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      onSocket(socket);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return `ssh://${sshd.user}@127.0.0.1:${(server.address() as AddressInfo).port}/x.git`;
  }
  const trusting = (url: string): Credentials =>
    credentialsFor(url, key.private, `[127.0.0.1]:${new URL(url).port} ${sshd.hostKeys[0]?.public}`);

  test.each<[string, (socket: Socket) => void, string, string]>([
    ['accepts and is silent', () => undefined, 'GitTimeout', 'did not let us in within 3 s'],
    ['hangs up', (socket) => socket.destroy(), 'GitUnreachable', 'cut off'],
    ['hangs up politely', (socket) => socket.end(), 'GitUnreachable', 'cut off'],
    ['speaks HTTP', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 'GitUnreachable', 'cut off'],
    ['speaks on and on', (socket) => void setInterval(() => socket.write('hello\r\n'), 500).unref(), 'GitTimeout', 'did not let us in'],
  ])('one that %s', async (_, onSocket, reason, words) => {
    const url = await standIn(onSocket);
    const error = await failure(impatient.listRefs(url, trusting(url), signal));
    expect([error.reason, error.message]).toEqual([reason, expect.stringContaining(words)]);
  });

  test('one that is not there', async () => {
    const url = await standIn(() => undefined);
    for (const close of closing.splice(0)) await close();
    const error = await failure(git.listRefs(url, trusting(url), signal));
    expect([error.reason, error.message]).toEqual(['GitUnreachable', expect.stringContaining('connection refused')]);
  });

  test('a connection that is cut in the middle of a fetch', async () => {
    await sshd.authorize(key);
    const repo = await sshd.createRepo('large.git');
    const noise = Array.from({ length: 200 }, (__, at) => [`${at}.yaml`, randomBytes(20_000)] as const);
    await repo.write(Object.fromEntries(noise));
    let left = Infinity;
    const direct = sshd.urlOf(repo);
    const through = await standIn((socket) => {
      const onward = connect(sshd.port, '127.0.0.1');
      onward.on('error', () => undefined);
      socket.once('close', () => onward.destroy());
      socket.pipe(onward);
      onward.on('data', (chunk: Buffer) => {
        left -= chunk.length;
        if (left > 0) socket.write(chunk);
        else socket.destroy();
      });
    });
    const url = direct.replace(`:${sshd.port}/`, `:${new URL(through).port}/`);
    const credentials = trusting(url);
    const refs = await git.listRefs(url, credentials, signal);
    const ref = resolveRef(refs, {});
    left = 1_000_000;
    const error = await failure(git.checkout(url, credentials, ref, signal));
    expect([error.reason, error.message]).toEqual(['GitUnreachable', expect.stringContaining('cut off')]);
    left = Infinity;
    expect((await git.checkout(url, credentials, ref, signal)).commit.sha).toBe(ref.commit);
  });

  test('what is given up is given up at once', async () => {
    const url = await standIn(() => undefined);
    const stop = new AbortController();
    const asked = git.listRefs(url, trusting(url), stop.signal);
    stop.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
  });
});
