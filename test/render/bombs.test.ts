import { describe, expect, test } from '@jest/globals';
import { maxDepth, maxDocuments, maxLines, maxNodes } from '../../operator/render/limits.ts';
import { read } from './files.ts';

const size = 10 * 1024 * 1024;
const fill = (part: string): string => part.repeat(Math.floor(size / part.length));

const tooManyValues = `there are more than ${maxNodes} values in this document`;
const tooDeep = `nested more than ${maxDepth} levels deep`;
const tooManyLines = `there are more than ${maxLines} lines in this document`;
const tooManyDocuments = `there are more than ${maxDocuments} documents in this file`;

/** Ten lists, each of nine aliases of the one before: 9^10 words. */
function laughs(): string {
  const lists = Array.from(
    { length: 10 },
    (_, index) => `l${index + 1}: &l${index + 1} [${Array.from({ length: 9 }, () => `*l${index}`).join(', ')}]`,
  );
  return ['l0: &l0 lol', ...lists].join('\n');
}

describe('bombs are refused, whatever they would unfold to', () => {
  test.each<[string, string, string]>([
    ['10 MiB of items in one line', fill('- '), tooDeep],
    ['10 MiB of items in lines', fill('-\n'), tooManyLines],
    ['10 MiB of items in old lines', fill('-\r'), tooManyLines],
    ['10 MiB of keys', fill('a:\n'), tooManyLines],
    ['10 MiB in brackets', `[${fill('a,')}]`, tooManyValues],
    ['10 MiB of empty mappings', `[${fill('{},')}]`, tooManyValues],
    ['10 MiB of brackets', fill('['), tooDeep],
    ['10 MiB of braces', fill('{'), tooDeep],
    ['10 MiB of question marks', fill('? '), tooDeep],
    ['10 MiB of documents', fill('--- a\n'), tooManyDocuments],
    ['10 MiB of document ends', fill('a\n...\n'), tooManyDocuments],
    ['10 MiB of directives', fill('%A\n'), tooManyLines],
    ['a billion laughs', laughs(), `${tooManyValues}, aliases expanded`],
    [
      'a long text many times',
      `a: &a ${'x'.repeat(100_000)}\nb: [${'*a, '.repeat(1_000)}]`,
      'aliases add more than 10485760 characters to this document',
    ],
    [
      'depth by aliases',
      ['a0: &a0 x', ...Array.from({ length: 200 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}]`)].join('\n'),
      `${tooDeep}, aliases expanded`,
    ],
    [
      'a mapping merged many times',
      `a: &a {${Array.from({ length: 1000 }, (_, index) => `k${index}: 1`).join(', ')}}\nb: [${'{<<: *a}, '.repeat(1000)}]`,
      `${tooManyValues}, aliases expanded`,
    ],
  ])('%s', (_title, content, message) => {
    const { documents, faults } = read(content);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.replace(/^a\.yaml:\d+:\d+: /, '')).toBe(message);
    expect(documents.length).toBeLessThanOrEqual(maxDocuments);
  });

  test.each<[string, string, string]>([
    ['10 MiB of brackets', fill('['), tooDeep],
    ['10 MiB of objects', fill('{}'), tooManyDocuments],
    ['10 MiB of numbers', `[${fill('1,')}1]`, tooManyValues],
    ['a number of 10 MiB', fill('1'), 'the number is out of range'],
  ])('in JSON: %s', (_title, content, message) => {
    expect(read(content, 'a.json').faults.map((fault) => fault.replace(/^a\.json:\d+:\d+: /, ''))).toEqual([message]);
  });

  test('the parser itself stops at the limit, and does not first unfold the file', () => {
    // Were all of it parsed, it would be refused at its end: the bracket is never closed.
    expect(read(`[${fill('a,')}`).faults).toEqual([`a.yaml:1:1: ${tooManyValues}`]);
  });
});

describe('what is large but honest is read', () => {
  test.each<[string, string, number]>([
    ['10 MiB of comments', fill('# comment\n'), 0],
    ['10 MiB of empty lines', fill('\n'), 0],
    ['10 MiB of empty documents', fill('---\n'), 0],
    ['one value of 10 MiB', `a: ${'x'.repeat(size - 10)}`, 1],
    ['digits that are a text', `a: ${'1_'.repeat(100_000)}x`, 1],
    ['a block of a mebibyte', `a: |\n${'  {"title": "x", "value": [1, 2]},\n'.repeat(30_000)}`, 1],
    ['thousands of documents', 'a: 1\n---\n'.repeat(maxDocuments), maxDocuments],
    ['a hundred levels', `${'['.repeat(maxDepth)}1${']'.repeat(maxDepth)}`, 1],
    ['aliases of a small list', `a: &a [1, 2, 3]\nb: [${'*a, '.repeat(1000)}]`, 1],
  ])('%s', (_title, content, documents) => {
    const found = read(content);
    expect({ faults: found.faults, documents: found.documents.length }).toEqual({ faults: [], documents });
  });
});
