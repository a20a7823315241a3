import { describe, expect, test } from '@jest/globals';
import { pauseAfter, verdictOn } from '../../operator/notify/verdict.ts';

const now = Date.UTC(2026, 10, 25, 12);
const json = 'application/json; charset=utf-8';
const answer = (status: number, text = '', retryAfter?: string, contentType: string | undefined = json) => ({
  status,
  text,
  retryAfter,
  contentType,
});

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

  const long = 'x'.repeat(300);
  test.each<readonly [string, string | undefined, string, string]>([
    [
      'the message of a forge, in one line',
      json,
      '{"message":"No commit found\\n for SHA","documentation_url":"u"}',
      ': No commit found for SHA',
    ],
    ['no more of it than 200 characters', 'application/json', JSON.stringify({ message: long }), `: ${'x'.repeat(199)}…`],
    ['what is not said by a message', json, '{"error":"root:x:0:0"}', ''],
    ['a message that is no text', json, '{"message":{"sha":["is wrong"]}}', ''],
    ['a page', 'text/html', '<h1>It says more than it should</h1>', ''],
    ['JSON that does not say so', undefined, '{"message":"of some other server"}', ''],
    ['what is something like JSON', 'application/jsonp', '{"message":"of some other server"}', ''],
    ['what is called JSON and is none', json, 'it says more than it should', ''],
    ['a list', json, '["it says more than it should"]', ''],
  ])('quotes %s as is safe', (_, contentType, text, quoted) => {
    const said = { status: 422, text, retryAfter: undefined, contentType };
    expect(verdictOn(said, true, now)).toEqual({ kind: 'refused', why: `it answers 422${quoted}` });
    expect(verdictOn(said, false, now)).toEqual({ kind: 'refused', why: 'it answers 422' });
  });

  test('never quotes the token, however it is written', () => {
    const text = String.raw`{"message":"bad \u0074oken t\"k and t\"k"}`;
    expect(verdictOn(answer(422, text), true, now, 't"k')).toMatchObject({ why: 'it answers 422: bad token *** and ***' });
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
