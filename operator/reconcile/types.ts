/** What a walk needs from the process around it, and what it leaves for the next one. */
import type { GitOpsSource } from '../api/types.ts';
import type { Origin } from '../apply/desired.ts';
import type { Progress } from '../apply/types.ts';
import type { PlumblineError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Discovery } from '../kube/discovery.ts';
import type { ObjectId } from '../kube/types.ts';
import type { LookUpService, LookUps } from '../live/lookup.ts';
import type { Inventory } from '../live/types.ts';
import type { Claims } from '../plan/claims.ts';
import type { DriftPolicy } from '../plan/correction.ts';
import type { Manifest, Notice } from '../render/types.ts';
import type { Phase, RevisionSeen } from '../report/types.ts';
import type { WorkloadImage } from '../report/workloads.ts';
import type { Histories } from '../source/history/histories.ts';
import type { Past } from '../source/history/past.ts';
import type { Commit, Incoming } from '../source/history/types.ts';
import type { Credentials, ResolvedRef, SharedRemotes } from '../source/types.ts';
import type { Signed } from '../source/verify/index.ts';
import type { Turns } from './turn.ts';

export interface WalkEnv {
  readonly client: KubeClient;
  readonly discovery: Discovery;
  readonly inventory: Inventory;
  readonly lookUps: LookUpService;
  readonly remotes: SharedRemotes;
  readonly histories: Histories;
  readonly claims: Claims;
  readonly turns: Turns;
  /** --namespaces; empty serves the whole cluster. */
  readonly namespaces: readonly string[];
  /** --default-service-account; empty acts as the operator. */
  readonly defaultServiceAccount: string;
  /** `plumbline/v0.1.0` */
  readonly tooling: string;
  /** `namespace/name` of the living source whose ApplySet has this id. */
  readonly sourceOf: (applySet: string) => string | undefined;
  /** Every source that there is. */
  readonly sources: () => readonly GitOpsSource[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Seconds that a phase took, for the metrics. */
  readonly observePhase: (source: string, phase: Phase, seconds: number) => void;
  /** History could not be read; nothing else hangs on it. */
  readonly onHistoryFault: (source: string, error: PlumblineError) => void;
}

/** One walk: what it is about, and how it tells what it does meanwhile. */
export interface WalkInput {
  /** `namespace/name` */
  readonly key: string;
  /** As it is now: replaced when the walk patches its metadata. */
  source: GitOpsSource;
  readonly credentials: Credentials;
  /** Gains the commit once it is fetched. */
  seen: RevisionSeen;
  readonly memory: Memory | undefined;
  /** As `memory` was when a revision was last applied whole, whatever failed since. */
  readonly lastApplied: Memory | undefined;
  /** What runs, and is put back while another revision fails. */
  running: Running | undefined;
  /** The last walk failed, so that what is off now does not wait for this one. */
  readonly isFailing: boolean;
  /** What spec.drift says, and what is fought over now. */
  readonly policy: DriftPolicy;
  readonly signal: AbortSignal;
  /** Called before the first write of a revision: over a running one it is noted in status first (rule 33). */
  readonly noteAttempt: (seen: RevisionSeen, overRunning: boolean) => Promise<void>;
  /** Takes in the source as it is after a patch of its metadata. */
  readonly noteSource: (source: GitOpsSource) => void;
  /** Another source owns what this one states: told to the owner by an event. */
  readonly noteContested: (owner: string, objects: readonly string[]) => void;
}

/** What is remembered of the revision that is fully applied; lost at a restart, and made anew by the next walk. */
export interface Memory {
  readonly commit: string;
  readonly path: string;
  readonly tree: string;
  readonly exclude: string;
  readonly generation: number;
  /** By objectKey: the hash that a present member must carry; undefined where presence is enough (IfNotPresent). */
  readonly expected: ReadonlyMap<string, string | undefined>;
  /** By objectKey: the hash of every manifest of the revision. */
  readonly hashes: ReadonlyMap<string, string>;
  /** By objectKey: what the annotations say of where it comes from. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** By objectKey: what stays a member only until another source has written it (rule 21). */
  readonly handed: readonly string[];
  /** Members that are gone or lost our label, where they are only told of (spec.drift.mode), by objectKey. */
  readonly gone: ReadonlyMap<string, Gone>;
  readonly total: number;
}

/** The revision that was applied whole last, as far as this process knows it; a failure does not take it away. */
export interface Running {
  /** By which it was fetched: with its tag, where it had one. */
  readonly ref: ResolvedRef;
  /** By objectKey: the hash of every manifest of it. */
  readonly hashes: ReadonlyMap<string, string>;
  /** By objectKey: what was seen to be there, and is made anew when somebody deletes it. */
  readonly present: ReadonlySet<string>;
}

/** An object of the revision that is no member any more. */
export interface Gone {
  readonly id: ObjectId;
  /** It is there, without our label. */
  readonly isThere: boolean;
  /** RFC 3339: when it was found out. */
  readonly since: string;
}

/** A walk under way: what it was given, and what it learned so far, which a walk that fails tells too. */
export interface Walk extends WalkInput {
  readonly env: WalkEnv;
  readonly applySet: string;
  /** Its place in line for the CPU. */
  readonly place: number;
  readonly lookUps: LookUps;
  /** What it claimed and nobody owned; released when it ends. */
  readonly claimed: Manifest[];
  readonly progress: Progress;
  /** Of some member the API server did not say whether it is as stated: it is to be asked again. */
  unsettled: boolean;
  phase: Phase;
  /** The revision was fetched: from here on a failure is an attempt. */
  attempted: boolean;
  total: number | undefined;
  /** Whose signatures the revision carries, of those that spec.verify asks for. */
  verified: readonly Signed[];
  notices: readonly Notice[];
  /** By objectKey: what the revision states, once rendered. */
  stated: ReadonlySet<string> | undefined;
  /** What its workloads run, once rendered. */
  images?: readonly WorkloadImage[] | undefined;
  /** What they ran before, where this process has applied no revision of the source. */
  ran?: readonly WorkloadImage[] | undefined;
  /** No attempt at this commit was told before. */
  readonly isNewRevision: boolean;
  /** Known once the commit is fetched. */
  past: Past | undefined;
  /** The commits that came in with it, once that is known. */
  incoming: Incoming | undefined;
  /** RFC 3339: when the attempt began, and when everything was in. */
  began?: string | undefined;
  ended?: string | undefined;
  /** Where what it wrote comes from. */
  origins: readonly Commit[] | undefined;
}
