/**
 * While a revision fails, the one before it keeps running: what others change of that is put back all the same (rule 27).
 * Nothing here fails a walk, and nothing of it counts as done by the revision that fails.
 */
import { accountOf, explainForbidden, requireAccount, userOf } from '../apply/account.ts';
import type { Account } from '../apply/account.ts';
import { applyPlan, deferred, throwFaults } from '../apply/apply.ts';
import type { ApplyContext, Corrected } from '../apply/types.ts';
import { noProgress } from '../apply/types.ts';
import { dryRunWrite } from '../apply/write.ts';
import { PlumblineError, faultText } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { ownRequestError } from '../kube/faults.ts';
import { objectKey } from '../kube/types.ts';
import { plan as makePlan } from '../plan/plan.ts';
import type { Plan, Write } from '../plan/types.ts';
import { finish } from '../render/steps.ts';
import type { Manifest } from '../render/types.ts';
import type { ResolvedRef } from '../source/types.ts';
import { findOrigins } from './history-step.ts';
import { look, watchKinds } from './look.ts';
import type { Sight } from './look.ts';
import { claim } from './plan-step.ts';
import { renderSnapshot } from './render-step.ts';
import { isAnyOff, isAnyUndecided, restorable } from './running.ts';
import { settleUndecided } from './settle-step.ts';
import type { Running, Walk } from './types.ts';
import { verifySource } from './verify-step.ts';

/** What came of it. */
export interface PutBack {
  /** As it is known now. */
  readonly running: Running | undefined;
  readonly corrected: readonly Corrected[];
  /** What stays off, and why. */
  readonly stuck: readonly string[];
  /** Why it could not be found out whether anything is off. */
  readonly error: PlumblineError | undefined;
  /** Of something of it no dry run could say whether it is as stated. */
  readonly unsettled?: boolean;
}

/** Git is not waited for longer than this, milliseconds: the revision that fails wants to be tried again. */
const gitDeadline = 10_000;
/** They pass, or are told by the revision that fails. */
const passing: ReadonlySet<string> = new Set(['Conflict', 'ApiServerUnavailable']);

/**
 * Puts back what of the applied revision is off, where the walk is over another one; in mode Report it only finds out what a
 * dry run has to say. Costs nothing where nothing is off, and after a restart one render, before which no verdict is known.
 * Throws only when the signal is aborted.
 */
export async function putBack(self: Walk): Promise<PutBack | undefined> {
  const { env, source, policy, applySet, signal } = self;
  const applied = source.status?.revision?.applied;
  if (applied === undefined || self.seen.ref.commit === applied.commit) return undefined;
  if (policy.mode !== 'Correct') return settleRunning(self);
  const running = self.running?.ref.commit === applied.commit ? self.running : undefined;
  if (running !== undefined && !isAnyOff(running, env.inventory.membersOf(applySet), policy)) return undefined;
  const ref = running?.ref ?? { commit: applied.commit, fullRef: undefined, shortRef: undefined };
  const own: Walk = { ...self, progress: noProgress(), notices: [], past: undefined, unsettled: false };
  try {
    const manifests = await renderRunning(own, ref);
    return { ...(await restore(own, manifests, ref, running)), corrected: own.progress.corrected, error: undefined };
  } catch (error) {
    signal.throwIfAborted();
    const told = ownRequestError(error);
    const stuck = running === undefined ? [] : lasting(told.faults);
    return { running, corrected: own.progress.corrected, stuck, error: told };
  }
}

/**
 * Asks what only dry runs can say of the running revision, and writes nothing: its source is suspended, or puts nothing back.
 * Costs nothing where nothing is undecided. Throws only when the signal is aborted.
 */
export async function settleRunning(self: Walk): Promise<PutBack | undefined> {
  const { env, source, policy, applySet, running, lookUps, signal } = self;
  if (running === undefined || !isAnyUndecided(running, env.inventory.membersOf(applySet), policy)) return undefined;
  const own: Walk = { ...self, progress: noProgress(), notices: [], past: undefined };
  try {
    const manifests = await renderRunning(own, running.ref);
    const account = accountOf(source, env.defaultServiceAccount);
    if (account !== undefined) await requireAccount(account, lookUps, signal);
    await settleUndecided(own, manifests, account);
    return { running, corrected: [], stuck: [], error: undefined, unsettled: own.unsettled };
  } catch (error) {
    signal.throwIfAborted();
    return { running, corrected: [], stuck: [], error: ownRequestError(error), unsettled: true };
  }
}

