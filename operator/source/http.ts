/** HTTP to a git server: authentication, authorities, timeouts, redirects. Nothing of git itself. */
import { getCACertificates } from 'node:tls';
import { Agent, request } from 'undici';
import { PlumblineError } from '../errors.ts';
import { connectionError, statusError } from './http-errors.ts';
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
  readonly body: AsyncIterable<Buffer>;
}

/** One conversation with a server; close() ends its connections. */
export interface Transport {
  /** Follows up to five redirects. Throws PlumblineError. */
  get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer>;
  post(url: URL, body: Buffer, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

/** `home`: the URL of the spec; credentials go to its host only. */
export function openTransport(home: URL, credentials: Credentials, timeouts: Timeouts): Transport {
  // An authority of one's own is trusted beside the usual ones, not instead of them.
  const authorities = credentials.ca === undefined ? {} : { ca: [...getCACertificates('default'), credentials.ca] };
  const agent = new Agent({
    connect: { ...authorities, timeout: timeouts.connectMs },
    headersTimeout: timeouts.idleMs,
    bodyTimeout: timeouts.idleMs,
    maxRedirections: 0,
  } as Agent.Options);
  const authorization = authorizationOf(credentials);
  const mask = maskOf(credentials);

  async function ask(
    method: 'GET' | 'POST',
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: Buffer | null,
    signal: AbortSignal,
  ) {
    signal.throwIfAborted();
    const trusted = url.hostname === home.hostname && !(home.protocol === 'https:' && url.protocol === 'http:');
    const authenticated = trusted && authorization !== undefined;
    try {
      const response = await request(url, {
        dispatcher: agent,
        method,
        body,
        signal,
        headers: { 'user-agent': 'git/plumbline', ...headers, ...(authenticated ? { authorization } : {}) },
      });
      // What goes wrong with a body is told to whoever reads it; one that is read no further fails unseen.
      response.body.on('error', () => undefined);
      return { response, authenticated };
    } catch (error) {
      throw connectionError(error, showUrl(home), timeouts.idleMs, signal);
    }
  }

  type Response = Awaited<ReturnType<typeof ask>>;

  async function settle({ response, authenticated }: Response, url: URL, signal: AbortSignal): Promise<Answer> {
    const body = guarded(response.body, showUrl(home), timeouts.idleMs, signal);
    if (response.statusCode !== 200) {
      const text = mask(await beginning(body));
      const header = response.headers['retry-after'];
      const retryAfter = typeof header === 'string' ? header : undefined;
      throw statusError({ status: response.statusCode, retryAfter, text, authenticated }, showUrl(home), Date.now());
    }
    const type = response.headers['content-type'];
    return { url, contentType: typeof type === 'string' ? type : '', body };
  }

  return {
    async get(url, headers, signal) {
      let at = url;
      for (let redirects = 0; ; redirects += 1) {
        const asked = await ask('GET', at, headers, null, signal);
        const { statusCode } = asked.response;
        const location = asked.response.headers['location'];
        if (![301, 302, 303, 307, 308].includes(statusCode) || typeof location !== 'string') return settle(asked, at, signal);
        asked.response.body.destroy();
        at = redirected(at, location, redirects, showUrl(home));
      }
    },
    async post(url, body, headers, signal) {
      return settle(await ask('POST', url, headers, body, signal), url, signal);
    },
    close: () => agent.destroy(),
  };
}

/** To https anywhere, to http on the same host only; never from https back to http. */
function redirected(from: URL, location: string, redirects: number, where: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const allowed = to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:' && to.hostname === from.hostname);
  if (to === undefined || !allowed) {
    throw new PlumblineError({
      reason: 'GitError',
      message: `${where} redirects to ${to === undefined ? 'what is no URL' : showUrl(to)}, which is not followed`,
      remedy: 'Write the URL that is meant into spec.url.',
    });
  }
  if (redirects >= 5) throw new PlumblineError({ reason: 'GitError', message: `${where} redirects without end` });
  to.username = '';
  to.password = '';
  return to;
}

async function* guarded(body: AsyncIterable<unknown>, where: string, idleMs: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk as Buffer;
  } catch (error) {
    throw connectionError(error, where, idleMs, signal);
  }
}

/** At most 4 KiB; the rest of the body is not read. */
async function beginning(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= 4096) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, 4096);
}

/** The beginning of a body that should have been git's, for a message. */
export async function beginningOf(answer: Answer): Promise<string> {
  return beginning(answer.body);
}

function authorizationOf(credentials: Credentials): string | undefined {
  if (credentials.bearerToken !== undefined) return `Bearer ${credentials.bearerToken}`;
  if (credentials.username === undefined) return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password ?? ''}`).toString('base64')}`;
}

/** A server may echo what it was sent. */
function maskOf(credentials: Credentials): (text: string) => string {
  const authorization = authorizationOf(credentials)?.replace(/^\w+ /, '');
  const secrets = [authorization, credentials.password, credentials.bearerToken].filter(
    (secret) => secret !== undefined && secret !== '',
  ) as string[];
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
}
