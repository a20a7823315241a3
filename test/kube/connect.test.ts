import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { KubeRequest, Status } from '../../operator/kube/client.ts';
import type { ConnectOptions, ConnectedClient } from '../../operator/kube/connect.ts';
import { useCluster, waitFor } from '../e2e/cluster.ts';
import { startAlteringProxy } from './altering-proxy.ts';
import type { AlteringProxy } from './altering-proxy.ts';
import { clientOf, configMap, credentialsOf } from './clients.ts';

const cluster = useCluster();
const signal = new AbortController().signal;
const open: { close(): Promise<void> }[] = [];
let namespace = '';

beforeAll(async () => {
  namespace = await cluster().namespace();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function connect(more: Partial<ConnectOptions> = {}): ConnectedClient {
  const client = clientOf(credentialsOf(cluster().admin), more);
  open.push(client);
  return client;
}

async function behindProxy(more: Partial<ConnectOptions> = {}): Promise<{ proxy: AlteringProxy; client: ConnectedClient }> {
  const proxy = await startAlteringProxy(cluster().admin);
  const client = clientOf(proxy.credentials, more);
  open.push(client, proxy);
  return { proxy, client };
}

const maps = (): string => `/api/v1/namespaces/${namespace}/configmaps`;

function status(code: number, reason?: string): { code: number; body: Status } {
  return { code, body: { kind: 'Status', status: 'Failure', code, message: `said ${code}`, ...(reason === undefined ? {} : { reason }) } };
}

function apply(name: string, more: Partial<KubeRequest> = {}): KubeRequest {
  return {
    method: 'PATCH',
    path: `${maps()}/${name}`,
    query: { fieldManager: 'test', force: 'true' },
    body: configMap(namespace, name),
    contentType: 'application/apply-patch+yaml',
    signal,
    ...more,
  };
}

const create = (name: string): KubeRequest => ({ method: 'POST', path: maps(), body: configMap(namespace, name), signal });

describe('a request', () => {
  test('is answered with code, body and warnings', async () => {
    const client = connect();
    const path = `/api/v1/namespaces/${namespace}/endpoints`;
    const body = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'old' }, subsets: [] };
    const answer = await client.request<{ kind: string }>({ method: 'POST', path, body, signal });
    expect(answer).toMatchObject({ status: 201, body: { kind: 'Endpoints' } });
    expect(answer.warnings).toEqual([expect.stringMatching(/Endpoints is deprecated/)]);
  });

  test('carries integers above 2^53 as they are, both ways', async () => {
    const client = connect();
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'numbers.exact.example.com' },
      spec: {
        group: 'exact.example.com',
        names: { kind: 'Number', plural: 'numbers' },
        scope: 'Namespaced',
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties: { n: { type: 'integer' } } } },
          },
        ],
      },
    };
    await client.request({ method: 'POST', path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body: crd, signal });
    const path = `/apis/exact.example.com/v1/namespaces/${namespace}/numbers`;
    const body = { apiVersion: 'exact.example.com/v1', kind: 'Number', metadata: { name: 'big' }, n: 9007199254740993n };
    const made = await waitFor('the kind is served', () => client.request<{ n: unknown }>({ method: 'POST', path, body, signal }));
    expect(made.body.n).toBe(9007199254740993n);
  });

  test('that is refused throws the Status of the API server', async () => {
    const client = connect();
    const wanted = client.request({ method: 'GET', path: `${maps()}/absent`, signal });
    await expect(wanted).rejects.toMatchObject({ name: 'KubeError', code: 404, status: { kind: 'Status', reason: 'NotFound' } });
  });

  test('that is refused without a Status keeps the text, bounded', async () => {
    const { proxy, client } = await behindProxy();
    proxy.rule = () => ({ code: 418, body: 'x'.repeat(10_000) });
    await expect(client.request(apply('a'))).rejects.toMatchObject({ code: 418, status: { message: 'x'.repeat(500) } });
  });

  test('acts as another user by Impersonate-User alone, under the operator’s name', async () => {
    const { proxy, client } = await behindProxy();
    const user = await cluster().account(namespace, 'nobody');
    await expect(client.request(apply('a', { as: user }))).rejects.toMatchObject({ code: 403 });
    const headers = proxy.seen[0]?.headers ?? {};
    expect(headers['impersonate-user']).toBe(user);
    expect(Object.keys(headers).filter((name) => name.startsWith('impersonate-'))).toEqual(['impersonate-user']);
    expect(headers['user-agent']).toBe('plumbline-test');
  });

  test('whose signal is aborted throws the signal’s reason, and leaves no slot taken', async () => {
    const { proxy, client } = await behindProxy({ concurrency: 1 });
    proxy.rule = ({ url }) => (url.includes('/hang') ? 'hang' : undefined);
    const abort = new AbortController();
    const hanging = client.request({ method: 'GET', path: `${maps()}/hang`, signal: abort.signal });
    const waiting = client.request({ method: 'GET', path: `${maps()}/wait`, signal: abort.signal });
    abort.abort(new Error('lost the lease'));
    await expect(hanging).rejects.toThrow('lost the lease');
    await expect(waiting).rejects.toThrow('lost the lease');
    expect(client.load()).toEqual({ inFlight: 0, waiting: 0 });
    await client.request({ method: 'GET', path: maps(), signal });
  });

  test('that hangs has failed after its time, once', async () => {
    const { proxy, client } = await behindProxy();
    proxy.rule = () => 'hang';
    const began = performance.now();
    await expect(client.request(apply('a', { timeoutMs: 300 }))).rejects.toMatchObject({ code: 0, status: { reason: 'Timeout' } });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(proxy.seen).toHaveLength(1);
  });
});

