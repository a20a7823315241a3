/** What is known of the cluster from watches alone. */
import type { ObjectId, OwnerReference, Resource } from '../kube/types.ts';

/** The `plumbline.dev/` annotations of a live object, short names. */
export type OwnAnnotations = Readonly<Record<string, string>>;

/** One labelled object, as small as can be. */
export interface Member {
  /** In the version in which it is watched. */
  readonly id: ObjectId;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly deleting: boolean;
  readonly controllerOwner: OwnerReference | undefined;
  /** The value of the part-of label. */
  readonly partOf: string;
  /** The `plumbline`/Apply entry of managedFields owns the hash annotation and the part-of label. */
  readonly ownsHashAndLabel: boolean;
  /** That entry owns the part-of label (proof of membership, invariant 5). */
  readonly ownsLabel: boolean;
  readonly annotations: OwnAnnotations;
}

/** A change of one labelled object, for those who wake sources. */
export interface MemberChange {
  readonly before: Member | undefined;
  readonly after: Member | undefined;
}

/** The labelled objects of the cluster, by kind, kept by one list+watch per group, version and kind. */
export interface Inventory {
  /**
   * Has these kinds watched on behalf of `source` and resolves once each first list is in.
   * Kinds no longer named by any source are dropped a while after.
   */
  need(source: string, resources: readonly Resource[], signal: AbortSignal): Promise<void>;
  /** `source` needs nothing any more. */
  release(source: string): void;
  /** Every labelled object with this part-of value; one entry per object, whatever the versions watched. */
  membersOf(partOf: string): readonly Member[];
  /** The labelled object with this identity, whoever it belongs to. */
  find(id: Omit<ObjectId, 'version'>): Member | undefined;
  /** Takes in what a write of our own answered, so that the next plan does not wait for the watch. */
  noteWritten(resource: Resource, object: unknown): void;
  /** Takes in that a delete of our own (or a look-up) found the object gone. */
  noteGone(resource: Resource, id: ObjectId): void;
}
