/** A POST to an endpoint, over connections, authorities and proxies as git servers are reached. */
import { getCACertificates } from 'node:tls';
import { connectionError } from '../source/http-errors.ts';
import type { HttpPool, HttpResponse, Route } from '../source/http-pool.ts';
import { proxyFor, showProxy } from '../source/proxies.ts';
import type { ProxySettings } from '../source/proxies.ts';
import type { Answer, Question } from './types.ts';

export interface SendOptions {
  readonly pool: HttpPool;
  readonly proxies: ProxySettings;
  /** For all of it, from the first byte to the last. Milliseconds. */
  readonly deadlineMs: number;
}

export type Send = (question: Question, ca: string | undefined, signal: AbortSignal) => Promise<Answer>;

/** Of an answer, what is read. */
const answerBytes = 8_192;
const maxRedirects = 3;
/** Those that keep method and body; GitHub says 301 of a repository that was renamed and means the same. */
const redirects: ReadonlySet<number> = new Set([301, 307, 308]);

/**
 * Rejects with PlumblineError when there is no answer. Redirects are followed on the same server alone, so that the token
 * and what is told go nowhere else; any other is an answer.
 */
export function createSend({ pool, proxies, deadlineMs }: SendOptions): Send {
  return async ({ url, headers, body }, ca, signal) => {
    const authorities = ca === undefined ? undefined : [...getCACertificates('default'), ca];
    // A timer keeps its signal alive by itself: one that is only listened to may be collected before it fires.
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(), deadlineMs);
    const either = AbortSignal.any([signal, overdue.signal]);
    try {
      let at = url;
      for (let followed = 0; ; followed += 1) {
        const proxy = proxyFor(at, proxies);
        const route: Route = { proxy, ca: authorities, certificate: undefined, connectMs: deadlineMs };
        const question = { method: 'POST', headers: { 'user-agent': 'plumbline', ...headers }, body, idleMs: deadlineMs } as const;
        // Whatever the path of a webhook is, it may be its secret.
        const where = `${at.origin}${proxy === undefined ? '' : ` (through the proxy ${showProxy(proxy)})`}`;
        try {
          const response = await pool.request(at, route, { ...question, signal: either });
          const to = followed < maxRedirects ? sameServer(response, at) : undefined;
          const [retryAfter, contentType] = [headerOf(response, 'retry-after'), headerOf(response, 'content-type')];
          const answer = { status: response.statusCode, retryAfter, contentType, text: await beginning(response) };
          if (to === undefined) return answer;
          at = to;
        } catch (error) {
          signal.throwIfAborted();
          if (overdue.signal.aborted) throw new Error(`${where} did not answer within ${deadlineMs / 1_000} s`, { cause: error });
          throw connectionError(error, where, deadlineMs, either);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  };
}

function sameServer(response: HttpResponse, from: URL): URL | undefined {
  const location = headerOf(response, 'location');
  if (!redirects.has(response.statusCode) || location === undefined) return undefined;
  const to = URL.parse(location, from.href);
  return to?.origin === from.origin && to.username === '' && to.password === '' ? to : undefined;
}

/** The rest costs the connection. */
async function beginning({ body }: HttpResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length >= answerBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, answerBytes);
}

function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === 'string' ? value : undefined;
}
