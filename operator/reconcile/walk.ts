/**
 * The walk itself: one reconcile of one source, from git to cluster, in the order of the stages. It is told only which
 * source and which commit; what is to be done follows from git and from what is live.
 */
import { noProgress } from '../apply/types.ts';
import type { PlumblineError } from '../errors.ts';
import { ownRequestError } from '../kube/faults.ts';
import { objectKey } from '../kube/types.ts';
import { applySetId } from '../plan/applyset.ts';
import type { Plan } from '../plan/types.ts';
import type { Changes, Outcome, RevisionSeen } from '../report/types.ts';
import { workloadImages } from '../report/workloads.ts';
import type { WorkloadImage } from '../report/workloads.ts';
import type { Checkout, Snapshot, Wanted } from '../source/types.ts';
import { runningImages } from './adopt-images.ts';
import { applyRevision } from './apply-step.ts';
import { findOrigins, isNewRevision, openHistory, tellIncoming } from './history-step.ts';
import { isCurrent, remember } from './memory.ts';
import { planRevision } from './plan-step.ts';
import { putBack, settleRunning } from './put-back.ts';
import type { PutBack } from './put-back.ts';
import { renderSnapshot } from './render-step.ts';
import { runningOf, withoutLeaving } from './running.ts';
import { timed } from './phase.ts';
import type { Memory, Running, Walk, WalkEnv, WalkInput } from './types.ts';
import { verifySource } from './verify-step.ts';

/** The end of a walk, and what the next one may rely on; no memory means that nothing is known for certain. */
export interface WalkResult {
  readonly outcome: Extract<Outcome, { kind: 'applied' | 'failed' }>;
  readonly memory: Memory | undefined;
  /** What runs, whatever failed. */
  readonly running: Running | undefined;
  /** Of some member it is still not known whether it is as stated. */
  readonly unsettled: boolean;
  /** What was put back of the revision that runs, while this one fails. */
  readonly putBack: PutBack | undefined;
}

/** Of a walk over no revision. */
export const nowhere: RevisionSeen = { ref: { commit: '', fullRef: undefined, shortRef: undefined }, time: '', commit: undefined };

/** Walks once. Resolves with an outcome whatever fails; throws only when its signal is aborted. */
export async function walk(env: WalkEnv, input: WalkInput): Promise<WalkResult> {
  const self = begin(env, input);
  let back: PutBack | undefined;
  try {
    if (input.isFailing) back = await restored(self, back);
    const memory = await steps(self);
    self.ended = timeOf(env);
    await tellIncoming(self);
    const outcome = appliedOutcome(self, back);
    return { outcome, memory, running: runningOf(memory, self.seen.ref), unsettled: self.unsettled, putBack: back };
  } catch (error) {
    input.signal.throwIfAborted();
    await tellIncoming(self);
    const failure = ownRequestError(error);
    keepLeaving(self, failure);
    back = await restored(self, back);
    keepLeaving(self, failure); // of what only now was found to be there
    const outcome = failedOutcome(self, failure, back);
    return { outcome, memory: undefined, running: self.running, unsettled: self.unsettled, putBack: back };
  } finally {
    end(self);
  }
}

/** The same where the remote does not even say what there is to walk over: what runs is put back. Throws only when its signal is aborted. */
export function walkBack(env: WalkEnv, input: WalkInput): Promise<PutBack | undefined> {
  return during(env, input, putBack);
}

/** The same where nothing is to be put back, only told: the source is suspended. Throws only when its signal is aborted. */
export function walkAsking(env: WalkEnv, input: WalkInput): Promise<PutBack | undefined> {
  return during(env, input, settleRunning);
}

async function during<T>(env: WalkEnv, input: WalkInput, work: (self: Walk) => Promise<T>): Promise<T> {
  const self = begin(env, input);
  try {
    return await work(self);
  } finally {
    end(self);
  }
}

function begin(env: WalkEnv, input: WalkInput): Walk {
  const { namespace, name } = input.source.metadata;
  return {
    ...input,
    env,
    applySet: applySetId({ namespace, name }),
    place: env.turns.place(),
    lookUps: env.lookUps.begin(input.key),
    claimed: [],
    progress: noProgress(),
    unsettled: false,
    phase: 'source',
    attempted: false,
    total: undefined,
    verified: [],
    notices: [],
    isNewRevision: isNewRevision(input.source.status, input.seen.ref.commit),
    stated: undefined,
    past: undefined,
    incoming: undefined,
    origins: undefined,
  };
}

function end(self: Walk): void {
  self.lookUps.close();
  self.env.claims.release(
    self.key,
    self.claimed.map((manifest) => manifest.id),
  );
}

/** What was not found out, or stays off, is not tried twice. */
async function restored(self: Walk, before: PutBack | undefined): Promise<PutBack | undefined> {
  if (before !== undefined && (before.error !== undefined || before.stuck.length > 0)) return before;
  const back = await putBack(self);
  if (back === undefined) return before;
  self.running = back.running;
  return { ...back, corrected: [...(before?.corrected ?? []), ...back.corrected] };
}

