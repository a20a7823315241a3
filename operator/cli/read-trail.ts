/** Reads the audit trail of a namespace, by pages. */
import { sourceLabel } from '../api/names.ts';
import type { GitOpsSource } from '../api/types.ts';
import { sourceResource } from '../apply/parent.ts';
import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/operations.ts';
import type { KubeObject, Resource } from '../kube/types.ts';
import { recordResource } from '../reconcile/record-notes.ts';
import { readRecord, trailsOf } from './told.ts';
import type { ReadRecord, SourceTrail } from './told.ts';

/** A record is at most 16 KiB: a page stays under 2 MiB. */
const pageSize = 100;
/** Of a namespace; the operator keeps far fewer. */
const maxRecords = 20_000;

/** The trails of the sources of a namespace, of one name or of all. Throws KubeError, and Error where there are too many records. */
export async function readTrails(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name?: string | undefined },
  signal: AbortSignal,
): Promise<readonly SourceTrail[]> {
  const labelSelector = name === undefined ? sourceLabel : `${sourceLabel}=${name}`;
  const fieldSelector = name === undefined ? undefined : `metadata.name=${name}`;
  const [sources, objects] = await Promise.all([
    readAll(client, sourceResource, { namespace, fieldSelector }, (object) => object as GitOpsSource, signal),
    readAll(client, recordResource, { namespace, labelSelector }, readRecord, signal),
  ]);
  return trailsOf(namespace, sources, objects satisfies readonly ReadRecord[]);
}

async function readAll<T>(
  client: KubeClient,
  resource: Resource,
  selectors: { readonly namespace: string; readonly labelSelector?: string; readonly fieldSelector?: string | undefined },
  read: (object: KubeObject) => T | undefined,
  signal: AbortSignal,
): Promise<readonly T[]> {
  let found: T[] = [];
  for await (const page of listPages(client, resource, { ...selectors, accept: 'application/json', pageSize, signal })) {
    if (page.startsOver) found = [];
    for (const object of page.items) {
      const one = read(object);
      if (one !== undefined) found.push(one);
    }
    if (found.length > maxRecords) throw new Error(`namespace ${selectors.namespace} has more than ${maxRecords} ${resource.plural}`);
  }
  return found;
}
