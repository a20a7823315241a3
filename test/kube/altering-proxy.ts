/** A proxy before the real API server that cuts, delays or answers by itself where a test says so. Speaks plain HTTP. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import type { Credentials as TestCredentials } from '../controlplane/pki.ts';
import type { Credentials } from '../../operator/kube/credentials-types.ts';

export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What becomes of a request; undefined passes it on. */
export type Verdict =
  | undefined
  | 'cut'
  | 'hang'
  /** Passed on, and the connection cut before the answer. */
  | 'cut-after'
  /** Passed on; the events of a watch come late, some of them twice and in any order, but never after a bookmark that follows them. */
  | { readonly shuffle: () => number; readonly dropsBookmarks?: boolean }
  /** Passed on after so many milliseconds. */
  | { readonly delay: number }
  | { readonly code: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };

export interface AlteringProxy {
  readonly credentials: Credentials;
  readonly seen: readonly Seen[];
  /** Asked for each request. */
  rule: (request: Seen) => Verdict;
  /** No byte passes any more on what is open, and nobody is told; new connections work. */
  silence(): void;
  /** Every open connection is cut. */
  cut(): void;
  /** New connections are refused until `open`, and the open ones cut. */
  refuse(): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

export async function startAlteringProxy(target: TestCredentials): Promise<AlteringProxy> {
  const agent = new Agent({ connect: { ca: target.caPem, cert: target.certPem, key: target.keyPem }, headersTimeout: 0, bodyTimeout: 0 });
  const sockets = new Set<Socket>();
  const silenced = new Set<Socket>();
  const seen: Seen[] = [];
  /** What is held back on a connection goes out before anything is done to it. */
  const held = new Map<Socket, () => void>();
  const release = (): void => held.forEach((flush) => flush());
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one: Seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers };
    seen.push(one);
    const verdict = proxy.rule(one);
    if (verdict === 'hang') return;
    if (verdict === 'cut') return void request.socket.destroy();
    if (typeof verdict === 'object' && 'code' in verdict) {
      const isText = typeof verdict.body === 'string';
      response.writeHead(verdict.code, { 'content-type': isText ? 'text/plain' : 'application/json', ...verdict.headers });
      return void response.end(isText ? verdict.body : JSON.stringify(verdict.body ?? {}));
    }
    if (typeof verdict === 'object' && 'delay' in verdict) await sleep(verdict.delay);
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const answer = await agent.request({
      origin: target.server,
      method: one.method,
      path: one.url,
      headers,
      body: chunks.length === 0 ? null : Buffer.concat(chunks),
      signal: gone.signal,
    });
    if (verdict === 'cut-after') {
      await answer.body.text();
      return void request.socket.destroy();
    }
    const { 'transfer-encoding': _encoding, ...answered } = answer.headers;
    response.writeHead(answer.statusCode, answered);
    response.flushHeaders();
    const send = (data: Buffer | string): void => {
      if (!silenced.has(request.socket)) response.write(data, 'latin1');
    };
    if (typeof verdict === 'object' && 'shuffle' in verdict)
      await shuffled(answer.body, verdict, send, (flush) => held.set(request.socket, flush));
    else for await (const chunk of answer.body) send(chunk as Buffer);
    held.get(request.socket)?.();
    held.delete(request.socket);
    if (!silenced.has(request.socket)) response.end();
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      held.delete(socket);
    });
  });
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const cut = (): void => {
    release();
    sockets.forEach((socket) => (held.has(socket) ? socket.destroySoon() : socket.destroy()));
  };
  const proxy: AlteringProxy = {
    credentials: {
      server: `http://127.0.0.1:${port}`,
      namespace: undefined,
      inCluster: false,
      tls: {},
      proxyUrl: undefined,
      headers: async () => ({}),
      expire: () => {},
    },
    seen,
    rule: () => undefined,
    silence() {
      release();
      sockets.forEach((socket) => silenced.add(socket));
    },
    cut,
    async refuse() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
    open: () => listen(port),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
      await agent.destroy();
    },
  };
  return proxy;
}

/** Passes a watch's lines on out of order; `onFlush` is given what sends all that is held back. */
async function shuffled(
  body: AsyncIterable<Buffer>,
  { shuffle: random, dropsBookmarks = false }: { readonly shuffle: () => number; readonly dropsBookmarks?: boolean },
  send: (data: string) => void,
  onFlush: (flush: () => void) => void,
): Promise<void> {
  let waiting: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const twice = waiting.filter(() => random() < 0.3);
    const tickets = [...waiting, ...twice].map((line) => ({ line, ticket: random() }));
    waiting = [];
    for (const { line } of tickets.toSorted((a, b) => a.ticket - b.ticket)) send(line);
  };
  onFlush(flush);
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.includes('"type":"BOOKMARK"')) {
        flush();
        if (!dropsBookmarks) send(`${line}\n`);
      } else {
        waiting.push(`${line}\n`);
        timer ??= setTimeout(flush, 20 + random() * 100);
      }
    }
  }
  flush();
  send(rest);
}
