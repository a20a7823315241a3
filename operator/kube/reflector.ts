/**
 * A list and a watch of one kind, for ever: disconnects, silent cuts, 410, 429, 5xx, ERROR events and a CRD that goes
 * and comes are all survived. A reconnect goes on from the last resourceVersion; only a 410 lists again.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { KubeError, isKubeError } from './client.ts';
import type { KubeClient, Status, WatchEvent } from './client.ts';
import { listAll, listPages, metadataOnlyList } from './list.ts';
import type { ListOptions } from './list.ts';
import { asKind, resourcePath } from './resource-path.ts';
import { watchDelay } from './retry.ts';
import type { KubeObject, Resource } from './types.ts';
import { isNewer } from './versions.ts';

/** Told in the order of what happened; duplicates and events older than a write's answer are passed on. What it throws at is told again, and is a failure meanwhile. */
export interface ReflectorHandler {
  /**
   * The list that follows is older than what was told before: the server's store was put back to an earlier time, so
   * resourceVersions known from before say nothing, and what is listed is what there is.
   */
  reset?(): void;
  /**
   * With it, a list is told page by page, and `replace` is then given of each object only its name, namespace and
   * resourceVersion: no more than a page of whole objects is ever in memory. What a list that had to start over told before
   * may be told again.
   */
  page?(objects: readonly KubeObject[]): void;
  /** Everything there is, as of the list's resourceVersion; empty where the kind is no longer served. */
  replace(objects: readonly KubeObject[], resourceVersion: string): void;
  upsert(object: KubeObject): void;
  /** The object as it was last; it may still exist and only have left the selector. */
  remove(object: KubeObject): void;
  /** Whether the watch stands; called when that changes, and once at first. */
  state(up: boolean, error?: unknown): void;
}

export interface ReflectOptions {
  readonly client: KubeClient;
  readonly resource: Resource;
  /** Undefined is all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Metadata only: data never enters memory. */
  readonly metadataOnly: boolean;
  /** What is kept of each object of a list while the others come; must leave metadata.resourceVersion. Default all of it. */
  readonly keep?: ((object: KubeObject) => KubeObject) | undefined;
  readonly signal: AbortSignal;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  readonly handler: ReflectorHandler;
  /** Milliseconds of silence after which a stream counts as cut; default 90,000, bookmarks come about once a minute. */
  readonly idleMs?: number | undefined;
}

export interface Reflector {
  /** Resolves after the first list is in; rejects with the signal's reason. Nobody needs to wait for it. */
  readonly synced: Promise<void>;
  /** Resolves when it has ended with its signal. Never rejects. */
  readonly done: Promise<void>;
  /** Ends a pause after a failure. */
  hurry(): void;
  /** Lists anew, as soon as may be. */
  relist(): void;
}

const metadataOnlyEvents = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
/** Objects a page where they come whole. */
const wholePage = 200;
const watchFor = { least: 300, most: 600 };
/** A watch that stood for this long was a good one, however it ended, milliseconds. */
const stoodWell = 5_000;
/** A resourceVersion that no watch can be had from this often is given up: the server's store may be an older one. */
const refusalsUntilList = 3;
/** What a server answers that does not know a resourceVersion, besides 410; an absent or busy one says nothing of it. */
const versionRefused = new Set([400, 500, 504]);

/** Starts at once and goes on until the signal. */
export function reflect(options: ReflectOptions): Reflector {
  const { promise: synced, resolve, reject } = Promise.withResolvers<void>();
  synced.catch(() => {}); // there may be nobody who waits
  const position: Position = {
    resourceVersion: undefined,
    told: '',
    failures: 0,
    refusals: 0,
    up: undefined,
    why: '',
    pause: undefined,
    watch: undefined,
    again: false,
  };
  const done = run(options, position, resolve).catch((error: unknown) => reject(error));
  const relist = (): void => {
    position.again = true;
    position.watch?.abort(new Error('it is to be listed anew'));
  };
  return { synced, done, hurry: () => position.pause?.abort(), relist };
}

/** What a turn of the loop leaves for the next. */
interface Position {
  /** Undefined: list first. */
  resourceVersion: string | undefined;
  /** The last that was told, also when a list is to come first. */
  told: string;
  /** In a row. */
  failures: number;
  /** Those of them that may be about the resourceVersion. */
  refusals: number;
  up: boolean | undefined;
  /** Why it is down, as last told. */
  why: string;
  /** Ends the pause that it is in. */
  pause: AbortController | undefined;
  /** Ends the watch. */
  watch: AbortController | undefined;
  /** A list was asked for since the last began. */
  again: boolean;
}

async function run(options: ReflectOptions, position: Position, synced: () => void): Promise<never> {
  const { signal, handler } = options;
  const tell = (up: boolean, error?: unknown): void => {
    const why = up ? '' : String(error);
    if (position.up === up && position.why === why) return;
    position.up = up;
    position.why = why;
    handler.state(up, error);
  };
  for (;;) {
    signal.throwIfAborted();
    if (position.again) position.resourceVersion = undefined;
    position.again = false;
    try {
      if (position.resourceVersion === undefined) {
        await list(options, position);
        synced();
      }
      if (!position.again) await follow(options, position, () => tell(true));
    } catch (error) {
      signal.throwIfAborted();
      if (position.again && position.watch?.signal.aborted === true) continue;
      const wait = afterFailure(error, position);
      if (wait === undefined) continue;
      if (isKubeError(error, 404)) handler.replace([], '');
      if (wait.failed) tell(false, error);
      const asked = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
      await pause(position, Math.max(asked, watchDelay(position.failures, options.random())), signal);
    }
  }
}

