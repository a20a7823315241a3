/** HTTP to a git server: authentication, authorities, timeouts, redirects. Nothing of git itself. */
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import { getCACertificates } from 'node:tls';
import { createGunzip, createInflate } from 'node:zlib';
import { PlumblineError } from '../errors.ts';
import { connectionError, isCutOff, quote, statusError } from './http-errors.ts';
import type { HttpPool, HttpQuestion, HttpResponse, Route } from './http-pool.ts';
import { maskOf, noMask } from './mask.ts';
import type { Mask } from './mask.ts';
import { proxyFor, showProxy } from './proxies.ts';
import type { ProxySettings } from './proxies.ts';
import type { Credentials } from './types.ts';
import { showUrl } from './url.ts';

export interface Timeouts {
  /** Until the connection stands. Milliseconds. */
  readonly connectMs: number;
  /** Without a byte from the server. Milliseconds. */
  readonly idleMs: number;
}

export const defaultTimeouts: Timeouts = { connectMs: 10_000, idleMs: 30_000 };

export interface Answer {
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  readonly contentType: string;
  /** Whether what it says may be shown to people (see `isQuotable`). */
  readonly quotable: boolean;
  /** Unpacked. What is left unread of it when a reader stops is small, or costs the connection. */
  readonly body: AsyncIterable<Buffer>;
  /** Takes out of a text what was sent along as credentials, should the server echo it. */
  readonly mask?: Mask;
}

