/**
 * Connections to git servers, kept between polls: one pool for each server, its TLS settings and its proxy. A thousand
 * repositories of one host cost no handshake each; what is idle is closed, and only so many servers are kept.
 */
import { hash } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions } from 'node:tls';
import { buildConnector, Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { isCutOff } from './http-errors.ts';
import { proxyAuthorization } from './proxies.ts';
import { openTunnel } from './proxy-tunnel.ts';
import type { ClientCertificate } from './types.ts';

/** How a server is reached. */
export interface Route {
  readonly proxy: URL | undefined;
  /** PEM; undefined: the usual authorities. */
  readonly ca: readonly string[] | undefined;
  /** For a server that asks for one. */
  readonly certificate: ClientCertificate | undefined;
  /** Until the connection stands. Milliseconds. */
  readonly connectMs: number;
}

export interface HttpQuestion {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string | null;
  /** Without a byte from the server. Milliseconds. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

export type HttpResponse = Dispatcher.ResponseData;

export interface HttpPoolOptions {
  /** An unused connection is closed after this long: over a minute, the usual interval of polls. Milliseconds. */
  readonly keepMs: number;
  /** To one server at a time. */
  readonly connections: number;
  /** Servers whose connections are kept. */
  readonly servers: number;
  /** Monotonic. Milliseconds. */
  readonly now: () => number;
}

export const defaultPoolOptions: HttpPoolOptions = { keepMs: 75_000, connections: 4, servers: 128, now: () => performance.now() };

interface Server {
  readonly pool: Pool;
  /** http:// through a proxy: the proxy is asked for the whole URL. */
  readonly absolute: boolean;
  readonly authorization: string | undefined;
  /** Connections begun. */
  connects: number;
  busy: number;
  usedAt: number;
}

export class HttpPool {
  readonly #options: HttpPoolOptions;
  /** Least recently used first. */
  readonly #servers = new Map<string, Server>();
  #closed = false;

  constructor(options: Partial<HttpPoolOptions> = {}) {
    this.#options = { ...defaultPoolOptions, ...options };
  }

  /** Rejects with what undici, Node or the tunnel say; http-errors.ts puts it into words. No status is an error here. */
  async request(url: URL, route: Route, question: HttpQuestion): Promise<HttpResponse> {
    question.signal.throwIfAborted();
    const server = this.#serverOf(url, route);
    const { connects } = server;
    try {
      return await this.#ask(server, url, question);
    } catch (error) {
      // The server closed a kept connection at that very moment, so that the question never reached it.
      const stale = server.connects === connects && isCutOff(error) && !question.signal.aborted && !this.#closed;
      if (!stale) throw error;
      return await this.#ask(server, url, question);
    }
  }

  /** Servers whose connections are kept now. */
  get size(): number {
    return this.#servers.size;
  }

  /** Ends every connection; what is being asked fails. */
  async close(): Promise<void> {
    this.#closed = true;
    const pools = [...this.#servers.values()].map(({ pool }) => pool);
    this.#servers.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  async #ask(server: Server, url: URL, { method, headers, body, idleMs, signal }: HttpQuestion): Promise<HttpResponse> {
    server.busy += 1;
    const done = (): void => {
      server.busy -= 1;
      server.usedAt = this.#options.now();
    };
    try {
      const response = await server.pool.request({
        method,
        body,
        signal,
        path: server.absolute ? `${url.origin}${url.pathname}${url.search}` : `${url.pathname}${url.search}`,
        headers: {
          ...headers,
          ...(server.absolute ? { host: url.host } : {}),
          ...(server.authorization === undefined ? {} : { 'proxy-authorization': server.authorization }),
        },
        headersTimeout: idleMs,
        bodyTimeout: idleMs,
      });
      response.body.once('close', done);
      // What goes wrong with a body is told to whoever reads it; one that is read no further fails unseen.
      response.body.on('error', () => undefined);
      return response;
    } catch (error) {
      done();
      throw error;
    }
  }

  #serverOf(url: URL, route: Route): Server {
    const key = keyOf(url, route);
    const server = this.#servers.get(key) ?? this.#connected(url, route);
    this.#servers.delete(key);
    this.#servers.set(key, server);
    server.usedAt = this.#options.now();
    this.#sweep();
    return server;
  }

  /** A server that nobody asks any more is forgotten, its credentials with it; so is the longest unused of too many. */
  #sweep(): void {
    const old = this.#options.now() - 2 * this.#options.keepMs;
    let over = this.#servers.size - this.#options.servers;
    const newest = [...this.#servers.keys()].at(-1);
    for (const [key, server] of this.#servers) {
      if (key === newest || server.busy > 0 || (over <= 0 && server.usedAt > old)) continue;
      this.#servers.delete(key);
      over -= 1;
      void server.pool.destroy();
    }
  }

  #connected(url: URL, { proxy, ca, certificate, connectMs }: Route): Server {
    // Made once: a connection would parse every authority anew.
    const own: SecureContextOptions = {
      ...(ca === undefined ? {} : { ca: [...ca] }),
      ...(certificate === undefined ? {} : { cert: certificate.cert, key: certificate.key }),
    };
    const secureContext = ca === undefined && certificate === undefined ? {} : { secureContext: createSecureContext(own) };
    const direct = buildConnector({ ...secureContext, timeout: connectMs, allowH2: false });
    const absolute = proxy !== undefined && url.protocol === 'http:';
    const connect: typeof direct = (options, callback) => {
      server.connects += 1;
      if (proxy === undefined || absolute) return direct(options, callback);
      void throughProxy(proxy, options, callback);
    };
    const throughProxy = async (by: URL, ...[options, callback]: Parameters<typeof direct>): Promise<void> => {
      try {
        const target = `${options.hostname}:${options.port === '' ? '443' : options.port}`;
        direct({ ...options, httpSocket: await openTunnel(by, target, connectMs) }, callback);
      } catch (error) {
        callback(error as Error, null);
      }
    };
    const pool = new Pool(absolute ? proxy.origin : url.origin, {
      connections: this.#options.connections,
      keepAliveTimeout: this.#options.keepMs,
      // A server that says for how long it keeps a connection is believed up to this.
      keepAliveMaxTimeout: this.#options.keepMs,
      connect,
    });
    const authorization = absolute ? proxyAuthorization(proxy) : undefined;
    const server: Server = { pool, absolute, authorization, connects: 0, busy: 0, usedAt: 0 };
    return server;
  }
}

/** Authorities are hundreds of kilobytes, and the same for every question of a transport. */
const digests = new WeakMap<readonly string[], string>();

function digestOf(ca: readonly string[]): string {
  const known = digests.get(ca) ?? hash('sha256', ca.join('\n'));
  digests.set(ca, known);
  return known;
}

/** Holds no secret, so that it may be seen in a heap dump or a debugger. */
function keyOf(url: URL, { proxy, ca, certificate, connectMs }: Route): string {
  if (proxy === undefined && ca === undefined && certificate === undefined) return `${url.origin} ${connectMs}`;
  const secret = JSON.stringify([proxy?.href, ca === undefined ? '' : digestOf(ca), certificate?.cert, certificate?.key, connectMs]);
  return `${url.origin} ${hash('sha256', secret)}`;
}
