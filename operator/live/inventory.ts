/**
 * The labelled objects of the cluster, kept by one list+watch per group, version and kind for all sources together. An object
 * is seen whole, judged, and let go: what is kept are verdicts. Of Secrets and ConfigMaps only metadata is ever seen.
 */
import { partOfLabel } from '../api/names.ts';
import { PlumblineError } from '../errors.ts';
import { KubeError, isKubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { reflect } from '../kube/reflector.ts';
import { apiVersionOf, groupKindText, gvkKey, objectKey } from '../kube/types.ts';
import type { GroupVersionKind, KubeObject, Resource } from '../kube/types.ts';
import { isNewer } from '../kube/versions.ts';
import { createAssessor, within } from './assessor.ts';
import { noDrift } from './drift/types.ts';
import type { Drift } from './drift/types.ts';
import { assess, needsStatus } from './health/table.ts';
import { isSameVerdict } from './health/types.ts';
import type { Verdict } from './health/types.ts';
import { createTurning } from './health/turning.ts';
import { createMembers, inVersion } from './members.ts';
import { readLiveObject } from './read.ts';
import type { Inventory, Member } from './types.ts';

export interface InventoryOptions {
  readonly client: KubeClient;
  /** --namespaces; empty watches the whole cluster. */
  readonly namespaces: readonly string[];
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Told of each watch that breaks or heals, and (undefined) of one that ends. */
  readonly onWatchState?: (gvk: GroupVersionKind, up: boolean | undefined, error: unknown) => void;
  /** No verdicts are wanted: metadata of every kind is enough. */
  readonly metadataOnly?: boolean;
  /** How long a watch that nobody needs is kept, milliseconds; default 5 minutes. */
  readonly lingerMs?: number;
  /** Milliseconds since the epoch; default the clock. */
  readonly now?: () => number;
  /** Whether a source with this ApplySet is known: what is labelled by another's is not kept until it is stated. Default: any. */
  readonly hasSource?: (applySet: string) => boolean;
}

/** Milliseconds that a walk waits for the first list of a kind. */
const firstListDeadline = 30_000;
const linger = 300_000;
/** Objects that went last: what is late is so by moments. */
const rememberedGone = 1_000;
/** Their data never enters memory. */
const secretive: ReadonlySet<string> = new Set(['Secret', 'ConfigMap']);

/** One kind in one version under watch: in the whole cluster, or once per served namespace. */
interface KindWatch {
  readonly resource: Resource;
  readonly users: Set<string>;
  readonly abort: AbortController;
  /** Resolves once every scope has its list, rejects with a 404 where the kind turns out not to be served; a new one then. */
  synced: PromiseWithResolvers<void>;
  /** Namespaces whose list is not in: at first, and again once the kind is not served. */
  readonly lacking: Set<string | undefined>;
  /** Has it tried again now what waits after a failure. */
  readonly hurry: () => void;
  /** Has all of it told again. */
  readonly relist: () => void;
  /** Ends it, a while after its last user has gone. */
  lingering: NodeJS.Timeout | undefined;
  /** A first list was in once, though it may be lacking again. */
  listed: boolean;
  /** What is wrong, by the scope whose watch is broken. */
  readonly faults: Map<string | undefined, unknown>;
  up: boolean;
  tried: boolean;
  error: unknown;
}

/** Whether only the metadata of a kind is watched. */
export function isMetadataOnly({ group, kind }: { readonly group: string; readonly kind: string }): boolean {
  return group === '' && secretive.has(kind);
}

/** Starts with no watches; `need` starts them. They end with the signal. */
export function createInventory(options: InventoryOptions): Inventory {
  const watches = new Map<string, KindWatch>();
  const members = createMembers();
  const { now = () => Date.now() } = options;
  const unrecordedListeners = new Set<(member: Member, fields: readonly string[]) => void>();
  const assessor = createAssessor(
    isMetadataOnly,
    () => new Date(now()).toISOString(),
    (key, fields) => {
      const member = members.get(key);
      if (member !== undefined) for (const listener of unrecordedListeners) listener(member, fields);
    },
    { hasSource: options.hasSource ?? (() => true), lookAgain: (kind) => watches.get(kind)?.relist() },
  );
  const turning = createTurning(now, (key, health) => judged(key, undefined, health), options.signal);
  members.onChange(({ before, after }) => {
    const member = after ?? before;
    if (member !== undefined) turning.note(objectKey(member.id), after?.health);
  });
  /** By key, the resourceVersion at which an object went: what is told of it late does not bring it back. */
  const gone = new Map<string, string>();

  function upsert(resource: Resource, object: KubeObject, isWatched: boolean): void {
    const seen = readLiveObject(resource, object);
    const key = objectKey(seen.id);
    const before = members.get(key);
    const isNew = before === undefined || isNewer(seen.resourceVersion, before.resourceVersion);
    // What a write of ours answered is told again by the watch, whole: then it is judged.
    if (!isNew && (!isWatched || seen.resourceVersion !== before.resourceVersion)) return;
    const goneAt = before === undefined ? gone.get(key) : undefined;
    if (goneAt !== undefined && !isNewer(seen.resourceVersion, goneAt)) return;
    if (seen.partOf === '') {
      if (before !== undefined) drop(key, before);
      return;
    }
    if (options.metadataOnly === true) return members.put(key, before, { ...seen, drift: before?.drift });
    const health = isWatched || !needsStatus(resource) ? assess(object, now()) : undefined;
    if (!isWatched) return members.put(key, before, { ...seen, drift: before?.drift, health });
    const drift = assessor.assess({ key, resource, object, metadataOnly: isMetadataOnly(resource) });
    if (isNew) members.put(key, before, { ...seen, drift: drift ?? before?.drift, health });
    else judged(key, drift, health);
  }

  /** A verdict that changed without the object. */
  function judged(key: string, drift: Drift | undefined, health?: Verdict): void {
    const member = members.get(key);
    if (member === undefined) return;
    const known = { drift: drift ?? member.drift, health: health ?? member.health };
    if (known.drift !== member.drift || !isSameVerdict(known.health, member.health)) members.put(key, member, { ...member, ...known });
  }

  function drop(key: string, member: Member): void {
    assessor.forget(key);
    members.put(key, member, undefined);
  }

  function remove(resource: Resource, object: KubeObject): void {
    const last = readLiveObject(resource, object);
    const key = objectKey(last.id);
    const before = members.get(key);
    if (before !== undefined && isNewer(before.resourceVersion, last.resourceVersion)) return;
    remember(key, last.resourceVersion);
    if (before !== undefined) drop(key, before);
  }

  function remember(key: string, version: string): void {
    const known = gone.get(key);
    if (known !== undefined && !isNewer(version, known)) return; // it went again since, and that was told before
    gone.delete(key); // the newest come last
    gone.set(key, version);
    const [oldest] = gone.keys();
    if (gone.size > rememberedGone && oldest !== undefined) gone.delete(oldest);
  }

  /** The API server's store is an older one: whatever it tells next counts, whichever version it has. */
  function reset(resource: Resource, namespace: string | undefined): void {
    gone.clear();
    for (const [key, member] of members.ofKind(resource)) {
      if (namespace !== undefined && member.id.namespace !== namespace) continue;
      assessor.forget(key);
      members.replace(key, { ...member, resourceVersion: '' });
    }
  }

  /** A fresh list, whose objects were told page by page: what it does not hold is gone, but for what was written after it was taken. */
  function replace(resource: Resource, namespace: string | undefined, objects: readonly KubeObject[], listVersion: string): void {
    const other = listVersion === '' ? otherVersion(resource) : undefined;
    if (other !== undefined) return rehome(resource, other);
    const seen = new Set<string>();
    for (const object of objects) {
      seen.add(objectKey({ ...resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name }));
    }
    for (const [key, member] of members.ofKind(resource)) {
      if (seen.has(key)) continue;
      if (namespace !== undefined && member.id.namespace !== namespace) continue;
      if (listVersion !== '' && isNewer(member.resourceVersion, listVersion)) continue;
      drop(key, member);
    }
  }

  function start(resource: Resource): KindWatch {
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, options.signal]);
    const scopes: (string | undefined)[] = options.namespaces.length === 0 ? [undefined] : [...options.namespaces];
    const reflectors = scopes.map((namespace) =>
      reflect({
        client: options.client,
        resource,
        namespace,
        labelSelector: partOfLabel,
        metadataOnly: options.metadataOnly === true || isMetadataOnly(resource),
        signal,
        random: options.random,
        handler: {
          reset: () => reset(resource, namespace),
          page: (objects) => objects.forEach((object) => upsert(resource, object, true)),
          replace(objects, listVersion) {
            replace(resource, namespace, objects, listVersion);
            noteListed(watch, namespace, listVersion !== '' || objects.length > 0);
          },
          upsert: (object) => upsert(resource, object, true),
          remove: (object) => remove(resource, object),
          state: (up, error) => {
            if (up) watch.faults.delete(namespace);
            else watch.faults.set(namespace, error);
            watch.up = watch.faults.size === 0;
            [watch.error] = watch.faults.values();
            watch.tried = true;
            options.onWatchState?.(resource, watch.up, watch.error);
            // Of a kind that went, nobody needs to wait for a first list; a watch that nobody needs is not mended.
            if ((!watch.listed && isKubeError(error, 404)) || (watch.users.size === 0 && !up)) end(watch, error);
          },
        },
      }),
    );
    const watch: KindWatch = {
      resource,
      users: new Set(),
      abort,
      synced: lists(),
      lacking: new Set(scopes),
      hurry: () => reflectors.forEach((reflector) => reflector.hurry()),
      relist: () => reflectors.forEach((reflector) => reflector.relist()),
      lingering: undefined,
      listed: false,
      faults: new Map(),
      up: false,
      tried: false,
      error: undefined,
    };
    return watch;
  }

  /** What was known of a kind that is not served says nothing of it once it is served again: then its list is waited for anew. */
  function noteListed(watch: KindWatch, scope: string | undefined, isServed: boolean): void {
    if (isServed) {
      if (!watch.lacking.delete(scope) || watch.lacking.size > 0) return;
      watch.listed = true;
      watch.synced.resolve();
    } else {
      watch.lacking.add(scope);
      if (!watch.listed) return; // the watch ends
      watch.synced.reject(new KubeError(404, { reason: 'NotFound', message: 'the kind is not served' }));
      watch.synced = lists();
    }
  }

  function end(watch: KindWatch, why?: unknown): void {
    clearTimeout(watch.lingering);
    watch.abort.abort(why);
    watches.delete(gvkKey(watch.resource));
    forget(watch.resource);
    options.onWatchState?.(watch.resource, undefined, undefined);
  }

  /** The last user has gone: another may come soon, and what is known would have to be listed anew. */
  function letLinger(watch: KindWatch): void {
    watch.lingering = setTimeout(() => end(watch), options.lingerMs ?? linger);
    watch.lingering.unref();
  }

  function release(source: string, keep: ReadonlySet<string>): void {
    for (const [key, watch] of watches) {
      if (keep.has(key) || !watch.users.delete(source) || watch.users.size > 0) continue;
      // A version of a kind that moved to another says nothing that the other does not.
      if (watch.listed && watch.up && otherVersion(watch.resource) === undefined) letLinger(watch);
      else end(watch);
    }
  }

  /** The same kind in another version that is watched and served. */
  function otherVersion({ group, kind, version }: Resource): Resource | undefined {
    for (const { resource, error } of watches.values()) {
      const isOther = resource.group === group && resource.kind === kind && resource.version !== version;
      if (isOther && !isKubeError(error, 404)) return resource;
    }
    return undefined;
  }

  /** A version that is served or watched no more says nothing of the objects: they are there, and reached by the other version. */
  function rehome(resource: Resource, to: Resource): void {
    for (const [key, member] of members.ofKind(resource)) {
      if (member.id.version === resource.version) members.replace(key, inVersion(member, to));
    }
  }

  /** Without any watch of a group and kind, nothing is known of its objects. */
  function forget(resource: Resource): void {
    const other = otherVersion(resource);
    if (other !== undefined) return rehome(resource, other);
    for (const [key] of members.ofKind(resource)) {
      assessor.forget(key);
      members.replace(key, undefined);
    }
  }

  return {
    async need(source, resources, signal) {
      signal.throwIfAborted(); // a source that is gone needs nothing: it was released already
      const keys = new Set(resources.map(gvkKey));
      for (const resource of resources) {
        const key = gvkKey(resource);
        const watch = watches.get(key) ?? start(resource);
        watches.set(key, watch);
        clearTimeout(watch.lingering);
        watch.users.add(source);
        if (watch.listed && watch.lacking.size > 0) watch.hurry();
      }
      release(source, keys);
      await Promise.all([...keys].map((key) => firstList(watches.get(key), signal)));
    },
    release: (source) => release(source, new Set()),
    membersOf: (partOf) => members.partOf(partOf),
    find: (id) => members.find(id),
    noteWritten(resource, object, leftOut) {
      const { metadata } = object as KubeObject;
      const key = objectKey({ ...resource, namespace: metadata.namespace ?? '', name: metadata.name });
      upsert(resource, object as KubeObject, false);
      if (leftOut === undefined) return;
      const drift = assessor.wrote(key, metadata.resourceVersion ?? '', leftOut);
      judged(key, drift ?? within(members.get(key)?.drift ?? noDrift, leftOut));
    },
    *stating(applySet, manifests, applied) {
      for (const told of assessor.state(applySet, manifests, applied)) {
        if (told !== undefined) judged(told[0], told[1]);
        yield;
      }
    },
    retainStated: (applySet, keys) => assessor.retain(applySet, keys),
    isStated: (applySet) => assessor.isStated(applySet),
    noteSettled: (key, answer) => judged(key, assessor.settle(key, answer)),
    waitGone: (member, deadlineMs, signal) => members.waitGone(member, deadlineMs, signal),
    onChange: (listener) => members.onChange(listener),
    onUnrecorded(listener) {
      unrecordedListeners.add(listener);
      return () => void unrecordedListeners.delete(listener);
    },
    state: () => ({
      broken: [...watches.values()].filter((watch) => watch.tried && !watch.up).map(brokenText),
      tried: [...watches.values()].every((watch) => watch.tried),
    }),
  };
}

