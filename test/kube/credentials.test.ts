import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findCredentials } from '../../operator/kube/credentials.ts';
import type { CredentialPlaces } from '../../operator/kube/credentials-types.ts';
import { tokenKubeconfig } from '../controlplane/token-kubeconfig.ts';
import { useCluster } from '../e2e/cluster.ts';
import { clientOf } from './clients.ts';

const cluster = useCluster();
const signal = new AbortController().signal;
const clock = { now: 0 };
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-credentials-'));
  clock.now = 0;
});

afterEach(() => rm(folder, { recursive: true }));

const find = (places: Omit<CredentialPlaces, 'monotonic'>) => findCredentials({ ...places, monotonic: () => clock.now });

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
  return path;
}

/** A kubeconfig of one context; `user` and `cluster` as they stand in it. */
function kubeconfig(
  name: string,
  { user = {}, cluster: server = {}, current = name }: { user?: object; cluster?: object; current?: string } = {},
): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: `https://${name}.example.com`, ...server } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: `ns-${name}` } }],
    'current-context': current,
  });
}

/** What a pod finds in its service account's folder. */
async function pod(token: string): Promise<CredentialPlaces['serviceAccountDirectory']> {
  await file('pod/token', token);
  await file('pod/ca.crt', cluster().admin.caPem);
  await file('pod/namespace', 'plumbline');
  return join(folder, 'pod');
}

describe('credentials are found', () => {
  test('in the files of KUBECONFIG, the first of which has precedence', async () => {
    const a = await file('a', kubeconfig('a', { user: { token: 'a' } }));
    const b = await file('b', kubeconfig('b', { user: { token: 'b' } }));
    const missing = join(folder, 'missing');
    const found = await find({ kubeconfig: [missing, a, b].join(delimiter), home: folder });
    expect(found).toMatchObject({ server: 'https://a.example.com', namespace: 'ns-a', inCluster: false });
    expect(await found.headers()).toEqual({ authorization: 'Bearer a' });
  });

  test('in a later file where the first has no current context', async () => {
    const a = await file('a', kubeconfig('a', { current: '' }));
    const b = await file('b', kubeconfig('b'));
    expect((await find({ kubeconfig: [a, b].join(delimiter) })).server).toBe('https://b.example.com');
  });

  test('in ~/.kube/config', async () => {
    await file('.kube/config', kubeconfig('home'));
    expect((await find({ home: folder })).server).toBe('https://home.example.com');
  });

  test('in the service account of the pod, where there is no kubeconfig', async () => {
    const serviceAccountDirectory = await pod('t');
    const found = await find({ home: folder, serviceHost: 'fd00::1', servicePort: '6443', serviceAccountDirectory });
    expect(found).toMatchObject({ server: 'https://[fd00::1]:6443', namespace: 'plumbline', inCluster: true });
  });

  test.each([
    ['nowhere', {}, /no credentials/],
    ['in files that do not exist', { kubeconfig: '/nowhere/config' }, /names no file that exists: \/nowhere\/config/],
  ])('%s, which is told', async (_what, places, message) => {
    await expect(find({ home: folder, ...places })).rejects.toMatchObject({
      reason: 'ApiServerUnavailable',
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ['is no kubeconfig', 'not: [yaml', /is no readable kubeconfig/],
    ['has no current context', kubeconfig('a', { current: 'b' }), /has no current context/],
    ['names a SOCKS proxy', kubeconfig('a', { cluster: { 'proxy-url': 'socks5://127.0.0.1:1' } }), /SOCKS/],
  ])('not in a file that %s', async (_what, text, message) => {
    await expect(find({ kubeconfig: await file('bad', text) })).rejects.toThrow(message);
  });
});

test('a kubeconfig that does not parse is not quoted', async () => {
  const path = await file('broken', 'users:\n- name: a\n  user:\n    token: hunter2\n   x: [');
  const error: unknown = await find({ kubeconfig: path }).catch((thrown: unknown) => thrown);
  expect(inspect(error, { depth: 10 })).toMatch(/is no readable kubeconfig \(YAMLException\)/);
  expect(inspect(error, { depth: 10 })).not.toContain('hunter2');
});

describe('a program for credentials', () => {
  const exec = {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-p', program('exec')],
      interactiveMode: 'Never',
    },
  };
  function program(token: string): string {
    return JSON.stringify(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } }));
  }

  test('is run outside a cluster', async () => {
    const found = await find({ kubeconfig: await file('exec', kubeconfig('a', { user: exec })) });
    expect(await found.headers()).toEqual({ authorization: 'Bearer exec' });
  });

  test('is refused inside one', async () => {
    const serviceAccountDirectory = await pod('t');
    const places = { kubeconfig: await file('exec', kubeconfig('a', { user: exec })), serviceHost: '10.0.0.1', serviceAccountDirectory };
    await expect(find(places)).rejects.toThrow(/refused inside a cluster/);
  });
});

