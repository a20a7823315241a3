import { describe, expect, test } from '@jest/globals';
import type { Commit } from '../../../operator/source/history/types.ts';
import { applied, at, failed, noChanges, refusedImage, seen, sha } from '../outcomes.ts';
import { after, first, wrote } from './steps.ts';
import type { Step } from './steps.ts';

const commitOf = (short: string, minute: number): Commit => ({
  sha: sha(short),
  subject: `Change ${short}`,
  author: 'Grace',
  time: at(minute),
  authorTime: at(minute),
  committer: 'Grace',
  parents: [],
  trailers: [],
});
const listed = (short: string, minute: number) => ({
  commit: sha(short),
  subject: `Change ${short}`,
  author: 'Grace',
  committed: at(minute),
});
const changes = { ...noChanges, created: 2 };

describe('the commits that the annotations of what a revision wrote name', () => {
  test('stand in its attempt, oldest first, without the revision itself and what came in with it', () => {
    const incoming = { relation: 'Forward', commits: [commitOf('bbb', 2), commitOf('ccc', 1)], count: 2, more: false } as const;
    const origins = [commitOf('bbb', 2), commitOf('old', -5), commitOf('ccc', 1), commitOf('older', -9)];
    const { attempts } = after(first, { outcome: applied(seen('bbb'), { changes, incoming, origins }), written: wrote('changed', 'A') });
    expect(attempts[0]).toMatchObject({ number: 2, commits: [{ commit: sha('ccc') }], origins: [listed('older', -9), listed('old', -5)] });
    expect(attempts[0]).not.toHaveProperty('moreOrigins');
  });

  test('are none of a revision that wrote nothing of them', () => {
    expect(after({ outcome: applied(seen('aaa'), { changes, origins: [commitOf('aaa', 0)] }) }).attempts[0]).not.toHaveProperty('origins');
    const broken: Step = { outcome: failed(seen('bbb'), refusedImage, { origins: [commitOf('old', -5)] }) };
    expect(after(first, broken).attempts[0]).not.toHaveProperty('origins');
  });

  test('are those of all its tries', () => {
    const half: Step = { outcome: failed(seen('bbb'), refusedImage, { changes, origins: [commitOf('old', -5), commitOf('x', -7)] }) };
    const rest: Step = { outcome: applied(seen('bbb'), { changes, origins: [commitOf('old', -5), commitOf('y', -6)] }) };
    const { attempts } = after(first, half, rest);
    expect(attempts[0]?.origins?.map(({ commit }) => commit)).toEqual([sha('x'), sha('y'), sha('old')]);
    // What is put back of it later brings nothing in.
    const back: Step = { outcome: applied(seen('bbb'), { changes, origins: [commitOf('z', -8)] }) };
    expect(after(first, half, rest, back).attempts).toEqual(attempts);
  });

  test('are the newest 50; the rest is counted, once over all tries', () => {
    const origins = Array.from({ length: 60 }, (_, index) => commitOf(`c${index}c`, -index));
    const half: Step = { outcome: failed(seen('bbb'), refusedImage, { changes, origins }) };
    const rest: Step = { outcome: applied(seen('bbb'), { changes, origins }) };
    const [top] = after(first, half, rest).attempts;
    expect([top?.origins?.length, top?.moreOrigins, top?.origins?.at(-1)?.commit]).toEqual([50, 10, sha('c0c')]);
  });
});
