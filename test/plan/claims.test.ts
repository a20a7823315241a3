import { describe, expect, test } from '@jest/globals';
import { Claims, isOlder } from '../../operator/plan/claims.ts';
import { manifest } from './made.ts';

const { id } = manifest();
const older = { source: 'shop/b', createdAt: '2026-01-01T00:00:00Z' };
const younger = { source: 'shop/a', createdAt: '2026-01-02T00:00:00Z' };

describe('an object that nobody owns yet', () => {
  test('goes to the older source, whichever comes first', () => {
    const claims = new Claims();
    expect(claims.take(younger, [id]).size).toBe(0);
    expect(claims.take(older, [id]).size).toBe(0);
    expect([...claims.beginWriting(younger, [id]).values()]).toEqual(['shop/b']);
    expect(claims.beginWriting(older, [id]).size).toBe(0);
  });
  test('stays with the younger one once that writes', () => {
    const claims = new Claims();
    claims.beginWriting(younger, [id]);
    expect([...claims.take(older, [id]).values()]).toEqual(['shop/a']);
  });
  test('is free again when the claim is released, and only its holder releases it', () => {
    const claims = new Claims();
    claims.take(older, [id]);
    claims.release('shop/a', [id]);
    expect(claims.take(younger, [id]).size).toBe(1);
    claims.release('shop/b', [id]);
    expect(claims.take(younger, [id]).size).toBe(0);
  });
  test('of two made in the same second goes to the lesser name', () => {
    expect(isOlder({ ...older, source: 'a/a' }, { ...older, source: 'a/b' })).toBe(true);
    expect(isOlder({ ...older, source: 'a/b' }, { ...older, source: 'a/a' })).toBe(false);
  });
});
