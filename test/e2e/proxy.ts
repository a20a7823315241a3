/**
 * A proxy between an operator and the API server, which tells every request and lets a test step in right before one is
 * passed on and right after it was answered. Speaks plain HTTP to the operator, and to the API server as the admin.
 */
import { writeFile } from 'node:fs/promises';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Agent } from 'undici';
import type { Cluster } from './cluster.ts';

export interface Passing {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Milliseconds, `performance.now()`. */
  readonly at: number;
}

/** Told of each request; what it resolves with decides whether the request (or its answer) goes on. */
export type Hook = (request: Passing, when: 'before' | 'after') => Promise<'drop' | undefined>;

export interface ApiProxy {
  /** With one context, whose namespace is `default`. */
  readonly kubeconfigPath: string;
  /** Every request, in the order in which they came. */
  readonly seen: readonly Passing[];
  /** One at a time; undefined passes everything on. */
  hook: Hook | undefined;
  /** Ends the answers that are under way to such requests: watches, as a rule. */
  cut(which: (request: Passing) => boolean): void;
  close(): Promise<void>;
}

/** Whether a request may change what sources deploy or say: dry runs included, leases and events aside. */
export function isWrite({ method, url }: Passing): boolean {
  return method !== 'GET' && !url.includes('/leases') && !url.includes('/events');
}

/** `apply configmaps/a`, `dry run of delete services/old`: what a write does, for people. */
export function writeText({ method, url }: Passing): string {
  const [path = '', query = ''] = url.split('?');
  const last = path
    .split('/')
    .slice(path.endsWith('/status') ? -3 : -2)
    .join('/');
  return `${query.includes('dryRun') ? 'dry run of ' : ''}${method} ${last}`;
}

/** `LIST serviceaccounts`, `WATCH gitopssources`, `GET configmaps/a`, a write as `writeText` has it. */
export function callText(passing: Passing): string {
  const { method, url } = passing;
  if (method !== 'GET') return writeText(passing);
  const [path = '', query = ''] = url.split('?');
  if (!/[?&](limit|watch)=/.test(url)) return `GET ${path.split('/').slice(-2).join('/')}`;
  return `${/watch=1/.test(query) ? 'WATCH' : 'LIST'} ${path.split('/').at(-1)}`;
}

export async function startProxy(cluster: Cluster, name: string): Promise<ApiProxy> {
  const { admin } = cluster;
  const agent = new Agent({ connect: { ca: admin.caPem, cert: admin.certPem, key: admin.keyPem }, headersTimeout: 0, bodyTimeout: 0 });
  const seen: Passing[] = [];
  const underWay = new Map<ServerResponse, Passing>();
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const passing: Passing = { method: request.method ?? '', url: request.url ?? '', at: performance.now() };
    seen.push(passing);
    if ((await proxy.hook?.(passing, 'before')) === 'drop') return void response.destroy();
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
    const gone = new AbortController();
    underWay.set(response, passing);
    response.once('close', () => {
      underWay.delete(response);
      gone.abort();
    });
    const answer = await agent.request({
      origin: admin.server,
      method: passing.method,
      path: passing.url,
      headers,
      body: chunks.length === 0 ? null : Buffer.concat(chunks),
      signal: gone.signal,
    });
    if ((await proxy.hook?.(passing, 'after')) === 'drop') return void response.destroy();
    const { 'transfer-encoding': _encoding, ...answered } = answer.headers;
    response.writeHead(answer.statusCode, answered).flushHeaders();
    for await (const chunk of answer.body) response.write(chunk);
    response.end();
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy()); // one of the two sides went away
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfigPath = join(cluster.workDir, `kubeconfig-proxy-${name}`);
  const proxy: ApiProxy = {
    kubeconfigPath,
    seen,
    hook: undefined,
    cut(which) {
      for (const [response, request] of underWay) if (which(request)) response.destroy();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await agent.destroy();
    },
  };
  await writeFile(
    kubeconfigPath,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: `http://127.0.0.1:${port}` } }],
      users: [{ name: 'test', user: {} }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
      'current-context': 'test',
    }),
  );
  return proxy;
}
