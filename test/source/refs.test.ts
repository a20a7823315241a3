import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { neededPrefixes, parseSemverRange, resolveRef } from '../../operator/source/refs.ts';
import type { RefSpec, RemoteRefs } from '../../operator/source/types.ts';

const sha = (digit: string): string => digit.repeat(40);

const remote: RemoteRefs = {
  refs: new Map([
    ['refs/heads/main', sha('1')],
    ['refs/heads/maintenance', sha('2')],
    ['refs/heads/feature/cart', sha('3')],
    ['refs/tags/v1.2.3', sha('4')],
    ['refs/tags/1.10.0', sha('5')],
    ['refs/tags/v2.0.0-rc.1', sha('6')],
    ['refs/tags/nightly', sha('7')],
    ['refs/pull/3/head', sha('8')],
  ]),
  tags: new Map([
    ['refs/tags/v1.2.3', sha('c')],
    ['refs/tags/nightly', sha('d')],
  ]),
  head: sha('1'),
  headRef: 'refs/heads/main',
};
const empty: RemoteRefs = { refs: new Map(), tags: new Map(), head: undefined, headRef: 'refs/heads/main' };

function refusal(refs: RemoteRefs, spec: RefSpec): PlumblineError {
  try {
    resolveRef(refs, spec);
  } catch (error) {
    if (error instanceof PlumblineError) return error;
    throw error;
  }
  throw new Error('it was resolved');
}

describe('a ref that is there', () => {
  test.each<[RefSpec, string, string | undefined, string | undefined]>([
    [{}, '1', 'refs/heads/main', 'main'],
    [{ branch: 'main' }, '1', 'refs/heads/main', 'main'],
    [{ branch: 'feature/cart' }, '3', 'refs/heads/feature/cart', 'feature/cart'],
    [{ tag: 'nightly' }, '7', 'refs/tags/nightly', 'nightly'],
    [{ name: 'refs/pull/3/head' }, '8', 'refs/pull/3/head', 'refs/pull/3/head'],
    [{ name: 'refs/heads/main' }, '1', 'refs/heads/main', 'main'],
    [{ commit: 'AB'.repeat(20) }, 'ab', undefined, undefined],
    [{ semver: '>=1.0.0' }, '5', 'refs/tags/1.10.0', '1.10.0'],
    [{ semver: '~1.2' }, '4', 'refs/tags/v1.2.3', 'v1.2.3'],
    [{ semver: '>=2.0.0-0' }, '6', 'refs/tags/v2.0.0-rc.1', 'v2.0.0-rc.1'],
  ])('%j', (spec, digits, fullRef, shortRef) => {
    expect(resolveRef(remote, spec)).toMatchObject({ commit: digits.repeat(40 / digits.length), fullRef, shortRef });
  });

  test('an annotated tag is found with its own object, a lightweight one and what is no tag without', () => {
    const tagOf = (spec: RefSpec): string | undefined => resolveRef(remote, spec).tag;
    expect([tagOf({ tag: 'nightly' }), tagOf({ semver: '~1.2' }), tagOf({ name: 'refs/tags/v1.2.3' })]).toEqual([
      sha('d'),
      sha('c'),
      sha('c'),
    ]);
    expect([tagOf({ semver: '>=1.0.0' }), tagOf({ branch: 'main' }), tagOf({}), tagOf({ commit: sha('4') })]).toEqual(
      Array(4).fill(undefined),
    );
  });

  test('a detached HEAD is a bare commit', () => {
    expect(resolveRef({ ...remote, headRef: undefined }, {})).toEqual({ commit: sha('1'), fullRef: undefined, shortRef: undefined });
  });

  test('of two tags for one version the choice is the same whatever their order', () => {
    const tags: [string, string][] = [
      ['refs/tags/v1.0.0', sha('a')],
      ['refs/tags/1.0.0', sha('b')],
    ];
    const one = resolveRef({ ...remote, refs: new Map(tags) }, { semver: '1.x' });
    expect(resolveRef({ ...remote, refs: new Map(tags.toReversed()) }, { semver: '1.x' })).toEqual(one);
  });
});

describe('a ref that is not there', () => {
  test.each<[RefSpec, string, string]>([
    [{ branch: 'mian' }, 'RefNotFound', 'branch mian is not in the repository; there are main, maintenance, feature/cart'],
    [{ tag: 'v1.2.4' }, 'RefNotFound', 'tag v1.2.4 is not in the repository; there are v1.2.3'],
    [{ name: 'refs/pull/4/head' }, 'RefNotFound', 'refs/pull/3/head'],
    [{ semver: '3.x' }, 'RefNotFound', 'all 3 tags that are versions are outside it'],
    [{ semver: '>=2' }, 'RefNotFound', 'no tag is in the range >=2'],
    [{ semver: 'latest please' }, 'InvalidSpec', 'no range of versions'],
    [{ commit: '4f2a9c1' }, 'InvalidSpec', 'no full commit id'],
  ])('%j', (spec, reason, words) => {
    const error = refusal(remote, spec);
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(words);
  });

  test('an empty repository is told as such', () => {
    expect(refusal(empty, {}).reason).toBe('EmptyRepository');
    expect(refusal(empty, { branch: 'main' }).reason).toBe('EmptyRepository');
  });

  test('a HEAD that names a branch nobody pushed', () => {
    const error = refusal({ ...remote, head: undefined, headRef: undefined }, {});
    expect(error.reason).toBe('RefNotFound');
    expect(error.message).toContain('there are main');
  });
});

test('only what a spec needs is asked for', () => {
  expect(neededPrefixes({ branch: 'main' })).toEqual([]);
  expect(neededPrefixes({ semver: '1.x' })).toEqual(['refs/tags/']);
  expect(neededPrefixes({ name: 'refs/pull/3/head' })).toEqual(['refs/pull/3/head']);
});

test('an empty range is refused, since it would mean any version', () => {
  expect(() => parseSemverRange(' ')).toThrow(PlumblineError);
});
