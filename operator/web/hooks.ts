/** The HTTP server of the webhook address: POST /hooks/NAMESPACE/NAME, each body within a bound. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listenOn } from './listen.ts';
import type { WebServer } from './listen.ts';
import type { Receive } from './receivers/receive.ts';

export interface HookServerOptions {
  /** Without host on every interface, with port 0 on a free one. */
  readonly address: { readonly host: string | undefined; readonly port: number };
  readonly receive: Receive;
  /** Closes the server and its connections. */
  readonly signal: AbortSignal;
  /** A webhook could not be taken; the sender got a 500. */
  readonly onError: (error: unknown) => void;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Of one body: more than a push of thousands of commits weighs. Connections times this is all that bodies can take. */
export const maxBodyBytes = 1_048_576;
const maxConnections = 64;
/** A connection without a request takes a place that another sender may need. */
const keepAliveMs = 5_000;
/** Who is answered thus keeps no place at all. */
const closing: ReadonlySet<number> = new Set([401, 404, 405, 413, 429]);
/**
 * A refusal goes out at the next full so many milliseconds after the request came in, so that the time it takes does not
 * tell a source that is there (whose Secret may have to be read first) from one that is not.
 */
export const refusalStepMs = 100;

const hookPath = /^\/hooks\/([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)$/;

/** Listens; resolves once it does. Throws an Error that names the address when it cannot. */
export function startHookServer(options: HookServerOptions): Promise<WebServer> {
  const { address, signal } = options;
  return listenOn({ address, maxConnections, keepAliveMs, signal, answer: (request, response) => void answer(options, request, response) });
}

async function answer(options: HookServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let reply: Reply;
  try {
    reply = await replyTo(options, request);
  } catch (error) {
    if (options.signal.aborted || request.destroyed) return void response.destroy();
    options.onError(error);
    reply = { status: 500, text: 'internal error' };
  }
  const body = `${reply.text}\n`;
  response.writeHead(reply.status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...(closing.has(reply.status) ? { connection: 'close' } : {}),
    ...reply.headers,
  });
  response.end(body);
  // The rest of a body that was not read goes nowhere; to cut the connection could cut the answer. It has its 10 s.
  request.resume();
}

async function replyTo(options: HookServerOptions, request: IncomingMessage): Promise<Reply> {
  const [path = ''] = (request.url ?? '').split('?', 1);
  const [, namespace, name] = hookPath.exec(path) ?? [];
  if (namespace === undefined || name === undefined) return { status: 404, text: 'not found' };
  if (request.method !== 'POST') return { status: 405, text: 'only POST', headers: { allow: 'POST' } };
  const began = performance.now();
  const body = await readBody(request);
  if (body === undefined) return { status: 413, text: `more than ${maxBodyBytes} bytes` };
  const { status, text, retryAfter } = await options.receive(`${namespace}/${name}`, request.headers, body);
  if (status === 401) await untilNextStep(began, options.signal);
  return { status, text, ...(retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }) };
}

/** The whole body, or undefined as soon as it is over the cap, whether it says so or not. Throws when it is cut off. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return undefined;
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= maxBodyBytes) return void chunks.push(chunk);
      request.off('data', onData);
      resolve(undefined);
    };
    request.on('data', onData);
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the sender went away')));
  });
}

async function untilNextStep(began: number, signal: AbortSignal): Promise<void> {
  const gone = performance.now() - began;
  await sleep(refusalStepMs - (gone % refusalStepMs), undefined, { signal });
}
