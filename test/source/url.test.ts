import { expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { isSameRepository, parseGitUrl, repositoryPlace, showUrl } from '../../operator/source/url.ts';

test.each([
  ['https://git.example.com/acme/shop.git', undefined],
  ['http://127.0.0.1:8080/shop', undefined],
  ['ssh://git@git.example.com/acme/shop.git', undefined],
  ['ssh://git.example.com:2222/~ada/shop', undefined],
  ['ssh://git:pa55word@git.example.com/acme/shop.git', 'InvalidSpec'],
  ['ssh://git@git.example.com/acme?token=pa55word', 'InvalidSpec'],
  ['ssh://git@git.example.com/', 'InvalidSpec'],
  ['ssh://git@git.example.com/a%0ab', 'InvalidSpec'],
  ['ssh://git@git.example.com/a%zz', 'InvalidSpec'],
  ['git@git.example.com:acme/shop.git', 'InvalidSpec'],
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

test("git's short form is told as the URL that it means", () => {
  const remedy = (text: string): string | undefined => {
    try {
      parseGitUrl(text);
    } catch (error) {
      return (error as PlumblineError).faults[0]?.remedy;
    }
    return undefined;
  };
  expect(remedy('git@git.example.com:acme/shop.git')).toBe('Write ssh://git@git.example.com/acme/shop.git.');
  expect(remedy('ada@git.example.com:/srv/shop')).toBe('Write ssh://ada@git.example.com/srv/shop.');
});

test('a URL is shown without what may be secret', () => {
  expect(showUrl('https://ada:pa55word@git.example.com/acme?token=pa55word#x')).toBe('https://git.example.com/acme');
});

test.each([
  ['https://git.example.com/acme/shop', 'https://git.example.com/acme/shop.git', true],
  ['https://git.example.com/acme/shop', 'https://Git.example.com:443/acme/shop.git/', true],
  ['ssh://git@git.example.com/acme/shop', 'ssh://git@git.example.com:22/acme/shop.git', true],
  ['ssh://git@git.example.com/shop', 'ssh://ada@git.example.com/shop', false],
  ['https://git.example.com/acme/shop', 'https://git.example.com/acme/shops', false],
  ['https://git.example.com/acme/shop', 'https://git.example.com:8443/acme/shop', false],
])('%s and %s name one repository: %s', (a, b, same) => expect(isSameRepository(a, b)).toBe(same));

test.each([
  ['https://git.example.com/acme/shop', 'https://Git.example.com:8443/Acme/shop.git/', true],
  ['https://git.example.com/acme/shop', 'ssh://git@git.example.com:2222/acme/shop.git', true],
  ['ssh://git@git.example.com/shop', 'ssh://ada@git.example.com/shop', true],
  ['https://git.example.com/acme/shop', 'https://git.example.com/acme/shops', false],
  ['https://git.example.com/acme/shop', 'https://git.example.org/acme/shop', false],
])('a push to %s may be seen at %s: %s', (a, b, same) => expect(repositoryPlace(a) === repositoryPlace(b)).toBe(same));
