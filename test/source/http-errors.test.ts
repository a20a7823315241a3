import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { connectionError, quote, statusError } from '../../operator/source/http-errors.ts';

const signal = new AbortController().signal;
const coded = (code: string): Error => Object.assign(new Error('in words that may change'), { code });

describe('a fault of the connection', () => {
  test.each<[string, Error, string]>([
    ['ENOTFOUND', coded('ENOTFOUND'), 'GitUnreachable'],
    ['ECONNREFUSED', coded('ECONNREFUSED'), 'GitUnreachable'],
    ['ECONNREFUSED and ENETUNREACH', new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]), 'GitUnreachable'],
    ['ECONNRESET as a cause', new TypeError('fetch failed', { cause: coded('ECONNRESET') }), 'GitUnreachable'],
    ['UND_ERR_CONNECT_TIMEOUT', coded('UND_ERR_CONNECT_TIMEOUT'), 'GitUnreachable'],
    ['UND_ERR_HEADERS_TIMEOUT', coded('UND_ERR_HEADERS_TIMEOUT'), 'GitTimeout'],
    ['UND_ERR_BODY_TIMEOUT', coded('UND_ERR_BODY_TIMEOUT'), 'GitTimeout'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'UntrustedCertificate'],
    ['CERT_HAS_EXPIRED', coded('CERT_HAS_EXPIRED'), 'UntrustedCertificate'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'UntrustedCertificate'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'GitUnreachable'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'AuthenticationFailed'],
    ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', coded('ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE'), 'AuthenticationFailed'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', coded('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), 'AuthenticationFailed'],
    ['Z_DATA_ERROR', coded('Z_DATA_ERROR'), 'GitError'],
    ['no code at all', new Error('no code at all'), 'GitError'],
  ])('%s', (_, error, reason) => {
    const told = connectionError(error, 'https://git.example.com/x', 30_000, signal);
    expect(told).toBeInstanceOf(PlumblineError);
    expect((told as PlumblineError).reason).toBe(reason);
    expect((told as PlumblineError).message).toContain('https://git.example.com/x');
  });

  test('an abort passes as it is', () => {
    const controller = new AbortController();
    controller.abort(new Error('stop'));
    expect(connectionError(coded('UND_ERR_ABORTED'), 'x', 1, controller.signal)).toBe(controller.signal.reason);
  });
});

describe('an answer that is no success', () => {
  test.each([
    [401, false, 'AuthenticationFailed', 'asks for credentials'],
    [401, true, 'AuthenticationFailed', 'refuses the credentials'],
    [403, true, 'AuthenticationFailed', 'refuses access'],
    [404, false, 'RepositoryNotFound', 'no repository'],
    [407, false, 'GitUnreachable', 'the proxy asks for a login'],
    [302, false, 'GitError', 'redirects (302)'],
    [500, false, 'GitError', 'answers 500'],
    [503, false, 'GitError', 'answers 503'],
  ])('%i', (status, authenticated, reason, words) => {
    const error = statusError({ status, authenticated, retryAfter: undefined, text: '' }, 'https://h/x', 0);
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(words);
  });

  test.each([
    ['120', 120_000],
    ['Thu, 01 Jan 1970 00:01:00 GMT', 60_000],
    ['999999', 3_600_000],
    ['soon', undefined],
  ])('Retry-After: %s', (retryAfter, ms) => {
    expect(statusError({ status: 429, authenticated: false, retryAfter, text: '' }, 'x', 0).retryAfterMs).toBe(ms);
  });
});

test('a page becomes one short line', () => {
  const page = '<html><head><style>b{}</style><script>evil()</script><title>Sign in</title></head><body>\u001b[31m<p>Please\n\n wait</p>';
  expect(quote(page)).toBe('Sign in [31m Please wait');
  expect(quote('x'.repeat(1000))).toHaveLength(200);
});
