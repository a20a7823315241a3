import { describe, expect, test } from '@jest/globals';
import { type Provider, forgeRepository } from '../../operator/notify/repository.ts';

describe('the repository at its forge', () => {
  test.each<[string, Provider, string, string | undefined, string, string]>([
    ['github.com', 'GitHub', 'https://github.com/acme/deployer.git', undefined, 'https://api.github.com', 'acme/deployer'],
    ['github.com over SSH', 'GitHub', 'ssh://git@github.com/acme/deployer', undefined, 'https://api.github.com', 'acme/deployer'],
    ['its SSH on 443', 'GitHub', 'ssh://git@ssh.github.com:443/acme/deployer.git', undefined, 'https://api.github.com', 'acme/deployer'],
    ['GitHub of one’s own', 'GitHub', 'https://git.example.com/acme/d', undefined, 'https://git.example.com/api/v3', 'acme/d'],
    ['an API said', 'GitHub', 'https://git.example.com/acme/d', 'http://proxy:8080/gh/', 'http://proxy:8080/gh', 'acme/d'],
    [
      'gitlab.com',
      'GitLab',
      'https://gitlab.com/acme/shop/eu/deployer.git',
      undefined,
      'https://gitlab.com/api/v4',
      'acme/shop/eu/deployer',
    ],
    ['GitLab’s SSH port', 'GitLab', 'ssh://git@git.example.com:2222/acme/d.git', undefined, 'https://git.example.com/api/v4', 'acme/d'],
    ['GitLab on a port', 'GitLab', 'http://git.example.com:8080/a/b/c', undefined, 'http://git.example.com:8080/api/v4', 'a/b/c'],
    [
      'GitLab under a path',
      'GitLab',
      'https://example.com/git/a/b',
      'https://example.com/git/api/v4',
      'https://example.com/git/api/v4',
      'a/b',
    ],
    [
      'a group of that name',
      'GitLab',
      'https://example.com/git/b',
      'https://example.com/git/api/v4',
      'https://example.com/git/api/v4',
      'git/b',
    ],
    ['Gitea', 'Gitea', 'https://gitea.example.com/acme/d.git/', undefined, 'https://gitea.example.com/api/v1', 'acme/d'],
    ['Gitea under a path', 'Gitea', 'https://example.com/git/acme/d', undefined, 'https://example.com/git/api/v1', 'acme/d'],
    ['an escaped name', 'Gitea', 'https://gitea.example.com/acme/d%20e', undefined, 'https://gitea.example.com/api/v1', 'acme/d e'],
  ])('%s', (_, provider, url, apiURL, api, path) => {
    expect(forgeRepository({ provider, apiURL }, url)).toEqual({ api, path });
  });

  test.each(['https://github.com/', 'https://github.com/acme', 'https://github.com/acme/..', 'https://github.com/acme/a%2Fb', 'nonsense'])(
    'none in %s',
    (url) => {
      expect(() => forgeRepository({ provider: 'GitHub' }, url)).toThrow('names no repository of GitHub');
    },
  );
});
