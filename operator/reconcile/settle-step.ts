/** Asks the API server, by dry runs, what the records of the fields alone do not say; each answer is kept until the object changes. */
import { userOf } from '../apply/account.ts';
import type { Account } from '../apply/account.ts';
import { desired } from '../apply/desired.ts';
import { commitAnnotation, hashAnnotation } from '../api/names.ts';
import { KubeError } from '../kube/client.ts';
import { applyObject, getMetadata } from '../kube/operations.ts';
import { getWhole } from '../kube/whole.ts';
import { objectKey } from '../kube/types.ts';
import { pathText } from '../live/drift/path.ts';
import type { Path } from '../live/drift/path.ts';
import { settle, settleByConflicts } from '../live/drift/settle.ts';
import type { Settled } from '../live/drift/settle.ts';
import { isMetadataOnly } from '../live/inventory.ts';
import type { Member } from '../live/types.ts';
import { isUndecided, judgedDrift } from '../plan/correction.ts';
import type { Manifest } from '../render/types.ts';
import type { Walk } from './types.ts';

/** Settles every member whose verdict is undecided and whose manifest is the one last written. Throws KubeError on outages only. */
export async function settleUndecided(self: Walk, manifests: readonly Manifest[], account: Account | undefined): Promise<void> {
  const { env, applySet, policy } = self;
  const work = manifests.map(async (manifest) => {
    const member = env.inventory.find(manifest.id);
    if (member === undefined || member.partOf !== applySet || member.annotations[hashAnnotation] !== manifest.hash) return;
    if (!isUndecided(member, policy)) return;
    const paths = judgedDrift(member, policy).undecided;
    const settled = await settleOne(self, manifest, member, paths, account && userOf(account));
    if (settled !== undefined) env.inventory.noteSettled(objectKey(manifest.id), member.uid, paths, settled);
  });
  await Promise.all(work);
}

/** What the API server says of these paths; undefined when the object is gone or another one. */
export async function settleOne(
  { env, key: flow, applySet, signal }: Pick<Walk, 'env' | 'key' | 'applySet' | 'signal'>,
  manifest: Manifest,
  member: Member,
  paths: readonly Path[],
  as: string | undefined,
): Promise<Settled | undefined> {
  const object = desired(manifest, { applySet, commit: member.annotations[commitAnnotation] ?? '' }, member.uid);
  const { client } = env;
  const { resource, id } = manifest;
  const call = { flow, signal };
  try {
    if (isMetadataOnly(resource)) {
      const conflicts = await conflictsOf(() => applyObject(client, resource, object, { ...call, as, dryRun: true, force: false }));
      const live = await getMetadata(client, resource, id, call);
      return live && settleByConflicts(paths, live, conflicts);
    }
    const { object: answer } = await applyObject(client, resource, object, { ...call, as, dryRun: true, full: true });
    const live = await getWhole(client, resource, id, call);
    return live && settle(paths, object, live, answer);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KubeError) || isOutage(error)) throw error;
    // It may not be asked, or would be refused: what is wrong is told when it is next written. Until it changes, it counts as ours.
    return { fields: [], lost: [], unrecorded: [], held: paths.map(pathText) };
  }
}

/** The fields, as the API server writes them, in which an apply without force conflicts with others. */
async function conflictsOf(apply: () => Promise<unknown>): Promise<ReadonlySet<string>> {
  try {
    await apply();
    return new Set();
  } catch (error) {
    const causes = error instanceof KubeError && error.code === 409 ? (error.status.details?.causes ?? []) : [];
    const fields = causes.filter((cause) => cause.reason === 'FieldManagerConflict').map((cause) => cause.field ?? '');
    if (fields.length === 0) throw error;
    return new Set(fields);
  }
}

function isOutage({ code }: KubeError): boolean {
  return code === 0 || code === 429 || code === 503;
}
