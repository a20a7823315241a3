import { describe, expect, test } from '@jest/globals';
import { deliveryAfter, deliveryOf, deliveryStatus } from '../../operator/report/delivery.ts';
import type { CameWith, Delivered } from '../../operator/report/delivery.ts';
import { setCondition } from '../../operator/api/conditions.ts';
import type { GitOpsSourceStatus } from '../../operator/api/types.ts';
import type { Fault } from '../../operator/errors.ts';
import type { Outcome } from '../../operator/report/types.ts';
import type { Incoming } from '../../operator/source/history/types.ts';
import { gitReasons } from '../../operator/source/git-reasons.ts';
import { applied, at, failed, gitAway, noChanges, seen, sha, statusAfter, step } from './outcomes.ts';

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

/** What history says of commits, where it says anything: how they came, and the minutes of those that came with them. */
type Came = Readonly<Record<string, readonly [Incoming['relation'], ...minutes: number[]]>>;

/** What is counted in the course of a story by all leaders together; another one begins before each of the turns `restarts`. */
function story(
  turns: readonly Turn[],
  { came = {}, restarts = [] }: { readonly came?: Came; readonly restarts?: readonly number[] } = {},
): Omit<Delivered, 'leadTime' | 'restored'> & { leadTimes: readonly string[]; restored: readonly number[] } {
  let status: GitOpsSourceStatus | undefined;
  let delivery = deliveryOf({});
  const told: Delivered[] = [];
  for (const [index, turn] of turns.entries()) {
    if (restarts.includes(index)) delivery = deliveryOf(JSON.parse(JSON.stringify(status ?? {})) as GitOpsSourceStatus);
    const [, , commit] = turn;
    // Told when it is tried for the first time.
    const [relation, ...minutes] = came[commit] ?? [];
    const isNew = relation !== undefined && status?.revision?.attempted?.commit !== sha(commit);
    const incoming: CameWith | undefined = isNew ? { relation, commits: minutes.map((minute) => ({ time: at(minute) })) } : undefined;
    const next = after(status, turn);
    status = { ...next, delivery: deliveryStatus(status, next, incoming) };
    // A status is told more than once, and changes nothing then.
    expect(deliveryStatus(status, status)).toEqual(status.delivery);
    for (let times = 0; times < 2; times += 1) {
      const step2 = deliveryAfter(delivery, status, times === 0 ? incoming : undefined);
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
    [
      'that comes back and is too late failed: that it was healthy before does not count',
      [...good('1', 2), ...good('3', 4), [6, 'wrote', '1'], [12, 'too late', '1']],
      ['success', 'success', 'failed'],
    ],
    ['back and forth counts each time', [...good('1', 2), ...good('3', 4), ...good('1', 6)], ['success', 'success', 'success']],
  ])('%s', (_, turns, deployments) => {
    expect(story(turns).deployments).toEqual(deployments);
  });

  test.each(gitReasons)('whose files cannot be fetched (%s) has not failed by that', (reason) => {
    const status = statusAfter(failed(revision('1'), { reason, message: 'no answer' }));
    expect(status.revision?.attempted?.commit).toBe(sha('1'));
    expect(deliveryAfter(deliveryOf({}), status).told.deployments).toEqual([]);
    expect(deliveryAfter(deliveryOf({}), statusAfter(failed(revision('1')))).told.deployments).toEqual(['failed']);
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
      [11],
    ],
    ['ends with a rollback as well', [...good('1', 2), [5, 'refused', '4'], [9, 'moved', '1'], [10, 'healthy', '1']], [5]],
    ['knows nothing of git being away', [...good('1', 2), [5, 'git away', ''], [9, 'moved', '1']], []],
  ])('%s', (_, turns, restored) => {
    expect(story(turns).restored).toEqual(restored);
  });
});

describe('another leader goes on where the last one was, at whatever point', () => {
  test.each<[string, readonly Turn[], Came, ReturnType<typeof story>]>([
    [
      'a failure and its correction',
      [...good('1', 2), [5, 'refused', '4'], [9, 'wrote', '7'], [11, 'healthy', '7']],
      {},
      { deployments: ['success', 'failed', 'success'], leadTimes: ['7: 4'], restored: [6] },
    ],
    [
      'commits that came in together',
      [...good('1', 2), ...good('6', 8)],
      { '6': ['Forward', 6, 4, 5] },
      { deployments: ['success', 'success'], leadTimes: ['6: 5'], restored: [] },
    ],
    [
      'a rollback by a commit that is newer by its time',
      [...good('1', 2), ...good('4', 5), ...good('2', 8)],
      { '4': ['Forward', 4], '2': ['Rollback'] },
      { deployments: ['success', 'success', 'success'], leadTimes: ['4: 2'], restored: [] },
    ],
    [
      'one that is refused until it comes through, and others between',
      [...good('1', 2), [6, 'refused', '5'], [7, 'cut off', '5'], [8, 'git away', ''], ...good('5', 12)],
      { '5': ['Forward', 5, 4] },
      { deployments: ['success', 'failed'], leadTimes: ['5: 9'], restored: [7] },
    ],
    [
      'one that is too late, the next refused, a rollback',
      [...good('1', 2), [5, 'wrote', '4'], [9, 'too late', '4'], [11, 'refused', '8'], [13, 'wrote', '1'], [14, 'healthy', '1']],
      { '1': ['Rollback'] },
      { deployments: ['success', 'failed', 'failed', 'success'], leadTimes: [], restored: [5] },
    ],
    [
      'one that its successor overtakes',
      [...good('1', 2), [5, 'wrote', '4'], [8, 'wrote', '7'], [12, 'healthy', '7']],
      { '4': ['Forward', 4], '7': ['Forward', 7, 6] },
      { deployments: ['success', 'failed', 'success'], leadTimes: ['7: 6'], restored: [4] },
    ],
  ])('%s', (_, turns, came, expected) => {
    const all = turns.map((_turn, index) => index);
    expect(story(turns, { came })).toEqual(expected);
    for (const turn of all) expect([turn, story(turns, { came, restarts: [turn] })]).toEqual([turn, expected]);
    expect(story(turns, { came, restarts: all })).toEqual(expected);
  });
});

test('status.delivery says only what the rest of the status does not', () => {
  let status: GitOpsSourceStatus | undefined;
  const kept: unknown[] = [];
  for (const turn of [...good('1', 2), ...good('4', 5), [7, 'refused', '6'], ...good('8', 9)] as const satisfies readonly Turn[]) {
    const next = after(status, turn);
    status = { ...next, delivery: deliveryStatus(status, next) };
    kept.push(status.delivery);
  }
  const how = { wrote: true, forward: true };
  expect(kept).toEqual([
    undefined,
    undefined,
    { ...how, commit: sha('4'), committed: new Date(at(4)).toISOString() },
    undefined,
    undefined,
    { ...how, commit: sha('8'), committed: new Date(at(8)).toISOString(), failingSince: new Date(at(7)).toISOString() },
    undefined,
  ]);
});

describe('where history is known', () => {
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
  ])('%s', (_, relation, minutes, expected) => {
    expect(leadTimeOf(relation, minutes)).toBe(expected);
  });

  test('a first revision has none', () => {
    expect(story(good('1', 2), { came: { '1': ['First', 1] } }).leadTimes).toEqual([]);
  });

  test('what was said once holds for later attempts of the same revision', () => {
    expect(leadTimeOf('Forward', [4, 2], [[5, 'refused', '4'], ...good('4', 8)])).toBe(7);
  });
});