describe('against the API server', () => {
  async function whoAmI(found: Awaited<ReturnType<typeof find>>): Promise<string | undefined> {
    const client = clientOf(found);
    try {
      const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const answer = await client.request<{ status?: { userInfo?: { username?: string } } }>({ method: 'POST', path, body, signal });
      return answer.body.status?.userInfo?.username;
    } finally {
      await client.close();
    }
  }

  test('a client certificate is who it says', async () => {
    expect(await whoAmI(await find({ kubeconfig: cluster().kubeconfigPath }))).toBe('admin');
  });

  test('a token is who it says', async () => {
    const namespace = await cluster().namespace();
    const user = await cluster().account(namespace, 'deployer');
    const path = await file('token', await cluster().accountKubeconfig(namespace, 'deployer'));
    const found = await find({ kubeconfig: path });
    expect(found.namespace).toBe(namespace);
    expect(await whoAmI(found)).toBe(user);
  });

  test('a pod’s token that is rotated is used within a minute, or at once when the old one is refused', async () => {
    const namespace = await cluster().namespace();
    const token = async (name: string): Promise<string> => {
      await cluster().account(namespace, name);
      const config = JSON.parse(await cluster().accountKubeconfig(namespace, name)) as { users: { user: { token: string } }[] };
      return config.users[0]?.user.token ?? '';
    };
    const { hostname, port } = new URL(cluster().server);
    const serviceAccountDirectory = await pod(await token('one'));
    const found = await find({ serviceHost: hostname, servicePort: port, serviceAccountDirectory });
    expect(await whoAmI(found)).toBe(`system:serviceaccount:${namespace}:one`);
    await file('pod/token', await token('two'));
    expect(await whoAmI(found)).toBe(`system:serviceaccount:${namespace}:one`);
    clock.now = 60_000;
    expect(await whoAmI(found)).toBe(`system:serviceaccount:${namespace}:two`);
    await file('pod/token', 'no token at all');
    clock.now = 120_000;
    await expect(whoAmI(found)).rejects.toMatchObject({ code: 401 });
    await file('pod/token', await token('three'));
    expect(await whoAmI(found)).toBe(`system:serviceaccount:${namespace}:three`);
    await rm(join(folder, 'pod/token'));
    found.expire();
    await expect(found.headers()).rejects.toThrow(/no readable file token/);
  });

  test('a kubeconfig without CA is not trusted, and with tls-server-name the other name is', async () => {
    const text = tokenKubeconfig({ server: cluster().server, caPem: cluster().admin.caPem, token: 'x', namespace: 'default' });
    const config = JSON.parse(text) as { clusters: { cluster: Record<string, unknown> }[] };
    const entry = config.clusters[0]?.cluster ?? {};
    const untrusting = await find({
      kubeconfig: await file(
        'other-name',
        JSON.stringify({ ...config, clusters: [{ name: 'test', cluster: { ...entry, 'tls-server-name': 'other.example.com' } }] }),
      ),
    });
    await expect(whoAmI(untrusting)).rejects.toMatchObject({ code: 0, status: { reason: 'Untrusted' } });
    delete entry['certificate-authority-data'];
    const without = await find({ kubeconfig: await file('no-ca', JSON.stringify(config)) });
    await expect(whoAmI(without)).rejects.toMatchObject({ code: 0, status: { reason: 'Untrusted' } });
  });
});
