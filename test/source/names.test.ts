import { describe, expect, test } from '@jest/globals';
import { caseTwins, editDistance, nearestFolders, readName, shownPath } from '../../operator/source/names.ts';

describe('a name in a tree', () => {
  test.each<[string, Buffer, string | undefined]>([
    ['plain', Buffer.from('web.yaml'), undefined],
    ['with blanks', Buffer.from('my web.yaml'), undefined],
    ['beyond ASCII', Buffer.from('été-日本-🎉.yaml'), undefined],
    ['of a family', Buffer.from('👩‍👩‍👧.yaml'), undefined],
    ['with the very character that stands for what is broken', Buffer.from('a\ufffd.yaml'), undefined],
    ['in Latin-1', Buffer.from([0xe9, 0x74, 0xe9]), 'not UTF-8'],
    ['cut in a character', Buffer.from([0x61, 0xc3]), 'not UTF-8'],
    ['a surrogate', Buffer.from([0xed, 0xa0, 0x80]), 'not UTF-8'],
    ['longer than it need be', Buffer.from([0xc0, 0xaf]), 'not UTF-8'],
    ['with a line feed', Buffer.from('a\nb'), 'control characters'],
    ['with an escape', Buffer.from('a\u001b[2Jb'), 'control characters'],
    ['with DEL', Buffer.from('a\u007f'), 'control characters'],
    ['with a C1 control', Buffer.from('a\u0085'), 'control characters'],
    ['with a line separator', Buffer.from('a\u2028b'), 'control characters'],
    ['that turns direction', Buffer.from('web\u202elmay.exe'), 'control characters'],
  ])('%s', (_, raw, fault) => {
    expect(readName(raw)).toEqual({ name: raw.toString('utf8'), fault });
  });
});

test.each<[string, Buffer, string]>([
  ['as it is', Buffer.from('prod/été "x".yaml'), 'prod/été "x".yaml'],
  ['as git quotes', Buffer.from([0x61, 0x2f, 0xe9, 0x22, 0x5c]), '"a/\\351\\"\\\\"'],
  ['with its line feed seen', Buffer.from('a\tb\r\n\u001b'), '"a\\tb\\r\\n\\033"'],
])('a path is shown %s', (_, raw, shown) => {
  expect(shownPath(raw)).toBe(shown);
});

test('paths that differ by case, or by how an accent is written, are found', () => {
  expect(caseTwins(['prod/Web.yaml', 'prod/api.yaml', 'prod/web.yaml', 'prod/WEB.yaml', 'other/web.yaml'])).toEqual([
    { path: 'prod/web.yaml', of: 'prod/Web.yaml' },
    { path: 'prod/WEB.yaml', of: 'prod/Web.yaml' },
  ]);
  expect(caseTwins(['a/x.yaml', 'A/x.yaml'])).toEqual([{ path: 'A/x.yaml', of: 'a/x.yaml' }]);
  expect(caseTwins(['e\u0301.yaml', '\u00e9.yaml'])).toEqual([{ path: '\u00e9.yaml', of: 'e\u0301.yaml' }]);
  expect(caseTwins(['a', 'b', 'ab'])).toEqual([]);
});

describe('the nearest folders', () => {
  const folders = ['', 'apps', 'apps/prod', 'apps/staging', 'infra', 'production'];
  test.each<[string, readonly string[]]>([
    ['app', ['apps', 'infra']],
    ['apps/prd', ['apps/prod', 'apps/staging']],
    ['apps/prd/deeper', ['apps/prod', 'apps/staging']],
    // Moved: the same name elsewhere.
    ['prod', ['apps/prod', 'apps']],
    ['Production', ['production', 'infra']],
  ])('to %s', (wanted, near) => {
    expect(nearestFolders(wanted, folders, 2)).toEqual(near);
  });

  test('of a repository without folders there are none', () => {
    expect(nearestFolders('prod', [''], 3)).toEqual([]);
  });

  test('of a large repository are found in little time', () => {
    const many = Array.from({ length: 200_000 }, (_, index) => `apps/a-rather-long-name-of-a-team-${index}/and/below/it/${index}`);
    many.push('apps', ...Array.from({ length: 5_000 }, (_, index) => `apps/${index}`));
    const began = performance.now();
    expect(nearestFolders('apps/x', many, 3)).toHaveLength(3);
    expect(performance.now() - began).toBeLessThan(500);
  });
});

test.each([
  ['', '', 0],
  ['abc', '', 3],
  ['kitten', 'sitting', 3],
])('%s and %s are %i edits apart', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
});
