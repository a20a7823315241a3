import { describe, expect, test } from '@jest/globals';
import { caseTwins, cleaned, editDistance, isCleanName, nearestFolders } from '../../operator/source/names.ts';

describe('a name in a tree', () => {
  test.each<[string, Buffer, boolean]>([
    ['plain', Buffer.from('web.yaml'), true],
    ['with blanks', Buffer.from('my web.yaml'), true],
    ['beyond ASCII', Buffer.from('été-日本-🎉.yaml'), true],
    ['of a family', Buffer.from('👩‍👩‍👧.yaml'), true],
    ['with the very character that stands for what is broken', Buffer.from('a\ufffd.yaml'), true],
    ['in Latin-1', Buffer.from([0xe9, 0x74, 0xe9]), false],
    ['cut in a character', Buffer.from([0x61, 0xc3]), false],
    ['a surrogate', Buffer.from([0xed, 0xa0, 0x80]), false],
    ['longer than it need be', Buffer.from([0xc0, 0xaf]), false],
    ['with a line feed', Buffer.from('a\nb'), false],
    ['with an escape', Buffer.from('a\u001b[2Jb'), false],
    ['with DEL', Buffer.from('a\u007f'), false],
    ['with a C1 control', Buffer.from('a\u0085'), false],
    ['with a line separator', Buffer.from('a\u2028b'), false],
    ['that turns direction', Buffer.from('web\u202elmay.exe'), false],
  ])('%s', (_, raw, clean) => {
    expect(isCleanName(raw.toString('utf8'), raw, 0, raw.length)).toBe(clean);
  });
});

test('a text is cleaned of what moves a cursor, and of nothing else', () => {
  expect(cleaned('été\u001b[2J\n\u202e👩‍👩‍👧')).toBe('été\ufffd[2J\ufffd\ufffd👩‍👩‍👧');
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
  const folders = ['apps', 'apps/prod', 'apps/staging', 'infra', 'production'];
  test.each([
    ['app', 'apps'],
    ['apps/prd', 'apps/prod'],
    // Moved: the same name elsewhere.
    ['prod', 'apps/prod'],
    ['Production', 'production'],
  ])('to %s begin with %s', (wanted, near) => {
    expect(nearestFolders(wanted, folders, 2)[0]).toBe(near);
  });

  test('of many are found in little time', () => {
    const many = Array.from({ length: 200_000 }, (_, index) => `apps/a-rather-long-name-of-a-team-${index}/and/below/it/${index}`);
    const began = process.cpuUsage();
    expect(nearestFolders('apps/x', many, 3)).toHaveLength(3);
    expect(process.cpuUsage(began).user).toBeLessThan(10_000_000);
  });

  test('of none are none', () => {
    expect(nearestFolders('prod', [], 3)).toEqual([]);
  });
});

test.each([
  ['', '', 0],
  ['abc', '', 3],
  ['kitten', 'sitting', 3],
])('%s and %s are %i edits apart', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
});