/** What the revision that fails has removed, or holds until a person lets it go, leaves. */
function keepLeaving(self: Walk, error: PlumblineError): void {
  const isIn = self.phase === 'prune' || error.faults.some(({ reason }) => reason === 'PruneHeld');
  if (isIn && self.running !== undefined && self.stated !== undefined) self.running = withoutLeaving(self.running, self.stated);
}

async function steps(self: Walk): Promise<Memory> {
  const checkout = await timed(self, 'source', () => fetchRevision(self));
  if (self.source.spec.verify !== undefined) await timed(self, 'verify', () => verifyCheckout(self, checkout));
  self.phase = 'source';
  const snapshot = await takeSnapshot(self, checkout);
  if (isCurrent(self, snapshot)) {
    self.total = self.memory?.total;
    return { ...self.memory, commit: snapshot.commit.sha, handed: [] }; // else it would not be current
  }
  const rendered = await timed(self, 'render', () => renderSnapshot(self, snapshot));
  self.total = rendered.manifests.length;
  self.notices = rendered.notices;
  const stated = new Set(rendered.manifests.map(({ id }) => objectKey(id)));
  self.stated = stated;
  self.images = workloadImages(rendered.manifests);
  const commit = snapshot.commit.sha;
  const [planned, origins] = await timed(self, 'plan', async () => {
    const made = await planRevision(self, rendered.manifests, commit);
    return [made, await findOrigins(self, made.plan, rendered.manifests)] as const;
  });
  self.ran = await ranBefore(self, planned.plan, commit);
  await applyRevision(self, planned, commit, origins);
  self.env.inventory.retainStated(self.applySet, stated);
  return remember(self, snapshot, planned.plan, rendered.manifests);
}

async function fetchRevision(self: Walk): Promise<Checkout> {
  const { url } = self.source.spec;
  const checkout = await self.env.remotes.checkout(url, self.credentials, self.seen.ref, self.signal, wantedOf(self));
  self.seen = { ...self.seen, commit: checkout.commit };
  return checkout;
}

/** After a restart only the cluster knows what a workload ran before the revision that changes it now. */
async function ranBefore(self: Walk, { changes }: Plan, commit: string): Promise<readonly WorkloadImage[] | undefined> {
  const applied = self.source.status?.revision?.applied?.commit;
  if (self.lastApplied !== undefined || applied === undefined || applied === commit) return undefined;
  if (workloadImages(changes.map(({ manifest }) => manifest)).length === 0) return undefined;
  try {
    return await runningImages(self.env, self.source, self.signal);
  } catch {
    self.signal.throwIfAborted();
    return undefined; // the record says then what runs, and not what ran
  }
}

async function verifyCheckout(self: Walk, checkout: Checkout): Promise<void> {
  self.verified = await verifySource(self.env, self.source, self.seen.ref, checkout, self.signal);
}

function takeSnapshot(self: Walk, checkout: Checkout): Promise<Snapshot> {
  self.attempted = true;
  self.began = timeOf(self.env);
  self.past = openHistory(self, checkout);
  return checkout.snapshot(wantedOf(self), self.signal);
}

function wantedOf({ source: { spec } }: Walk): Wanted {
  return { path: spec.path ?? '', exclude: spec.exclude ?? [] };
}

function appliedOutcome(self: Walk, back: PutBack | undefined): WalkResult['outcome'] {
  const { created, changed, pruned } = self.progress;
  const total = self.total ?? created + changed + pruned;
  return { kind: 'applied', changes: changesOf(self), total, images: self.images, ran: self.ran, ...told(self, back), seen: self.seen };
}

function failedOutcome(self: Walk, error: PlumblineError, back: PutBack | undefined): WalkResult['outcome'] {
  const changes = changesOf(self);
  const wrote = changes.created + changes.changed + changes.pruned + changes.letGo > 0;
  return {
    kind: 'failed',
    seen: self.seen,
    phase: self.phase,
    error,
    attempted: self.attempted,
    changes: wrote ? changes : undefined,
    total: self.total,
    failedObjects: new Set(error.faults.map((fault) => fault.object).filter((object) => object !== undefined)).size,
    retryAt: undefined,
    ...told(self, back),
  };
}

function told(self: Walk, back: PutBack | undefined) {
  const { verified, notices, incoming, origins = [], began, ended } = self;
  const { warnings, adopted, objects } = self.progress;
  const meanwhile = back?.corrected ?? [];
  const corrected = [...meanwhile, ...self.progress.corrected];
  return { verified, notices, warnings: [...warnings], adopted, corrected, putBack: meanwhile, objects, incoming, origins, began, ended };
}

function timeOf(env: WalkEnv): string {
  return new Date(env.now()).toISOString();
}

function changesOf({ progress, total = 0 }: Walk): Changes {
  const { created, changed, pruned, letGo } = progress;
  return { created, changed, pruned, letGo, unchanged: Math.max(0, total - created - changed) };
}
