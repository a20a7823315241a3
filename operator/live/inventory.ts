/**
 * The labelled objects of the cluster, kept by one list+watch per group, version and kind for all sources together.
 * Metadata only: an object's data never enters memory.
 */
import { partOfLabel } from '../api/names.ts';
import { PlumblineError } from '../errors.ts';
import { isKubeError } from '../kube/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { reflect } from '../kube/reflector.ts';
import { apiVersionOf, groupKindText, gvkKey, objectKey } from '../kube/types.ts';
import type { GroupVersionKind, KubeObject, Resource } from '../kube/types.ts';
import { readLiveObject } from './read.ts';
import type { Inventory, Member, MemberChange } from './types.ts';

export interface InventoryOptions {
  readonly client: KubeClient;
  /** --namespaces; empty watches the whole cluster. */
  readonly namespaces: readonly string[];
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Told of each watch that breaks or heals, and (undefined) of one that ends. */
  readonly onWatchState?: (gvk: GroupVersionKind, up: boolean | undefined, error: unknown) => void;
}

/** Milliseconds that a walk waits for the first list of a kind. */
const firstListDeadline = 30_000;

/** One kind in one version under watch: in the whole cluster, or once per served namespace. */
interface KindWatch {
  readonly resource: Resource;
  readonly users: Set<string>;
  readonly abort: AbortController;
  readonly synced: Promise<void>;
  listed: boolean;
  up: boolean;
  tried: boolean;
  error: unknown;
}

