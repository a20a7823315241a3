/** Pure: how the health of a source's objects is told: condition Healthy, what waits for it, and when it was waited for too long. */
import { dropCondition, findCondition, setCondition } from '../api/conditions.ts';
import { durationText } from '../api/duration.ts';
import type { Condition, GitOpsSourceStatus } from '../api/types.ts';
import { catalogue, conditionReasons } from '../errors.ts';
import type { HealthStatus } from '../live/health/types.ts';
import type { EventDraft } from './events.ts';
import { isHalfIn } from './history.ts';
import { appliedMessage, revisionText, writtenBy } from './message.ts';
import { counted, cutText } from './text.ts';
import type { Changes, Outcome } from './types.ts';

/** An object that is not Current. */
export interface Unhealthy {
  /** `Deployment shop/web` */
  readonly object: string;
  readonly status: HealthStatus;
  /** What waits for what, without a full stop. */
  readonly message: string;
  /** What its pods say, if anything; undefined where they have not been looked into yet. */
  readonly pods?: string | undefined;
}

/** The health of everything that a revision states, as of now. */
export interface Health {
  readonly total: number;
  /** Every one, in the order in which they are told. */
  readonly unhealthy: readonly Unhealthy[];
}

/** What spec.health says, and of which generation. */
export interface HealthInput {
  readonly health: Health;
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly generation: number;
  /** What the last revision changed, as far as it is remembered. */
  readonly changes?: Changes | undefined;
  /** RFC 3339. */
  readonly now: string;
}

/** How many objects condition Healthy lists, and how many a sentence that goes on. */
const maxListed = 20;
const maxInSentence = 5;
const maxObject = 1_000;

const order: readonly HealthStatus[] = ['Failed', 'Terminating', 'InProgress', 'Unknown', 'Current'];

/** What is worst first, then by name. */
export function inOrder(unhealthy: readonly Unhealthy[]): readonly Unhealthy[] {
  return unhealthy.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status) || (a.object < b.object ? -1 : 1));
}

/** The status between two walks, after the health of something changed. */
export function healthStatus(status: GitOpsSourceStatus, now: HealthInput): GitOpsSourceStatus {
  const input = recalling(status, now);
  const told = withHealth(status, input);
  if (!isAwaiting(status)) return told;
  return isAllWell(input.health) || !input.wait ? arrived(told, input) : awaiting(status, told, input);
}

/**
 * The status after a walk: `told` is what was said of its outcome. With spec.health.wait a revision that is applied is Ready
 * once it was healthy; until then Ready keeps what it was (rule 32).
 */
export function withOutcomeHealth(
  previous: GitOpsSourceStatus | undefined,
  told: GitOpsSourceStatus,
  outcome: Outcome,
  now: HealthInput,
): GitOpsSourceStatus {
  const input = recalling(previous, now);
  const next = withHealth(told, input);
  if (outcome.kind !== 'applied' || !input.wait || isAllWell(input.health)) return next;
  return isHealthAwaited(previous, outcome, input.generation) ? awaiting(previous, next, input) : next;
}

/**
 * Whether a revision that was applied has yet to become healthy: it has not been since it was applied, or an edit of the
 * spec has changed something since. `previous` is the status before this outcome.
 */
export function isHealthAwaited(previous: GitOpsSourceStatus | undefined, outcome: Outcome, generation: number): boolean {
  if (outcome.kind !== 'applied' || isAwaiting(previous)) return outcome.kind === 'applied';
  const { commit } = outcome.seen.ref;
  const { applied, healthy } = previous?.revision ?? {};
  const isIn = applied?.commit === commit && previous?.history?.[0]?.commit === commit;
  const wasHealthy = isIn && healthy?.commit === commit && Date.parse(healthy.time) >= Date.parse(applied.time);
  return !wasHealthy || (previous?.observedGeneration !== generation && writtenBy(outcome.changes) > 0);
}

/**
 * The events of a change of health: that a revision became healthy after it was told to be applied, that it took too long,
 * and, of one that was healthy, each fall and recovery. `outcome` of the walk that told it.
 */
