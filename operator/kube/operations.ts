/** What is asked of the API server about one object, as plain functions over the client. */
import { fieldManager as ourFieldManager } from '../api/names.ts';
import { isKubeError } from './client.ts';
import type { KubeClient, KubeRequest, KubeResponse } from './client.ts';
import { listAll } from './list.ts';
import { asKind, resourcePath } from './resource-path.ts';
import type { KubeObject, ObjectMeta, Resource } from './types.ts';

export { listAll, listMetadata, listPages } from './list.ts';
export type { ListOptions, ListPage } from './list.ts';
export { resourcePath } from './resource-path.ts';

/** Says for whom a request is; see KubeRequest. */
export interface CallOptions extends Pick<KubeRequest, 'as' | 'flow' | 'behind' | 'signal' | 'timeoutMs'> {}

export interface ReadOptions extends CallOptions {
  readonly subresource?: string | undefined;
}

export interface WriteOptions extends ReadOptions {
  /** Default `plumbline`. */
  readonly fieldManager?: string | undefined;
  readonly dryRun?: boolean | undefined;
  /** Answer with the whole object instead of its metadata. */
  readonly full?: boolean | undefined;
}

export interface ApplyOptions extends WriteOptions {
  /** Takes fields over from other managers; default true. */
  readonly force?: boolean | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Preconditions: a 409 when the live object has others. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly dryRun?: boolean | undefined;
  /** Default Background: Jobs orphan their pods otherwise. */
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
}

/** Where an object is; `namespace` is ignored for cluster-wide kinds. */
export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** An object that has a name yet to be given (`generateName`), or one. */
export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Partial<ObjectMeta>;
  readonly [field: string]: unknown;
}

export interface Applied {
  /** The object was not there before. */
  readonly created: boolean;
  /** Metadata only, unless `full`. */
  readonly object: KubeObject;
  /** The API server's `Warning` headers: deprecations, unknown fields that it drops. */
  readonly warnings: readonly string[];
}

/** One object as metadata only; lists have a form of their own (list.ts). */
export const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

/**
 * Server-side apply (KEP-555). `metadata.uid` in the object makes it a 409 or 422 when another one is live.
 * No fieldValidation is asked for: an apply refuses an unknown field by itself (a 500 without reason, see faults.ts),
 * whatever is asked for; duplicates cannot be stated in JSON. Throws KubeError.
 */
export async function applyObject(client: KubeClient, resource: Resource, object: KubeObject, options: ApplyOptions): Promise<Applied> {
  const { force = true } = options;
  const answer = await client.request<KubeObject>({
    ...callOf(options),
    method: 'PATCH',
    path: resourcePath(resource, object.metadata.namespace, object.metadata.name, options.subresource),
    query: { ...writeQuery(options), force: String(force) },
    body: object,
    contentType: 'application/apply-patch+yaml',
    accept: acceptOf(options),
  });
  return { created: answer.status === 201, object: asKind(resource, answer.body), warnings: answer.warnings };
}

/** POST; with `metadata.generateName` the server gives the name. Never retried once it may have arrived. Throws KubeError. */
export async function createObject(client: KubeClient, resource: Resource, object: NewObject, options: WriteOptions): Promise<KubeObject> {
  const answer = await client.request<KubeObject>({
    ...callOf(options),
    method: 'POST',
    path: resourcePath(resource, object.metadata.namespace),
    query: writeQuery(options),
    body: object,
    accept: acceptOf(options),
  });
  return asKind(resource, answer.body);
}

/** PUT, guarded by the `metadata.resourceVersion` that the object carries. Throws KubeError. */
export async function replaceObject(
  client: KubeClient,
  resource: Resource,
  object: KubeObject,
  options: WriteOptions,
): Promise<KubeObject> {
  const answer = await client.request<KubeObject>({
    ...callOf(options),
    method: 'PUT',
    path: resourcePath(resource, object.metadata.namespace, object.metadata.name, options.subresource),
    query: writeQuery(options),
    body: object,
    accept: acceptOf(options),
  });
  return asKind(resource, answer.body);
}

/**
 * DELETE. Resolves true when the object is gone with it, false when something (a finalizer, a grace period) still holds
 * it. Throws KubeError: 404 when it is not there, 409 when a precondition fails.
 */
