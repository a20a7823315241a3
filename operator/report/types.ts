/** What a walk tells the stages behind it: plain values, from which status, events and metrics are computed. */
import type { PlumblineError } from '../errors.ts';
import type { Commit, Incoming } from '../source/history/types.ts';
import type { ObjectId } from '../kube/types.ts';
import type { Finding } from '../live/drift/types.ts';
import type { CommitInfo, ResolvedRef } from '../source/types.ts';
import type { Notice } from '../render/types.ts';
import type { Signed } from '../source/verify/index.ts';
import type { WrittenObject } from './trail/written.ts';
import type { WorkloadImage } from './workloads.ts';

/** The phases of a walk, as reconcile_duration_seconds names them. */
export type Phase = 'source' | 'verify' | 'render' | 'plan' | 'dryrun' | 'apply' | 'prune';

/** A revision as seen by the walk. */
export interface RevisionSeen {
  readonly ref: ResolvedRef;
  /** RFC 3339: when it was observed. */
  readonly time: string;
  /** Known once the commit was fetched. */
  readonly commit: CommitInfo | undefined;
}

/** What was done to the cluster, counted. */
export interface Changes {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly pruned: number;
  readonly letGo: number;
}

/** An object taken over that no source owned (event Adopted). */
export interface Adoption {
  /** `Deployment shop/web` */
  readonly object: string;
  /** Its field managers so far. */
  readonly managers: readonly string[];
}

/** When a walk did what, RFC 3339; where it is not said, when the outcome is told. */
export interface WalkTimes {
  /** The revision was there, and its attempt began. */
  readonly began?: string | undefined;
  /** Everything of it was in. */
  readonly ended?: string | undefined;
}

/** What history says of a revision. */
export interface History {
  /** The commits that came in with it: told when it is walked for the first time, as far as that could be found out. */
  readonly incoming?: Incoming | undefined;
  /** The commits that the annotations of what it wrote name, each once. */
  readonly origins?: readonly Commit[] | undefined;
}

/** What was done while a revision fails, or failed until now, for the one that runs. */
export interface Meanwhile {
  /** Those of `corrected` that are not of the revision of this walk, but of the applied one before it. */
  readonly putBack?: readonly Correction[] | undefined;
}

/** An object that was put back as git states it. */
export interface Correction {
  readonly id: ObjectId;
  readonly uid: string;
  /** Empty: it was gone. */
  readonly findings: readonly Finding[];
}

/** The end of one walk over one source. */
export type Outcome =
  | ({
      readonly kind: 'applied';
      readonly seen: RevisionSeen;
      readonly changes: Changes;
      /** How many objects the revision states. */
      readonly total: number;
      /** Whose signatures it carries, of those that spec.verify asks for. */
      readonly verified?: readonly Signed[] | undefined;
      /** What its workloads run; undefined where render was skipped, so that nothing of it changed. */
      readonly images?: readonly WorkloadImage[] | undefined;
      /** What they ran before, where this process has applied no other revision of the source. */
      readonly ran?: readonly WorkloadImage[] | undefined;
      /** What was written, by object. */
      readonly objects?: readonly WrittenObject[] | undefined;
      readonly notices: readonly Notice[];
      /** The API server's warnings (deprecations), with the object. */
      readonly warnings: readonly string[];
      readonly adopted: readonly Adoption[];
      readonly corrected: readonly Correction[];
    } & History &
      Meanwhile &
      WalkTimes)
  | ({
      readonly kind: 'failed';
      /** Undefined when the remote could not even be asked, or the spec is refused. */
      readonly seen: RevisionSeen | undefined;
      /** The stage that failed. */
      readonly phase: Phase | 'spec';
      readonly error: PlumblineError;
      /** The revision was attempted: it was fetched, and render or a later stage began. */
      readonly attempted: boolean;
      /** Something was written before it failed. */
      readonly changes: Changes | undefined;
      /** How many objects the revision states, when render got that far. */
      readonly total: number | undefined;
      /** How many of them are refused or failed. */
      readonly failedObjects: number;
      /** As above; empty as well when it did not get that far. */
      readonly verified?: readonly Signed[] | undefined;
      /** What was written before it failed, by object. */
      readonly objects?: readonly WrittenObject[] | undefined;
      readonly notices: readonly Notice[];
      readonly warnings: readonly string[];
      readonly adopted: readonly Adoption[];
      readonly corrected: readonly Correction[];
      /** RFC 3339: when it will be tried again. */
      readonly retryAt: string | undefined;
    } & History &
      Meanwhile &
      WalkTimes)
  | { readonly kind: 'suspended' };
