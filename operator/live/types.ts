/** What is known of the cluster from watches, and from look-ups of what watches cannot see. */
import type { ObjectId, OwnerReference, Resource } from '../kube/types.ts';
import type { Manifest } from '../render/types.ts';
import type { Path } from './drift/path.ts';
import type { Answered } from './drift/settle.ts';
import type { Drift } from './drift/types.ts';
import type { Verdict } from './health/types.ts';

/** A live object, as small as can be. */
export interface LiveObject {
  /** In the version in which it is watched. */
  readonly id: ObjectId;
  readonly resource: Resource;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Milliseconds since the epoch, to the second; NaN where it is not told. */
  readonly createdAt: number;
  readonly deleting: boolean;
  readonly controllerOwner: OwnerReference | undefined;
  /** The value of the part-of label; empty when it has none. */
  readonly partOf: string;
  /** The `plumbline`/Apply entry of managedFields owns the part-of label: proof of membership (invariant 5). */
  readonly ownsLabel: boolean;
  /** That entry owns the hash annotation as well: what rule 6 calls unchanged. */
  readonly ownsHashAndLabel: boolean;
  /** The object's `plumbline.dev/` annotations, by their full names. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** An object that carries the part-of label, as the watches know it. */
export interface Member extends LiveObject {
  /** Against the manifest last written to it; undefined as long as that is not known. */
  readonly drift: Drift | undefined;
  /** Undefined as long as no watch has shown it as it is now: after a write of our own, for a moment. */
  readonly health?: Verdict | undefined;
}

/** An object that a look-up found: what a refusal or an adoption has to tell is kept too. */
export interface LookedUp extends LiveObject {
  /** Every field manager with an entry, in the server's order, each once. */
  readonly managers: readonly string[];
  /** The tool that marks it as its own. */
  readonly mark: OwnershipMark | undefined;
}

/** The mark of another deployment tool. */
export interface OwnershipMark {
  readonly tool: 'Flux' | 'Argo CD' | 'Helm';
  /** `Kustomization flux-system/shop`, `release shop/web`. */
  readonly owner: string;
  /** How to detach the object there. */
  readonly detach: string;
}

/** A change of one labelled object. */
export interface MemberChange {
  readonly before: Member | undefined;
  readonly after: Member | undefined;
}

/** The labelled objects of the cluster, by kind, kept by one list+watch per group, version and kind. */
export interface Inventory {
  /**
   * Has exactly these kinds watched on behalf of `source` and resolves once each first list is in.
   * A kind that no source needs any more is dropped. Throws ApiServerUnavailable when a list is not in after 30 s.
   */
  need(source: string, resources: readonly Resource[], signal: AbortSignal): Promise<void>;
  /** `source` needs nothing any more. */
  release(source: string): void;
  /** Every labelled object with this part-of value; one entry per object, whatever the versions watched. */
  membersOf(partOf: string): readonly Member[];
  /** The labelled object with this identity, whoever it belongs to. */
  find(id: Omit<ObjectId, 'version'>): Member | undefined;
  /**
   * Takes in what a write of our own answered, so that the next plan does not wait for the watch. `leftOut`: it was an
   * apply of the manifest without these paths.
   */
  noteWritten(resource: Resource, object: unknown, leftOut?: readonly Path[]): void;
  /**
   * Takes in what a revision states, before any of it is written, in steps of one object: what an object carries the hash
   * of, it is measured against from then on. `applied`: this revision was applied whole before.
   */
  stating(applySet: string, manifests: readonly Manifest[], applied: boolean): Generator<void, void, void>;
  /** Of this ApplySet, only these objects (by objectKey) are stated any more; undefined: its source is no more. */
  retainStated(applySet: string, keys: ReadonlySet<string> | undefined): void;
  /** Whether anything was stated for this ApplySet yet: else no verdict about it says anything. */
  isStated(applySet: string): boolean;
  /** What a dry run said of undecided paths of the object with this key; nothing, where the object has changed since. */
  noteSettled(key: string, answer: Answered): void;
  /** Resolves true once no object with this uid is known any more, false at the deadline (milliseconds). */
  waitGone(member: Member, deadlineMs: number, signal: AbortSignal): Promise<boolean>;
  /** Calls back on each change of a labelled object; returns how to stop it. */
  onChange(listener: (change: MemberChange) => void): () => void;
  /** Calls back once for stated fields that the API server does not record (rule 28); returns how to stop it. */
  onUnrecorded(listener: (member: Member, fields: readonly string[]) => void): () => void;
  /** The kinds whose watch is broken, as `deployments.apps/v1: why`, and those tried at least once. */
  state(): { readonly broken: readonly string[]; readonly tried: boolean };
}
