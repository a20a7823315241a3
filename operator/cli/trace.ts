/** `kubectl plumbline trace`: from an object to where git states it, the commit, its author, and how far the revision came. */
import { atOrBefore, commitAnnotation, commitBoundAnnotation, originAnnotation } from '../api/names.ts';
import type { DriftEntry, GitOpsSource, ListedCommit, OriginCommit, StatusRevision } from '../api/types.ts';
import { sourceResource } from '../apply/parent.ts';
import { isKubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { getMetadata, getObject, listAll } from '../kube/operations.ts';
import { apiVersionOf, gvkOf, objectText } from '../kube/types.ts';
import type { KubeObject, ObjectId, Resource } from '../kube/types.ts';
import { readLiveObject } from '../live/read.ts';
import type { LiveObject } from '../live/types.ts';
import { applySetId } from '../plan/applyset.ts';
import { isProven } from '../plan/plan.ts';
import { managerText } from '../report/drift.ts';
import { revisionText } from '../report/message.ts';
import { NotFound } from './errors.ts';
import { discoverKinds, kindNamed } from './kinds.ts';
import type { DiscoveredGroups } from './kinds.ts';
import { readTrails } from './read-trail.ts';
import { resultText } from './history.ts';
import { fieldsText } from './table.ts';
import { localText } from './time.ts';
import type { SourceTrail, Told } from './told.ts';

/** What is known of one object. */
export interface Trace {
  /** The object asked for, then what controls it, up to the one that git states: `Pod shop/web-x`, …, `Deployment shop/web`. */
  readonly objects: readonly string[];
  /** `namespace/name`; undefined where the object belongs to no source. */
  readonly source?: string;
  readonly url?: string;
  /** `prod/web.yaml:14` */
  readonly origin?: string;
  /** At which its manifest last changed. */
  readonly commit?: string;
  /** The commit is a bound: it changed there or before. */
  readonly orBefore?: true;
  readonly author?: string;
  readonly subject?: string;
  readonly committed?: string;
  /** The revision that the commit came in with. */
  readonly revision?: {
    readonly commit: string;
    readonly ref?: string;
    readonly number: number;
    readonly record?: string;
    readonly result: string;
    readonly times: Told['data']['times'];
  };
  /** How far the source has come by now. */
  readonly runs?: StatusRevision;
  /** What somebody has touched since. */
  readonly drift?: readonly DriftEntry[];
  /** What cannot be said, and why. */
  readonly note?: string;
}

/** From a pod up to what git states it is two or three steps. */
const longestChain = 8;

/** A revision, and the commit where it is not the revision's own but came in with it, or was there before. */
interface Found {
  readonly told: Told;
  readonly listed: ListedCommit | OriginCommit | undefined;
}

/** Finds out. Throws NotFound where there is no such kind or object, else KubeError. */
export async function traceObject(
  client: KubeClient,
  kind: string,
  id: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<Trace> {
  const groups = await discoverKinds(client, signal);
  const resource = kindNamed(groups, kind);
  if (resource === undefined) throw new NotFound(`the API server knows no kind ${kind}; kubectl api-resources lists those that it serves`);
  const chain = await chainOf(client, groups, resource, id, signal);
  const member = chain.at(-1);
  const objects = chain.map((object) => objectText(object.id));
  if (member === undefined || !isProven(member)) return { objects };
  const found = await sourceOf(client, member, signal);
  if (found.source === undefined) return { ...tracedBy(member, objects), note: found.why };
  const { metadata } = found.source;
  const [trail] = await readTrails(client, { namespace: metadata.namespace, name: metadata.name }, signal).catch((error: unknown) => {
    if (isKubeError(error, 403)) return [];
    throw error;
  });
  return traceOf(member, objects, found.source, trail);
}

/** Pure: what object, source and trail say together. */
export function traceOf(member: LiveObject, objects: readonly string[], source: GitOpsSource, trail: SourceTrail | undefined): Trace {
  const { spec, status, metadata } = source;
  const traced = tracedBy(member, objects);
  const { commit } = traced;
  const text = objectText(member.id);
  const found = commit === undefined ? undefined : revisionWith(trail?.revisions ?? [], commit);
  const brought = commit === undefined || found !== undefined ? undefined : broughtIn(trail?.revisions ?? [], text);
  const revision = found?.told ?? brought;
  const { author, subject, time } = commit === undefined ? {} : whoOf(found, source, commit);
  const drift = (status?.drift ?? []).filter(({ object }) => object === text);
  return {
    ...traced,
    source: `${metadata.namespace}/${metadata.name}`,
    url: spec.url,
    ...(author === undefined ? {} : { author }),
    ...(subject === undefined ? {} : { subject }),
    ...(time === undefined ? {} : { committed: time }),
    ...(revision === undefined ? {} : { revision: revisionOf(revision) }),
    ...(status?.revision === undefined ? {} : { runs: status.revision }),
    ...(drift.length === 0 ? {} : { drift }),
    ...(found !== undefined || commit === undefined ? {} : { note: noteOf(trail, brought, source) }),
  };
}

/** Why nothing, or not all, can be said of a commit that no revision names. */
function noteOf(trail: SourceTrail | undefined, brought: Told | undefined, { metadata, spec }: GitOpsSource): string {
  if (trail === undefined) {
    return `the audit trail cannot be read: you may not list GitOpsSources and ControllerRevisions of namespace ${metadata.namespace}`;
  }
  if (brought !== undefined) return 'no revision of the audit trail lists this commit; the revision is the one that brought the object in';
  const [oldest] = trail.revisions;
  if (oldest === undefined) return 'the audit trail holds no revision yet';
  return oldest.data.from === undefined
    ? 'which revision brought this commit in is not known: none lists it, and what more than one of them wrote is not listed whole'
    : `no revision of the audit trail lists this commit: it came in before number ${oldest.number}, the oldest that is kept (spec.historyLimit is ${spec.historyLimit})`;
}

/**
 * Pure: the revision that brought an object in whose commit none names: the last that says to have written it, or the first
 * of its source, where no later one may have.
 */
export function broughtIn(revisions: readonly Told[], object: string): Told | undefined {
  const applied = revisions.filter(({ data }) => data.times.applied !== undefined);
  const wrote = applied.findLast(({ data }) => data.created.includes(object) || data.changed.includes(object));
  if (wrote !== undefined) return wrote;
  const at = applied.findLastIndex(({ data }) => data.from === undefined);
  return applied.slice(at + 1).some(mayHaveMore) ? undefined : applied[at];
}

/** Whether a revision may have written objects at commits that it does not list. */
function mayHaveMore({ data: { more, interrupted } }: Told): boolean {
  const isOpen = (more.created ?? 0) + (more.changed ?? 0) > 0 && (more.commits ?? 0) + (more.origins ?? 0) > 0;
  return isOpen || interrupted === true;
}

/** Pure: the newest revision that got in with this commit, or one that was tried with it. */
export function revisionWith(revisions: readonly Told[], commit: string): Found | undefined {
  const found = revisions.flatMap((told): Found[] => {
    if (told.data.commit.sha === commit) return [{ told, listed: undefined }];
    const { commits, origins = [] } = told.data;
    const listed = [...commits, ...origins].find((one) => one.commit === commit);
    return listed === undefined ? [] : [{ told, listed }];
  });
  return found.findLast(({ told }) => told.data.times.applied !== undefined) ?? found.at(-1);
}

export function traceText(trace: Trace, zone: string): string {
  const time = (at: string | undefined): string | undefined => (at === undefined ? undefined : localText(Date.parse(at), zone));
  const { objects, commit, orBefore, revision, runs, drift = [] } = trace;
  if (trace.source === undefined && trace.note === undefined) {
    return fieldsText([
      ['object', objects.join(' ← ')],
      ['source', 'none: no GitOpsSource has applied it'],
    ]);
  }
  return fieldsText([
    ['object', objects.join(' ← ')],
    ['source', trace.source === undefined ? undefined : `${trace.source}  ${trace.url ?? ''}`],
    ['file', trace.origin],
    ['commit', commit === undefined ? undefined : `${commit}${orBefore === true ? ' or one before it' : ''}`],
    ['author', trace.author],
    ['subject', trace.subject],
    ['committed', time(trace.committed)],
    [
      'revision',
      revision === undefined ? undefined : `${revisionText(revision.ref, revision.commit)}  number ${revision.number}, ${revision.result}`,
    ],
    ['observed', time(revision?.times.observed)],
    ['attempted', time(revision?.times.attempted)],
    ['applied', time(revision?.times.applied)],
    ['healthy', time(revision?.times.healthy)],
    [
      'runs now',
      runs?.applied === undefined
        ? undefined
        : `${revisionText(undefined, runs.applied.commit)}${runs.healthy?.commit === runs.applied.commit ? ', healthy' : ''}`,
    ],
    ...drift.map((entry) => ['touched', touchText(entry, zone)] as const),
    ['note', trace.note],
  ]);
}

function touchText({ class: of, field, manager, since }: DriftEntry, zone: string): string {
  const when = since === undefined ? '' : ` since ${localText(Date.parse(since), zone)}`;
  return of === 'missing' ? `it is gone${when}` : `${field} is ${of === 'extra' ? 'added' : of} by ${managerText(manager)}${when}`;
}

function tracedBy({ annotations }: LiveObject, objects: readonly string[]): Trace {
  const origin = annotations[originAnnotation];
  const commit = annotations[commitAnnotation];
  return {
    objects,
    ...(origin === undefined ? {} : { origin }),
    ...(commit === undefined || commit === '' ? {} : { commit }),
    ...(annotations[commitBoundAnnotation] === atOrBefore ? { orBefore: true as const } : {}),
  };
}

function revisionOf(told: Told): NonNullable<Trace['revision']> {
  const { ref, sha } = told.data.commit;
  return {
    commit: sha,
    ...(ref === undefined ? {} : { ref }),
    number: told.number,
    ...(told.record === undefined ? {} : { record: told.record }),
    result: resultText(told),
    times: told.data.times,
  };
}

/** Who made a commit, by the trail, or by what status knows of one whose record is gone. `time`: when it was committed. */
function whoOf(
  found: Found | undefined,
  { status }: GitOpsSource,
  commit: string,
): { readonly author?: string | undefined; readonly subject?: string | undefined; readonly time?: string | undefined } {
  if (found !== undefined && found.listed === undefined) return found.told.data.commit;
  if (status?.commit?.sha === commit) return status.commit;
  const listed = found?.listed;
  const { author, subject } = listed ?? status?.history?.find((entry) => entry.commit === commit) ?? {};
  return { author, subject, time: listed !== undefined && 'committed' in listed ? listed.committed : undefined };
}

/** The object and what controls it, up to the first that a source applied. Throws NotFound for the first alone. */
async function chainOf(
  client: KubeClient,
  groups: readonly DiscoveredGroups[],
  first: Resource,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<readonly LiveObject[]> {
  const chain: LiveObject[] = [];
  let resource: Resource | undefined = first;
  let next = name;
  while (resource !== undefined && chain.length < longestChain) {
    const id: ObjectId = { ...resource, namespace: resource.namespaced ? namespace : '', name: next };
    const object: KubeObject | undefined = await getMetadata(client, resource, id, { signal });
    if (object === undefined) {
      if (chain.length === 0) throw new NotFound(`there is no ${objectText(id)}`);
      break;
    }
    const live = readLiveObject(resource, object);
    chain.push(live);
    const owner = isProven(live) ? undefined : live.controllerOwner;
    resource = owner && resourceOf(groups, owner);
    next = owner?.name ?? '';
  }
  return chain;
}

function resourceOf(
  groups: readonly DiscoveredGroups[],
  owner: { readonly apiVersion: string; readonly kind: string },
): Resource | undefined {
  const { group, kind } = gvkOf(owner);
  const found = kindNamed(groups, group === '' ? kind : `${kind}.${group}`);
  return found !== undefined && found.group === group && apiVersionOf(found) !== '' ? found : undefined;
}

/** In the object's namespace first: whoever asks may see no other. */
async function sourceOf(
  client: KubeClient,
  member: LiveObject,
  signal: AbortSignal,
): Promise<{ readonly source: GitOpsSource | undefined; readonly why: string }> {
  const scopes = member.id.namespace === '' ? [undefined] : [member.id.namespace, undefined];
  for (const namespace of scopes) {
    try {
      const { items } = await listAll(client, sourceResource, { namespace, signal });
      const found = items.find(
        ({ metadata }) => applySetId({ namespace: metadata.namespace ?? '', name: metadata.name }) === member.partOf,
      );
      if (found === undefined) continue;
      const id = { namespace: found.metadata.namespace ?? '', name: found.metadata.name };
      const source = await getObject(client, sourceResource, id, { signal });
      if (source !== undefined) return { source: source as GitOpsSource, why: '' };
    } catch (error) {
      if (!isKubeError(error, 403) || namespace !== undefined) throw error;
      return { source: undefined, why: 'its source is in another namespace, and you may not list GitOpsSources of the cluster' };
    }
  }
  return { source: undefined, why: `it was applied by Plumbline, and its source is gone (${member.partOf})` };
}
