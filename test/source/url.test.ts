import { expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { parseGitUrl, showUrl } from '../../operator/source/url.ts';

test.each([
  ['https://git.example.com/acme/shop.git', undefined],
  ['http://127.0.0.1:8080/shop', undefined],
  ['ssh://git@git.example.com/acme/shop.git', 'NotSupported'],
  ['git@git.example.com:acme/shop.git', 'NotSupported'],
  ['file:///etc', 'InvalidSpec'],
  ['git.example.com/acme', 'InvalidSpec'],
  ['https://ada:pa55word@git.example.com/acme', 'InvalidSpec'],
  ['https://git.example.com/acme?private_token=pa55word', 'InvalidSpec'],
])('%s', (text, reason) => {
  const read = (): string | undefined => {
    try {
      parseGitUrl(text);
      return undefined;
    } catch (error) {
      expect(String(error)).not.toContain('pa55word');
      return error instanceof PlumblineError ? error.reason : String(error);
    }
  };
  expect(read()).toBe(reason);
});

test('a URL is shown without what may be secret', () => {
  expect(showUrl('https://ada:pa55word@git.example.com/acme?token=pa55word#x')).toBe('https://git.example.com/acme');
});
