/** Pure: the ailing pods of one namespace, as little of each as can be, and what they say of a workload. */
import type { KubeObject, OwnerReference } from '../kube/types.ts';
import { podTrouble } from './health/pod-trouble.ts';
import type { Trouble } from './health/pod-trouble.ts';
import { podsText } from './health/pods-text.ts';
import type { AilingPod } from './health/pods-text.ts';
import { isSelected } from './health/selector.ts';
import type { PodSelector } from './health/types.ts';

const podsPerOwner = 20;
/** Of more owners only those are kept that workloads are looked into for: finished Jobs may be thousands. */
const mostOwners = 2_000;

/** A workload that is not healthy. */
export interface AilingWorkload {
  /** Its objectKey. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly selector: PodSelector;
}

/** The ailing pods of one owner (a ReplicaSet, a StatefulSet, a Job). */
export interface Owned {
  readonly owner: OwnerReference;
  /** By name. */
  readonly pods: Map<string, { readonly trouble: Trouble; readonly labels: Readonly<Record<string, string>> }>;
  /** The uid of the owner's own controller (a ReplicaSet's Deployment): asked for once. */
  parent: string | undefined;
  isAsked: boolean;
  isAnswered: boolean;
}

/** A workload that is looked into, and what its pods said last. */
export interface Looked {
  readonly workload: AilingWorkload;
  text: string | undefined;
}

/** What is known of the pods of one namespace. */
export interface Room {
  readonly looked: Map<string, Looked>;
  readonly owned: Map<string, Owned>;
  /** Its pods were listed. */
  isListed: boolean;
  /** There were too many owners: those that nobody asked about were let go. */
  isCut: boolean;
  /** Ends its watch. */
  readonly abort: AbortController;
}

export function emptyRoom(): Room {
  return { looked: new Map(), owned: new Map(), isListed: false, isCut: false, abort: new AbortController() };
}

/** What is said of the pods that the workload selects and owns, itself or through a ReplicaSet. */
export function textFor(room: Room, { uid, name: workload, selector }: AilingWorkload): string | undefined {
  if (!room.isListed) return undefined;
  const ailing: AilingPod[] = [];
  let isOpen = false;
  for (const { owner, parent, isAnswered, pods } of room.owned.values()) {
    if (owner.uid !== uid && parent !== uid) {
      isOpen ||= !isAnswered && isCandidate(owner, workload);
      continue;
    }
    for (const [name, { trouble, labels }] of pods) if (isSelected(selector, labels)) ailing.push({ name, trouble });
  }
  return podsText(ailing.slice(0, podsPerOwner)) ?? (isOpen ? undefined : '');
}

/** A ReplicaSet is named after its Deployment; whether it is its own, its owner reference tells. */
export function isCandidate({ kind, name }: OwnerReference, workload: string): boolean {
  return kind === 'ReplicaSet' && name.startsWith(`${workload}-`);
}

/** What of a pod is needed: whose it is, and what ails it. */
export interface KeptPod extends KubeObject {
  readonly trouble: Trouble | undefined;
}

/** Lets go of everything else of a pod. */
export function keepOf(pod: KubeObject): KeptPod {
  const { name, namespace = '', resourceVersion = '', labels = {}, ownerReferences = [] } = pod.metadata;
  const trouble = podTrouble(pod);
  const metadata = { name, namespace, resourceVersion, labels, ownerReferences };
  return { apiVersion: pod.apiVersion, kind: pod.kind, metadata, trouble };
}

/** Gives the owner of whose pods it is one that ails. */
export function note(room: Room, pod: KubeObject): Owned | undefined {
  const { trouble } = pod as KeptPod;
  const owner = controllerOf(pod);
  if (trouble === undefined || owner === undefined) {
    forget(room, pod);
    return undefined;
  }
  const known = room.owned.get(owner.uid);
  if (known === undefined && !hasPlace(room, owner)) return undefined;
  const owned = known ?? { owner, pods: new Map(), parent: undefined, isAsked: false, isAnswered: false };
  room.owned.set(owner.uid, owned);
  const { name, labels = {} } = pod.metadata;
  if (owned.pods.size >= podsPerOwner && !owned.pods.has(name)) return owned;
  const [alike] = owned.pods.values();
  owned.pods.set(name, { trouble, labels: alike !== undefined && isSame(alike.labels, labels) ? alike.labels : labels });
  return owned;
}

/** Makes room by letting go of whoever nobody asks about. */
function hasPlace(room: Room, owner: OwnerReference): boolean {
  if (room.owned.size >= mostOwners && !room.isCut) {
    room.isCut = true;
    for (const [uid, owned] of room.owned) if (!isWanted(room, owned.owner, owned.parent)) room.owned.delete(uid);
  }
  return !room.isCut || (room.owned.size < mostOwners && isWanted(room, owner, undefined));
}

/** Whether a workload that is looked into may have this owner's pods. */
function isWanted(room: Room, owner: OwnerReference, parent: string | undefined): boolean {
  for (const { workload } of room.looked.values()) {
    if (owner.uid === workload.uid || parent === workload.uid || isCandidate(owner, workload.name)) return true;
  }
  return false;
}

/** It is well, or gone. */
export function forget(room: Room, pod: KubeObject): void {
  const uid = controllerOf(pod)?.uid ?? '';
  const owned = room.owned.get(uid);
  owned?.pods.delete(pod.metadata.name);
  if (owned?.pods.size === 0) room.owned.delete(uid);
}

/** The owner that makes and removes it. */
export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** The pods of one owner have the same labels, nearly always: they are kept once. */
function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
