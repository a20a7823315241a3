/** From manifests to a plan that may be carried out: who acts, what is live, who owns it, and whether the prune is held. */
import type { Account } from '../apply/account.ts';
import { accountOf, requireAccount } from '../apply/account.ts';
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { objectKey, objectText } from '../kube/types.ts';
import { hold } from '../plan/guard.ts';
import { plan as makePlan, unknownHash } from '../plan/plan.ts';
import type { Hold, Plan } from '../plan/types.ts';
import { finish } from '../render/steps.ts';
import type { Manifest } from '../render/types.ts';
import { statedElsewhere } from './elsewhere.ts';
import { guardFacts } from './guard-facts.ts';
import { appliedCommits } from './history-step.ts';
import { isPruneAllowed } from './held.ts';
import { appliedHashes } from './jobs.ts';
import { look } from './look.ts';
import { settleUndecided } from './settle-step.ts';
import type { Walk } from './types.ts';

const atOnce = 32;

/** A plan, who carries it out, and what of it a person has to let go first. */
export interface Planned {
  readonly plan: Plan;
  readonly account: Account | undefined;
  readonly held: Hold | undefined;
  readonly appliedBefore: boolean;
}

/** Plans the revision. Throws PlumblineError with every object that is not this source's to write. */
export async function planRevision(self: Walk, manifests: readonly Manifest[], commit: string): Promise<Planned> {
  const { env, source, key, applySet, lookUps, signal } = self;
  const account = accountOf(source, env.defaultServiceAccount);
  const [live] = await Promise.all([look(self, manifests), account && requireAccount(account, lookUps, signal)]);
  const appliedBefore = source.status?.revision?.applied !== undefined;
  const stating = env.inventory.stating(applySet, manifests, source.status?.revision?.applied?.commit === commit);
  // Few objects take no time worth waiting in line for.
  if (manifests.length <= atOnce) finish(stating);
  else await env.turns.take(stating, self.place, signal);
  await settleUndecided(self, manifests, account);
  const elsewhere = await statedElsewhere(self, manifests, live);
  self.notices = [...self.notices, ...elsewhere.notices];
  const before = await appliedHashes(self, manifests, live);
  const members = env.inventory.membersOf(applySet);
  const plan = makePlan({
    source: key,
    applySet,
    prune: source.spec.prune,
    manifests,
    members,
    live,
    sourceOf: env.sourceOf,
    servedNamespaces: env.namespaces,
    appliedBefore,
    appliedHash: (id) => (before === undefined ? unknownHash : before.get(objectKey(id))),
    wasThere: ({ id, hash }) => self.memory?.hashes.get(objectKey(id)) === hash,
    isHanded: (member) => elsewhere.handed.has(objectKey(member.id)),
    isFreed: (id) => elsewhere.freed.has(objectKey(id)),
    policy: self.policy,
  });
  for (const [owner, objects] of plan.contested) {
    self.noteContested(
      owner,
      objects.map((manifest) => objectText(manifest.id)),
    );
  }
  const faults = [...plan.faults, ...claim(self, plan, 'take')];
  if (faults.length > 0) throw new PlumblineError(faults);
  const facts = await guardFacts(self, plan.prune);
  const at = source.status?.revision?.applied?.time;
  const appliedAt = at === undefined ? undefined : Date.parse(at);
  const input = { stated: manifests.length, members, prune: plan.prune, commit, appliedAt, facts };
  const held = plan.prune.length === 0 || isPruneAllowed(source, commit) ? undefined : hold({ ...input, ...(await knownBefore(self)) });
  return { plan, account, held, appliedBefore };
}

/** What the guard may know of what was there before: the revision that was applied, or at least the commits up to it. */
async function knownBefore(self: Walk) {
  const { lastApplied, source } = self;
  if (lastApplied !== undefined && lastApplied.commit === source.status?.revision?.applied?.commit) {
    return { appliedBefore: new Set(lastApplied.hashes.keys()) };
  }
  return { isOld: await appliedCommits(self) };
}

/** Claims what nobody owns yet; what another source claimed first is refused (rule 14). */
export function claim(self: Walk, plan: Plan, how: 'take' | 'beginWriting'): readonly Fault[] {
  const free = [...plan.creates, ...plan.changes.filter((write) => write.adopts !== undefined)].map((write) => write.manifest);
  const claimant = { source: self.key, createdAt: self.source.metadata.creationTimestamp ?? '' };
  self.claimed.push(...free);
  const refused = self.env.claims[how](
    claimant,
    free.map((manifest) => manifest.id),
  );
  return free.flatMap((manifest) => {
    const owner = refused.get(objectKey(manifest.id));
    if (owner === undefined) return [];
    const message = `is stated by GitOpsSource ${owner} too, which came first`;
    const remedy = `Take the manifest out of this source or out of ${owner}.`;
    return [{ reason: 'OwnedByOther', place: manifest.place, object: objectText(manifest.id), message, remedy } satisfies Fault];
  });
}
