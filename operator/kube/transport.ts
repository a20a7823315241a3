/** One HTTP exchange with the API server, or one stream: no retries, no limits. */
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import { KubeError } from './client.ts';
import type { Status } from './client.ts';
import type { Credentials } from './credentials-types.ts';
import { parseJson } from './json.ts';
import { readLines } from './lines.ts';
import { noAnswerOf } from './retry.ts';
import type { NoAnswer } from './retry.ts';

/** What goes over the wire. */
export interface WireRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
  /** Called right before the first byte is written, connection and all being there; what it throws is thrown, and nothing sent. */
  readonly beforeSend?: (() => void) | undefined;
}

export interface WireResponse {
  readonly code: number;
  readonly body: unknown;
  readonly warnings: readonly string[];
}

/** Idle connections are kept for longer than the pauses of a busy operator. */
const keepAlive = 60_000;
const connectTimeout = 10_000;
/** What is no Status (a proxy's page) is quoted up to here. */
const longestText = 500;

/**
 * Connections by HTTP/1.1: one request each, so a slow one holds up no other (and HTTP/2 on one connection was
 * measured to be slower). `connections` undefined opens as many as there are requests.
 */
export function createDispatcher(credentials: Credentials, connections: number | undefined): Dispatcher {
  const { ca, cert, key, servername, rejectUnauthorized } = credentials.tls;
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
  const options = {
    connections: connections ?? null,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAlive,
    connectTimeout,
    // The caller's own deadlines hold; these would cut watches.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  if (credentials.proxyUrl === undefined) return new Agent({ ...options, connect: { ...tls, timeout: connectTimeout } });
  return new ProxyAgent({ ...options, uri: credentials.proxyUrl, requestTls: { ...tls, timeout: connectTimeout } });
}

interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends it and reads the whole answer. Throws KubeError for anything but a 2xx. */
export async function exchange(dispatcher: Dispatcher, origin: string, request: WireRequest): Promise<WireResponse> {
  const { code, headers, text } = await roundTrip(dispatcher, origin, request);
  if (code < 200 || code > 299) throw failure(code, text, headers['retry-after']);
  return { code, body: bodyOf(text, headers['content-type']), warnings: warningsOf(headers['warning']) };
}

/** By undici's handler rather than its `request`, which tells nobody when a request that waited for its connection goes out. */
function roundTrip(dispatcher: Dispatcher, origin: string, request: WireRequest): Promise<Answer> {
  const { method, target, headers, body, signal, beforeSend } = request;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let controller: Dispatcher.DispatchController | undefined;
    let head: Omit<Answer, 'text'> = { code: 0, headers: {} };
    let kept: { readonly error: unknown } | undefined;
    const aborted = (): void => {
      reject(signal.reason); // before undici tells of the abort as an error
      controller?.abort(new Error('aborted')); // one that still waits for its connection is kept from going out
    };
    signal.addEventListener('abort', aborted, { once: true });
    dispatcher.dispatch(
      { origin, path: target, method, headers, body },
      {
        onRequestStart(started) {
          try {
            signal.throwIfAborted();
            beforeSend?.();
          } catch (error) {
            kept = { error };
            throw error;
          }
          controller = started;
        },
        onResponseStart(_controller, code, received) {
          head = { code, headers: received };
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          signal.removeEventListener('abort', aborted);
          resolve({ ...head, text: Buffer.concat(chunks).toString('utf8') });
        },
        onResponseError(_controller, cause) {
          signal.removeEventListener('abort', aborted);
          reject(kept === undefined ? noAnswerError(noAnswerOf(cause), String(cause), cause) : kept.error);
        },
      },
    );
  });
}

/** Sends it and yields the lines of the answer as they come. Throws KubeError for anything but a 2xx, and when it is cut. */
export async function* stream(
  dispatcher: Dispatcher,
  origin: string,
  request: WireRequest,
  onOpen: () => void,
  onChunk: () => void,
): AsyncGenerator<string, void, void> {
  const answer = await send(dispatcher, origin, request);
  const code = answer.statusCode;
  if (code < 200 || code > 299) {
    const text = await answer.body.text().catch((cause: unknown) => noAnswer(cause, request.signal));
    throw failure(code, text, answer.headers['retry-after']);
  }
  onOpen();
  try {
    yield* readLines(noting(answer.body, onChunk));
  } catch (cause) {
    noAnswer(cause, request.signal);
  } finally {
    answer.body.destroy();
  }
}

async function send(dispatcher: Dispatcher, origin: string, request: WireRequest): Promise<Dispatcher.ResponseData> {
  const { method, target, headers, body, signal } = request;
  try {
    return await dispatcher.request({ origin, method, path: target, headers, body, signal });
  } catch (cause) {
    return noAnswer(cause, signal);
  }
}

/** No answer: the signal's own reason when it was aborted, else a KubeError of code 0. */
function noAnswer(cause: unknown, signal: AbortSignal): never {
  if (signal.aborted) throw signal.reason;
  throw noAnswerError(noAnswerOf(cause), String(cause), cause);
}

/** A KubeError for an answer that never came; `status.reason` says of what kind. */
export function noAnswerError(reason: NoAnswer, message: string, cause?: unknown): KubeError {
  return new KubeError(0, { reason, message }, { cause });
}

async function* noting(chunks: AsyncIterable<Uint8Array>, onChunk: () => void): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) {
    onChunk();
    yield chunk;
  }
}

function failure(code: number, text: string, retryAfter: string | string[] | undefined): KubeError {
  const status = statusOf(text);
  const seconds = status.details?.retryAfterSeconds ?? Number(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter);
  return new KubeError(code, status, { retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined });
}

function statusOf(text: string): Status {
  if (text.startsWith('{')) {
    try {
      const body = parseJson(text) as Status;
      // A request that the server itself gave up (504) is answered with a Status that does not say so.
      if (body.kind === 'Status' || (body.status === 'Failure' && body.code !== undefined)) return body;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  const said = text.trim().slice(0, longestText);
  return said === '' ? {} : { message: said };
}

function bodyOf(text: string, contentType: string | string[] | undefined): unknown {
  return String(contentType ?? '').includes('json') ? parseJson(text) : text;
}

/** RFC 9111 section 5.5 (obsolete there, alive here): `299 - "text"`, several in one header or in many. */
function warningsOf(header: string | string[] | undefined): readonly string[] {
  if (header === undefined) return [];
  const all = Array.isArray(header) ? header.join(', ') : header;
  return [...all.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)].map((match) => (match[1] ?? '').replaceAll(/\\(.)/g, '$1'));
}
