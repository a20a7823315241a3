/** Makes the fields that others applied to an object ours, by one patch, just before it is adopted (rule 15). */
import { KubeError } from '../kube/client.ts';
import { getMetadata, jsonPatch } from '../kube/operations.ts';
import { handOver } from '../plan/handover.ts';
import type { Write } from '../plan/types.ts';
import type { ApplyContext } from './types.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Nothing where there is nothing to hand over. Throws KubeError: 409 when the object was changed or replaced meanwhile. */
export async function takeOverFields({ manifest, uid, handsOver }: Write, context: ApplyContext): Promise<void> {
  if (handsOver === undefined) return;
  const { client, as, source: flow, signal } = context;
  const { resource, id } = manifest;
  const live = await getMetadata(client, resource, id, { flow, signal });
  if (live === undefined || live.metadata.uid !== uid) {
    throw new KubeError(409, { reason: 'Conflict', message: 'the object was replaced meanwhile' });
  }
  const managedFields = handOver(live.metadata.managedFields ?? [], id, handsOver);
  if (managedFields === undefined) return;
  const patch = [
    { op: 'replace', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion },
    { op: 'replace', path: '/metadata/managedFields', value: managedFields },
    ...(live.metadata.annotations?.[lastApplied] === undefined
      ? []
      : [{ op: 'remove', path: `/metadata/annotations/${lastApplied.replaceAll('/', '~1')}` }]),
  ];
  await jsonPatch(client, resource, id, patch, { as, flow, signal });
}
