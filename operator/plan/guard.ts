/** Pure: whether a prune is let through or held for a person (rule 18). */
import { commitAnnotation, commitBoundAnnotation } from '../api/names.ts';
import { isProven } from './plan.ts';
import { groupKindText, objectKey, objectText } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import type { GuardFacts, Hold } from './types.ts';

/** A share of the members above which a prune is held, for sources of `fewMembers` or more. */
const mostOfThem = 0.75;
const fewMembers = 10;
/** creationTimestamp is cut to the second, and the API server's clock need not be ours. Milliseconds. */
const clockLeeway = 60_000;

export interface GuardInput {
  /** How many objects the revision states. */
  readonly stated: number;
  readonly members: readonly Member[];
  readonly prune: readonly Member[];
  /** The commit that is being applied. */
  readonly commit: string;
  /** When the last revision was applied whole, milliseconds since the epoch; undefined before the first. */
  readonly appliedAt: number | undefined;
  readonly facts: GuardFacts;
  /** The objects of the revision that was applied last, by objectKey; undefined where that is not remembered. */
  readonly appliedBefore?: ReadonlySet<string> | undefined;
  /** Whether a commit is known to have been applied before; without it, every one but the one being applied is. */
  readonly isOld?: ((commit: string) => boolean) | undefined;
}

/** The reasons to hold this prune and everything it would remove, or undefined when it may go. */
export function hold(input: GuardInput): Hold | undefined {
  const { prune, facts } = input;
  if (prune.length === 0) return undefined;
  const why: string[] = [];
  const proven = input.members.filter(isProven);
  const before = membersBefore(proven, input);
  if (input.stated === 0) {
    why.push(`the revision states no object, and ${prune.length} would go`);
  } else if (proven.length >= fewMembers && prune.length > before * mostOfThem) {
    why.push(`${prune.length} of ${before} objects would go`);
  }
  for (const { id } of prune) {
    if (id.group === '' && id.kind === 'PersistentVolumeClaim') why.push(`${objectText(id)} holds data`);
    const inside = isNamespace(id) ? facts.namespaceContents.get(id.name) : undefined;
    if (inside !== undefined && inside.length > 0) why.push(`${objectText(id)} still holds ${listed(inside)}`);
    const objects = isCrd(id) ? facts.crdObjects.get(id.name) : undefined;
    if (objects !== undefined && objects.length > 0) why.push(`${objectText(id)} still has ${listed(objects)}`);
  }
  return why.length === 0 ? undefined : { why, objects: prune };
}

/**
 * How many members there were before this revision: what an earlier attempt at it brought in does not count, else a held
 * prune would let itself go once enough of what is new was there. In doubt a member counts as brought in: too few let
 * nothing go.
 */
function membersBefore(proven: readonly Member[], input: GuardInput): number {
  const { prune, commit, appliedBefore, appliedAt = Number.POSITIVE_INFINITY, isOld = (other) => other !== commit } = input;
  const going = new Set(prune);
  const isNew = ({ id, annotations, createdAt }: Member): boolean => {
    if (appliedBefore !== undefined) return !appliedBefore.has(objectKey(id));
    if (createdAt < appliedAt - clockLeeway) return false;
    const changedAt = annotations[commitAnnotation];
    return changedAt !== undefined && (changedAt === commit || commitBoundAnnotation in annotations || !isOld(changedAt));
  };
  return proven.filter((member) => going.has(member) || !isNew(member)).length;
}

/** The namespaces and CRDs among what would be pruned: those whose contents the guard has to know. */
export function guardQuestions(prune: readonly Member[]): { readonly namespaces: readonly string[]; readonly crds: readonly string[] } {
  return {
    namespaces: prune.filter(({ id }) => isNamespace(id)).map(({ id }) => id.name),
    crds: prune.filter(({ id }) => isCrd(id)).map(({ id }) => id.name),
  };
}

function isNamespace(id: Member['id']): boolean {
  return groupKindText(id) === 'Namespace';
}

function isCrd(id: Member['id']): boolean {
  return groupKindText(id) === 'CustomResourceDefinition.apiextensions.k8s.io';
}

function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, 5).join(', ');
  return texts.length > 5 ? `${shown} and ${texts.length - 5} more` : shown;
}
