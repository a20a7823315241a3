/**
 * Why workloads are not healthy, from their pods. Pods are read only while a workload of their namespace is asked about: by
 * one list and watch, of which nothing is kept but the troubles of up to 20 pods an owner; with the last workload all of it goes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../kube/client.ts';
import { getMetadata } from '../kube/operations.ts';
import { reflect } from '../kube/reflector.ts';
import { watchDelay } from '../kube/retry.ts';
import type { Resource } from '../kube/types.ts';
import { controllerOf, emptyRoom, forget, isCandidate, keepOf, note, textFor } from './pod-room.ts';
import type { AilingWorkload, Owned, Room } from './pod-room.ts';

/** Looks into the pods of workloads for as long as they are asked about. */
export interface PodReader {
  /** Begins to look, or goes on with what is known of it now. */
  look(workload: AilingWorkload): void;
  /** It is healthy, or gone. */
  drop(key: string): void;
  /** What its pods say, `pod web-1: container web …`; empty when nothing ails, undefined while nothing is known of them. */
  textOf(key: string): string | undefined;
  /** Namespaces whose pods are watched, and pods of which something is kept. */
  size(): { readonly namespaces: number; readonly pods: number };
}

export interface PodReaderOptions {
  readonly client: KubeClient;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Told of the watch of a namespace's pods that breaks or heals, and (undefined) of one that ends. */
  readonly onState?: (namespace: string, up: boolean | undefined, error?: unknown) => void;
  /** What the pods of a workload say has changed. */
  readonly onChange: (key: string) => void;
}

export const podResource: Resource = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true, verbs: [] };
const replicaSets: Resource = { group: 'apps', version: 'v1', kind: 'ReplicaSet', plural: 'replicasets', namespaced: true, verbs: [] };

/** Starts with nothing; what it starts ends with the signal. */
export function createPodReader({ client, random, signal, onChange, onState }: PodReaderOptions): PodReader {
  const rooms = new Map<string, Room>();
  const namespaceOf = new Map<string, string>();
  /** Has all pods of a room told again. */
  const relists = new WeakMap<Room, () => void>();

  function open(namespace: string): Room {
    const room = emptyRoom();
    rooms.set(namespace, room);
    const reflector = reflect({
      client,
      resource: podResource,
      namespace,
      // Pods of finished Jobs may be many.
      fieldSelector: 'status.phase!=Succeeded',
      metadataOnly: false,
      keep: keepOf,
      signal: AbortSignal.any([room.abort.signal, signal]),
      random,
      handler: {
        replace(pods) {
          room.owned.clear();
          room.isCut = false;
          room.isListed = true;
          for (const pod of pods) note(room, pod);
          for (const owned of room.owned.values()) ask(namespace, room, owned);
          review(room, () => true);
        },
        upsert(pod) {
          const owned = note(room, keepOf(pod));
          if (owned !== undefined) ask(namespace, room, owned);
          reviewOwner(room, controllerOf(pod)?.uid);
        },
        remove(pod) {
          const parent = room.owned.get(controllerOf(pod)?.uid ?? '')?.parent;
          forget(room, pod);
          reviewOwner(room, controllerOf(pod)?.uid, parent);
        },
        // Without its pods a workload is as unhealthy as with them: nothing is done about it.
        state: (up, error) => onState?.(namespace, up, error),
      },
    });
    relists.set(room, () => reflector.relist());
    return room;
  }

  /** What changed of these workloads is told. */
  function review(room: Room, isMeant: (workload: AilingWorkload) => boolean): void {
    for (const [key, looked] of room.looked) {
      if (!isMeant(looked.workload)) continue;
      const text = textFor(room, looked.workload);
      if (text === looked.text) continue;
      looked.text = text;
      onChange(key);
    }
  }

  function reviewOwner(room: Room, owner: string | undefined, formerParent?: string): void {
    const parent = room.owned.get(owner ?? '')?.parent ?? formerParent;
    review(room, ({ uid }) => uid === owner || uid === parent);
  }

  /** Whose a ReplicaSet is is asked for once. */
  function ask(namespace: string, room: Room, owned: Owned): void {
    if (owned.isAsked) return;
    const isWanted = [...room.looked.values()].some(({ workload }) => isCandidate(owned.owner, workload.name));
    if (isWanted) void askParent(namespace, room, owned);
  }

  async function askParent(namespace: string, room: Room, owned: Owned): Promise<void> {
    owned.isAsked = true;
    const ends = AbortSignal.any([room.abort.signal, signal]);
    for (let tries = 1; !owned.isAnswered && room.owned.get(owned.owner.uid) === owned; tries += 1) {
      try {
        const found = await getMetadata(client, replicaSets, { namespace, name: owned.owner.name }, { behind: true, signal: ends });
        owned.isAnswered = true;
        if (found?.metadata.uid === owned.owner.uid) owned.parent = controllerOf(found)?.uid;
        review(room, ({ name }) => isCandidate(owned.owner, name));
      } catch {
        if (ends.aborted) return;
        await sleep(watchDelay(tries, random()), undefined, { signal: ends, ref: false }).catch(() => {}); // nobody asks any more
      }
    }
  }

  return {
    look(workload) {
      const { key, namespace } = workload;
      const room = rooms.get(namespace) ?? open(namespace);
      if (room.isCut && !room.looked.has(key)) relists.get(room)?.(); // its pods may have been let go
      room.looked.set(key, { workload, text: textFor(room, workload) });
      namespaceOf.set(key, namespace);
      for (const owned of room.owned.values()) ask(namespace, room, owned);
    },
    drop(key) {
      const namespace = namespaceOf.get(key);
      const room = namespace === undefined ? undefined : rooms.get(namespace);
      if (namespace === undefined || room === undefined) return;
      namespaceOf.delete(key);
      room.looked.delete(key);
      if (room.looked.size > 0) return;
      rooms.delete(namespace);
      room.abort.abort();
      onState?.(namespace, undefined);
    },
    textOf: (key) => rooms.get(namespaceOf.get(key) ?? '')?.looked.get(key)?.text,
    size() {
      let pods = 0;
      for (const room of rooms.values()) for (const owned of room.owned.values()) pods += owned.pods.size;
      return { namespaces: rooms.size, pods };
    },
  };
}