describe('a failure', () => {
  /** The nth answers of the proxy; after them requests pass. */
  async function after(...verdicts: Parameters<typeof sequence>[0]) {
    const behind = await behindProxy();
    behind.proxy.rule = sequence(verdicts);
    return behind;
  }
  function sequence(verdicts: ReturnType<AlteringProxy['rule']>[]): AlteringProxy['rule'] {
    let count = 0;
    return () => verdicts[count++];
  }

  test.each([
    ['a 503', status(503, 'ServiceUnavailable')],
    ['a 429', status(429, 'TooManyRequests')],
    ['a 500 with a reason', status(500, 'InternalError')],
    ['a 502 of a proxy', { code: 502, body: '<html>' }],
    ['a cut', 'cut' as const],
    ['a cut after it was done', 'cut-after' as const],
  ])('that is %s is tried again where twice is as good as once', async (_what, verdict) => {
    const { proxy, client } = await after(verdict, verdict);
    await client.request(apply('again'));
    expect(proxy.seen).toHaveLength(3);
  });

  test.each([
    ['a 503', status(503, 'ServiceUnavailable'), 503],
    ['a cut', 'cut' as const, 0],
    ['a cut after it was done', 'cut-after' as const, 0],
  ])('that is %s fails a create at once', async (_what, verdict, code) => {
    const { proxy, client } = await after(verdict);
    await expect(client.request(create(`once-${proxy.credentials.server.slice(-5)}`))).rejects.toMatchObject({ code });
    expect(proxy.seen).toHaveLength(1);
  });

  test('a create that was turned away with 429 is tried again', async () => {
    const { proxy, client } = await after(status(429, 'TooManyRequests'));
    await client.request(create('turned-away'));
    expect(proxy.seen).toHaveLength(2);
  });

  test('a fault of the manifest (500 without reason) is not tried again', async () => {
    const { proxy, client } = await behindProxy();
    const body = { ...configMap(namespace, 'a'), nonsense: 1 };
    await expect(client.request(apply('a', { body }))).rejects.toMatchObject({ code: 500 });
    expect(proxy.seen).toHaveLength(1);
  });

  test('that lasts is thrown after five tries', async () => {
    const { proxy, client } = await behindProxy();
    proxy.rule = () => status(503, 'ServiceUnavailable');
    await expect(client.request(apply('a'))).rejects.toMatchObject({ code: 503 });
    expect(proxy.seen).toHaveLength(5);
  });

  test('a refused connection is tried again, for creates as well', async () => {
    const counted: string[] = [];
    const { proxy, client } = await behindProxy({ onRequest: (verb, code) => void counted.push(`${verb} ${code}`) });
    await proxy.refuse();
    const created = client.request(create('refused'));
    await waitFor('it was refused', () => counted.length > 0);
    await proxy.open();
    await created;
    expect(counted).toEqual(expect.arrayContaining(['create 0', 'create 201']));
    expect(proxy.seen).toHaveLength(1);
  });

  test('Retry-After is waited for, and meanwhile the slot is somebody else’s', async () => {
    const { proxy, client } = await behindProxy({ concurrency: 1 });
    let turnedAway = false;
    proxy.rule = ({ url }) => {
      if (!url.includes('/slow') || turnedAway) return undefined;
      turnedAway = true;
      return { ...status(429, 'TooManyRequests'), headers: { 'retry-after': '1' } };
    };
    const order: string[] = [];
    const began = performance.now();
    const slow = client.request(apply('slow')).then(() => order.push('slow'));
    await client.request(apply('quick')).then(() => order.push('quick'));
    await slow;
    expect(order).toEqual(['quick', 'slow']);
    expect(performance.now() - began).toBeGreaterThanOrEqual(1_000);
  });

  test('a Retry-After beyond the time of the request is passed on to whoever decides', async () => {
    const { proxy, client } = await behindProxy();
    proxy.rule = () => ({ ...status(429, 'TooManyRequests'), headers: { 'retry-after': '20' } });
    const wanted = client.request(apply('a', { timeoutMs: 1_000 }));
    await expect(wanted).rejects.toMatchObject({ code: 429, retryAfterMs: 20_000 });
  });

  test('whose wait is aborted throws the signal’s reason', async () => {
    const { proxy, client } = await behindProxy();
    proxy.rule = () => ({ ...status(429), headers: { 'retry-after': '20' } });
    const abort = new AbortController();
    const wanted = client.request(apply('a', { signal: abort.signal }));
    const failed = expect(wanted).rejects.toThrow('enough');
    await waitFor('it was turned away', () => proxy.seen.length === 1);
    abort.abort(new Error('enough'));
    await failed;
  });
});