export function healthEvents(previous: GitOpsSourceStatus | undefined, next: GitOpsSourceStatus, outcome?: Outcome): readonly EventDraft[] {
  const [was, is] = [previous, next].map((status) => findCondition(status?.conditions, 'Healthy'));
  const ready = findCondition(next.conditions, 'Ready');
  const isLate = ready?.reason === 'HealthTimeout' && findCondition(previous?.conditions, 'Ready')?.reason !== 'HealthTimeout';
  if (ready !== undefined && isLate) return [{ type: 'Warning', reason: 'HealthTimeout', action: 'Assess', note: ready.message }];
  const becomes = next.revision?.healthy !== undefined && next.revision.healthy !== previous?.revision?.healthy;
  if (is?.status === 'True' && (becomes || was?.status === 'False')) {
    const isTold = outcome?.kind === 'applied' && becomes; // with the event that it is applied
    return isTold ? [] : [{ type: 'Normal', reason: 'Healthy', action: 'Assess', note: `${revisionOf(next)}: ${is.message}` }];
  }
  if (is?.status !== 'False' || was?.status !== 'True' || isAwaiting(next)) return [];
  return [{ type: 'Warning', reason: 'Unhealthy', action: 'Assess', note: `${revisionOf(next)}: ${is.message}` }];
}

/** Whether the applied revision is waited for to become healthy. */
export function isAwaiting(status: GitOpsSourceStatus | undefined): boolean {
  return findCondition(status?.conditions, 'Reconciling')?.reason === 'AwaitingHealth';
}

/** When the wait for health is over, milliseconds since the epoch. */
export function healthDeadline(status: GitOpsSourceStatus, timeoutMs: number): number {
  const reconciling = findCondition(status.conditions, 'Reconciling');
  const times = [status.revision?.applied?.time, isAwaiting(status) ? reconciling?.lastTransitionTime : undefined];
  return Math.max(...times.map((time) => (time === undefined ? 0 : Date.parse(time)))) + timeoutMs;
}

export function isAllWell({ unhealthy }: Health): boolean {
  return unhealthy.length === 0;
}

/** `2 of 12 objects are not healthy:` and a line for each, in bounds. */
export function healthText({ total, unhealthy }: Health): string {
  if (unhealthy.length === 0)
    return total === 0 ? 'There are no objects.' : total === 1 ? 'The one object is healthy.' : `All ${total} objects are healthy.`;
  const lines = unhealthy.slice(0, maxListed).map(lineOf);
  const more = unhealthy.length > maxListed ? [`and ${unhealthy.length - maxListed} more`] : [];
  return `${notHealthy(unhealthy.length, total)}:${lines.length + more.length === 1 ? ' ' : '\n'}${[...lines, ...more].join('\n')}`;
}

/** After a restart pods are looked into once more a while later: until then what they said is still told. */
function recalling(status: GitOpsSourceStatus | undefined, input: HealthInput): HealthInput {
  const said = findCondition(status?.conditions, 'Healthy')?.message ?? '';
  const unhealthy = input.health.unhealthy.map((one): Unhealthy => {
    if (one.pods !== undefined) return one;
    const start = `${one.object}: ${one.message}; `;
    const at = said.indexOf(start);
    return at < 0 ? one : { ...one, pods: said.slice(at + start.length).split('\n')[0] };
  });
  return { ...input, health: { ...input.health, unhealthy } };
}

/** The counts, condition Healthy, and the healthy revision when everything of the applied one is well. */
function withHealth(status: GitOpsSourceStatus, { health, generation, now }: HealthInput): GitOpsSourceStatus {
  const { total, unhealthy } = health;
  const applied = status.revision?.applied;
  const arrives = isAllWell(health) && applied !== undefined && !isHalfIn(status.history ?? [], applied.commit);
  const healthy = status.revision?.healthy;
  const isNew = arrives && !(healthy?.commit === applied.commit && Date.parse(healthy.time) >= Date.parse(applied.time));
  return {
    ...status,
    conditions: setCondition(status.conditions, { ...conditionOf(health), type: 'Healthy', observedGeneration: generation }, now),
    revision: isNew ? { ...status.revision, healthy: { commit: applied.commit, time: now } } : status.revision,
    objects: { ...status.objects, healthy: total - unhealthy.length },
    display: { ...status.display, healthy: `${total - unhealthy.length}/${total}` },
  };
}

function conditionOf(health: Health): Pick<Condition, 'status' | 'reason' | 'message'> {
  const message = healthText(health);
  const worst = health.unhealthy[0]?.status;
  if (worst === undefined) return { status: 'True', reason: 'Healthy', message };
  if (worst === 'Unknown') return { status: 'Unknown', reason: 'HealthUnknown', message };
  return { status: 'False', reason: worst === 'Failed' ? 'Unhealthy' : 'InProgress', message };
}

