import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { globMatcher } from '../../operator/source/glob.ts';

describe('a glob', () => {
  test.each<[string, string[], string[]]>([
    ['web.yaml', ['web.yaml'], ['a/web.yaml', 'web.yml', 'web.yaml2']],
    ['*.yaml', ['web.yaml', '.yaml'], ['a/web.yaml', 'web.yml']],
    ['ci/**', ['ci/a', 'ci/a/b'], ['ca/a', 'a/ci/b']],
    ['**/ci', ['ci', 'a/ci', 'a/b/ci'], ['ci/a', 'aci']],
    ['a/**/b/**/c', ['a/b/c', 'a/x/b/c', 'a/b/x/b/y/c'], ['a/c', 'a/b', 'a/b/c/d']],
    ['**/*.json', ['x.json', 'a/b/x.json'], ['x.yaml', 'a.json/x']],
    ['web-?.yaml', ['web-1.yaml'], ['web-.yaml', 'web-12.yaml', 'web-1/yaml']],
    ['v[0-9].yaml', ['v1.yaml'], ['va.yaml']],
    ['v[!0-9].yaml', ['va.yaml'], ['v1.yaml']],
    ['{a,b}/{c,{d,e}}.yaml', ['a/c.yaml', 'b/e.yaml'], ['a/f.yaml', '{a,b}/c.yaml']],
    ['./ci/', ['ci'], ['./ci/']],
    ['/ci', ['ci'], ['a/ci']],
    ['a\\*b', ['a*b'], ['axb']],
    ['a+(b).yaml', ['a+(b).yaml'], ['ab.yaml']],
    ['a[b', ['a[b'], ['ab']],
    ['*a*b*c*', ['abc', 'xaxbxcx'], ['acb']],
    ['**', ['a', 'a/b'], []],
    ['', [], ['a']],
  ])('%j', (glob, matching, others) => {
    const matches = globMatcher([glob]);
    expect(matching.filter((path) => !matches(path))).toEqual([]);
    expect(others.filter(matches)).toEqual([]);
  });

  test.each([['!keep.yaml'], ['{a,b}'.repeat(7)]])('%j is refused', (glob) => {
    expect(() => globMatcher([glob])).toThrow(PlumblineError);
  });

  test.each([['*a*a*a*a*a*a*a*a*b'], ['+(+(a|aa)|b)c'], ['(a+)+$'], [`${'**/'.repeat(20)}b`], ['{a,aa}'.repeat(5)]])(
    '%j takes no time on a name made for it',
    (glob) => {
      const begun = process.cpuUsage();
      const matches = globMatcher([glob]);
      matches('a'.repeat(200));
      matches('a/'.repeat(200));
      expect(process.cpuUsage(begun).user).toBeLessThan(5_000_000);
    },
  );
});
