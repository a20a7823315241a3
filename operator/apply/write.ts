/** One object to the API server, for real or as a dry run, and what it says of it as faults. */
import { fieldManager } from '../api/names.ts';
import { PlumblineError } from '../errors.ts';
import type { Fault } from '../errors.ts';
import { describeApiError } from '../kube/faults.ts';
import { applyObject, createObject, deleteObject } from '../kube/operations.ts';
import { objectText } from '../kube/types.ts';
import type { KubeObject } from '../kube/types.ts';
import type { Member } from '../live/types.ts';
import { isForced } from '../plan/plan.ts';
import type { Write } from '../plan/types.ts';
import type { Manifest } from '../render/types.ts';
import { desired, desiredOf } from './desired.ts';
import { takeOverFields } from './hand-over.ts';
import { isSecret } from './stages.ts';
import type { ApplyContext, Faults, Progress } from './types.ts';

/** How long a recreated object is waited for until it is gone, milliseconds. */
const recreateDeadline = 30_000;

/** Sends what `write` says as a dry run. A forced manifest that fails on an immutable field is tried as a create (rule 10). */
export async function dryRunWrite(write: Write, context: ApplyContext): Promise<Faults> {
  return (await tryWrite(write, context)).faults;
}

/** The same, and whether the object would have to be made anew. */
export async function tryWrite(write: Write, context: ApplyContext): Promise<{ readonly faults: Faults; readonly recreates: boolean }> {
  const faults = await attempt(write.manifest, context, () => send(write, context, true));
  if (!isImmutable(faults) || !isForced(write.manifest)) return { faults, recreates: false };
  return { faults: await attempt(write.manifest, context, () => dryRunCreate(write.manifest, context)), recreates: true };
}

/** Writes one object; notes what came of it. Returns the API server's faults, none when it is in. */
export async function writeObject(write: Write, context: ApplyContext, progress: Progress): Promise<Faults> {
  const faults = await attempt(write.manifest, context, async () => {
    await takeOverFields(write, context);
    noteWrite(write, await send(write, context, false), context, progress);
  });
  if (!isImmutable(faults) || !isForced(write.manifest) || write.uid === undefined) return faults;
  const { uid } = write;
  return attempt(write.manifest, context, async () => {
    await dryRunCreate(write.manifest, context);
    await deleteAndWait(write.manifest, uid, context);
    const fresh: Write = { ...write, verb: 'create', uid: undefined };
    noteWrite(fresh, await send(fresh, context, false), context, progress);
  });
}

/** Asks whether a delete would be let through. */
export async function dryRunPrune(member: Member, context: ApplyContext): Promise<Faults> {
  try {
    await deleteObject(context.client, member.resource, member.id, {
      uid: member.uid,
      dryRun: true,
      as: context.as,
      flow: context.source,
      signal: context.signal,
    });
    return [];
  } catch (error) {
    context.signal.throwIfAborted();
    return describeApiError(error, { object: objectText(member.id), isSecret: isSecret(member.id), verb: 'delete', as: context.as }).filter(
      (fault) => fault.reason !== 'Conflict',
    );
  }
}

async function send(write: Write, context: ApplyContext, dryRun: boolean) {
  return applyObject(context.client, write.manifest.resource, desiredOf(write, context), {
    dryRun,
    as: context.as,
    flow: context.source,
    signal: context.signal,
  });
}

function noteWrite(write: Write, answer: Awaited<ReturnType<typeof send>>, context: ApplyContext, progress: Progress): void {
  const object = objectText(write.manifest.id);
  context.inventory.noteWritten(write.manifest.resource, answer.object, write.leaveOut ?? []);
  // A webhook's warning may quote what it saw.
  const warnings = isSecret(write.manifest.id) && answer.warnings.length > 0 ? ['the API server has warnings about it'] : answer.warnings;
  for (const warning of warnings) progress.warnings.add(`${object}: ${warning}`);
  if (answer.created) progress.created += 1;
  else progress.changed += 1;
  progress.objects.push({ verb: answer.created ? 'created' : 'changed', object });
  const findings = write.puts?.back;
  if (findings !== undefined && (findings.length > 0 || answer.created))
    progress.corrected.push({ id: write.manifest.id, uid: answer.object.metadata.uid ?? '', findings });
  const adopts = write.adopts ?? (write.verb === 'create' && !answer.created ? managersBeside(answer.object) : undefined);
  if (adopts !== undefined) progress.adopted.push({ object, managers: adopts });
}

/** Of an object that somebody made after it was looked for: who writes to it besides us. */
function managersBeside({ metadata }: KubeObject): readonly string[] | undefined {
  const others = (metadata.managedFields ?? []).map(({ manager = 'unknown' }) => manager).filter((manager) => manager !== fieldManager);
  return others.length === 0 ? undefined : [...new Set(others)];
}

/** A dry-run create of the same spec under a generated name: what is immutable in the live object is free there. */
async function dryRunCreate(manifest: Manifest, context: ApplyContext): Promise<void> {
  const { name, ...metadata } = desired(manifest, context).metadata;
  const object = { ...manifest.object, metadata: { ...metadata, generateName: `${name.slice(0, 40)}-` } };
  await createObject(context.client, manifest.resource, object, {
    dryRun: true,
    as: context.as,
    flow: context.source,
    signal: context.signal,
  });
}

/** An apply to an object that is still being deleted would be answered 200 and lost: throws ObjectTerminating while it is there. */
async function deleteAndWait(manifest: Manifest, uid: string, context: ApplyContext): Promise<void> {
  const { client, inventory, as, source: flow, signal } = context;
  if (await deleteObject(client, manifest.resource, manifest.id, { uid, as, flow, signal })) return;
  const member = inventory.find(manifest.id);
  if (member?.uid === uid && (await inventory.waitGone(member, recreateDeadline, signal))) return;
  const message = 'is being deleted to be recreated, and something still holds it; it is made anew when it is gone';
  throw new PlumblineError({ reason: 'ObjectTerminating', place: manifest.place, object: objectText(manifest.id), message });
}

async function attempt(manifest: Manifest, context: ApplyContext, work: () => Promise<unknown>): Promise<Faults> {
  try {
    await work();
    return [];
  } catch (error) {
    context.signal.throwIfAborted();
    return describeApiError(error, {
      object: objectText(manifest.id),
      namespace: manifest.id.namespace,
      place: manifest.place,
      isSecret: isSecret(manifest.id),
      verb: 'apply',
      as: context.as,
    });
  }
}

/** Whatever else is wrong beside the field that cannot be changed, the dry-run create of the same spec tells. */
function isImmutable(faults: readonly Fault[]): boolean {
  return faults.some((fault) => fault.reason === 'ImmutableField');
}
