/**
 * Pure: the four figures of delivery (DORA), from one status of a source to the next. A deployment is a revision that wrote
 * or pruned an object; it failed when it was refused, or was not healthy before the timeout or its successor. What cannot be
 * seen from a status alone is kept in status.delivery, so that another leader counts as this one would.
 */
import { findCondition } from '../api/conditions.ts';
import type { GitOpsSourceStatus, StatusDelivery } from '../api/types.ts';
import type { Reason } from '../errors.ts';
import { gitReasons } from '../source/git-reasons.ts';
import type { Incoming } from '../source/history/types.ts';

/** What is remembered of a source between two statuses. Times are milliseconds since the epoch. */
export interface Delivery {
  /** The revision that was tried last, and what is known of it. */
  readonly current: Tried | undefined;
  /** The revision that ran before it; undefined before the first. */
  readonly before: { readonly commit: string; readonly committedAt: number | undefined } | undefined;
  /** Since when deployments fail, until one is healthy. */
  readonly failingSince: number | undefined;
}

interface Tried {
  readonly commit: string;
  readonly wrote: boolean;
  readonly applied: boolean;
  readonly verdict: 'success' | 'failed' | undefined;
  readonly committedAt: number | undefined;
  /** What history says of it; undefined where nothing is known, or nothing ran before it. */
  readonly came?: Came | undefined;
}

interface Came {
  readonly isForward: boolean;
  /** When the oldest of its commits was made. */
  readonly oldestAt: number | undefined;
}

/** What history says of a revision: how it stands to the one before, and which commits are new. */
export type CameWith = Pick<Incoming, 'relation'> & { readonly commits: readonly { readonly time: string }[] };

/** What is to be counted. */
export interface Delivered {
  readonly deployments: readonly ('success' | 'failed')[];
  /** From the commit to healthy, in seconds. */
  readonly leadTime: { readonly seconds: number; readonly commit: string } | undefined;
  /** From failing to healthy, in seconds. */
  readonly restored: number | undefined;
}

/** Failures of the world around: a revision that met one is neither refused nor in, and is tried again. */
const outages: ReadonlySet<string> = new Set<string>([
  'ApiServerUnavailable',
  'Conflict',
  'InternalError',
  'OperatorForbidden',
  'NamespaceTerminating',
  'ObjectTerminating',
  'NotEstablished',
  'WebhookUnavailable',
  'PruneWaiting',
  'PruneHeld',
  ...gitReasons,
] satisfies readonly Reason[]);

/** Of condition Ready: an applied revision was not healthy in time. */
const lateReason = 'HealthTimeout';

const verdicts: Readonly<Record<string, Tried['verdict']>> = { Success: 'success', Failed: 'failed' };

const nothing: Delivered = { deployments: [], leadTime: undefined, restored: undefined };

/** Where a source stands when it is first seen, by its status: what was before is another leader's to have counted. */
export function deliveryOf(status: GitOpsSourceStatus): Delivery {
  const current = triedIn(status);
  if (current === undefined) return { current, before: ranBefore(status, undefined), failingSince: undefined };
  const kept = status.delivery?.commit === current.commit ? status.delivery : undefined;
  const isFailing = isFailed(status, current.commit);
  const derived = isFailing ? 'failed' : isHealthy(status, current.commit) ? 'success' : undefined;
  return {
    current: {
      ...current,
      wrote: current.wrote || kept?.wrote === true,
      verdict: kept === undefined ? derived : verdicts[kept.result ?? ''],
      came: kept?.forward === undefined ? undefined : { isForward: kept.forward, oldestAt: timeOf(kept.committed) },
    },
    before: ranBefore(status, current.commit),
    failingSince: kept === undefined ? (isFailing ? sinceOf(status) : undefined) : timeOf(kept.failingSince),
  };
}

/**
 * status.delivery of a status that comes after `previous`: what `next` by itself does not say of where its source stands.
 * Undefined where it says all.
 */
export function deliveryStatus(
  previous: GitOpsSourceStatus | undefined,
  next: GitOpsSourceStatus,
  incoming?: CameWith,
): StatusDelivery | undefined {
  const { current, failingSince } = deliveryAfter(deliveryOf(previous ?? {}), next, incoming).next;
  if (current === undefined) return undefined;
  const { delivery: _kept, ...bare } = next;
  const derived = deliveryOf(bare);
  // Once it was healthy, nobody asks how it came.
  const came = current.verdict === 'success' ? undefined : current.came;
  const isSaid =
    derived.current?.verdict === current.verdict &&
    derived.current?.wrote === current.wrote &&
    derived.failingSince === failingSince &&
    came === undefined;
  if (isSaid) return undefined;
  return {
    commit: current.commit,
    ...(current.wrote ? { wrote: true } : {}),
    ...(current.verdict === undefined ? {} : { result: current.verdict === 'failed' ? 'Failed' : 'Success' }),
    ...(came === undefined ? {} : { forward: came.isForward }),
    ...(came?.oldestAt === undefined ? {} : { committed: new Date(came.oldestAt).toISOString() }),
    ...(failingSince === undefined ? {} : { failingSince: new Date(failingSince).toISOString() }),
  };
}

