import { describe, expect, test } from '@jest/globals';
import { parseProxy, proxyAuthorization, proxyFor, showProxy } from '../../operator/source/proxies.ts';

const set = { http: 'http://plain:3128', https: 'secure:3129' };

describe('which proxy', () => {
  test.each<[string, string | undefined, string | undefined]>([
    ['http://git.example.com/x', undefined, 'http://plain:3128'],
    ['https://git.example.com/x', undefined, 'http://secure:3129'],
    ['ssh://git@git.example.com/x', undefined, undefined],
    ['https://localhost/x', undefined, undefined],
    ['https://127.0.0.1:8443/x', undefined, undefined],
    ['https://[::1]/x', undefined, undefined],
    ['https://git.example.com/x', '*', undefined],
    ['https://git.example.com/x', 'example.com', undefined],
    ['https://example.com/x', 'example.com', undefined],
    ['https://git.example.com/x', '.example.com', undefined],
    ['https://git.example.com/x', '*.example.com', undefined],
    ['https://example.com/x', '.example.com', 'http://secure:3129'],
    ['https://badexample.com/x', 'example.com', 'http://secure:3129'],
    ['https://GIT.example.com./x', 'Git.Example.com', undefined],
    ['https://git.example.com/x', 'other.org, git.example.com', undefined],
    ['https://git.example.com/x', 'other.org git.example.com', undefined],
    ['https://git.example.com/x', 'git.example.com:443', undefined],
    ['https://git.example.com/x', 'git.example.com:8443', 'http://secure:3129'],
    ['https://git.example.com:8443/x', 'git.example.com:8443', undefined],
    ['https://10.1.2.3/x', '10.0.0.0/8', undefined],
    ['https://11.1.2.3/x', '10.0.0.0/8', 'http://secure:3129'],
    ['https://10.1.2.3/x', '10.1.2.3', undefined],
    ['https://10.1.2.30/x', '10.1.2.3', 'http://secure:3129'],
    ['https://[fd00::5]/x', 'fd00::/8', undefined],
    ['https://[fd00::5]/x', '[fd00::5]', undefined],
    ['https://git.example.com/x', '10.0.0.0/8,,, .', 'http://secure:3129'],
    ['https://git.example.com/x', '10.0.0.0/99', 'http://secure:3129'],
  ])('%s with NO_PROXY=%s', (url, none, expected) => {
    const proxy = proxyFor(new URL(url), { ...set, none });
    expect(proxy === undefined ? undefined : showProxy(proxy)).toBe(expected);
  });

  test('none where none is set', () => {
    expect(proxyFor(new URL('https://git.example.com'), {})).toBeUndefined();
    expect(proxyFor(new URL('https://git.example.com'), { http: 'plain:1', https: '' })).toBeUndefined();
  });
});

test.each([['socks5://proxy:1080'], ['http://'], ['a b']])('%s is no proxy', (text) => expect(parseProxy(text)).toBeUndefined());

test('a login is said to the proxy and shown to nobody', () => {
  const proxy = parseProxy('http://ada:pa%3Ass@proxy:3128') as URL;
  expect(proxyAuthorization(proxy)).toBe(`Basic ${Buffer.from('ada:pa:ss').toString('base64')}`);
  expect(showProxy(proxy)).toBe('http://proxy:3128');
  expect(proxyAuthorization(parseProxy('proxy:3128') as URL)).toBeUndefined();
});
