import { describe, expect, test } from '@jest/globals';
import { deliveryAfter, deliveryOf } from '../../operator/report/delivery.ts';
import type { Delivered } from '../../operator/report/delivery.ts';
import { setCondition } from '../../operator/api/conditions.ts';
import type { GitOpsSourceStatus } from '../../operator/api/types.ts';
import type { Fault } from '../../operator/errors.ts';
import type { Outcome } from '../../operator/report/types.ts';
import type { Incoming } from '../../operator/source/history/types.ts';
import { applied, at, failed, gitAway, noChanges, seen, sha, step } from './outcomes.ts';

/** A turn of a story: a minute, and what happened to which revision. */
type Turn =
  | readonly [minute: number, what: 'wrote' | 'moved' | 'refused' | 'cut off' | 'git away', commit: string]
  | readonly [minute: number, what: 'healthy' | 'too late', commit: string];

const wrote = { ...noChanges, changed: 1 };
const outage: Fault = { reason: 'ApiServerUnavailable', message: 'no answer' };

/** Commits are named for the minute at which they were made. */
function revision(commit: string) {
  const made = seen(commit);
  return { ...made, commit: { ...made.commit, sha: sha(commit), subject: '', author: '', time: at(Number(commit)) } };
}

function after(status: GitOpsSourceStatus | undefined, [minute, what, commit]: Turn): GitOpsSourceStatus {
  const ready = (isReady: boolean, reason: string) => ({
    ...status,
    conditions: setCondition(
      status?.conditions,
      { type: 'Ready', status: isReady ? 'True' : 'False', reason, message: '', observedGeneration: 1 },
      at(minute),
    ),
  });
  if (what === 'too late') return ready(false, 'HealthTimeout');
  if (what === 'healthy') {
    return { ...ready(true, 'Applied'), revision: { ...status?.revision, healthy: { commit: sha(commit), time: at(minute) } } };
  }
  const outcomes: Readonly<Record<typeof what, Outcome>> = {
    wrote: applied(revision(commit), { changes: wrote }),
    moved: applied(revision(commit)),
    refused: failed(revision(commit)),
    'cut off': failed(revision(commit), outage, { changes: wrote }),
    'git away': failed(undefined, gitAway),
  };
  const next = step(status, outcomes[what], minute);
  const isHealthy = { type: 'Healthy', status: 'False', reason: 'InProgress', message: '', observedGeneration: 1 } as const;
  return { ...next, conditions: setCondition(next.conditions, isHealthy, at(minute)) };
}

/** What is counted in the course of a story; the statuses before `from` another leader saw. */
function story(
  turns: readonly Turn[],
  from = 0,
): Omit<Delivered, 'leadTime' | 'restored'> & { leadTimes: readonly string[]; restored: readonly number[] } {
  let status: GitOpsSourceStatus | undefined;
  for (const turn of turns.slice(0, from)) status = after(status, turn);
  let delivery = deliveryOf(status ?? {});
  const told: Delivered[] = [];
  for (const turn of turns.slice(from)) {
    status = after(status, turn);
    // A status is told more than once.
    for (let times = 0; times < 2; times += 1) {
      const step2 = deliveryAfter(delivery, status);
      delivery = step2.next;
      told.push(step2.told);
    }
  }
  return {
    deployments: told.flatMap((one) => one.deployments),
    leadTimes: told.flatMap(({ leadTime }) =>
      leadTime === undefined ? [] : [`${leadTime.commit.replace(/0+$/, '')}: ${leadTime.seconds / 60}`],
    ),
    restored: told.flatMap(({ restored }) => (restored === undefined ? [] : [restored / 60])),
  };
}

const good = (commit: string, minute: number): readonly Turn[] => [
  [minute, 'wrote', commit],
  [minute + 1, 'healthy', commit],
];

describe('a deployment', () => {
  test.each<[string, readonly Turn[], readonly string[]]>([
    ['that is healthy succeeded', good('1', 2), ['success']],
    ['that is not healthy yet has no result', [[2, 'wrote', '1']], []],
    ['that wrote nothing is none', [...good('1', 2), [5, 'moved', '4'], [5, 'healthy', '4']], ['success']],
    [
      'that is refused failed, once however often it is tried',
      [...good('1', 2), [5, 'refused', '4'], [6, 'refused', '4']],
      ['success', 'failed'],
    ],
    [
      'that is too late failed, and does not succeed any more',
      [
        [2, 'wrote', '1'],
        [7, 'too late', '1'],
        [8, 'healthy', '1'],
      ],
      ['failed'],
    ],
    ['that its successor overtakes failed', [[2, 'wrote', '1'], ...good('3', 4)], ['failed', 'success']],
    ['that wrote nothing is overtaken without harm', [...good('1', 2), [5, 'moved', '4'], ...good('6', 7)], ['success', 'success']],
    ['that met an outage has no result until it comes through', [[2, 'cut off', '1'], ...good('1', 3)], ['success']],
    ['that met an outage and is overtaken failed, if it wrote', [[2, 'cut off', '1'], ...good('3', 4)], ['failed', 'success']],
    ['is not what git being away interrupts', [...good('1', 2), [5, 'git away', '']], ['success']],
    ['back and forth counts each time', [...good('1', 2), ...good('3', 4), ...good('1', 6)], ['success', 'success', 'success']],
  ])('%s', (_, turns, deployments) => {
    expect(story(turns).deployments).toEqual(deployments);
  });
});