export async function deleteObject(client: KubeClient, resource: Resource, id: ObjectName, options: DeleteOptions): Promise<boolean> {
  const { uid, resourceVersion, dryRun, propagationPolicy = 'Background' } = options;
  const preconditions = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  const answer = await client.request<{ readonly kind?: string }>({
    ...callOf(options),
    method: 'DELETE',
    path: resourcePath(resource, id.namespace, id.name),
    // Where there is a body, the API server takes no option from the query: a dry run that said so only there would delete.
    body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions, ...(dryRun ? { dryRun: ['All'] } : {}) },
    query: dryRun ? { dryRun: 'All' } : {},
    accept: metadataOnly,
  });
  return answer.status === 200 && answer.body.kind === 'Status';
}

/**
 * The object's metadata, or undefined when it is not there. Where only `list` is granted, it is a list of that one name
 * (which takes up to 100 ms while others write): nobody is given `get` on every kind there may be, since that is `get` on
 * pods/exec too. Throws KubeError.
 */
export async function getMetadata(
  client: KubeClient,
  resource: Resource,
  id: ObjectName,
  options: CallOptions,
): Promise<KubeObject | undefined> {
  try {
    return await getAs(client, resource, id, options, metadataOnly);
  } catch (error) {
    if (!isKubeError(error, 403)) throw error;
    return await listOne(client, resource, id, options).catch((second: unknown) => {
      throw isKubeError(second, 403) ? error : second;
    });
  }
}

async function listOne(client: KubeClient, resource: Resource, id: ObjectName, options: CallOptions): Promise<KubeObject | undefined> {
  const fieldSelector = onlyNamed(id.name);
  const { items } = await listAll(client, resource, { ...options, namespace: id.namespace, fieldSelector });
  return items[0];
}

/** The field selector of one name. It may hold what ends a selector: those of roles may hold anything but a slash. */
export function onlyNamed(name: string): string {
  return `metadata.name=${name.replaceAll(/[\\,=]/g, '\\$&')}`;
}

/** The whole object, or undefined when it is not there. Throws KubeError. */
export async function getObject(
  client: KubeClient,
  resource: Resource,
  id: ObjectName,
  options: ReadOptions,
): Promise<KubeObject | undefined> {
  return getAs(client, resource, id, options, 'application/json');
}

/** A JSON patch (RFC 6902). Answers 422 when a `test` fails or a path is not there. Throws KubeError. */
export function jsonPatch(
  client: KubeClient,
  resource: Resource,
  id: ObjectName,
  patch: readonly Readonly<Record<string, unknown>>[],
  options: WriteOptions,
): Promise<KubeObject> {
  return patchAs(client, resource, id, patch, options, 'application/json-patch+json');
}

/** A merge patch (RFC 7386); `metadata.resourceVersion` in it guards it with a 409. Throws KubeError. */
export function mergePatch(
  client: KubeClient,
  resource: Resource,
  id: ObjectName,
  patch: Readonly<Record<string, unknown>>,
  options: WriteOptions,
): Promise<KubeObject> {
  return patchAs(client, resource, id, patch, options, 'application/merge-patch+json');
}

async function getAs(
  client: KubeClient,
  resource: Resource,
  id: ObjectName,
  options: ReadOptions,
  accept: string,
): Promise<KubeObject | undefined> {
  const path = resourcePath(resource, id.namespace, id.name, options.subresource);
  const answer = await client.request<KubeObject>({ ...callOf(options), method: 'GET', path, accept }).catch(undefinedIfAbsent);
  return answer && asKind(resource, answer.body);
}

function undefinedIfAbsent(error: unknown): undefined {
  if (!isKubeError(error, 404)) throw error;
}

async function patchAs(
  client: KubeClient,
  resource: Resource,
  id: ObjectName,
  patch: unknown,
  options: WriteOptions,
  contentType: string,
): Promise<KubeObject> {
  const answer: KubeResponse<KubeObject> = await client.request<KubeObject>({
    ...callOf(options),
    method: 'PATCH',
    path: resourcePath(resource, id.namespace, id.name, options.subresource),
    query: writeQuery(options),
    body: patch,
    contentType,
    accept: acceptOf(options),
  });
  return asKind(resource, answer.body);
}

function callOf({ as, flow, behind, signal, timeoutMs }: CallOptions): CallOptions {
  return { as, flow, behind, signal, timeoutMs };
}

function writeQuery({ fieldManager = ourFieldManager, dryRun }: WriteOptions): Record<string, string> {
  return dryRun ? { fieldManager, dryRun: 'All' } : { fieldManager };
}

function acceptOf({ full }: WriteOptions): string {
  return full ? 'application/json' : metadataOnly;
}
