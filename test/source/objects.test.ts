import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { parseCommitLinks, parseTagTarget } from '../../operator/source/objects.ts';

// What these give is asked of the server by name, and shown: found by fuzzing (docs/fuzzing.md).

const oid = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

function reasonOf(parse: () => unknown): string {
  try {
    return JSON.stringify(parse());
  } catch (error) {
    return error instanceof PlumblineError ? error.reason : String(error);
  }
}

describe('an object id that is none', () => {
  test.each([
    ['a commit without tree', `parent ${oid}\n\nx`],
    ['a tree of other letters', `tree ${oid.replace('4', 'x')}\n\nx`],
    ['a tree that goes on', `tree ${oid} x\n\nx`],
    ['a tree in capitals', `tree ${oid.toUpperCase()}\n\nx`],
    ['a parent cut short', `tree ${oid}\nparent ${oid.slice(1)}\n\nx`],
  ])('in %s', (_, text) => {
    expect(reasonOf(() => parseCommitLinks(Buffer.from(text)))).toBe('GitError');
  });

  test.each([
    ['a tag without object', 'type commit\n\nx'],
    ['a tag of other letters', `object ${oid.replace('4', 'x')}\n\nx`],
  ])('in %s', (_, text) => {
    expect(reasonOf(() => parseTagTarget(Buffer.from(text)))).toBe('GitError');
  });
});

test('one that is', () => {
  expect(parseCommitLinks(Buffer.from(`tree ${oid}\nparent ${oid}\n\nparent x`))).toEqual({ tree: oid, parents: [oid] });
  expect(parseTagTarget(Buffer.from(`object ${oid}\ntype commit\n`))).toBe(oid);
});
