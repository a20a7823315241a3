/** Records of the audit trail as they are made, listed and deleted. */
import { attemptedAnnotation, commitAnnotation, controllerManager, endedAnnotation, sourceUidLabel } from '../api/names.ts';
import { isKubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { deleteObject, getMetadata, listAll, resourcePath } from '../kube/operations.ts';
import type { CallOptions } from '../kube/operations.ts';
import type { KubeObject } from '../kube/types.ts';
import { recordText } from '../report/trail/record.ts';
import type { ControllerRevision } from '../report/trail/record.ts';
import type { KeptRecord } from '../report/trail/retention.ts';
import { recordResource } from './record-notes.ts';

/** Undefined where another record has the name. One that an earlier try made is the record. Throws KubeError. */
export async function createRecord(client: KubeClient, record: ControllerRevision, call: CallOptions): Promise<KubeObject | undefined> {
  const { namespace, name, labels, annotations } = record.metadata;
  try {
    const path = resourcePath(recordResource, namespace);
    const query = { fieldManager: controllerManager };
    return (await client.request<KubeObject>({ ...call, method: 'POST', path, query, body: recordText(record) })).body;
  } catch (error) {
    if (!isKubeError(error, 409)) throw error;
  }
  const there = await getMetadata(client, recordResource, { ...recordResource, namespace, name }, call);
  const isOurs =
    there?.metadata.labels?.[sourceUidLabel] === labels[sourceUidLabel] &&
    there?.metadata.annotations?.[attemptedAnnotation] === annotations[attemptedAnnotation];
  return isOurs ? there : undefined;
}

/** Throws KubeError; that it is gone already, or another one, is none. */
export async function deleteRecord(client: KubeClient, { namespace, name, uid }: KeptRecord, call: CallOptions): Promise<void> {
  try {
    await deleteObject(client, recordResource, { namespace, name }, { ...call, uid });
  } catch (error) {
    if (!isKubeError(error, 404) && !isKubeError(error, 409)) throw error;
  }
}

/** Those that a label selects, in a namespace or in all. Throws KubeError. */
export async function listRecords(
  client: KubeClient,
  where: { readonly namespace: string | undefined; readonly labelSelector: string },
  now: () => number,
  call: CallOptions,
): Promise<readonly KeptRecord[]> {
  const { items } = await listAll(client, recordResource, { ...where, ...call });
  return items.map((item) => keptRecord(item, now()));
}

export function keptRecord({ metadata }: KubeObject, now: number): KeptRecord {
  const { annotations = {} } = metadata;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    sourceUid: metadata.labels?.[sourceUidLabel] ?? '',
    attempted: annotations[attemptedAnnotation] ?? '',
    commit: annotations[commitAnnotation] ?? '',
    createdAt: timeOf(metadata.creationTimestamp) ?? now,
    endedAt: timeOf(annotations[endedAnnotation]),
  };
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isFinite(time) ? time : undefined;
}
