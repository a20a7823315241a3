import { describe, expect, test } from '@jest/globals';
import { statusPatch } from '../../operator/report/status.ts';
import { applied, seen, statusAfter } from './outcomes.ts';
import type { GitOpsSourceStatus } from '../../operator/api/types.ts';

describe('the patch of a status', () => {
  test.each<[string, GitOpsSourceStatus | undefined, GitOpsSourceStatus, object | undefined]>([
    [
      'of nothing is everything',
      undefined,
      { observedGeneration: 1, display: { revision: 'x' } },
      { observedGeneration: 1, display: { revision: 'x' } },
    ],
    [
      'holds what differs',
      { observedGeneration: 1, display: { revision: 'x' } },
      { observedGeneration: 1, display: { revision: 'y' } },
      { display: { revision: 'y' } },
    ],
    [
      'takes away what is gone',
      { observedGeneration: 1, display: { revision: 'x', healthy: '1/1' } },
      { display: { revision: 'x' } },
      { observedGeneration: null, display: { healthy: null } },
    ],
    ['takes undefined for gone', { objects: { total: 1 } }, { objects: { total: undefined } }, { objects: { total: null } }],
    ['does not see undefined beside nothing', {}, { objects: undefined }, undefined],
    ['has arrays whole', { history: [{ commit: 'a', time: 't', result: 'Applied' }] }, { history: [] }, { history: [] }],
    [
      'does not mind the order of keys',
      { history: [{ commit: 'a', time: 't', result: 'Applied' }] },
      { history: [{ result: 'Applied', time: 't', commit: 'a' }] },
      undefined,
    ],
    ['of the same is none', statusAfter(applied(seen('a'))), statusAfter(applied(seen('a'))), undefined],
  ])('%s', (_, before, after, patch) => {
    expect(statusPatch(before, after)).toEqual(patch === undefined ? undefined : { status: patch });
  });
});