/** What a new status adds; `incoming` is what history says of the revision that it speaks of, where that is news. */
export function deliveryAfter(
  known: Delivery,
  status: GitOpsSourceStatus,
  incoming?: CameWith,
): { readonly next: Delivery; readonly told: Delivered } {
  const tried = triedIn(status);
  if (tried === undefined) return { next: known, told: nothing };
  const deployments: ('success' | 'failed')[] = [];
  let { current, before, failingSince } = known;
  if (current?.commit !== tried.commit) {
    // Whatever the last one wrote was not healthy in time.
    if (current !== undefined && current.verdict === undefined && current.wrote) {
      deployments.push('failed');
      failingSince ??= timeOf(status.revision?.attempted?.time);
    }
    if (current?.applied === true) before = current;
    current = { ...tried, wrote: false, verdict: undefined };
  }
  let { verdict } = current;
  let leadTime: Delivered['leadTime'];
  let restored: number | undefined;
  const wrote = current.wrote || tried.wrote;
  const came = (incoming === undefined ? current.came : cameWith(incoming)) ?? cameAfter(tried, before);
  if (isFailed(status, tried.commit) && verdict === undefined) {
    verdict = 'failed';
    deployments.push('failed');
    failingSince ??= sinceOf(status);
  }
  if (isHealthy(status, tried.commit)) {
    const healthyAt = timeOf(status.revision?.healthy?.time);
    const isFirstTime = verdict !== 'success';
    if (verdict === undefined && wrote) deployments.push('success');
    const madeAt = came?.isForward !== true ? undefined : (came.oldestAt ?? tried.committedAt);
    if (isFirstTime && wrote && healthyAt !== undefined && madeAt !== undefined) {
      leadTime = { seconds: Math.max(0, healthyAt - madeAt) / 1_000, commit: tried.commit };
    }
    verdict = 'success';
    const readyAt = timeOf(findCondition(status.conditions, 'Ready')?.lastTransitionTime);
    if (failingSince !== undefined && readyAt !== undefined && isReady(status)) {
      // One that ran before was healthy long ago; one whose predecessor was never told to fail was Ready all along.
      restored = Math.max(0, Math.max(readyAt, healthyAt ?? 0) - failingSince) / 1_000;
      failingSince = undefined;
    }
  }
  const next = { current: { ...tried, wrote, applied: current.applied || tried.applied, verdict, came }, before, failingSince };
  return { next, told: { deployments, leadTime, restored } };
}

/** Undefined for a first revision, which came after none, and where it could not be found out. */
function cameWith({ relation, commits }: CameWith): Came | undefined {
  if (relation === 'First' || relation === 'Unknown') return undefined;
  const times = commits.map(({ time }) => timeOf(time)).filter((time) => time !== undefined);
  return { isForward: relation !== 'Same' && relation !== 'Rollback', oldestAt: times.length === 0 ? undefined : Math.min(...times) };
}

/** Without history, the commit itself tells: one that is older than what ran before it is a rollback. */
function cameAfter({ committedAt }: Pick<Tried, 'committedAt'>, before: Delivery['before']): Came | undefined {
  if (committedAt === undefined || before === undefined) return undefined;
  return { isForward: committedAt > (before.committedAt ?? 0), oldestAt: committedAt };
}

function triedIn({ revision, history, commit }: GitOpsSourceStatus): Omit<Tried, 'verdict'> | undefined {
  const attempted = revision?.attempted?.commit;
  if (attempted === undefined) return undefined;
  const top = history?.[0];
  return {
    commit: attempted,
    wrote: top?.commit === attempted && (top.written ?? 0) > 0,
    applied: revision?.applied?.commit === attempted,
    committedAt: commit?.sha === attempted ? timeOf(commit.time) : undefined,
  };
}

/** The revision that runs, where another one was tried over it; after a restart, the one before in history. */
function ranBefore({ revision, history, commit }: GitOpsSourceStatus, tried: string | undefined): Delivery['before'] {
  const applied = revision?.applied?.commit;
  if (applied === undefined) return undefined;
  if (applied !== tried) return { commit: applied, committedAt: commit?.sha === applied ? timeOf(commit.time) : undefined };
  const older = history?.find((entry) => entry.result === 'Applied' && entry.commit !== tried);
  return older === undefined ? undefined : { commit: older.commit, committedAt: undefined };
}

/** Refused, or applied and not healthy in time. */
function isFailed({ history, revision, conditions }: GitOpsSourceStatus, commit: string): boolean {
  const top = history?.[0];
  if (top?.commit === commit && top.result === 'Failed') return !outages.has(top.reason ?? '');
  return revision?.applied?.commit === commit && findCondition(conditions, 'Ready')?.reason === lateReason;
}

/** One that came back after another was tried was healthy before it arrived, and has to become so anew. */
function isHealthy({ revision }: GitOpsSourceStatus, commit: string): boolean {
  const { applied, healthy } = revision ?? {};
  return applied?.commit === commit && healthy?.commit === commit && Date.parse(healthy.time) >= Date.parse(applied.time);
}

function isReady({ conditions }: GitOpsSourceStatus): boolean {
  return findCondition(conditions, 'Ready')?.status === 'True';
}

/** Since when condition Ready is False. */
function sinceOf({ conditions, history }: GitOpsSourceStatus): number | undefined {
  const ready = findCondition(conditions, 'Ready');
  return timeOf(ready?.status === 'False' ? ready.lastTransitionTime : history?.[0]?.time);
}

function timeOf(time: string | undefined): number | undefined {
  const parsed = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isFinite(parsed) ? parsed : undefined;
}
