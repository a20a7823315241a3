/** Pure: from the audit log to a clock, and to a table of what was called and whether it may be. */
import type { AuditEvent } from '../test/e2e/audit.ts';
import { objectResources } from './fleet.ts';

/** How often one kind of call was made, and how often it may be at most. */
export interface Calls {
  readonly verb: string;
  readonly resource: string;
  readonly count: number;
  readonly allowed: number;
}

const ourAgent = 'plumbline/';

/** The requests of the operator, or of whoever sends its recorded ones. */
export function ofOperator(events: readonly AuditEvent[]): readonly AuditEvent[] {
  return events.filter((event) => event.userAgent?.startsWith(ourAgent) === true);
}

/** When the first request arrived and when the last status was written, in milliseconds since 1970. */
export function clockOf(events: readonly AuditEvent[]): { readonly first: number; readonly last: number } {
  const last = events.filter(isStatusWrite).map((event) => Date.parse(event.stageTimestamp));
  const first = events.map((event) => Date.parse(event.requestReceivedTimestamp));
  if (last.length === 0) throw new Error('no status was written');
  return { first: Math.min(...first), last: Math.max(...last) };
}

/** When a controller last wrote how far a Deployment is, in milliseconds since 1970. */
export function rolledAt(events: readonly AuditEvent[]): number {
  const writes = events.filter(
    ({ verb, objectRef }) =>
      (verb === 'update' || verb === 'patch') && objectRef?.resource === 'deployments' && objectRef.subresource === 'status',
  );
  return Math.max(...writes.map((event) => Date.parse(event.stageTimestamp)));
}

/** Whether this is a status patch of a source that the API server took. */
export function isStatusWrite({ verb, objectRef, responseStatus }: AuditEvent): boolean {
  return verb === 'patch' && objectRef?.resource === 'gitopssources' && objectRef.subresource === 'status' && responseStatus?.code === 200;
}

/** A watch may be opened again, and a lease kept: neither counts as a call while nothing changes. */
export function isUpkeep({ verb, objectRef }: AuditEvent): boolean {
  return verb === 'watch' || objectRef?.resource === 'leases';
}

/** Every kind of call of a storm over `sources` sources that act as one account. Calls that are not known may be made 0 times. */
export function tableOf(events: readonly AuditEvent[], sources: number): readonly Calls[] {
  const counts = new Map<string, number>();
  for (const event of events) {
    const key = `${event.verb} ${resourceOf(event)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const table = [...counts].map(([key, count]) => {
    const [verb = '', resource = ''] = key.split(' ');
    return { verb, resource, count, allowed: allowedOf(verb, resource, sources) };
  });
  return table.sort((a, b) => b.count - a.count || a.resource.localeCompare(b.resource));
}

function allowedOf(verb: string, resource: string, sources: number): number {
  if (resource === 'leases' || resource === 'events') return Infinity;
  if (resource === 'discovery') return 2;
  // The audit trail: read once, and one record a source, which goes out behind.
  if (resource === 'controllerrevisions') return verb === 'create' ? sources : verb === 'list' ? 1 : 0;
  if (resource === 'gitopssources') return verb === 'patch' ? sources : verb === 'list' || verb === 'watch' ? 1 : 0;
  if (resource === 'gitopssources/status') return verb === 'patch' ? sources : 0;
  if (!(objectResources as readonly string[]).includes(resource)) return 0;
  if (verb === 'patch') return sources;
  if (verb === 'watch') return 1;
  // One list for the watch, one to look up what is not labelled.
  if (verb === 'list') return 2;
  // The account that the sources act as.
  return verb === 'get' && resource === 'serviceaccounts' ? 1 : 0;
}

function resourceOf({ objectRef, requestURI }: AuditEvent): string {
  if (objectRef?.resource === undefined) return /^\/apis?(?:$|[/?])/.test(requestURI) ? 'discovery' : (requestURI.split('?')[0] ?? '');
  return objectRef.subresource === undefined ? objectRef.resource : `${objectRef.resource}/${objectRef.subresource}`;
}