/** Starts with no watches; `need` starts them. They end with the signal. */
export function createInventory(options: InventoryOptions): Inventory {
  const watches = new Map<string, KindWatch>();
  const byKey = new Map<string, Member>();
  const byPartOf = new Map<string, Map<string, Member>>();
  const listeners = new Set<(change: MemberChange) => void>();

  function put(key: string, before: Member | undefined, after: Member | undefined): void {
    if (before !== undefined && before.partOf !== after?.partOf) unindex(key, before.partOf);
    if (after === undefined) {
      byKey.delete(key);
    } else {
      byKey.set(key, after);
      const set = byPartOf.get(after.partOf);
      if (set === undefined) byPartOf.set(after.partOf, new Map([[key, after]]));
      else set.set(key, after);
    }
    for (const listener of listeners) listener({ before, after });
  }

  function unindex(key: string, partOf: string): void {
    const set = byPartOf.get(partOf);
    set?.delete(key);
    if (set?.size === 0) byPartOf.delete(partOf);
  }

  function upsert(resource: Resource, object: KubeObject): void {
    const after = readLiveObject(resource, object);
    const key = objectKey(after.id);
    const before = byKey.get(key);
    if (before !== undefined && !isNewer(after.resourceVersion, before.resourceVersion)) return;
    if (after.partOf === '') {
      if (before !== undefined) put(key, before, undefined);
      return;
    }
    put(key, before, after);
  }

  function remove(resource: Resource, object: KubeObject): void {
    const gone = readLiveObject(resource, object);
    const key = objectKey(gone.id);
    const before = byKey.get(key);
    if (before === undefined || isNewer(before.resourceVersion, gone.resourceVersion)) return;
    put(key, before, undefined);
  }

  /** A fresh list: what it does not hold is gone, but for what was written after the list was taken. */
  function replace(resource: Resource, namespace: string | undefined, objects: readonly KubeObject[], listVersion: string): void {
    const other = listVersion === '' ? otherVersion(resource) : undefined;
    if (other !== undefined) return rehome(resource, other);
    const seen = new Set<string>();
    for (const object of objects) {
      upsert(resource, object);
      seen.add(objectKey({ ...resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name }));
    }
    for (const [key, member] of byKey) {
      if (member.id.group !== resource.group || member.id.kind !== resource.kind || seen.has(key)) continue;
      if (namespace !== undefined && member.id.namespace !== namespace) continue;
      if (listVersion !== '' && isNewer(member.resourceVersion, listVersion)) continue;
      put(key, member, undefined);
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
        metadataOnly: true,
        signal,
        random: options.random,
        handler: {
          replace: (objects, listVersion) => replace(resource, namespace, objects, listVersion),
          upsert: (object) => upsert(resource, object),
          remove: (object) => remove(resource, object),
          state: (up, error) => {
            watch.up = up;
            watch.error = error;
            watch.tried = true;
            options.onWatchState?.(resource, up, error);
            if (!watch.listed && isKubeError(error, 404)) end(watch, error); // a kind that went meanwhile: nobody needs to wait for it
          },
        },
      }),
    );
    const synced = Promise.all(reflectors.map((reflector) => reflector.synced)).then(() => {});
    synced.then(
      () => (watch.listed = true),
      () => {}, // each waiter handles it; nobody may be waiting when the watch is stopped
    );
    const watch: KindWatch = { resource, users: new Set(), abort, synced, listed: false, up: false, tried: false, error: undefined };
    return watch;
  }

  function end(watch: KindWatch, why?: unknown): void {
    watch.abort.abort(why);
    watches.delete(gvkKey(watch.resource));
    forget(watch.resource);
    options.onWatchState?.(watch.resource, undefined, undefined);
  }

  function drop(source: string, keep: ReadonlySet<string>): void {
    for (const [key, watch] of watches) {
      if (keep.has(key) || !watch.users.delete(source) || watch.users.size > 0) continue;
      end(watch);
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
  function rehome({ group, kind, version }: Resource, to: Resource): void {
    for (const [key, member] of byKey) {
      if (member.id.group !== group || member.id.kind !== kind || member.id.version !== version) continue;
      const moved = { ...member, id: { ...member.id, version: to.version }, resource: to };
      byKey.set(key, moved);
      byPartOf.get(member.partOf)?.set(key, moved);
    }
  }

  /** Without any watch of a group and kind, nothing is known of its objects. */
  function forget(resource: Resource): void {
    const other = otherVersion(resource);
    if (other !== undefined) return rehome(resource, other);
    for (const [key, member] of byKey) {
      if (member.id.group !== resource.group || member.id.kind !== resource.kind) continue;
      byKey.delete(key);
      unindex(key, member.partOf);
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
        watch.users.add(source);
      }
      drop(source, keys);
      await Promise.all([...keys].map((key) => firstList(watches.get(key), signal)));
    },
    release: (source) => drop(source, new Set()),
    membersOf: (partOf) => [...(byPartOf.get(partOf)?.values() ?? [])],
    find: (id) => byKey.get(objectKey(id)),
    noteWritten: (resource, object) => upsert(resource, object as KubeObject),
    waitGone: (member, deadlineMs, signal) =>
      new Promise((resolve, reject) => {
        const key = objectKey(member.id);
        const isGone = () => byKey.get(key)?.uid !== member.uid;
        if (isGone()) return resolve(true);
        const done = (settle: () => void) => {
          listeners.delete(listener);
          clearTimeout(timer);
          signal.removeEventListener('abort', aborted);
          settle();
        };
        const listener = () => isGone() && done(() => resolve(true));
        const aborted = () => done(() => reject(signal.reason));
        const timer = setTimeout(() => done(() => resolve(false)), deadlineMs);
        listeners.add(listener);
        signal.addEventListener('abort', aborted);
      }),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    state: () => ({
      broken: [...watches.values()].filter((watch) => watch.tried && !watch.up).map(brokenText),
      tried: [...watches.values()].every((watch) => watch.tried),
    }),
  };
}

async function firstList(watch: KindWatch | undefined, signal: AbortSignal): Promise<void> {
  if (watch === undefined) return;
  const deadline = AbortSignal.timeout(firstListDeadline);
  const either = AbortSignal.any([deadline, signal, watch.abort.signal]);
  await new Promise<void>((resolve, reject) => {
    const aborted = () => reject(either.reason);
    if (either.aborted) return aborted();
    either.addEventListener('abort', aborted, { once: true });
    watch.synced.then(resolve, reject).finally(() => either.removeEventListener('abort', aborted));
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    if (isKubeError(watch.abort.signal.reason, 404)) {
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

/** Whether resourceVersion `a` is later than `b` (KEP-5504: comparable as integers of any length). */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
