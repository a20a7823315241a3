/** What a walk means to do to the cluster, before anything is done. */
import type { Fault } from '../errors.ts';
import type { Path } from '../live/drift/path.ts';
import type { Finding } from '../live/drift/types.ts';
import type { LookedUp, Member } from '../live/types.ts';
import type { DriftPolicy } from './correction.ts';
import type { Manifest } from '../render/types.ts';
import type { ObjectId } from '../kube/types.ts';

/** An object to apply. */
export interface Write {
  readonly verb: 'create' | 'change';
  readonly manifest: Manifest;
  /** The uid of the object that is changed: the apply carries it, so that nothing is resurrected (rule 12). */
  readonly uid: string | undefined;
  /** Set when no source owned it so far: its field managers, for the event Adopted. */
  readonly adopts: readonly string[] | undefined;
  /** Its fields that others applied become ours first: set when it is adopted. The managers of a tool that it is taken from. */
  readonly handsOver?: readonly string[] | undefined;
  /** Fields of the manifest that are somebody else's and stay so (spec.drift.ignore). */
  readonly leaveOut?: readonly Path[] | undefined;
  /** What of the object others had changed (nothing where it is gone), and the annotations that stay as they are. */
  readonly puts?: { readonly back: readonly Finding[]; readonly annotations: Readonly<Record<string, string>> } | undefined;
}

/** What a look at the cluster gives for one object: a member of any source, or what a look-up found. */
export type Live = Member | LookedUp;

export interface PlanInput {
  /** `namespace/name` of the source. */
  readonly source: string;
  /** The id of its ApplySet. */
  readonly applySet: string;
  /** spec.prune; false lets go of what leaves git instead. */
  readonly prune: boolean;
  readonly manifests: readonly Manifest[];
  /** Every object labelled as a member of this source. */
  readonly members: readonly Member[];
  /** The live object with this identity, or undefined when there is none. */
  readonly live: (id: ObjectId) => Live | undefined;
  /** `namespace/name` of the living source whose ApplySet has this id. */
  readonly sourceOf: (applySet: string) => string | undefined;
  /** --namespaces, outside of which sources are not seen; empty sees them all. */
  readonly servedNamespaces: readonly string[];
  /** Whether a revision of this source was applied before. */
  readonly appliedBefore: boolean;
  /**
   * The hash that the manifest had in the applied revision; undefined when it was not in it, `unknown` when that cannot be
   * found out. Asked for what is gone, and for what is another's now.
   */
  readonly appliedHash: (id: ObjectId) => string | undefined;
  /** Whether the object was there as this manifest states it, so that it is missing now. */
  readonly wasThere: (manifest: Manifest) => boolean;
  /** Whether a member that leaves this source is stated by another one in the same commit, and stays for it (rule 21). */
  readonly isHanded: (member: Member) => boolean;
  /** Whether the source that owns this object states it no more in this commit, so that it may be taken over. */
  readonly isFreed: (id: ObjectId) => boolean;
  readonly policy: DriftPolicy;
}

export interface Plan {
  readonly creates: readonly Write[];
  readonly changes: readonly Write[];
  /** Nothing is sent for these: hash and proof of membership are as they should be. */
  readonly unchanged: readonly Manifest[];
  /** Left as they are: ignored, IfNotPresent and present, or a finished Job whose time to live ran out. */
  readonly leftOut: readonly Manifest[];
  /** Those of them that are to be told of: gone, or no member any more (spec.drift.mode Report). */
  readonly missing: readonly Manifest[];
  readonly unlabelled: readonly Manifest[];
  readonly prune: readonly Member[];
  /** Members that leave git and stay in the cluster without our label (rule 20). */
  readonly letGo: readonly Member[];
  /** Members that leave git here and stay until another source has written them. */
  readonly handed: readonly Member[];
  /** Objects that are not this source's to write: nothing is written while there are any. */
  readonly faults: readonly Fault[];
  /** Who else owns what this source states, by `namespace/name` of the source, for an event there. */
  readonly contested: ReadonlyMap<string, readonly Manifest[]>;
  /** Objects of the revision that are being deleted: the rest is applied, these when they are gone (rule 13). */
  readonly terminating: readonly Fault[];
  /** Whether a dry run comes first: false for a first revision that only creates (rule 9). */
  readonly dryRun: boolean;
}

/** Why a prune is held (rule 18), and what would go. */
export interface Hold {
  /** `the revision states no object` */
  readonly why: readonly string[];
  readonly objects: readonly Member[];
}

/** What the guard has to know of namespaces and CRDs that would be pruned. */
export interface GuardFacts {
  /** By namespace name: what is in it that is nobody's here, as `PersistentVolumeClaim shop/data`. */
  readonly namespaceContents: ReadonlyMap<string, readonly string[]>;
  /** By CRD name: objects of it that do not go with it, as `Shop shop/main`. */
  readonly crdObjects: ReadonlyMap<string, readonly string[]>;
}