/** The applied revision, trusted and rendered anew: it may be in memory still, though git is away. */
async function renderRunning(self: Walk, ref: ResolvedRef): Promise<readonly Manifest[]> {
  const { env, source, credentials } = self;
  const { url, path = '', exclude = [] } = source.spec;
  const deadline = AbortSignal.timeout(gitDeadline);
  const signal = AbortSignal.any([self.signal, deadline]);
  const wanted = { path, exclude };
  try {
    const checkout = await env.remotes.checkout(url, credentials, ref, signal, wanted);
    await verifySource(env, source, ref, checkout, signal);
    return (await renderSnapshot(self, await checkout.snapshot(wanted, signal))).manifests;
  } catch (error) {
    if (!deadline.aborted) throw error;
    const message = `commit ${ref.commit.slice(0, 7)}, which runs, cannot be read again within ${gitDeadline / 1_000} s`;
    throw new PlumblineError({ reason: 'GitUnreachable', message }, { cause: error });
  }
}

async function restore(
  self: Walk,
  manifests: readonly Manifest[],
  ref: ResolvedRef,
  running: Running | undefined,
): Promise<Pick<PutBack, 'running' | 'stuck'>> {
  const { env, source, applySet, lookUps, signal } = self;
  const account = accountOf(source, env.defaultServiceAccount);
  const [live] = await Promise.all([look(self, manifests), account && requireAccount(account, lookUps, signal)]);
  const candidates = restorable(manifests, ({ id }) => live(id), running, applySet);
  await state(self, candidates);
  await settleUndecided(self, candidates, account);
  const undecided = [...self.progress.warnings];
  const plan = planRestore(self, candidates, live);
  const writes = [...plan.creates, ...plan.changes];
  const refused = writes.length === 0 ? [] : await write(self, plan, candidates, account, ref.commit);
  const mayCome = new Set(writes.map(({ manifest }) => objectKey(manifest.id)));
  for (const { id } of env.inventory.membersOf(applySet)) mayCome.add(objectKey(id));
  const hashes = running?.hashes ?? new Map(manifests.map(({ id, hash }) => [objectKey(id), hash]));
  const before = running?.present ?? candidates.map(({ id }) => objectKey(id));
  return {
    running: { ref, hashes, present: new Set([...before].filter((key) => mayCome.has(key))) },
    stuck: [...undecided, ...lasting(refused)],
  };
}

/** Only what no verdict is known of, or is to be made: of all else it is known what was written, whatever a newer revision has begun. */
async function state({ env, applySet, place, signal }: Walk, candidates: readonly Manifest[]): Promise<void> {
  const unknown = candidates.filter(({ id }) => env.inventory.find(id)?.drift === undefined);
  const stating = env.inventory.stating(applySet, unknown, true);
  if (unknown.length <= 32) finish(stating);
  else await env.turns.take(stating, place, signal);
}

function planRestore({ env, key, applySet, policy }: Walk, candidates: readonly Manifest[], live: Sight): Plan {
  const hashes = new Map(candidates.map(({ id, hash }) => [objectKey(id), hash]));
  return makePlan({
    source: key,
    applySet,
    prune: false,
    manifests: candidates,
    members: [], // nothing is removed
    live,
    sourceOf: env.sourceOf,
    servedNamespaces: env.namespaces,
    appliedBefore: true,
    appliedHash: (id) => hashes.get(objectKey(id)),
    wasThere: () => true,
    isHanded: () => false,
    isFreed: () => false,
    policy,
  });
}

/** Writes what a dry run lets through, and answers why the rest is not written. */
async function write(
  self: Walk,
  plan: Plan,
  candidates: readonly Manifest[],
  account: Account | undefined,
  commit: string,
): Promise<readonly Fault[]> {
  const { env, key, applySet, signal } = self;
  const { client, discovery, inventory } = env;
  const origins = await findOrigins(self, plan, candidates);
  const as = account && userOf(account);
  const context: ApplyContext = { client, discovery, inventory, source: key, as, applySet, commit, origins, signal };
  const writes = [...plan.creates, ...plan.changes];
  const refused: Fault[] = [];
  const isRefused = new Set<Write>();
  await Promise.all(
    deferred(writes).now.map(async (one) => {
      const faults = await dryRunWrite(one, context);
      refused.push(...faults);
      if (faults.length > 0) isRefused.add(one);
    }),
  );
  const creates = plan.creates.filter((one) => !isRefused.has(one));
  const changes = plan.changes.filter((one) => !isRefused.has(one));
  const passed: Plan = { ...plan, creates, changes, dryRun: true };
  try {
    throwFaults(claim(self, passed, 'beginWriting'));
    await applyPlan(passed, context, self.progress, () => watchKinds(self, candidates));
  } catch (error) {
    if (!(error instanceof PlumblineError)) throw error;
    refused.push(...error.faults);
  }
  if (refused.length === 0) return [];
  const told = await explainForbidden(new PlumblineError(refused), account, writes, [], [], context);
  return told instanceof PlumblineError ? told.faults : refused;
}

function lasting(faults: readonly Fault[]): readonly string[] {
  return faults.filter(({ reason }) => !passing.has(reason)).map(faultText);
}