describe('lead time', () => {
  test.each<[string, readonly Turn[], readonly string[]]>([
    ['is not told of the first revision', good('1', 2), []],
    ['runs from the commit to healthy', [...good('1', 2), ...good('4', 9)], ['4: 6']],
    ['of one that failed first runs until it is healthy', [...good('1', 2), [5, 'refused', '4'], ...good('4', 9)], ['4: 6']],
    ['is not told of a rollback', [...good('1', 2), ...good('4', 9), ...good('1', 11)], ['4: 6']],
    ['is not told of what wrote nothing', [...good('1', 2), [5, 'moved', '4'], [6, 'healthy', '4']], []],
  ])('%s', (_, turns, leadTimes) => {
    expect(story(turns).leadTimes).toEqual(leadTimes);
  });
});

describe('time to restore', () => {
  test.each<[string, readonly Turn[], readonly number[]]>([
    ['is not told where nothing failed', good('1', 2), []],
    [
      'runs from the first failure to the next that is healthy',
      [...good('1', 2), [5, 'refused', '4'], [8, 'refused', '7'], ...good('9', 15)],
      [10],
    ],
    ['ends with a rollback as well', [...good('1', 2), [5, 'refused', '4'], [9, 'moved', '1']], [4]],
    ['knows nothing of git being away', [...good('1', 2), [5, 'git away', ''], [9, 'moved', '1']], []],
  ])('%s', (_, turns, restored) => {
    expect(story(turns).restored).toEqual(restored);
  });
});

describe('another leader goes on where the last one was', () => {
  const turns: readonly Turn[] = [...good('1', 2), [5, 'refused', '4'], [9, 'wrote', '7'], [11, 'healthy', '7']];
  test.each([
    [0, ['success', 'failed', 'success'], [4]],
    [1, ['success', 'failed', 'success'], [4]],
    [2, ['failed', 'success'], [4]],
    [3, ['success'], [4]],
    [4, ['success'], []],
    [5, [], []],
  ])('after %d turns', (from, deployments, restored) => {
    const seenAfter = story(turns, from);
    expect(seenAfter.deployments).toEqual(deployments);
    if (from < 4) expect(seenAfter.restored.length).toBe(restored.length);
  });
});

describe('where history is known', () => {
  const first = story(good('1', 2));
  /** A revision over commit 1, healthy at minute 9, that came in so. */
  function leadTimeOf(
    relation: Incoming['relation'],
    minutes: readonly number[],
    turns: readonly Turn[] = good('4', 8),
  ): number | undefined {
    let status: GitOpsSourceStatus | undefined;
    for (const turn of good('1', 2)) status = after(status, turn);
    let delivery = deliveryOf(status ?? {});
    let seconds: number | undefined;
    for (const [index, turn] of turns.entries()) {
      status = after(status, turn);
      const incoming = index === 0 ? { relation, commits: minutes.map((minute) => ({ time: at(minute) })) } : undefined;
      const { next, told } = deliveryAfter(delivery, status, incoming);
      delivery = next;
      seconds = told.leadTime?.seconds ?? seconds;
    }
    return seconds === undefined ? undefined : seconds / 60;
  }

  test.each<[string, Incoming['relation'], readonly number[], number | undefined]>([
    ['lead time runs from the oldest new commit', 'Forward', [4, 3, 2], 7],
    ['after a force-push as well', 'Rewritten', [4, 3], 6],
    ['without a list from the commit itself', 'Unrelated', [], 5],
    ['a rollback has none', 'Rollback', [], undefined],
    ['a first revision has none', 'First', [4], undefined],
  ])('%s', (_, relation, minutes, expected) => {
    expect(first.leadTimes).toEqual([]);
    expect(leadTimeOf(relation, minutes)).toBe(expected);
  });

  test('what was said once holds for later attempts of the same revision', () => {
    expect(leadTimeOf('Forward', [4, 2], [[5, 'refused', '4'], ...good('4', 8)])).toBe(7);
  });
});
