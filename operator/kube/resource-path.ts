/** The URLs of the API, and what a request to one is called. */
import type { KubeRequest } from './client.ts';
import { apiVersionOf } from './types.ts';
import type { KubeObject, Resource } from './types.ts';

/** Path of a collection, an object or its subresource. `namespace` is ignored for cluster-wide kinds; undefined is all namespaces. */
export function resourcePath(resource: Resource, namespace: string | undefined, name?: string, subresource?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const inside = resource.namespaced && namespace !== undefined && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  const sub = subresource === undefined ? '' : `/${subresource}`;
  return `${root}${inside}/${resource.plural}${object}${sub}`;
}

/** An answer with the kind as it is served: metadata-only answers say PartialObjectMetadata, items of a list nothing. */
export function asKind(resource: Resource, object: KubeObject): KubeObject {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

/** What the API server's audit log calls a request: get, list, watch, create, update, patch, delete. */
export function verbOf({ method, path, query }: Pick<KubeRequest, 'method' | 'path' | 'query'>): string {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return 'delete';
    case 'GET':
      if (query?.['watch'] !== undefined) return 'watch';
      return isCollection(path) ? 'list' : 'get';
  }
}

/** Renewing a lease must never wait for a slot, nor ask whether the lease is still held. */
export function isLeaseRequest(path: string): boolean {
  return path.startsWith('/apis/coordination.k8s.io/');
}

/**
 * Whether sending it twice does the same as sending it once: reads, dry runs, deletes, applies and merge patches are;
 * creates, updates (a second one is a conflict) and JSON patches (a second remove fails) are not.
 */
export function isIdempotent({
  method,
  path,
  query,
  contentType,
}: Pick<KubeRequest, 'method' | 'path' | 'query' | 'contentType'>): boolean {
  if (method === 'GET' || method === 'DELETE' || query?.['dryRun'] !== undefined) return true;
  if (method === 'PATCH') return contentType !== 'application/json-patch+json';
  return path.startsWith('/apis/authorization.k8s.io/'); // access reviews are questions
}

function isCollection(path: string): boolean {
  const parts = path.split('/').slice(1);
  const rest = parts[0] === 'api' ? parts.slice(2) : parts[0] === 'apis' ? parts.slice(3) : [];
  const inside = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  return inside.length === 1;
}