function lists(): PromiseWithResolvers<void> {
  const made = Promise.withResolvers<void>();
  made.promise.catch(() => {}); // each waiter handles it; there may be none
  return made;
}

async function firstList(watch: KindWatch | undefined, signal: AbortSignal): Promise<void> {
  if (watch === undefined) return;
  const deadline = AbortSignal.timeout(firstListDeadline);
  const either = AbortSignal.any([deadline, signal, watch.abort.signal]);
  await new Promise<void>((resolve, reject) => {
    const aborted = () => reject(either.reason);
    if (either.aborted) return aborted();
    either.addEventListener('abort', aborted, { once: true });
    watch.synced.promise.then(resolve, reject).finally(() => either.removeEventListener('abort', aborted));
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (isKubeError(watch.abort.signal.reason, 404) || isKubeError(error, 404)) {
      throw new PlumblineError({ reason: 'Conflict', message: 'the kinds that the API server serves changed meanwhile' }, { cause: error });
    }
    throw new PlumblineError(
      { reason: 'ApiServerUnavailable', message: `The watch of ${brokenText(watch)} has no first list yet, so what is live is not known` },
      { cause: error },
    );
  });
}

function brokenText(watch: KindWatch): string {
  const why = watch.error instanceof Error ? `: ${watch.error.message}` : '';
  return `${groupKindText(watch.resource)} ${apiVersionOf(watch.resource)}${why}`;
}
