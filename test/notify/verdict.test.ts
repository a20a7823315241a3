import { describe, expect, test } from '@jest/globals';
import { pauseAfter, verdictOn } from '../../operator/notify/verdict.ts';

const now = Date.UTC(2026, 10, 25, 12);
const answer = (status: number, text = '', retryAfter?: string) => ({ status, text, retryAfter });

describe('an answer', () => {
  test.each([200, 201, 202, 204])('%d is taken', (status) => {
    expect(verdictOn(answer(status), true, now)).toEqual({ kind: 'delivered' });
  });

  test.each([401, 403, 404, 408, 429, 500, 502, 503])('%d may become better', (status) => {
    expect(verdictOn(answer(status), false, now)).toEqual({ kind: 'retry', why: `it answers ${status}` });
  });

  test.each([400, 405, 410, 413, 422])('%d will not', (status) => {
    expect(verdictOn(answer(status), false, now)).toEqual({ kind: 'refused', why: `it answers ${status}` });
  });

  test('that leads elsewhere is not followed', () => {
    expect(verdictOn(answer(302), true, now)).toMatchObject({ kind: 'refused', why: expect.stringContaining('redirects (302)') });
  });

  test('is quoted in one line where it is a forge’s, and never a webhook’s', () => {
    const text = '{"message":"No commit found\n for SHA"}';
    expect(verdictOn(answer(422, text), true, now)).toMatchObject({ why: 'it answers 422: {"message":"No commit found for SHA"}' });
    expect(verdictOn(answer(422, text), false, now)).toMatchObject({ why: 'it answers 422' });
  });

  test.each([
    ['30', 30_000],
    [new Date(now + 60_000).toUTCString(), 60_000],
    ['86400', 300_000],
    ['soon', undefined],
  ])('says when to come back: %s', (retryAfter, ms) => {
    expect(verdictOn(answer(429, '', retryAfter), false, now)).toMatchObject(ms === undefined ? { kind: 'retry' } : { retryAfterMs: ms });
  });
});

test('pauses double from a second to a minute', () => {
  expect([1, 2, 3, 6, 7, 100].map((failures) => pauseAfter(failures, 0.5))).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
  expect([pauseAfter(1, 0), pauseAfter(1, 1)].map(Math.round)).toEqual([800, 1_200]);
});
