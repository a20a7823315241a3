/** What is noted on records of the audit trail after they are made: their annotations, never their data. */
import { controllerManager, correctionsAnnotation } from '../api/names.ts';
import type { AttemptCorrections } from '../api/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { getMetadata, mergePatch } from '../kube/operations.ts';
import type { Resource } from '../kube/types.ts';
import { correctionsIn, correctionsText } from '../report/trail/annotations.ts';
import { addCorrections } from '../report/trail/health.ts';
import type { KeptRecord } from '../report/trail/retention.ts';

export const recordResource: Resource = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  verbs: [],
};

/** Adds corrections to those that the record counts already. Nothing where the record is gone. Throws KubeError. */
export async function noteCorrections(
  client: KubeClient,
  { namespace, name }: KeptRecord,
  corrections: readonly AttemptCorrections[],
  signal: AbortSignal,
): Promise<void> {
  const id = { namespace, name };
  const there = await getMetadata(client, recordResource, { ...recordResource, ...id }, { behind: true, signal });
  if (there === undefined) return;
  const managers = corrections.flatMap(({ manager, count }) => Array.from({ length: count }, () => manager));
  const sum = addCorrections(correctionsIn(there.metadata.annotations), managers);
  const annotations = { [correctionsAnnotation]: correctionsText(sum) };
  const patch = { metadata: { resourceVersion: there.metadata.resourceVersion, annotations } };
  await mergePatch(client, recordResource, id, patch, { fieldManager: controllerManager, behind: true, signal });
}

/** Notes that the source of this record, its last, is gone since `time` (RFC 3339). Throws KubeError. */
export async function noteEnded(
  client: KubeClient,
  { namespace, name, uid }: KeptRecord,
  annotation: string,
  time: string,
  signal: AbortSignal,
): Promise<void> {
  const patch = { metadata: { uid, annotations: { [annotation]: time } } };
  await mergePatch(client, recordResource, { namespace, name }, patch, { fieldManager: controllerManager, behind: true, signal });
}