describe('before a write', () => {
  test('the lease is asked for, before each try, and not for reads and leases', async () => {
    let asked = 0;
    const { proxy, client } = await behindProxy({ beforeWrite: () => void (asked += 1) });
    await client.request({ method: 'GET', path: maps(), signal });
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    await client.request({ method: 'POST', path: leases, body: { metadata: { name: 'l' }, spec: {} }, signal });
    expect(asked).toBe(0);
    let count = 0;
    proxy.rule = () => (++count < 3 ? status(503) : undefined);
    await client.request(apply('a'));
    expect(asked).toBe(3);
  });

  test('the lease is asked for once the connection stands: making it may take longer than the lease lasts', async () => {
    const counted: string[] = [];
    let asked = 0;
    const { proxy, client } = await behindProxy({
      beforeWrite: () => void (asked += 1),
      onRequest: (verb, code) => void counted.push(`${verb} ${code}`),
    });
    await proxy.refuse();
    const written = client.request(apply('connected'));
    await waitFor('it was refused', () => counted.length > 0);
    expect(asked).toBe(0);
    await proxy.open();
    await written;
    expect(asked).toBe(1);
  });

  test('nothing is sent once it is lost', async () => {
    const lost = new Error('the lease is lost');
    const { proxy, client } = await behindProxy({
      beforeWrite: () => {
        throw lost;
      },
    });
    await expect(client.request(apply('a'))).rejects.toBe(lost);
    expect(proxy.seen).toHaveLength(0);
    expect(client.load()).toEqual({ inFlight: 0, waiting: 0 });
  });
});

