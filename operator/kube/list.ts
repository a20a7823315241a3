/** Lists by pages, so that neither side ever holds a whole large list at once. */
import { isKubeError } from './client.ts';
import type { KubeClient, KubeRequest } from './client.ts';
import { asKind, resourcePath } from './resource-path.ts';
import type { KubeObject, Resource } from './types.ts';

export interface ListOptions extends Pick<KubeRequest, 'as' | 'flow' | 'behind' | 'signal' | 'timeoutMs'> {
  /** Undefined is all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects a page, default 500. */
  readonly pageSize?: number | undefined;
  /** Default `metadataOnlyList`. */
  readonly accept?: string | undefined;
  /** What is kept of each object, page by page; default all of it. */
  readonly keep?: ((object: KubeObject) => KubeObject) | undefined;
}

export interface ListPage {
  readonly items: readonly KubeObject[];
  /** Of the list, the same on every page until it starts over. */
  readonly resourceVersion: string;
  /** The list had to start over (410, the server forgot where it was): what earlier pages held no longer counts. */
  readonly startsOver: boolean;
}

export const metadataOnlyList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

const defaultPageSize = 500;
/** A list that is outrun by changes this often is asked for in one piece. */
const pagedTries = 3;

interface ListBody {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

/** The pages of a consistent list. Throws KubeError. */
export async function* listPages(client: KubeClient, resource: Resource, options: ListOptions): AsyncGenerator<ListPage, void, void> {
  const {
    namespace,
    labelSelector,
    fieldSelector,
    accept = metadataOnlyList,
    pageSize = defaultPageSize,
    as,
    flow,
    behind,
    signal,
    timeoutMs,
  } = options;
  const path = resourcePath(resource, namespace);
  const selectors = {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
  let tries = 0;
  let startsOver = false;
  let next = '';
  do {
    const paging: Record<string, string> =
      tries < pagedTries ? { limit: String(pageSize), ...(next === '' ? {} : { continue: next }) } : {};
    const query = { ...selectors, ...paging };
    const answer = await client
      .request<ListBody>({ method: 'GET', path, query, accept, as, flow, behind, signal, timeoutMs })
      .catch((error: unknown) => {
        if (!isKubeError(error, 410) || next === '') throw error;
      });
    if (answer === undefined) {
      tries += 1;
      next = '';
      startsOver = true;
      continue;
    }
    const { metadata, items } = answer.body;
    next = metadata?.continue ?? '';
    yield { items: (items ?? []).map((item) => asKind(resource, item)), resourceVersion: metadata?.resourceVersion ?? '', startsOver };
    startsOver = false;
  } while (next !== '' || startsOver);
}

/** The whole list, each object once. Throws KubeError. */
export async function listAll(
  client: KubeClient,
  resource: Resource,
  options: ListOptions,
): Promise<{ readonly items: readonly KubeObject[]; readonly resourceVersion: string }> {
  let items: KubeObject[] = [];
  let resourceVersion = '';
  for await (const page of listPages(client, resource, options)) {
    if (page.startsOver) items = [];
    for (const item of page.items) items.push(options.keep === undefined ? item : options.keep(item));
    resourceVersion = page.resourceVersion;
  }
  return { items, resourceVersion };
}

/**
 * The objects of a list one by one, metadata only unless `accept` says otherwise; returns the list's resourceVersion.
 * Where the list had to start over, objects may come twice. Throws KubeError.
 */
export async function* listMetadata(
  client: KubeClient,
  resource: Resource,
  options: ListOptions,
): AsyncGenerator<KubeObject, string, void> {
  let resourceVersion = '';
  for await (const page of listPages(client, resource, options)) {
    resourceVersion = page.resourceVersion;
    yield* page.items;
  }
  return resourceVersion;
}
