/** What is noted on records of the audit trail after they are made: their annotations, never their data. */
import { controllerManager, correctionsAnnotation, notifiedAnnotation } from '../api/names.ts';
import type { AttemptCorrections, GitOpsSourceStatus } from '../api/types.ts';
import { isKubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { getMetadata, mergePatch } from '../kube/operations.ts';
import type { CallOptions } from '../kube/operations.ts';
import type { Resource } from '../kube/types.ts';
import { notedWith, toldOf } from '../notify/told.ts';
import { correctionsIn, correctionsText } from '../report/trail/annotations.ts';
import { addCorrections, managersOf } from '../report/trail/health.ts';
import type { KeptRecord } from '../report/trail/retention.ts';

export const recordResource: Resource = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  verbs: [],
};

/** Somebody else may note something on the same record at the same time. */
const notingTries = 3;

/** Adds corrections to those that the record counts already. Nothing where the record is gone. Throws KubeError. */
export async function noteCorrections(
  client: KubeClient,
  { namespace, name }: KeptRecord,
  corrections: readonly AttemptCorrections[],
  call: CallOptions,
): Promise<void> {
  const id = { namespace, name };
  for (let tries = 1; ; tries += 1) {
    const there = await getMetadata(client, recordResource, { ...recordResource, ...id }, call);
    if (there === undefined) return;
    const sum = addCorrections(correctionsIn(there.metadata.annotations), managersOf(corrections));
    const annotations = { [correctionsAnnotation]: correctionsText(sum) };
    const patch = { metadata: { resourceVersion: there.metadata.resourceVersion, annotations } };
    try {
      return void (await mergePatch(client, recordResource, id, patch, { ...call, fieldManager: controllerManager }));
    } catch (error) {
      if (!isKubeError(error, 409) || tries >= notingTries) throw error;
    }
  }
}

/** Notes that the source of this record, its last, is gone since `time` (RFC 3339). Throws KubeError. */
export async function noteEnded(
  client: KubeClient,
  { namespace, name, uid }: KeptRecord,
  annotation: string,
  time: string,
  call: CallOptions,
): Promise<void> {
  const patch = { metadata: { uid, annotations: { [annotation]: time } } };
  await mergePatch(client, recordResource, { namespace, name }, patch, { ...call, fieldManager: controllerManager });
}

/** Notes what spec.notify has told of the revisions of these records, as far as status.notify knows. Throws KubeError. */
export async function noteTold(
  client: KubeClient,
  records: readonly KeptRecord[],
  status: GitOpsSourceStatus | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const [{ namespace, name }, told] of toldOf(records, status)) {
    const id = { namespace, name };
    const there = await getMetadata(client, recordResource, { ...recordResource, ...id }, { behind: true, signal });
    const text = notedWith(there?.metadata.annotations?.[notifiedAnnotation], told);
    if (there === undefined || text === undefined) continue;
    const patch = { metadata: { resourceVersion: there.metadata.resourceVersion, annotations: { [notifiedAnnotation]: text } } };
    await mergePatch(client, recordResource, id, patch, { fieldManager: controllerManager, behind: true, signal });
  }
}
