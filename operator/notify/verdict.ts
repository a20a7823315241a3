/** Pure: what an endpoint's answer means, and when it is tried again. */
import { quote } from '../source/http-errors.ts';
import type { Answer } from './types.ts';

export type Verdict =
  | { readonly kind: 'delivered' }
  /** It may go better next time; not before `retryAfterMs`. */
  | { readonly kind: 'retry'; readonly why: string; readonly retryAfterMs?: number }
  /** It never will. */
  | { readonly kind: 'refused'; readonly why: string };

/** Not about the request: what is wrong with a token or with a server can be mended meanwhile. */
const worthTrying: ReadonlySet<number> = new Set([401, 403, 404, 407, 408, 409, 423, 425, 429]);
const longestWaitMs = 300_000;
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/**
 * `now`: milliseconds since the epoch. `says`: whether the endpoint is a forge, whose `message` is quoted. Whoever may edit a
 * source chooses which address is asked, so that of any other page nothing is shown. `secret`: what is not shown there either.
 */
export function verdictOn({ status, text, contentType, retryAfter }: Answer, says: boolean, now: number, secret = ''): Verdict {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status >= 300 && status < 400) return { kind: 'refused', why: `it redirects (${status}) to where it is not followed` };
  const words = says ? messageIn(text, contentType, secret) : '';
  const why = `it answers ${status}${words === '' ? '' : `: ${words}`}`;
  if (status < 500 && !worthTrying.has(status)) return { kind: 'refused', why };
  const waitMs = retryAfterMs(retryAfter, now);
  return { kind: 'retry', why, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
}

/** What a forge says is wrong, in one line; empty where the answer is none of an API. */
function messageIn(text: string, contentType: string | undefined, secret: string): string {
  if (!/^application\/json\s*(?:;|$)/i.test(contentType ?? '')) return '';
  try {
    const body: unknown = JSON.parse(text);
    const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : undefined;
    if (typeof message !== 'string') return '';
    return quote(secret === '' ? message : message.replaceAll(secret, '***'));
  } catch (error) {
    if (error instanceof SyntaxError) return '';
    throw error;
  }
}

/** The pause after the n-th failure in a row: 1 s doubling to a minute, a fifth more or less. `random`: from 0 to 1. */
export function pauseAfter(failures: number, random: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures - 1, 16)) * (0.8 + 0.4 * random);
}

/** RFC 9110 section 10.2.3; at most five minutes. */
function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestWaitMs);
}
