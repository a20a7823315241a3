import { describe, expect, test } from '@jest/globals';
import { KubeError } from '../../operator/kube/client.ts';
import type { Status } from '../../operator/kube/client.ts';
import { failedWebhook, isManifestFault, maxAttempts, noAnswerOf, retryDelay, watchDelay } from '../../operator/kube/retry.ts';

/** A Status as the API server sends it. */
function answer(code: number, status: Omit<Status, 'kind'> = {}, retryAfterMs?: number): KubeError {
  return new KubeError(code, { kind: 'Status', ...status }, { retryAfterMs });
}

function tries(error: KubeError, idempotent: boolean): number {
  let attempt = 1;
  while (attempt < 100 && retryDelay({ attempt, error, idempotent }, 0) !== undefined) attempt += 1;
  return attempt;
}

const webhookDown = answer(500, {
  reason: 'InternalError',
  details: { causes: [{ message: 'failed calling webhook "a.example.com": failed to call webhook: connection refused' }] },
});

describe('how often a request is tried', () => {
  const table: readonly [string, KubeError, number, number][] = [
    // what, error, tries when idempotent, tries when not
    ['429', answer(429, { reason: 'TooManyRequests' }), maxAttempts, maxAttempts],
    ['nothing was sent', new KubeError(0, { reason: 'NotSent' }), maxAttempts, maxAttempts],
    ['cut', new KubeError(0, { reason: 'Cut' }), maxAttempts, 1],
    ['no answer in time', new KubeError(0, { reason: 'Timeout' }), 1, 1],
    ['an untrusted certificate', new KubeError(0, { reason: 'Untrusted' }), 1, 1],
    ['502 of a proxy', new KubeError(502, { message: 'bad gateway' }), maxAttempts, 1],
    ['503', answer(503, { reason: 'ServiceUnavailable' }), maxAttempts, 1],
    ['504', answer(504, { reason: 'Timeout' }), maxAttempts, 1],
    ['500 with a reason', answer(500, { reason: 'InternalError' }), maxAttempts, 1],
    ['500 of a proxy', new KubeError(500, { message: 'oops' }), maxAttempts, 1],
    ['500 without reason: a fault of the manifest', answer(500), 1, 1],
    ['a webhook that is down', webhookDown, 2, 1],
    ['400', answer(400, { reason: 'BadRequest' }), 1, 1],
    ['401', answer(401, { reason: 'Unauthorized' }), 1, 1],
    ['403', answer(403, { reason: 'Forbidden' }), 1, 1],
    ['404', answer(404, { reason: 'NotFound' }), 1, 1],
    ['409', answer(409, { reason: 'Conflict' }), 1, 1],
    ['410', answer(410, { reason: 'Expired' }), 1, 1],
    ['422', answer(422, { reason: 'Invalid' }), 1, 1],
  ];
  test.each(table)('%s', (_what, error, idempotent, once) => {
    expect([tries(error, true), tries(error, false)]).toEqual([idempotent, once]);
  });
});

describe('how long it waits', () => {
  const slow = (retryAfterMs?: number) => answer(429, {}, retryAfterMs);
  const table: readonly [string, KubeError, number, number, number | undefined][] = [
    ['100 ms at first', slow(), 1, 0, 100],
    ['doubling', slow(), 4, 0, 800],
    ['up to half more at random', slow(), 1, 1, 150],
    ['as long as the server asks', slow(5_000), 1, 0, 5_000],
    ['its own pace where that is longer', slow(50), 3, 0, 400],
    ['30 s at most', slow(30_000), 1, 0, 30_000],
    ['not at all where the server asks for more', slow(31_000), 1, 0, undefined],
  ];
  test.each(table)('%s', (_what, error, attempt, random, expected) => {
    expect(retryDelay({ attempt, error, idempotent: true }, random)).toBe(expected);
  });

  test.each([
    [1, 100],
    [2, 1_000],
    [3, 2_000],
    [6, 16_000],
    [7, 30_000],
    [1_000, 30_000],
  ])('a watch that failed %d times is tried again after %d ms', (failures, expected) => {
    expect(watchDelay(failures, 0)).toBe(expected);
    expect(watchDelay(failures, 0.999)).toBeLessThan(expected * 1.5);
  });
});

describe('what kind of failure it is', () => {
  test.each([
    ['ECONNREFUSED', 'NotSent'],
    ['ENOTFOUND', 'NotSent'],
    ['UND_ERR_CONNECT_TIMEOUT', 'NotSent'],
    ['ECONNRESET', 'Cut'],
    ['UND_ERR_SOCKET', 'Cut'],
    ['EPIPE', 'Cut'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'Untrusted'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'Untrusted'],
    ['CERT_HAS_EXPIRED', 'Untrusted'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'Untrusted'],
    ['UND_ERR_HEADERS_TIMEOUT', 'Timeout'],
  ])('%s is %s', (code, expected) => {
    expect(noAnswerOf(Object.assign(new Error('x'), { code }))).toBe(expected);
  });

  test('an error without a code was a cut', () => {
    expect(noAnswerOf(new Error('x'))).toBe('Cut');
    expect(noAnswerOf('x')).toBe('Cut');
  });

  test('only a Status of code 500 without reason is a fault of the manifest', () => {
    expect(isManifestFault(answer(500))).toBe(true);
    expect(isManifestFault(answer(500, { reason: '' }))).toBe(true);
    expect(isManifestFault(answer(500, { reason: 'InternalError' }))).toBe(false);
    expect(isManifestFault(new KubeError(500, { message: '<html>' }))).toBe(false);
    expect(isManifestFault(answer(503))).toBe(false);
  });

  test('a webhook that does not answer is named', () => {
    expect(failedWebhook(webhookDown)).toBe('a.example.com');
    expect(failedWebhook(answer(500, { reason: 'InternalError' }))).toBeUndefined();
  });
});
