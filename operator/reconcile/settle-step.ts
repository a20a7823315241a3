/** Asks the API server, by dry runs, what the records of the fields alone do not say; each answer is kept until the object changes. */
import { userOf } from '../apply/account.ts';
import type { Account } from '../apply/account.ts';
import { desired } from '../apply/desired.ts';
import { commitAnnotation, hashAnnotation } from '../api/names.ts';
import { KubeError } from '../kube/client.ts';
import { describeApiError } from '../kube/faults.ts';
import { applyObject, getMetadata } from '../kube/operations.ts';
import { failedWebhook, isManifestFault } from '../kube/retry.ts';
import { objectKey, objectText } from '../kube/types.ts';
import type { KubeObject } from '../kube/types.ts';
import { getWhole } from '../kube/whole.ts';
import { pathText } from '../live/drift/path.ts';
import type { Path } from '../live/drift/path.ts';
import { settle, settleByConflicts } from '../live/drift/settle.ts';
import type { Answered, Settled } from '../live/drift/settle.ts';
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
    const answer = await settleOne(self, manifest, member, paths, account && userOf(account));
    if (answer instanceof KubeError) noteUnsettled(self, manifest, answer, account && userOf(account));
    else if (answer !== undefined) env.inventory.noteSettled(objectKey(manifest.id), answer);
  });
  await Promise.all(work);
}

/** It is asked again after a pause; what only a person can change is told. */
function noteUnsettled(self: Walk, { id }: Manifest, error: KubeError, as: string | undefined): void {
  self.unsettled = true;
  if (error.code === 404 || error.code === 409) return;
  const object = objectText(id);
  const [fault] = describeApiError(error, { object, namespace: id.namespace, isSecret: isMetadataOnly(id), verb: 'apply', as });
  self.progress.warnings.add(`${object} cannot be compared with git: ${fault?.message ?? error.message}`);
}

/**
 * What the API server says of these paths; undefined when the object is gone, the error where it does not say so now.
 * Throws KubeError on outages.
 */
export async function settleOne(
  { env, key: flow, applySet, signal }: Pick<Walk, 'env' | 'key' | 'applySet' | 'signal'>,
  manifest: Manifest,
  member: Member,
  paths: readonly Path[],
  as: string | undefined,
): Promise<Answered | KubeError | undefined> {
  const answered = (live: Pick<KubeObject, 'metadata'>, settled: Settled): Answered => ({
    uid: live.metadata.uid ?? '',
    resourceVersion: live.metadata.resourceVersion ?? '',
    asked: paths,
    settled,
  });
  const object = desired(manifest, { applySet, commit: member.annotations[commitAnnotation] ?? '' }, member.uid);
  const { client } = env;
  const { resource, id } = manifest;
  const call = { flow, signal };
  try {
    if (isMetadataOnly(resource)) {
      const isWhole = paths.some((path) => path.length === 0);
      const forced = isWhole ? await applyObject(client, resource, object, { ...call, as, dryRun: true }) : undefined;
      const conflicts = await conflictsOf(() => applyObject(client, resource, object, { ...call, as, dryRun: true, force: false }));
      const live = await getMetadata(client, resource, id, call);
      return live && answered(live, settleByConflicts(paths, object, live, conflicts, forced?.object));
    }
    const { object: answer } = await applyObject(client, resource, object, { ...call, as, dryRun: true, full: true });
    const live = await getWhole(client, resource, id, call);
    return live && answered(live, settle(paths, object, live, answer));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KubeError)) throw error;
    const kind = failureOf(error);
    if (kind === 'outage') throw error;
    if (kind === 'later') return error;
    // It would be refused: what is wrong is told when it is next written. Until it changes, it counts as ours.
    const { uid, resourceVersion } = member;
    return {
      uid,
      resourceVersion,
      asked: paths,
      settled: { fields: [], lost: [], unrecorded: [], held: paths.map(pathText) },
      refused: true,
    };
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

/**
 * Pure: what a failed dry run means. `outage`: nothing else would be answered either; `later`: this object alone cannot be
 * asked about now (a right, a webhook, a namespace or kind that goes, a change at the same moment); `refused`: the API
 * server has looked at the manifest and does not take it.
 */
export function failureOf(error: KubeError): 'outage' | 'later' | 'refused' {
  const { code } = error;
  if (code === 403 || code === 404 || code === 409 || failedWebhook(error) !== undefined) return 'later';
  if (code >= 500) return isManifestFault(error) ? 'refused' : 'outage';
  return code === 0 || code === 401 || code === 429 ? 'outage' : 'refused';
}
