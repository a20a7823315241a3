/** Pure: prunes that wait for a person (rule 18), and the annotation that lets one go. */
import { allowPruneAnnotation, plural, group } from '../api/names.ts';
import type { GitOpsSource } from '../api/types.ts';
import type { Fault } from '../errors.ts';
import { objectText } from '../kube/types.ts';
import type { Hold } from '../plan/types.ts';
import type { Outcome } from '../report/types.ts';

/** An abbreviated commit must have at least this many digits. */
const fewestDigits = 7;
/** How many objects a message lists. */
const listed = 20;

/** Whether a person let go of the prune of this commit: after it was held, at the generation at which it was held. */
export function isPruneAllowed(source: GitOpsSource, commit: string): boolean {
  const allowed = source.metadata.annotations?.[allowPruneAnnotation];
  if (allowed === undefined || allowed.length < fewestDigits || !commit.startsWith(allowed.toLowerCase())) return false;
  const { generation } = source.metadata;
  const { revision, conditions, attempts } = source.status ?? {};
  const ready = conditions?.find((condition) => condition.type === 'Ready');
  if (revision?.attempted?.commit !== commit || ready?.status !== 'False' || ready.observedGeneration !== generation) return false;
  const [attempt] = attempts ?? [];
  const ofAttempt = attempt?.commit === commit && attempt.generation === generation ? attempt.failures : undefined;
  return [ready, ...(ofAttempt ?? [])].some(({ reason }) => reason === 'PruneHeld');
}

/** Whether the annotation is to be removed after this outcome: it was used, or it is for another commit or generation. */
export function isAllowanceOver(source: GitOpsSource, outcome: Outcome): boolean {
  if (source.metadata.annotations?.[allowPruneAnnotation] === undefined || outcome.kind === 'suspended') return false;
  if (outcome.kind === 'applied' || outcome.error.reason === 'PruneHeld') return true;
  const commit = outcome.seen?.ref.commit;
  return commit !== undefined && outcome.attempted && !isPruneAllowed(source, commit);
}

/** Everything that is held, and the command that lets it go. */
export function heldFault(held: Hold, source: GitOpsSource, commit: string): Fault {
  const { namespace, name } = source.metadata;
  const shown = held.objects
    .map((member) => objectText(member.id))
    .toSorted()
    .slice(0, listed);
  const more = held.objects.length > listed ? ` and ${held.objects.length - listed} more` : '';
  return {
    reason: 'PruneHeld',
    message: `nothing is pruned, since ${held.why.join('; ')}. Would go: ${shown.join(', ')}${more}`,
    remedy: `Correct the repository or spec.path; or, if the prune is meant, let it go:\n  kubectl annotate ${plural}.${group} ${name} -n ${namespace} ${allowPruneAnnotation}=${commit}`,
  };
}
