/** Writes a plan: dry runs first, then stage by stage; no stage begins after one in which anything failed (rule 9). */
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import type { Plan, Write } from '../plan/types.ts';
import { awaitEstablished } from './established.ts';
import { applyStageOf, applyStages, isCrd, isNamespace } from './stages.ts';
import type { ApplyContext, Progress } from './types.ts';
import { dryRunPrune, dryRunWrite, writeObject } from './write.ts';

/** What of a revision cannot be dry-run before its own namespaces and CRDs are in. */
export interface Deferred {
  readonly now: readonly Write[];
  readonly later: readonly Write[];
}

/** Pure: splits the writes by whether the namespace and the kind they need exist already. */
export function deferred(writes: readonly Write[]): Deferred {
  const newNamespaces = new Set<string>();
  const crdKinds = new Set<string>();
  for (const { verb, manifest } of writes) {
    if (isNamespace(manifest.id) && verb === 'create') newNamespaces.add(manifest.id.name);
    if (isCrd(manifest.id)) crdKinds.add(definedKind(manifest.object));
  }
  const waits = ({ manifest: { id } }: Write) => newNamespaces.has(id.namespace) || crdKinds.has(`${id.group}/${id.kind}`);
  return { now: writes.filter((write) => !waits(write)), later: writes.filter(waits) };
}

/**
 * Dry-runs everything of the plan that can be, prunes included (invariant 2).
 * Throws PlumblineError with every fault.
 */
export async function dryRun(plan: Plan, prune: Plan['prune'], context: ApplyContext): Promise<void> {
  const { now } = deferred([...plan.creates, ...plan.changes]);
  const answers = await Promise.all([
    ...now.map((write) => dryRunWrite(write, context)),
    ...prune.map((member) => dryRunPrune(member, context)),
  ]);
  throwFaults(answers.flat());
}

/**
 * Writes the objects of a plan in stages. `kindsReady` is called once the CRDs of the revision serve their kinds.
 * Throws PlumblineError with every fault of the first stage in which anything failed.
 */
export async function applyPlan(plan: Plan, context: ApplyContext, progress: Progress, kindsReady: () => Promise<unknown>): Promise<void> {
  const writes = [...plan.creates, ...plan.changes];
  const later = new Set(plan.dryRun ? deferred(writes).later : []);
  for (const stage of applyStages) {
    const ofStage = writes.filter((write) => applyStageOf(write.manifest.resource) === stage);
    if (ofStage.length === 0) continue;
    const checks = await Promise.all(ofStage.filter((write) => later.has(write)).map((write) => dryRunWrite(write, context)));
    throwFaults(checks.flat());
    const answers = await Promise.all(ofStage.map((write) => writeObject(write, context, progress)));
    throwFaults(answers.flat());
    if (stage === 'crds') {
      await awaitEstablished(ofStage, context);
      await kindsReady();
    }
  }
}

/** Conflicts alone mean: plan again. Beside other faults they say nothing to a person; what is said of no object is said once. */
export function throwFaults(faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const telling = faults.filter((fault) => fault.reason !== 'Conflict');
  const ofNoObject = new Set<string>();
  const isNew = ({ object, message }: Fault): boolean => {
    if (object !== undefined) return true;
    return !ofNoObject.has(message) && ofNoObject.add(message).has(message);
  };
  throw new PlumblineError((telling.length > 0 ? telling : faults).filter(isNew));
}

function definedKind(crd: Readonly<Record<string, unknown>>): string {
  const spec = crd['spec'] as { readonly group?: string; readonly names?: { readonly kind?: string } } | undefined;
  return `${spec?.group ?? ''}/${spec?.names?.kind ?? ''}`;
}