/** One conversation with a server; close() gives up what is still asked. */
export interface Transport {
  /** Follows up to five redirects. Throws PlumblineError. */
  get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer>;
  /** Follows none. */
  post(url: URL, body: Buffer, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

/** How a transport behaves, whoever is asked. */
export interface TransportSettings {
  readonly timeouts: Timeouts;
  readonly proxies?: ProxySettings | undefined;
}

/** A reader that stops takes the rest of an answer in, so that the connection can be kept, if it is no more than this. */
const restBytes = 64 * 1024;
const restMs = 250;

/** `home`: the URL of the spec; credentials go to its host and port only, and never from https to http. */
export function openHttp(pool: HttpPool, home: URL, credentials: Credentials, settings: TransportSettings): Transport {
  const { timeouts, proxies = {} } = settings;
  // An authority of one's own is trusted beside the usual ones, not instead of them.
  const ca = credentials.ca === undefined ? undefined : [...getCACertificates('default'), credentials.ca];
  const authorization = authorizationOf(credentials);
  const mask = maskOf(credentials);
  const closed = new AbortController();
  /** The end of the last answer: whoever has read what they need need not wait for it, the next question does, for its connection. */
  let rest: Promise<void> = Promise.resolve();

  async function ask(url: URL, question: Omit<HttpQuestion, 'idleMs'>) {
    const trusted = url.host === home.host && !(home.protocol === 'https:' && url.protocol === 'http:');
    const authenticated = trusted && (authorization !== undefined || credentials.certificate !== undefined);
    const proxy = proxyFor(url, proxies);
    const route: Route = { proxy, ca, certificate: trusted ? credentials.certificate : undefined, connectMs: timeouts.connectMs };
    const where = `${showUrl(home)}${proxy === undefined ? '' : ` (through the proxy ${showProxy(proxy)})`}`;
    const headers = {
      'user-agent': 'git/plumbline',
      'accept-encoding': 'gzip, deflate',
      ...question.headers,
      ...(trusted && authorization !== undefined ? { authorization } : {}),
    };
    const signal = AbortSignal.any([question.signal, closed.signal]);
    await rest;
    try {
      const response = await pool.request(url, route, { ...question, headers, signal, idleMs: timeouts.idleMs });
      return { response, authenticated, where };
    } catch (error) {
      const said = connectionError(error, where, timeouts.idleMs, question.signal);
      // Some servers end a connection without a word when they do not like the client's certificate.
      if (!isCutOff(error) || url.protocol !== 'https:' || !(said instanceof PlumblineError)) throw said;
      const remedy =
        'Check the server; if it asks for TLS client certificates, check tls.crt and tls.key of the Secret that spec.auth names.';
      throw new PlumblineError({ reason: said.reason, message: said.message, remedy }, { cause: error });
    }
  }

  async function settle(asked: Awaited<ReturnType<typeof ask>>, url: URL, redirects: number, signal: AbortSignal): Promise<Answer> {
    const { response, authenticated, where } = asked;
    const contentType = headerOf(response, 'content-type') ?? '';
    const quotable = redirects === 0 && isQuotable(url, home, contentType);
    const body = guarded(unpacked(response, where, mask), where, timeouts.idleMs, signal, (end) => (rest = end));
    if (response.statusCode !== 200) {
      const said = await beginning(body, mask); // read all the same, so that the connection can be kept
      const text = quotable ? said : '';
      const retryAfter = headerOf(response, 'retry-after');
      throw statusError({ status: response.statusCode, retryAfter, text, authenticated }, where, Date.now());
    }
    return { url, contentType, quotable, body, mask };
  }

  return {
    async get(url, headers, signal) {
      let at = url;
      for (let redirects = 0; ; redirects += 1) {
        const asked = await ask(at, { method: 'GET', headers, body: null, signal });
        const location = headerOf(asked.response, 'location');
        if (![301, 302, 303, 307, 308].includes(asked.response.statusCode) || location === undefined)
          return settle(asked, at, redirects, signal);
        await takeRest(asked.response.body);
        at = redirected(at, location, redirects, showUrl(home), mask);
      }
    },
    async post(url, body, headers, signal) {
      return settle(await ask(url, { method: 'POST', headers, body, signal }), url, 0, signal);
    },
    async close() {
      await rest; // a connection that is about to be free is kept
      closed.abort();
    },
  };
}

/**
 * Whether the words of an answer may go into a message. Who writes a source may have any address asked from inside the
 * cluster: words of git and plain ones are shown, a page or the data of some other service never, nor whatever came from
 * another place than spec.url names.
 */
export function isQuotable(url: URL, home: URL, contentType: string): boolean {
  const base = home.pathname.replace(/\/+$/, '');
  const isThere = url.origin === home.origin && [`${base}/info/refs`, `${base}/git-upload-pack`].includes(url.pathname);
  return isThere && /^(text\/plain|application\/x-git-[a-z-]+)\s*(;|$)/i.test(contentType);
}

/** To https anywhere, to http on the same host only; never from https back to http. */
function redirected(from: URL, location: string, redirects: number, where: string, mask: Mask): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const allowed = to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:' && to.hostname === from.hostname);
  if (to === undefined || !allowed) {
    throw new PlumblineError({
      reason: 'GitError',
      message: `${where} redirects to ${to === undefined ? 'what is no URL' : mask(showUrl(to))}, which is not followed`,
      remedy: 'Write the URL that is meant into spec.url.',
    });
  }
  if (redirects >= 5) throw new PlumblineError({ reason: 'GitError', message: `${where} redirects without end` });
  to.username = '';
  to.password = '';
  return to;
}

/** What was packed for the way. It is read no faster than it is used, so that whoever reads it can bound it. */
function unpacked(response: HttpResponse, where: string, mask: Mask): Readable {
  const encoding = (headerOf(response, 'content-encoding') ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return response.body;
  const unpack = encoding === 'gzip' || encoding === 'x-gzip' ? createGunzip() : encoding === 'deflate' ? createInflate() : undefined;
  if (unpack === undefined) {
    response.body.destroy();
    throw new PlumblineError({
      reason: 'GitError',
      message: `${where} answers in the encoding ${quote(mask(encoding))}, which was not asked for`,
    });
  }
  // A failure reaches the reader through the last of the two.
  return pipeline(response.body, unpack, () => undefined);
}

/** `onRead` is told of the rest that a reader left, when it stops. */
async function* guarded(
  body: Readable,
  where: string,
  idleMs: number,
  signal: AbortSignal,
  onRead: (rest: Promise<void>) => void,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch (error) {
    throw connectionError(error, where, idleMs, signal);
  } finally {
    onRead(takeRest(body));
  }
}

/** Reads what is left of a body, for a moment, so that its connection serves the next question; else gives the connection up. */
function takeRest(body: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (body.closed) {
      setImmediate(resolve);
      return;
    }
    let length = 0;
    const timer = setTimeout(() => body.destroy(), restMs);
    body.once('close', () => {
      clearTimeout(timer);
      // undici takes a connection for free one turn after its answer has ended.
      setImmediate(resolve);
    });
    body.on('error', () => undefined);
    body.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > restBytes) body.destroy();
    });
    body.resume();
  });
}

function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** At most 4 KiB; the rest of the body is not read. Twice as much is masked, so that nothing is cut in half before it is. */
async function beginning(body: AsyncIterable<Buffer>, mask: Mask): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= 8192) break;
  }
  return mask(Buffer.concat(chunks).toString('utf8', 0, 8192)).slice(0, 4096);
}

/** The beginning of a body that should have been git's, for a message. */
export async function beginningOf(answer: Answer): Promise<string> {
  return beginning(answer.body, answer.mask ?? noMask);
}

/** RFC 6750 and RFC 7617. */
function authorizationOf(credentials: Credentials): string | undefined {
  if (credentials.bearerToken !== undefined) return `Bearer ${credentials.bearerToken}`;
  if (credentials.username === undefined) return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password ?? ''}`).toString('base64')}`;
}
