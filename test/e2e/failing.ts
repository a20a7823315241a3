/** A source that cannot be followed, whatever stage fails: what people read of it, and that what it runs goes on running. */
import { expect } from '@jest/globals';
import type { Json } from '../controlplane/request.ts';
import type { Cluster } from './cluster.ts';
import { NotYet, waitFor } from '../controlplane/wait-for.ts';
import type { Operator } from './operator.ts';
import { membersOf } from './refused.ts';
import type { Stage } from './scene.ts';
import { conditionOf, getSource, waitForCondition } from './sources.ts';

export interface FailureWanted {
  readonly reason: string;
  /** What the message has to hold. */
  readonly message?: string | RegExp;
  /** Nothing but an edit of the spec helps. Default false. */
  readonly stalled?: boolean;
  readonly name?: string;
  readonly deadlineMs?: number;
}

/** Waits until a source fails with this reason, and gives the message of Ready. Its other conditions agree. */
export async function failureOf(cluster: Cluster, stage: Stage, wanted: FailureWanted): Promise<string> {
  const { reason, message, stalled = false, name = 'shop', deadlineMs = 15_000 } = wanted;
  const source = await waitForCondition(cluster, stage.namespace, name, {
    status: 'False',
    reason,
    deadlineMs,
    ...(message === undefined ? {} : { message }),
  });
  expect(conditionOf(source, 'Stalled')).toMatchObject(stalled ? { status: 'True', reason } : { status: 'False', reason: 'NotStalled' });
  expect(conditionOf(source, 'Reconciling')).toMatchObject(stalled ? { status: 'False', reason } : { status: 'True', reason: 'Retrying' });
  return conditionOf(source, 'Ready')?.message ?? '';
}

/** Does what makes a running source fail: its members and its applied revision are what they were, and the message says so. */
export async function failsUntouched(cluster: Cluster, stage: Stage, broken: () => unknown, wanted: FailureWanted): Promise<string> {
  const before = await membersOf(stage);
  expect(Object.keys(before)).not.toHaveLength(0);
  const { applied } = (await sourceOf(cluster, stage, wanted.name)).status.revision;
  await broken();
  const message = await failureOf(cluster, stage, wanted);
  expect(message).toMatch(new RegExp(`Nothing was changed; (\\S+@)?${applied.commit.slice(0, 7)} keeps running\\.`));
  expect((await sourceOf(cluster, stage, wanted.name)).status.revision.applied).toEqual(applied);
  expect(await membersOf(stage)).toEqual(before);
  return message;
}

/**
 * Has what a failing source lacks appear while its next try is more than a second away: it walks at once, and for that. The
 * operator logs at debug.
 */
export async function wokenBy(operator: Operator, stage: Stage, appear: () => unknown): Promise<void> {
  const about = (message: string) => operator.logs().filter((line) => line['namespace'] === stage.namespace && line['message'] === message);
  const wakings = (): number => about('walking').filter((line) => line['cause'] === 'Appeared').length;
  const failures = about('trying again').length;
  await waitFor('it fails once more, and waits for longer', () => {
    const last = about('trying again').at(-1);
    if (about('trying again').length === failures || Number(last?.['delaySeconds']) < 1.5) throw new NotYet(last);
    return true;
  });
  const before = wakings();
  await appear();
  await waitFor('it walks for what appeared', () => wakings() > before, 5_000);
}

function sourceOf(cluster: Cluster, stage: Stage, name = 'shop'): Promise<Json> {
  return getSource(cluster, stage.namespace, name);
}
