/**
 * Look-ups of objects that watches cannot see because they carry no label (rule 1): one GET where few are unknown,
 * else one paged list of the kind, shared by every walk that began before the list was taken and dropped after.
 */
import type { KubeClient } from '../kube/client.ts';
import { getMetadata, listMetadata } from '../kube/operations.ts';
import { gvkKey, objectKey } from '../kube/types.ts';
import type { ObjectId, Resource } from '../kube/types.ts';
import { readLookedUp } from './read.ts';
import type { LookedUp } from './types.ts';

/** Up to this many unknown objects of a kind are looked up by a GET each. */
const fewUnknown = 4;

/** One walk's access to the shared look-ups; `close` when the walk ends. */
export interface LookUps {
  /** The objects among `ids` that exist, by `objectKey`; metadata only, as of a moment after this walk began. */
  find(resource: Resource, ids: readonly ObjectId[], signal: AbortSignal): Promise<ReadonlyMap<string, LookedUp>>;
  /** One object that many walks ask about, such as the account that they act as: by one GET for all of them. */
  get(resource: Resource, id: ObjectId, signal: AbortSignal): Promise<LookedUp | undefined>;
  close(): void;
}

interface Shared<T> {
  /** Order of its start among walks and look-ups. */
  readonly startedAt: number;
  readonly result: Promise<T>;
}

/** Hands out one LookUps per walk. */
export interface LookUpService {
  begin(flow: string): LookUps;
}

export function createLookUps(client: KubeClient, namespaces: readonly string[], lifetime: AbortSignal): LookUpService {
  let clock = 0;
  const running = new Set<number>();
  /** Walks that have not looked for what they state yet: those that will share a list. */
  const expected = new Set<number>();
  const lists = new Map<string, Shared<ReadonlyMap<string, LookedUp>>>();
  const gets = new Map<string, Shared<LookedUp | undefined>>();

  function dropStale(): void {
    // Numbers only grow, and a set keeps the order in which they came.
    const [oldest = Infinity] = running;
    for (const cache of [lists, gets]) {
      for (const [key, shared] of cache) if (shared.startedAt < oldest) cache.delete(key);
    }
  }

  /** A shared answer may be used by whoever began before it was asked for: it is not older than that walk. */
  function share<T>(cache: Map<string, Shared<T>>, key: string, began: number, ask: () => Promise<T>): Promise<T> {
    const known = cache.get(key);
    if (known !== undefined && known.startedAt > began) return known.result;
    const shared: Shared<T> = { startedAt: ++clock, result: ask() };
    shared.result.catch(() => cache.get(key) === shared && cache.delete(key));
    cache.set(key, shared);
    return shared.result;
  }

  async function listAll(resource: Resource, flow: string): Promise<ReadonlyMap<string, LookedUp>> {
    const found = new Map<string, LookedUp>();
    const scopes = resource.namespaced && namespaces.length > 0 ? namespaces : [undefined];
    for (const namespace of scopes) {
      for await (const object of listMetadata(client, resource, { namespace, flow, signal: lifetime })) {
        const live = readLookedUp(resource, object);
        found.set(objectKey(live.id), live);
      }
    }
    return found;
  }

  async function getOne(resource: Resource, id: ObjectId, flow: string): Promise<LookedUp | undefined> {
    const object = await getMetadata(client, resource, id, { flow, signal: lifetime });
    return object && readLookedUp(resource, object);
  }

  return {
    begin(flow) {
      const began = ++clock;
      running.add(began);
      expected.add(began);
      const get: LookUps['get'] = (resource, id, signal) =>
        abortable(
          share(gets, `${gvkKey(resource)} ${objectKey(id)}`, began, () => getOne(resource, id, flow)),
          signal,
        );
      return {
        get,
        async find(resource, ids, signal) {
          expected.delete(began);
          if (ids.length === 0) return new Map();
          const key = gvkKey(resource);
          const shared = lists.get(key);
          const listed = shared !== undefined && shared.startedAt > began;
          const found = new Map<string, LookedUp>();
          if (listed || ids.length + expected.size > fewUnknown) {
            const all = await abortable(
              share(lists, key, began, () => listAll(resource, flow)),
              signal,
            );
            for (const id of ids) {
              const live = all.get(objectKey(id));
              if (live !== undefined) found.set(objectKey(id), live);
            }
            return found;
          }
          await Promise.all(
            ids.map(async (id) => {
              const one = objectKey(id);
              const live = await abortable(
                share(gets, `${key} ${one}`, began, () => getOne(resource, id, flow)),
                signal,
              );
              if (live !== undefined) found.set(one, live);
            }),
          );
          return found;
        },
        close() {
          running.delete(began);
          expected.delete(began);
          dropStale();
        },
      };
    },
  };
}

/** The shared work goes on when one of those who wait for it is aborted. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) return aborted();
    signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
