/** The HTTP server of the metrics address: /metrics, /healthz and /readyz. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { listenOn } from './listen.ts';
import type { WebServer } from './listen.ts';

export type { WebServer } from './listen.ts';

/** What a probe answers: 200 when ok, else 503; the text is for people. */
export interface Probe {
  readonly ok: boolean;
  readonly text: string;
}

export interface WebServerOptions {
  /** Without host on every interface, with port 0 on a free one. */
  readonly address: { readonly host: string | undefined; readonly port: number };
  readonly metrics: {
    scrape(
      accept: string | undefined,
      isPrometheus: boolean,
    ): Promise<{ readonly contentType: string; readonly body: readonly Uint8Array[] }>;
  };
  readonly health: () => Probe;
  /** Not ok only while it is not ready; a broken watch is told in the text alone (rule 36). */
  readonly ready: () => Probe;
  /** Closes the server and its connections. */
  readonly signal: AbortSignal;
  /** A page could not be made; the client got a 500. */
  readonly onError?: (error: unknown) => void;
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | readonly Uint8Array[];
}

/** Prometheus, and whoever stands in for it, says how long it waits; a person does not. */
const scraperHeader = 'x-prometheus-scrape-timeout-seconds';
const plain = 'text/plain; charset=utf-8';
/** A client that reads nothing for so long is cut off. */
const slowReaderMs = 30_000;
/** How long pieces are written before the event loop gets a round, milliseconds. */
const sliceMs = 2;
const maxConnections = 256;

/** Listens; resolves once it does. Throws an Error that names the address when it cannot (a port in use). */
export function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const { address, signal } = options;
  return listenOn({ address, maxConnections, signal, answer: (request, response) => void answer(options, request, response) });
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
  const pieces = typeof page.body === 'string' ? [page.body] : page.body;
  response.writeHead(page.status, {
    'content-type': page.contentType,
    'content-length': pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...(page.status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...(sendsBody ? { connection: 'close' } : {}),
  });
  if (request.method !== 'HEAD') await writeAll(response, pieces);
  response.end();
}

/**
 * A piece after the other, as fast as the client reads; one that reads nothing for too long is cut off. What the kernel takes at
 * once comes back as drained within the same round of the event loop, so that megabytes would go out in one: others get a turn.
 */
async function writeAll(response: ServerResponse, pieces: readonly (string | Uint8Array)[]): Promise<void> {
  response.setTimeout(slowReaderMs, () => response.destroy());
  let end = performance.now() + sliceMs;
  for (const piece of pieces) {
    if (performance.now() >= end) {
      await nextTurn();
      end = performance.now() + sliceMs;
    }
    if (response.destroyed) return;
    if (response.write(piece)) continue;
    await new Promise<void>((resolve) => {
      const on = (): void => {
        response.off('drain', on).off('close', on);
        resolve();
      };
      response.on('drain', on).on('close', on);
    });
  }
}

async function pageOf(options: WebServerOptions, request: IncomingMessage): Promise<Page> {
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path !== '/metrics' && path !== '/healthz' && path !== '/readyz') return { status: 404, contentType: plain, body: 'not found\n' };
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, contentType: plain, body: 'only GET and HEAD\n' };
  if (path === '/metrics') {
    const isPrometheus = request.method === 'GET' && request.headers[scraperHeader] !== undefined;
    return { status: 200, ...(await options.metrics.scrape(request.headers.accept, isPrometheus)) };
  }
  const { ok, text } = path === '/healthz' ? options.health() : options.ready();
  return { status: ok ? 200 : 503, contentType: plain, body: text.endsWith('\n') ? text : `${text}\n` };
}
