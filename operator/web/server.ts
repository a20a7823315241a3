/** The HTTP server of the metrics address: /metrics, /healthz and /readyz. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a probe answers: 200 when ok, else 503; the text is for people. */
export interface Probe {
  readonly ok: boolean;
  readonly text: string;
}

export interface WebServerOptions {
  /** Without host on every interface, with port 0 on a free one. */
  readonly address: { readonly host: string | undefined; readonly port: number };
  readonly metrics: { text(): Promise<{ readonly contentType: string; readonly body: string }> };
  readonly health: () => Probe;
  /** Not ok only while it is not ready; a broken watch is told in the text alone (rule 36). */
  readonly ready: () => Probe;
  /** Closes the server and its connections. */
  readonly signal: AbortSignal;
  /** A page could not be made; the client got a 500. */
  readonly onError?: (error: unknown) => void;
}

export interface WebServer {
  readonly host: string;
  readonly port: number;
  /** Resolves once it is closed after the signal. */
  readonly closed: Promise<void>;
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const plain = 'text/plain; charset=utf-8';
/** A client that sends slowly, or not at all, is cut off. */
const requestMs = 10_000;
const maxHeaderBytes = 16_384;
const maxConnections = 256;

/** Listens; resolves once it does. Throws an Error that names the address when it cannot (a port in use). */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  options.signal.throwIfAborted();
  const { host, port } = options.address;
  const server = createServer(
    { maxHeaderSize: maxHeaderBytes, requestTimeout: requestMs, headersTimeout: requestMs, keepAliveTimeout: 65_000 },
    (request, response) => {
      void answer(options, request, response);
    },
  );
  server.maxConnections = maxConnections;
  await listen(server, host, port);
  const closed = new Promise<void>((resolve) => {
    server.once('close', () => resolve());
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  options.signal.addEventListener('abort', close, { once: true });
  if (options.signal.aborted) close();
  const bound = server.address() as AddressInfo;
  return { host: bound.address, port: bound.port, closed };
}

function listen(server: Server, host: string | undefined, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      reject(
        new Error(`cannot listen on ${host?.includes(':') === true ? `[${host}]` : (host ?? '')}:${port}: ${whyNot(error)}`, {
          cause: error,
        }),
      );
    };
    server.once('error', failed);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.removeListener('error', failed);
      resolve();
    });
  });
}

function whyNot(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'the port is in use by another process';
  if (error.code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  if (error.code === 'EACCES') return 'this port needs more rights';
  return error.code ?? error.message;
}

async function answer(options: WebServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let page: Page;
  try {
    page = await pageOf(options, request);
  } catch (error) {
    options.onError?.(error);
    page = { status: 500, contentType: plain, body: 'internal error\n' };
  }
  // A body is never read: whoever sends one is answered and cut off.
  const sendsBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  response.writeHead(page.status, {
    'content-type': page.contentType,
    'content-length': Buffer.byteLength(page.body),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...(page.status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...(sendsBody ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : page.body);
}

async function pageOf(options: WebServerOptions, request: IncomingMessage): Promise<Page> {
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path !== '/metrics' && path !== '/healthz' && path !== '/readyz') return { status: 404, contentType: plain, body: 'not found\n' };
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, contentType: plain, body: 'only GET and HEAD\n' };
  if (path === '/metrics') return { status: 200, ...(await options.metrics.text()) };
  const { ok, text } = path === '/healthz' ? options.health() : options.ready();
  return { status: ok ? 200 : 503, contentType: plain, body: text.endsWith('\n') ? text : `${text}\n` };
}
