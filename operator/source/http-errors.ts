/** What went wrong between here and a git server, as a reason of the catalogue. Decided by codes, never by messages. */
import { PlumblineError } from '../errors.ts';
import type { Reason } from '../errors.ts';

const unreachable: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name of its host cannot be looked up now',
  EAI_FAIL: 'the name of its host cannot be looked up',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection cut off',
  EPIPE: 'connection cut off',
  UND_ERR_SOCKET: 'connection cut off',
  UND_ERR_ABORTED: 'connection cut off',
  EHOSTUNREACH: 'no route to its host',
  ENETUNREACH: 'no route to its network',
  EHOSTDOWN: 'its host is down',
  EADDRNOTAVAIL: 'its address is not usable here',
  ETIMEDOUT: 'nobody answers at its address',
  UND_ERR_CONNECT_TIMEOUT: 'nobody answers at its address',
};

const silent = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/** What a server says that is not content with our certificate, as OpenSSL (3.2 renamed some) names alerts of RFC 8446 section 6.2. */
const refusedCertificate =
  /^ERR_SSL_(SSLV3|SSL\/TLS|TLSV1|TLSV13)_ALERT_(CERTIFICATE_(REQUIRED|EXPIRED|REVOKED|UNKNOWN)|(BAD|UNSUPPORTED)_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$/;

/** The other side ended the connection. */
const cutOff = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** Whether the other side ended the connection before it answered. */
export function isCutOff(error: unknown): boolean {
  return cutOff.has(codeOf(error) ?? '');
}

/** As OpenSSL and Node name them: tls(7) "X509 certificate error codes". */
const untrusted: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its issuer is not known here',
  CERT_UNTRUSTED: 'its authority is not trusted',
  CERT_REJECTED: 'its authority rejects it',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it is revoked',
  CERT_CHAIN_TOO_LONG: 'its chain is too long',
  INVALID_CA: 'its authority is none',
  INVALID_PURPOSE: 'it is for another purpose',
  HOSTNAME_MISMATCH: 'it is for another host',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host',
};

/** A fault of the connection, of `where` (a URL as people may see it). Aborts pass through as they are. */
export function connectionError(error: unknown, where: string, idleMs: number, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof PlumblineError) return error;
  const code = codeOf(error);
  const said = (reason: Reason, message: string): PlumblineError => new PlumblineError({ reason, message }, { cause: error });
  if (code === undefined) return said('GitError', `${where} cannot be asked`);
  if (code.startsWith('Z_')) return said('GitError', `${where} sends what cannot be unpacked (${code})`);
  if (refusedCertificate.test(code)) {
    return new PlumblineError(
      {
        reason: 'AuthenticationFailed',
        message: `${where} refuses the TLS client certificate, or asks for one (${code})`,
        remedy: 'Put a certificate that the server accepts into tls.crt and tls.key of the Secret that spec.auth names.',
      },
      { cause: error },
    );
  }
  if (unreachable[code] !== undefined) return said('GitUnreachable', `${where} cannot be reached: ${unreachable[code]}`);
  if (silent.has(code)) return said('GitTimeout', `${where} said nothing for ${Math.round(idleMs / 100) / 10} s`);
  if (untrusted[code] !== undefined)
    return said('UntrustedCertificate', `the TLS certificate of ${where} is not trusted: ${untrusted[code]} (${code})`);
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return said('GitUnreachable', `${where} cannot be reached: TLS fails (${code}); is it http:// instead of https://?`);
  }
  return said('GitError', `${where} cannot be asked (${code})`);
}

/** The code of an error or of what caused it. Node tries every address of a host and gives all failures in one AggregateError. */
export function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    at = 'errors' in at && Array.isArray(at.errors) ? at.errors[0] : 'cause' in at ? at.cause : undefined;
  }
  return undefined;
}

export interface RefusedAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The beginning of the body, secrets masked. */
  readonly text: string;
  /** Whether credentials were sent. */
  readonly authenticated: boolean;
}

/** An answer other than 200, for those who know what the status means for others. */
export class StatusError extends PlumblineError {
  readonly status: number;

  constructor(status: number, ...rest: ConstructorParameters<typeof PlumblineError>) {
    super(...rest);
    this.status = status;
  }
}

/** An answer other than 200. `now`: milliseconds since the epoch, for a Retry-After that is a date. */
export function statusError(answer: RefusedAnswer, where: string, now: number): StatusError {
  const { status } = answer;
  const words = quote(answer.text);
  const tail = words === '' ? '' : `: ${words}`;
  if (status === 407) {
    return new StatusError(status, {
      reason: 'GitUnreachable',
      message: `${where} cannot be reached: the proxy asks for a login, or refuses the one it got (407)`,
      remedy: "Put the proxy's user name and password into HTTP_PROXY of the operator.",
    });
  }
  if (status >= 300 && status < 400) {
    return new StatusError(status, {
      reason: 'GitError',
      message: `${where} redirects (${status}) what is asked after the beginning, which is not followed`,
      remedy: 'Write the URL that is meant into spec.url.',
    });
  }
  if (status === 401) {
    return new StatusError(status, {
      reason: 'AuthenticationFailed',
      message: answer.authenticated
        ? `${where} refuses the credentials (${status})`
        : `${where} asks for credentials (${status}); some servers say so of a repository that does not exist`,
    });
  }
  if (status === 403) return new StatusError(status, { reason: 'AuthenticationFailed', message: `${where} refuses access (403)${tail}` });
  if (status === 404 || status === 410)
    return new StatusError(status, { reason: 'RepositoryNotFound', message: `there is no repository at ${where} (${status})` });
  return new StatusError(
    status,
    { reason: 'GitError', message: `${where} answers ${status}${tail}` },
    { retryAfterMs: retryAfterMs(answer.retryAfter, now) },
  );
}

/** RFC 9110 section 10.2.3; at most an hour. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 3_600_000);
}

/** What a server said, for a sentence: no markup, no control characters, one line, at most 200 characters. */
export function quote(text: string): string {
  const plain = text
    .slice(0, 8000)
    .replace(/<(script|style)\b[\s\S]*?(<\/\1>|$)/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  return plain.length > 200 ? `${plain.slice(0, 199)}…` : plain;
}
