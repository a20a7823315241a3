import { describe, expect, test } from '@jest/globals';
import { concerns } from '../../../operator/web/receivers/match.ts';
import { Pace } from '../../../operator/web/receivers/pace.ts';
import type { RefSpec } from '../../../operator/source/types.ts';

const url = 'https://git.example.com/acme/deployer.git';
const main = ['refs/heads/main'];

describe('a repository', () => {
  test.each([
    ['the same URL', url, true],
    ['without .git', 'https://git.example.com/acme/deployer', true],
    ['with a slash at the end', 'https://git.example.com/acme/deployer/', true],
    ['by ssh', 'ssh://git@git.example.com:7999/acme/deployer.git', true],
    ['as scp writes it', 'git@git.example.com:acme/deployer.git', true],
    ['in other letters', 'https://git.example.com/Acme/Deployer.git', true],
    ['by another host, as a mirror or a Service has', 'http://gitea-http.gitea.svc:3000/acme/deployer.git', true],
    ['as Bitbucket Data Center clones', 'https://git.example.com/scm/acme/deployer.git', true],
    ['another one', 'https://git.example.com/acme/other.git', false],
    ['one whose name begins alike', 'https://git.example.com/acme/deployer-2.git', false],
    ['one of another owner', 'https://git.example.com/bank/deployer.git', false],
    ['one below it', 'https://git.example.com/x/acme/deployer.git', false],
    ['what is no URL', 'deployer', false],
  ])('%s: %s', (_, named, expected) => {
    expect(concerns({ repositories: [named], refs: main }, url, [{}])).toBe(expected);
  });

  test('is found among several URLs; none stands for any', () => {
    expect(concerns({ repositories: ['https://x.example.com/a/b', url], refs: main }, url, [{}])).toBe(true);
    expect(concerns({ repositories: [], refs: main }, url, [{}])).toBe(true);
  });
});

describe('a ref', () => {
  const commit = '5c1be05d6b4f9f1a3f5d4b5c8a0b1e2d3c4f5a6b';
  test.each<[RefSpec, readonly string[] | undefined, boolean]>([
    [{ branch: 'main' }, ['refs/heads/main'], true],
    [{ branch: 'main' }, ['refs/heads/other', 'refs/heads/main'], true],
    [{ branch: 'main' }, ['refs/heads/other'], false],
    [{ branch: 'main' }, ['refs/tags/main'], false],
    [{ branch: 'main' }, [], false],
    [{ branch: 'main' }, undefined, true],
    [{ tag: 'v1' }, ['refs/tags/v1'], true],
    [{ tag: 'v1' }, ['refs/heads/v1'], false],
    [{ semver: '1.x' }, ['refs/tags/anything'], true],
    [{ semver: '1.x' }, ['refs/heads/main'], false],
    [{ name: 'refs/pull/42/head' }, ['refs/pull/42/head'], true],
    [{ name: 'refs/pull/42/head' }, ['refs/pull/43/head'], false],
    [{}, ['refs/heads/whatever-HEAD-is'], true],
    [{}, ['refs/tags/v1'], false],
    [{ commit }, ['refs/heads/main'], false],
    [{ commit }, undefined, false],
  ])('%j, pushed %j: %s', (spec, refs, expected) => {
    expect(concerns({ repositories: [], refs }, url, [spec])).toBe(expected);
  });

  test('of any source of the remote counts; without sources that follow, none does', () => {
    expect(concerns({ repositories: [], refs: main }, url, [{ branch: 'other' }, { branch: 'main' }])).toBe(true);
    expect(concerns({ repositories: [], refs: undefined }, url, [])).toBe(false);
  });
});

describe('the pace', () => {
  test('lets a burst pass, then one at a time, each source by itself', () => {
    let now = 0;
    const pace = new Pace({ burst: 2, everyMs: 1_000, keys: 10, monotonic: () => now });
    expect([pace.take('a'), pace.take('a'), pace.take('a'), pace.take('b')]).toEqual([0, 0, 1_000, 0]);
    now = 400;
    expect(pace.take('a')).toBe(600);
    now = 1_000;
    expect([pace.take('a'), pace.take('a')]).toEqual([0, 1_000]);
    now = 60_000;
    expect([pace.take('a'), pace.take('a'), pace.take('a')]).toEqual([0, 0, 1_000]);
  });

  test('forgets who was quiet for longest', () => {
    const pace = new Pace({ burst: 1, everyMs: 1_000, keys: 2, monotonic: () => 0 });
    expect([pace.take('a'), pace.take('b'), pace.take('a'), pace.take('c')]).toEqual([0, 0, 1_000, 0]);
    expect([pace.take('a'), pace.take('b')]).toEqual([1_000, 0]);
  });
});