async function pause(position: Position, delayMs: number, signal: AbortSignal): Promise<void> {
  position.pause = new AbortController();
  try {
    await sleep(delayMs, undefined, { signal: AbortSignal.any([signal, position.pause.signal]) });
  } catch {
    signal.throwIfAborted(); // else it was told to hurry
  } finally {
    position.pause = undefined;
  }
}

/** Decides from where to go on; undefined is at once, without counting as broken. */
function afterFailure(error: unknown, position: Position): { readonly failed: boolean } | undefined {
  position.failures += 1;
  if (isKubeError(error, 410) && position.resourceVersion !== undefined) {
    position.resourceVersion = undefined;
    return position.failures === 1 ? undefined : { failed: true };
  }
  if (error instanceof KubeError && versionRefused.has(error.code)) position.refusals += 1;
  if (isKubeError(error, 404) || position.refusals >= refusalsUntilList) position.resourceVersion = undefined;
  // A stream that stood and was cut is no broken watch until the reconnect fails too.
  return { failed: position.failures > 1 || position.up !== true };
}

async function list(options: ReflectOptions, position: Position): Promise<void> {
  const { client, resource, namespace, labelSelector, fieldSelector, keep, signal } = options;
  const accept = options.metadataOnly ? metadataOnlyList : 'application/json';
  const query = { namespace, labelSelector, fieldSelector, accept, keep, signal };
  const { handler } = options;
  const found = handler.page === undefined ? await listAll(client, resource, query) : await listByPages(options, query, position);
  if (handler.page === undefined) resetIfOlder(handler, position, found.resourceVersion);
  handler.replace(found.items, found.resourceVersion);
  position.resourceVersion = found.resourceVersion;
  position.told = found.resourceVersion;
  position.refusals = 0;
}

/** Without a version of its own a list says nothing of when it was. */
function resetIfOlder(handler: ReflectorHandler, position: Position, listVersion: string): void {
  if (listVersion === '' || !isNewer(position.told, listVersion)) return;
  position.told = listVersion;
  handler.reset?.();
}

/** Tells each page as it comes, in a turn of the event loop of its own, and keeps of it what says which objects there are. */
async function listByPages(
  { client, resource, handler }: ReflectOptions,
  query: ListOptions,
  position: Position,
): Promise<{ readonly items: readonly KubeObject[]; readonly resourceVersion: string }> {
  let items: KubeObject[] = [];
  let resourceVersion = '';
  for await (const page of listPages(client, resource, { ...query, pageSize: wholePage })) {
    await nextTurn();
    query.signal.throwIfAborted();
    resetIfOlder(handler, position, page.resourceVersion);
    handler.page?.(page.items);
    if (page.startsOver) items = [];
    for (const { apiVersion, kind, metadata } of page.items) {
      const { name, namespace, resourceVersion: version } = metadata;
      items.push({ apiVersion, kind, metadata: { name, ...(namespace && { namespace }), ...(version && { resourceVersion: version }) } });
    }
    resourceVersion = page.resourceVersion;
  }
  return { items, resourceVersion };
}

/** One watch, from the position on, until the server ends it. Throws KubeError when it fails or is cut. */
async function follow(options: ReflectOptions, position: Position, tellUp: () => void): Promise<void> {
  let opened: number | undefined;
  let count = 0;
  const open = (): void => {
    opened = performance.now();
    tellUp();
  };
  try {
    for await (const event of watchFrom(options, position, open)) {
      take(options, position, event);
      count += 1;
    }
  } finally {
    if (opened !== undefined && performance.now() - opened >= stoodWell) position.failures = 0;
  }
  const stood = opened === undefined ? 0 : performance.now() - opened;
  if (count === 0 && stood < stoodWell) throw new KubeError(0, { reason: 'Cut', message: 'the API server ended the watch at once' });
}

function watchFrom(options: ReflectOptions, position: Position, onOpen: () => void): AsyncGenerator<WatchEvent<KubeObject | Status>> {
  const { client, resource, namespace, labelSelector, fieldSelector, signal, idleMs } = options;
  position.watch = new AbortController();
  const seconds = watchFor.least + options.random() * (watchFor.most - watchFor.least);
  return client.watch<KubeObject | Status>({
    method: 'GET',
    path: resourcePath(resource, namespace),
    query: {
      resourceVersion: position.resourceVersion ?? '',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.floor(seconds)),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    },
    accept: options.metadataOnly ? metadataOnlyEvents : 'application/json',
    signal: AbortSignal.any([signal, position.watch.signal]),
    idleMs,
    onOpen,
  });
}

/** Hands one event on; an ERROR event is thrown as what it says. */
function take({ resource, handler }: ReflectOptions, position: Position, event: WatchEvent<KubeObject | Status>): void {
  if (event.type === 'ERROR') {
    const status = event.object as Status;
    const seconds = status.details?.retryAfterSeconds;
    throw new KubeError(status.code ?? 500, status, { retryAfterMs: seconds === undefined ? undefined : seconds * 1000 });
  }
  const object = event.object as KubeObject;
  // Before the position moves: what a handler throws at is told again.
  if (event.type === 'DELETED') handler.remove(asKind(resource, object));
  else if (event.type !== 'BOOKMARK') handler.upsert(asKind(resource, object));
  position.failures = 0;
  position.refusals = 0;
  position.resourceVersion = object.metadata.resourceVersion ?? position.resourceVersion;
  position.told = position.resourceVersion ?? position.told;
}
