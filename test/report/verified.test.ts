import { describe, expect, test } from '@jest/globals';
import { findCondition } from '../../operator/api/conditions.ts';
import type { GitOpsSourceStatus } from '../../operator/api/types.ts';
import { outcomeStatus } from '../../operator/report/status.ts';
import type { Outcome } from '../../operator/report/types.ts';
import { applied, at, failed, gitAway, seen } from './outcomes.ts';

const by = { kind: 'SSH', signer: 'alice@example.com', key: 'SHA256:abc' } as const;
const verified = [{ what: 'commit a', by }];
const good = applied(seen('a'), { verified });
const unsigned = failed(
  seen('b'),
  { reason: 'SignatureMissing', message: 'commit b is not signed' },
  { phase: 'verify', attempted: false, total: undefined },
);
const noSecret = failed(
  seen('b'),
  { reason: 'SecretNotFound', message: 'Secret shop/keys does not exist' },
  { phase: 'verify', attempted: false },
);

/** The status after these outcomes, each with the generation of the spec that was walked. */
function after(walks: readonly (readonly [outcome: Outcome, generation?: number])[], verifies = true): GitOpsSourceStatus {
  let status: GitOpsSourceStatus = {};
  for (const [minute, [outcome, generation = 1]] of walks.entries()) {
    status = outcomeStatus({ previous: status, outcome, generation, requestedAt: undefined, verifies, now: at(minute) });
  }
  return status;
}

describe('SourceVerified', () => {
  test.each<[string, readonly (readonly [Outcome, number?])[], string]>([
    ['a revision that is signed', [[good]], 'True Verified: Commit a is signed by alice@example.com with SSH key SHA256:abc.'],
    [
      'one that is signed and refused for something else',
      [[failed(seen('a'), undefined, { verified })]],
      'True Verified: Commit a is signed by alice@example.com with SSH key SHA256:abc.',
    ],
    [
      'one that is not signed',
      [[good], [unsigned]],
      'False SignatureMissing: commit b is not signed. Sign it (git commit -S, git tag -s) and push, or take spec.verify away.',
    ],
    [
      'a Secret that is not there',
      [[good], [noSecret]],
      'Unknown SecretNotFound: Secret shop/keys does not exist. Create the Secret; the source goes on by itself.',
    ],
    ['git that is away leaves what was said', [[good], [failed(undefined, gitAway, { phase: 'source' })]], 'True Verified: Commit a is'],
    [
      'git that is away after the spec was edited',
      [[good], [failed(undefined, gitAway, { phase: 'source' }), 2]],
      'Unknown GitUnreachable: No commit was verified yet: ',
    ],
    ['git that was never there', [[failed(undefined, gitAway, { phase: 'source' })]], 'Unknown GitUnreachable: No commit was verified yet'],
    ['a suspended source keeps it', [[good], [{ kind: 'suspended' }]], 'True Verified'],
    ['signed again', [[good], [unsigned], [good]], 'True Verified'],
  ])('%s', (_, walks, text) => {
    const condition = findCondition(after(walks).conditions, 'SourceVerified');
    expect(`${condition?.status} ${condition?.reason}: ${condition?.message}`).toContain(text);
  });

  test('stands only while the spec asks for it', () => {
    const status = after([[good]]);
    expect(findCondition(after([[applied(seen('a'))]], false).conditions, 'SourceVerified')).toBeUndefined();
    const without = outcomeStatus({ previous: status, outcome: applied(seen('a')), generation: 2, requestedAt: undefined, now: at(9) });
    expect(findCondition(without.conditions, 'SourceVerified')).toBeUndefined();
  });
});

test('what is refused for its signature was not attempted: observed moves, and nothing else', () => {
  const { revision, history } = after([[good], [unsigned]]);
  expect(revision?.observed?.commit).toMatch(/^b/);
  expect([revision?.attempted?.commit, revision?.applied?.commit].join(' ')).toMatch(/^a0* a0*$/);
  expect(history).toHaveLength(1);
});

test('Ready says it too, and what keeps running', () => {
  expect(findCondition(after([[good], [unsigned]]).conditions, 'Ready')).toMatchObject({
    status: 'False',
    reason: 'SignatureMissing',
    message: expect.stringMatching(
      /^commit b is not signed\. Nothing was changed; main@a000000 keeps running\. Sign it \(git commit -S, git tag -s\) and push, or take spec\.verify away\.$/,
    ),
  });
});
