/** Pure: whether and when a failed request is tried again. */
import { KubeError } from './client.ts';

/** One failed try. */
export interface Failure {
  /** Counts from 1. */
  readonly attempt: number;
  readonly error: KubeError;
  /** Whether doing it twice is the same as doing it once. */
  readonly idempotent: boolean;
}

/** Why no answer came (code 0), as told apart by the code of the system or of undici, never by a message. */
export type NoAnswer = 'NotSent' | 'Cut' | 'Timeout' | 'Untrusted';

/** A request is tried at most this often. */
export const maxAttempts = 5;

const firstDelay = 100;
const longestRetryAfter = 30_000;

/** Codes after which it is certain that the API server has seen nothing of the request. */
const notSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);
const timeouts = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/** What kind of failure an error of the transport is. */
export function noAnswerOf(cause: unknown): NoAnswer {
  const code = codeOf(cause);
  if (notSent.has(code)) return 'NotSent';
  if (timeouts.has(code)) return 'Timeout';
  return isTlsCode(code) ? 'Untrusted' : 'Cut';
}

/**
 * Milliseconds until the next try, or undefined when there is none: 100 ms doubling, with up to half of it again at
 * random, or the server's Retry-After where that is longer. `random` is in [0, 1).
 */
export function retryDelay(failure: Failure, random: number): number | undefined {
  if (failure.attempt >= triesOf(failure)) return undefined;
  const asked = failure.error.retryAfterMs ?? 0;
  if (asked > longestRetryAfter) return undefined;
  const delay = firstDelay * 2 ** (failure.attempt - 1);
  return Math.max(asked, delay + delay * random * 0.5);
}

/** How often such a failure is tried in all. */
function triesOf({ error, idempotent }: Failure): number {
  const { code, status } = error;
  if (code === 429) return maxAttempts;
  if (code === 0) {
    if (status.reason === 'NotSent') return maxAttempts;
    return idempotent && status.reason === 'Cut' ? maxAttempts : 1;
  }
  if (!idempotent) return 1;
  // A webhook that is down stays so for longer than this; once again covers one that is being replaced.
  if (failedWebhook(error) !== undefined) return 2;
  if (code === 502 || code === 503 || code === 504) return maxAttempts;
  return code === 500 && !isManifestFault(error) ? maxAttempts : 1;
}

/** How errors of etcd and of the way to it begin, which have no reason either; too large an object is the manifest's fault. */
const storageFault = /^(?:etcdserver: (?!request is too large)|rpc error: |context (?:canceled|deadline exceeded))/;

/**
 * Server-side apply answers faults of the manifest with a Status of code 500 and no reason (structured-merge-diff's
 * errors are no API errors); 500s of the server's own have a reason, but for etcd's, and a proxy's is no Status.
 */
export function isManifestFault({ code, status }: KubeError): boolean {
  return code === 500 && status.kind === 'Status' && (status.reason ?? '') === '' && !storageFault.test(status.message ?? '');
}

/** The admission webhook that did not answer, or undefined: InternalError with a cause that names it. */
export function failedWebhook(error: KubeError): string | undefined {
  if (error.code !== 500 || error.status.reason !== 'InternalError') return undefined;
  for (const { message } of error.status.details?.causes ?? []) {
    const name = /^failed calling webhook "([^"]+)"/.exec(message ?? '')?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}

/**
 * Milliseconds until a watch that failed `failures` times in a row is tried again: 100 ms at first, then 1 s doubling
 * to 30 s, with up to half of it again at random. `random` is in [0, 1).
 */
export function watchDelay(failures: number, random: number): number {
  const delay = failures <= 1 ? firstDelay : Math.min(30_000, 1000 * 2 ** (failures - 2));
  return delay + delay * random * 0.5;
}

function codeOf(cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** OpenSSL's and Node's codes for a certificate or a handshake that failed: nothing heals it within a second. */
function isTlsCode(code: string): boolean {
  return code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_') || code.includes('CERT') || code.startsWith('UNABLE_TO_');
}
