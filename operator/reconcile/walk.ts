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
import type { Changes, Outcome } from '../report/types.ts';
import { workloadImages } from '../report/workloads.ts';
import type { WorkloadImage } from '../report/workloads.ts';
import type { Checkout, Snapshot, Wanted } from '../source/types.ts';
import { runningImages } from './adopt-images.ts';
import { applyRevision } from './apply-step.ts';
import { findOrigins, isNewRevision, openHistory, tellIncoming } from './history-step.ts';
import { isCurrent, remember } from './memory.ts';
import { planRevision } from './plan-step.ts';
import { renderSnapshot } from './render-step.ts';
import { timed } from './phase.ts';
import type { Memory, Walk, WalkEnv, WalkInput } from './types.ts';
import { verifySource } from './verify-step.ts';

/** The end of a walk, and what the next one may rely on; no memory means that nothing is known for certain. */
export interface WalkResult {
  readonly outcome: Extract<Outcome, { kind: 'applied' | 'failed' }>;
  readonly memory: Memory | undefined;
  /** Of some member it is still not known whether it is as stated. */
  readonly unsettled: boolean;
}

/** Walks once. Resolves with an outcome whatever fails; throws only when its signal is aborted. */
export async function walk(env: WalkEnv, input: WalkInput): Promise<WalkResult> {
  const { namespace, name } = input.source.metadata;
  const self: Walk = {
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
    past: undefined,
    incoming: undefined,
    origins: undefined,
  };
  try {
    const memory = await steps(self);
    self.ended = timeOf(env);
    await tellIncoming(self);
    return { outcome: appliedOutcome(self), memory, unsettled: self.unsettled };
  } catch (error) {
    input.signal.throwIfAborted();
    await tellIncoming(self);
    return { outcome: failedOutcome(self, ownRequestError(error)), memory: undefined, unsettled: self.unsettled };
  } finally {
    self.lookUps.close();
    env.claims.release(
      input.key,
      self.claimed.map((manifest) => manifest.id),
    );
  }
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
  self.images = workloadImages(rendered.manifests);
  const commit = snapshot.commit.sha;
  const [planned, origins] = await timed(self, 'plan', async () => {
    const made = await planRevision(self, rendered.manifests, commit);
    return [made, await findOrigins(self, made.plan, rendered.manifests)] as const;
  });
  self.ran = await ranBefore(self, planned.plan, commit);
  await applyRevision(self, planned, commit, origins);
  self.env.inventory.retainStated(self.applySet, new Set(rendered.manifests.map(({ id }) => objectKey(id))));
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

function appliedOutcome(self: Walk): WalkResult['outcome'] {
  const { created, changed, pruned } = self.progress;
  const total = self.total ?? created + changed + pruned;
  return { kind: 'applied', changes: changesOf(self), total, images: self.images, ran: self.ran, ...told(self), seen: self.seen };
}

function failedOutcome(self: Walk, error: PlumblineError): WalkResult['outcome'] {
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
    ...told(self),
  };
}

function told(self: Walk) {
  const { verified, notices, incoming, origins = [], began, ended } = self;
  const { warnings, adopted, corrected, objects } = self.progress;
  return { verified, notices, warnings: [...warnings], adopted, corrected, objects, incoming, origins, began, ended };
}

function timeOf(env: WalkEnv): string {
  return new Date(env.now()).toISOString();
}

function changesOf({ progress, total = 0 }: Walk): Changes {
  const { created, changed, pruned, letGo } = progress;
  return { created, changed, pruned, letGo, unchanged: Math.max(0, total - created - changed) };
}
