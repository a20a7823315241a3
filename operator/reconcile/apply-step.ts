/** Carries a plan out: dry run, the parent's set widened, stages, prune, the set narrowed. */
import { explainForbidden, userOf } from '../apply/account.ts';
import { applyPlan, dryRun, throwFaults } from '../apply/apply.ts';
import { parentPatch, patchSource } from '../apply/parent.ts';
import { letGoMembers, pruneMembers } from '../apply/prune.ts';
import type { Origin } from '../apply/desired.ts';
import type { ApplyContext } from '../apply/types.ts';
import { PlumblineError } from '../errors.ts';
import { groupKindText } from '../kube/types.ts';
import { readParent, setOf, widen } from '../plan/applyset.ts';
import type { ParentSet } from '../plan/applyset.ts';
import { isProven } from '../plan/plan.ts';
import type { Manifest } from '../render/types.ts';
import { heldFault } from './held.ts';
import { memberKinds, watchKinds } from './look.ts';
import { claim } from './plan-step.ts';
import type { Planned } from './plan-step.ts';
import { timed } from './phase.ts';
import type { Walk } from './types.ts';

/** Brings the cluster to the plan. Throws PlumblineError with everything that stood in the way. */
export async function applyRevision(self: Walk, planned: Planned, commit: string, origins: ReadonlyMap<string, Origin>): Promise<void> {
  const { plan, account, held } = planned;
  const { env, key, applySet, signal } = self;
  const as = account && userOf(account);
  const context: ApplyContext = { ...pick(env), source: key, as, applySet, commit, origins, signal };
  try {
    await carryOut(self, planned, context);
  } catch (error) {
    const removed = held === undefined ? plan : { prune: [], letGo: [] };
    throw await explainForbidden(error, account, [...plan.creates, ...plan.changes], removed.prune, removed.letGo, context);
  }
}

async function carryOut(self: Walk, { plan, held, appliedBefore }: Planned, context: ApplyContext): Promise<void> {
  const writes = [...plan.creates, ...plan.changes];
  const stated = [...writes.map((write) => write.manifest), ...plan.unchanged];
  const removed = held === undefined ? plan.prune.length + plan.letGo.length : 0;
  const prune = held === undefined ? plan.prune : [];

  if (plan.dryRun && writes.length + prune.length > 0) await timed(self, 'dryrun', () => dryRun(plan, prune, context));
  const writesAny = writes.length + removed > 0;
  if (writesAny && appliedBefore) await self.noteAttempt(self.seen, true);
  if (stated.length > 0) {
    const ids = stated.map((manifest) => manifest.id);
    await widenParent(self, setOf(ids, self.source.metadata.namespace));
  }
  // Nothing runs yet: what counts is how long it takes once it has begun, not how long others were before it.
  if (writesAny && !appliedBefore) await self.noteAttempt(self.seen, false);
  if (writes.length > 0) {
    throwFaults(claim(self, plan, 'beginWriting'));
    const manifests = writes.map((write) => write.manifest);
    await timed(self, 'apply', () => applyPlan(plan, context, self.progress, () => watchKinds(self, [...manifests, ...plan.unchanged])));
  }
  throwFaults(plan.terminating);
  if (held !== undefined) throw new PlumblineError(heldFault(held, self.source, context.commit));
  if (removed > 0) {
    await timed(self, 'prune', async () => {
      await letGoMembers(plan.letGo, context, self.progress);
      await pruneMembers(prune, context, self.progress);
    });
  }
  await narrowParent(self, stated);
}

/** Before the first write of a kind or namespace the parent lists it, so that a crash in between hides no member (rule 38). */
async function widenParent(self: Walk, stated: ParentSet): Promise<void> {
  await patchParent(self, widen(readParent(self.source.metadata.annotations), stated));
}

/**
 * After the last member of a kind is gone the parent no longer lists it; kinds that could not be looked at stay, and so does
 * what was just found to be there, whatever a watch that starts over shows of it at this moment.
 */
async function narrowParent(self: Walk, stated: readonly Manifest[]): Promise<void> {
  const { env, source, applySet } = self;
  const members = env.inventory.membersOf(applySet).filter(isProven);
  const here = setOf(
    [...members, ...stated].map(({ id }) => id),
    source.metadata.namespace,
  );
  const known = new Set((await memberKinds(self)).map(groupKindText));
  const parent = readParent(source.metadata.annotations);
  const unseen = parent.groupKinds.filter((groupKind) => !known.has(groupKind));
  // Where members of an unseen kind are is not known either.
  await patchParent(self, widen(here, { groupKinds: unseen, namespaces: unseen.length === 0 ? [] : parent.namespaces }));
}

async function patchParent(self: Walk, set: ParentSet): Promise<void> {
  const patch = parentPatch(self.source, set, self.env.tooling);
  if (patch === undefined) return;
  self.source = await patchSource(self.env.client, self.source, patch, self.signal);
  self.noteSource(self.source);
}

function pick({ client, discovery, inventory }: Walk['env']) {
  return { client, discovery, inventory };
}