/** Ready and done. */
function arrived(status: GitOpsSourceStatus, input: HealthInput): GitOpsSourceStatus {
  const at = { observedGeneration: input.generation };
  const message = appliedText(status, status, input);
  const conditions = setCondition(status.conditions, { ...at, type: 'Ready', status: 'True', reason: 'Applied', message }, input.now);
  const idle = { ...at, type: 'Reconciling', status: 'False', reason: 'Idle', message: conditionReasons.Idle } as const;
  return { ...status, conditions: setCondition(conditions, idle, input.now) };
}

/** What was done; of a revision that is waited for already it is known from there, also after a restart. */
function appliedText(before: GitOpsSourceStatus | undefined, status: GitOpsSourceStatus, { changes, health }: HealthInput): string {
  const said = findCondition(before?.conditions, 'Reconciling')?.message.split('; ')[0] ?? '';
  const revision = revisionOf(status);
  if (isAwaiting(before) && said.startsWith(`${revision} is applied: `) && writtenBy(changes) === 0) return said;
  return appliedMessage(revision, status.objects?.total ?? health.total, changes);
}

/** Applied, and not healthy yet. Ready stays what it was `before`, until it has taken too long. */
function awaiting(before: GitOpsSourceStatus | undefined, status: GitOpsSourceStatus, input: HealthInput): GitOpsSourceStatus {
  const { health, timeoutMs, generation, now } = input;
  const at = { observedGeneration: generation };
  const said = appliedText(before, status, input);
  const reconciling = { ...at, type: 'Reconciling', status: 'True', reason: 'AwaitingHealth', message: '' } as const;
  const base = asBefore(asBefore(status.conditions ?? [], before, 'Ready'), before, 'Reconciling');
  const deadline = healthDeadline({ ...status, conditions: setCondition(base, reconciling, now) }, timeoutMs);
  const isLate = Date.parse(now) >= deadline;
  const until = new Date(deadline).toISOString().replace(/\.\d+Z$/u, 'Z');
  const message = `${said}; ${waitingText(health)}${isLate ? '' : `. It is waited for until ${until}`}.`;
  const conditions = setCondition(base, { ...reconciling, message }, now);
  const ready = findCondition(before?.conditions, 'Ready');
  if (isLate) {
    const late = lateMessage(status, health, timeoutMs);
    return {
      ...status,
      conditions: setCondition(conditions, { ...at, type: 'Ready', status: 'False', reason: 'HealthTimeout', message: late }, now),
    };
  }
  if (ready?.status === 'True') return { ...status, conditions };
  const waits = { ...at, type: 'Ready', status: ready?.status ?? 'Unknown', reason: 'AwaitingHealth', message } as const;
  return { ...status, conditions: setCondition(conditions, waits, now) };
}

/** The conditions with the one of this type as it was before. */
function asBefore(
  conditions: readonly Condition[],
  before: GitOpsSourceStatus | undefined,
  type: 'Ready' | 'Reconciling',
): readonly Condition[] {
  const was = findCondition(before?.conditions, type);
  return was === undefined ? dropCondition(conditions, type) : conditions.map((one) => (one.type === type ? was : one));
}

function lateMessage(status: GitOpsSourceStatus, health: Health, timeoutMs: number): string {
  const is = `${revisionOf(status)} is applied, and did not become healthy within ${durationText(timeoutMs)}`;
  return `${is}: ${healthText(health)}\n${lastHealthy(status)}${catalogue.HealthTimeout.remedy}`;
}

function waitingText({ total, unhealthy }: Health): string {
  const listed = unhealthy.slice(0, maxInSentence).map(lineOf).join('; ');
  const more = unhealthy.length > maxInSentence ? `; and ${unhealthy.length - maxInSentence} more` : '';
  return `${notHealthy(unhealthy.length, total, ' yet')}: ${listed}${more}`;
}

function notHealthy(count: number, total: number, yet = ''): string {
  return `${count} of ${counted(total, 'object')} ${count === 1 ? 'is' : 'are'} not healthy${yet}`;
}

function lineOf({ object, message, pods = '' }: Unhealthy): string {
  return cutText(`${object}: ${message}${pods === '' ? '' : `; ${pods}`}`, maxObject);
}

function lastHealthy({ revision, history }: GitOpsSourceStatus): string {
  const commit = revision?.healthy?.commit;
  if (commit === undefined || commit === revision?.applied?.commit) return '';
  const ref = history?.find((entry) => entry.commit === commit)?.ref;
  return `The last revision that was healthy is ${revisionText(ref, commit)}. `;
}

/** The applied revision as people write it. */
function revisionOf(status: GitOpsSourceStatus): string {
  const commit = status.revision?.applied?.commit ?? '';
  const shown = status.display?.revision;
  const bare = revisionText(undefined, commit);
  return shown?.endsWith(bare) === true ? shown : bare;
}