describe('leases', () => {
  test('are renewed though every slot is taken', async () => {
    const { proxy, client } = await behindProxy({ concurrency: 1 });
    proxy.rule = ({ url }) => (url.includes('/hang') ? 'hang' : undefined);
    const abort = new AbortController();
    const hanging = client.request(apply('hang', { signal: abort.signal })).catch(() => {});
    await client.request({ method: 'GET', path: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`, signal });
    abort.abort();
    await hanging;
  });
});

test('each try is counted by the verb of the audit log and its code', async () => {
  const counted: string[] = [];
  const { proxy, client } = await behindProxy({ onRequest: (verb, code) => void counted.push(`${verb} ${code}`) });
  await client.request(apply('counted'));
  await client.request({ method: 'GET', path: maps(), signal });
  await client.request({ method: 'GET', path: `${maps()}/counted`, signal });
  await client.request({ method: 'DELETE', path: `${maps()}/counted`, signal });
  await client.request({ method: 'GET', path: `${maps()}/counted`, signal }).catch(() => {});
  let count = 0;
  proxy.rule = () => (++count === 1 ? 'cut' : undefined);
  await client.request({ method: 'GET', path: maps(), signal });
  expect(counted).toEqual(['patch 201', 'list 200', 'get 200', 'delete 200', 'get 404', 'list 0', 'list 200']);
});

test('a 401 is tried once more with fresh credentials', async () => {
  const proxy = await startAlteringProxy(cluster().admin);
  let token = 'old';
  const credentials = {
    ...proxy.credentials,
    headers: async () => ({ 'x-token': token }),
    expire: () => void (token = token === 'old' ? 'new' : 'revoked'),
  };
  proxy.rule = ({ headers }) => (headers['x-token'] === 'new' ? undefined : status(401, 'Unauthorized'));
  const client = clientOf(credentials);
  open.push(client, proxy);
  await client.request(apply('renewed'));
  expect(proxy.seen).toHaveLength(2);
  token = 'revoked';
  await expect(client.request(apply('renewed'))).rejects.toMatchObject({ code: 401 });
  expect(proxy.seen).toHaveLength(4);
});

test('an untrusted API server is told as such, without a second try', async () => {
  const counted: string[] = [];
  const client = clientOf(
    { ...credentialsOf(cluster().admin), tls: {} },
    { onRequest: (verb, code) => void counted.push(`${verb} ${code}`) },
  );
  open.push(client);
  await expect(client.request({ method: 'GET', path: '/version', signal })).rejects.toMatchObject({
    code: 0,
    status: { reason: 'Untrusted' },
  });
  expect(counted).toEqual(['get 0']);
});

test('a thousand requests under one signal wait for their turn without a warning', async () => {
  const warnings: string[] = [];
  const note = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', note);
  const client = connect({ concurrency: 8 });
  const abort = new AbortController();
  await Promise.all(Array.from({ length: 1_000 }, () => client.request({ method: 'GET', path: '/version', signal: abort.signal })));
  await new Promise((resolve) => setImmediate(resolve)); // warnings come a turn later
  process.off('warning', note);
  expect(warnings).toEqual([]);
});

describe('a watch', () => {
  const events = (client: ConnectedClient, more: { idleMs?: number; onOpen?: () => void; path?: string } = {}) =>
    client.watch<{ metadata: { name: string } }>({ method: 'GET', path: maps(), query: { allowWatchBookmarks: 'true' }, signal, ...more });

  test('yields what happens and holds no slot', async () => {
    const client = connect({ concurrency: 1 });
    await client.request(apply('watched'));
    for await (const event of events(client)) {
      if (event.object.metadata.name !== 'watched') continue;
      if (event.type === 'ADDED') await client.request({ method: 'DELETE', path: `${maps()}/watched`, signal });
      if (event.type === 'DELETED') break;
    }
  });

  test('that is silent for too long is given up', async () => {
    const { proxy, client } = await behindProxy();
    let opened = 0;
    const watching = (async () => {
      for await (const _ of events(client, { idleMs: 400, onOpen: () => void (opened += 1), path: '/api/v1/namespaces' })) proxy.silence();
    })();
    await expect(watching).rejects.toMatchObject({ code: 0, status: { reason: 'Timeout' } });
    expect(opened).toBe(1);
  });

  test('that is cut throws', async () => {
    const { proxy, client } = await behindProxy();
    const watching = (async () => {
      for await (const _ of events(client, { path: '/api/v1/namespaces' })) proxy.cut();
    })();
    await expect(watching).rejects.toMatchObject({ code: 0, status: { reason: 'Cut' } });
  });

  test('that is refused throws the Status', async () => {
    const client = connect();
    const watching = (async () => {
      for await (const _ of events(client, { path: '/apis/none.example.com/v1/things' })) break;
    })();
    await expect(watching).rejects.toMatchObject({ code: 404 });
  });
});
