/** Takes out of the cluster what left git: in reverse stages, each waited for (rule 19), or let go (rule 20). */
import { commitAnnotation, commitBoundAnnotation, hashAnnotation, originAnnotation, partOfLabel, pruneAnnotation } from '../api/names.ts';
import type { Fault } from '../errors.ts';
import { isKubeError } from '../kube/client.ts';
import { describeApiError } from '../kube/faults.ts';
import { deleteObject, getMetadata, jsonPatch } from '../kube/operations.ts';
import { objectText } from '../kube/types.ts';
import type { KubeObject } from '../kube/types.ts';
import { readLiveObject } from '../live/read.ts';
import type { Member } from '../live/types.ts';
import { isIgnored, isProven } from '../plan/plan.ts';
import { throwFaults } from './apply.ts';
import { isSecret, pruneStageOf, pruneStages } from './stages.ts';
import type { ApplyContext, Faults, Progress } from './types.ts';

/** How long a stage is waited for, milliseconds; what a finalizer holds longer is told as PruneWaiting. */
const pruneDeadline = 30_000;
/** A busy object (its status moves) is looked at and tried again this often before the plan is made anew. */
const tries = 4;

/** Prunes these members. Throws PlumblineError with every fault of the first stage in which anything failed or stays. */
export async function pruneMembers(members: readonly Member[], context: ApplyContext, progress: Progress): Promise<void> {
  for (const stage of pruneStages) {
    const ofStage = members.filter((member) => pruneStageOf(member.resource) === stage);
    const answers = await Promise.all(ofStage.map((member) => pruneOne(member, context, progress)));
    throwFaults(answers.flat());
  }
}

/** Takes our label and annotations off these members; what git stated stays. Throws PlumblineError with every fault. */
export async function letGoMembers(members: readonly Member[], context: ApplyContext, progress: Progress): Promise<void> {
  const answers = await Promise.all(members.map((member) => letGoOne(member, context, progress)));
  throwFaults(answers.flat());
}

async function pruneOne(member: Member, context: ApplyContext, progress: Progress): Promise<Faults> {
  let removal: Removal | undefined;
  const faults = await attempt(member, context, 'delete', async () => {
    removal = await removeProven(member, context);
    if (removal !== 'deleted') return;
    progress.pruned += 1;
    progress.objects.push({ verb: 'pruned', object: objectText(member.id) });
  });
  if (faults.length > 0) return faults;
  if (removal === 'changed') return [{ reason: 'Conflict', object: objectText(member.id), message: 'was changed meanwhile and may stay' }];
  if (await context.inventory.waitGone(member, pruneDeadline, context.signal)) return [];
  const live = await getMetadata(context.client, member.resource, member.id, { flow: context.source, signal: context.signal });
  if (live === undefined || live.metadata.uid !== member.uid) return [];
  const held = live.metadata.finalizers?.join(', ') ?? 'its deletion being slow';
  return [{ reason: 'PruneWaiting', object: objectText(member.id), message: `was deleted and is still there, held by ${held}` }];
}

/** `changed`: it is there, and no longer what was planned to go. */
type Removal = 'deleted' | 'gone' | 'changed';

/** Deletes the object if it is still the member that was planned. */
async function removeProven(member: Member, context: ApplyContext): Promise<Removal> {
  const { client, as, source: flow, signal } = context;
  let { resourceVersion } = member;
  for (let attemptNumber = 1; ; attemptNumber += 1) {
    try {
      await deleteObject(client, member.resource, member.id, { uid: member.uid, resourceVersion, as, flow, signal });
      return 'deleted';
    } catch (error) {
      if (isKubeError(error, 404)) return 'gone';
      if (!isKubeError(error, 409) || attemptNumber === tries) throw error;
    }
    const object = await getMetadata(client, member.resource, member.id, { flow, signal });
    if (object === undefined) return 'gone';
    const live = readLiveObject(member.resource, object);
    if (live.uid !== member.uid) return 'gone';
    if (live.partOf !== member.partOf || !isProven(live)) return 'changed';
    if (live.annotations[pruneAnnotation] === 'disabled' || isIgnored(undefined, live)) return 'changed';
    if (live.deleting) return 'deleted';
    resourceVersion = live.resourceVersion;
  }
}

function letGoOne(member: Member, context: ApplyContext, progress: Progress): Promise<Faults> {
  return attempt(member, context, 'patch', async () => {
    const object = await takeMarksOff(member, context);
    if (object === undefined) return;
    context.inventory.noteWritten(member.resource, object);
    progress.letGo += 1;
    progress.objects.push({ verb: 'letGo', object: objectText(member.id) });
  });
}

/** The object without our label and annotations; undefined when it is gone, or belongs to somebody else by now. */
async function takeMarksOff(member: Member, context: ApplyContext): Promise<KubeObject | undefined> {
  const { client, as, source: flow, signal } = context;
  let { annotations } = member;
  for (let attemptNumber = 1; ; attemptNumber += 1) {
    try {
      return await jsonPatch(client, member.resource, member.id, letGoPatch(member, annotations), { as, flow, signal });
    } catch (error) {
      if (isKubeError(error, 404)) return undefined;
      // 422: it is not the object that was planned, or somebody took an annotation off first.
      if (!isKubeError(error, 422) || attemptNumber === tries) throw error;
    }
    const object = await getMetadata(client, member.resource, member.id, { flow, signal });
    if (object === undefined) return undefined;
    const live = readLiveObject(member.resource, object);
    if (live.uid !== member.uid || live.partOf !== member.partOf) return undefined;
    ({ annotations } = live);
  }
}

function letGoPatch({ uid, partOf }: Member, annotations: Member['annotations']): Parameters<typeof jsonPatch>[3] {
  const ours = [commitAnnotation, commitBoundAnnotation, originAnnotation, hashAnnotation].filter((name) => name in annotations);
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: `/metadata/labels/${pointer(partOfLabel)}`, value: partOf },
    { op: 'remove', path: `/metadata/labels/${pointer(partOfLabel)}` },
    ...ours.map((name) => ({ op: 'remove', path: `/metadata/annotations/${pointer(name)}` })),
  ];
}

async function attempt(member: Member, context: ApplyContext, verb: string, work: () => Promise<void>): Promise<readonly Fault[]> {
  try {
    await work();
    return [];
  } catch (error) {
    context.signal.throwIfAborted();
    return describeApiError(error, { object: objectText(member.id), isSecret: isSecret(member.id), verb, as: context.as });
  }
}

/** RFC 6901 */
function pointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
