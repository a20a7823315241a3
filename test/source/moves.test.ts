import { describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { judgeMove, moveText, toldWithPast } from '../../operator/source/moves.ts';
import type { Move } from '../../operator/source/moves.ts';

const [a, b] = ['a'.repeat(40), 'b'.repeat(40)];
const main = { commit: b, fullRef: 'refs/heads/main', shortRef: 'main' };
const tag = { commit: b, fullRef: 'refs/tags/v1', shortRef: 'v1' };

describe('what a move means', () => {
  test.each<[string, Parameters<typeof judgeMove>, Move]>([
    ['the first look', [undefined, main, undefined], 'none'],
    ['nothing new', [{ commit: b }, main, undefined], 'none'],
    ['a push', [{ commit: a, fullRef: main.fullRef }, main, true], 'forward'],
    ['a push of which the history is not known', [{ commit: a }, main, undefined], 'forward'],
    ['one or the other, which the server does not tell', [{ commit: a, fullRef: main.fullRef }, main, false], 'diverged'],
    ['a force-push that keeps something', [{ commit: a, fullRef: main.fullRef }, main, false, true], 'rewritten'],
    ['another repository', [{ commit: a, fullRef: main.fullRef }, main, false, false], 'replaced'],
    ['a tag that moved', [{ commit: a, fullRef: tag.fullRef }, tag, true], 'tagMoved'],
    ['another tag of the range', [{ commit: a, fullRef: 'refs/tags/v0' }, tag, false], 'retargeted'],
    ['another commit in the spec', [{ commit: a }, { commit: b, fullRef: undefined, shortRef: undefined }, false], 'retargeted'],
  ])('%s', (_, args, move) => {
    expect(judgeMove(...args)).toBe(move);
  });
});

test('a force-push and a moved tag are told, a push is not', () => {
  expect(moveText('rewritten', a, main)).toBe('main was force-pushed: aaaaaaa is no longer part of it; it is now at bbbbbbb.');
  expect(moveText('replaced', a, main)).toMatch(/^main is at bbbbbbb, which has no commit in common with aaaaaaa where it was: /);
  expect(moveText('diverged', a, main)).toBe(
    'main does not come from aaaaaaa any more, where it was: it was force-pushed, or the repository was replaced by another. It is now at bbbbbbb.',
  );
  expect(moveText('tagMoved', a, tag)).toBe('Tag v1 was moved from aaaaaaa to bbbbbbb.');
  expect(moveText('forward', a, main)).toBeUndefined();
});

test('a deleted branch is told with where it was', () => {
  const error = new PlumblineError({ reason: 'RefNotFound', message: 'branch main is not in the repository' });
  expect(toldWithPast(error, { branch: 'main' }, a).message).toBe(
    'branch main is not in the repository; branch main was there at aaaaaaa when last seen',
  );
  expect(toldWithPast(error, { branch: 'main' }, undefined)).toBe(error);
  const other = new PlumblineError({ reason: 'GitTimeout', message: 'slow' });
  expect(toldWithPast(other, { branch: 'main' }, a)).toBe(other);
});
