/** Generated from crds/plumbline.dev_gitopssources.yaml by crds/generate.ts; not to be edited. */
import type { KubeObject, ObjectMeta } from '../kube/types.ts';

/** A GitOpsSource is one folder of one git repository whose manifests the cluster follows. */
export interface GitOpsSource extends KubeObject {
  readonly apiVersion: 'plumbline.dev/v1';
  readonly kind: 'GitOpsSource';
  readonly metadata: ObjectMeta & { readonly namespace: string };
  /** What to follow, and how. */
  readonly spec: GitOpsSourceSpec;
  /** What became of the source. Written by the operator alone. */
  readonly status?: GitOpsSourceStatus | undefined;
}

/** What to follow, and how. */
export interface GitOpsSourceSpec {
  /**
   * The repository to follow. The schemes are https, http and ssh; an ssh URL names the user (git where it names none) and needs auth.
   * Credentials are never part of it; they are in the Secret that auth names.
   */
  readonly url: string;
  /** Which revision of the repository: exactly one of the fields below. Without ref, the branch that the remote's HEAD points at. */
  readonly ref?: SpecRef | undefined;
  /** The folder whose manifests are applied, from the root of the repository; subfolders included. Without path, the root. */
  readonly path?: string | undefined;
  /** Globs under path that are not read. `*` is anything within one folder, `**` any number of folders. */
  readonly exclude?: readonly string[] | undefined;
  /**
   * How often the remote is asked for new commits, as a Go duration in hours, minutes, seconds and milliseconds: `30s`, `1m30s`, `1h`.
   * At least 5s, at most 168h.
   */
  readonly interval: string;
  /**
   * Asks the remote at these times as well: a cron expression of five fields (minute, hour, day of month, month, day of week), in UTC
   * unless it begins with `CRON_TZ=Europe/Vienna` or the like.
   */
  readonly schedule?: string | undefined;
  /** How to log in to the git server. Without auth, anonymously. */
  readonly auth?: SpecAuth | undefined;
  /**
   * Whose signatures a revision must carry to be rendered at all. Without verify, none. Every commit that is applied is verified, an
   * older one as well; condition SourceVerified names signer and key.
   */
  readonly verify?: SpecVerify | undefined;
  /**
   * Lets the forge say that something was pushed, so that the remote is asked at once: POST /hooks/NAMESPACE/NAME of the operator's
   * webhook address takes webhooks of GitHub, GitLab, Gitea, Forgejo and Bitbucket, and any body signed in the header `X-Signature`.
   * What is deployed is decided by git alone.
   */
  readonly receiver?: SpecReceiver | undefined;
  /**
   * Tells others what becomes of revisions, behind everything else: an endpoint that hangs or fails delays nothing, is tried again for
   * an hour, and then it is dropped. Without notify, nobody is told.
   */
  readonly notify?: SpecNotify | undefined;
  /**
   * The service account in the namespace of the source whose rights it has: everything is written as that account. Without it, the
   * account that the operator's `--default-service-account` names.
   */
  readonly serviceAccountName?: string | undefined;
  /**
   * The namespace of every namespaced object. An object that names another one is refused. Without targetNamespace, objects go where
   * they say, and those that say nothing to the namespace of the source.
   */
  readonly targetNamespace?: string | undefined;
  /** Whether objects that leave git are deleted. With false they are let go: they stay and belong to nobody. */
  readonly prune: boolean;
  /** What happens to the objects when the source is deleted: Delete takes them along, Orphan lets them go. */
  readonly deletionPolicy: 'Delete' | 'Orphan';
  /** What happens when somebody changes in the cluster what git states. */
  readonly drift: SpecDrift;
  /** Whether a revision must become healthy to be Ready, and how long that may take. */
  readonly health: SpecHealth;
  /** How many records of the audit trail are kept: ControllerRevisions with label plumbline.dev/source. The oldest go first. */
  readonly historyLimit: number;
  /** Stops asking, applying, correcting and pruning at once. What is in the cluster stays. */
  readonly suspend: boolean;
}

/** Which revision of the repository: exactly one of the fields below. Without ref, the branch that the remote's HEAD points at. */
export interface SpecRef {
  /** The head of this branch, as `main`. */
  readonly branch?: string | undefined;
  /** This tag, as `v1.2.3`. A tag that is moved is followed, and the move is told. */
  readonly tag?: string | undefined;
  /** The highest tag in this range of semantic versions, as `>=1.2.0 <2.0.0` or `1.x`. */
  readonly semver?: string | undefined;
  /** This commit and no other, by its full id. It is how one rolls back. */
  readonly commit?: string | undefined;
  /** This ref by its full name, as `refs/pull/42/head`. */
  readonly name?: string | undefined;
}

/** How to log in to the git server. Without auth, anonymously. */
export interface SpecAuth {
  /**
   * The Secret in the namespace of the source. Keys for https: `username` and `password`, or `bearerToken`, or `githubAppID`,
   * `githubAppInstallationID`, `githubAppPrivateKey` (and `githubAppBaseURL` of a GitHub server of one's own); `ca.crt` for a
   * certificate authority of one's own; `tls.crt` and `tls.key` for a server that asks for a certificate. Keys for ssh: `identity` (a
   * private key), `password` (its passphrase, where it is encrypted) and `known_hosts`.
   */
  readonly secretRef: SecretRef;
}

/** A Secret in the namespace of the source. */
export interface SecretRef {
  /** The name of the Secret. */
  readonly name: string;
}

/**
 * Whose signatures a revision must carry to be rendered at all. Without verify, none. Every commit that is applied is verified, an older
 * one as well; condition SourceVerified names signer and key.
 */
export interface SpecVerify {
  /** What must be signed: HEAD, the commit; Tag, the annotated tag that spec.ref names; TagAndHEAD, both. */
  readonly mode: 'HEAD' | 'Tag' | 'TagAndHEAD';
  /**
   * The Secret in the namespace of the source with the trusted public keys: OpenPGP in keys that end in `.asc`, SSH in
   * `allowed_signers`. It is read anew at every attempt.
   */
  readonly secretRef: SecretRef;
}

/**
 * Lets the forge say that something was pushed, so that the remote is asked at once: POST /hooks/NAMESPACE/NAME of the operator's
 * webhook address takes webhooks of GitHub, GitLab, Gitea, Forgejo and Bitbucket, and any body signed in the header `X-Signature`. What
 * is deployed is decided by git alone.
 */
export interface SpecReceiver {
  /** The Secret in the namespace of the source that holds, under key `token`, what the forge signs with (GitLab sends it). */
  readonly secretRef: SecretRef;
}

/**
 * Tells others what becomes of revisions, behind everything else: an endpoint that hangs or fails delays nothing, is tried again for an
 * hour, and then it is dropped. Without notify, nobody is told.
 */
export interface SpecNotify {
  /**
   * A status of the commit at the forge: pending while a revision is brought in, success once it is healthy (applied, where health.wait
   * is false), failure with the reason; error (GitLab: canceled) where the source is deleted while it is pending.
   */
  readonly commitStatus?: SpecCommitStatus | undefined;
  /**
   * A CloudEvent (1.0, structured JSON) for each revision that was applied, became healthy or failed, and for each drift, sent by POST.
   * Header `X-Signature` is `sha256=` and the HMAC-SHA-256 of the body. An event may come twice: then its id is the same.
   */
  readonly webhook?: SpecWebhook | undefined;
}

/**
 * A status of the commit at the forge: pending while a revision is brought in, success once it is healthy (applied, where health.wait is
 * false), failure with the reason; error (GitLab: canceled) where the source is deleted while it is pending.
 */
export interface SpecCommitStatus {
  /** How the forge is spoken to: GitHub, GitLab, or Gitea (Forgejo too). */
  readonly provider: 'GitHub' | 'GitLab' | 'Gitea';
  /**
   * Where the forge's API is. Without apiURL, where it usually is on the host of url: https://api.github.com for github.com, /api/v3
   * (GitHub), /api/v4 (GitLab) and /api/v1 (Gitea) elsewhere.
   */
  readonly apiURL?: string | undefined;
  /**
   * What this status is called among those of a commit. Without context, plumbline/NAMESPACE/NAME@ and the first eight characters of the
   * uid of the source, so that sources and clusters do not overwrite each other.
   */
  readonly context?: string | undefined;
  /**
   * The Secret in the namespace of the source: `token`, which may write commit statuses, and `ca.crt` for a certificate authority of
   * one's own.
   */
  readonly secretRef: SecretRef;
}

/**
 * A CloudEvent (1.0, structured JSON) for each revision that was applied, became healthy or failed, and for each drift, sent by POST.
 * Header `X-Signature` is `sha256=` and the HMAC-SHA-256 of the body. An event may come twice: then its id is the same.
 */
export interface SpecWebhook {
  /** Where events are sent. */
  readonly url: string;
  /**
   * The Secret in the namespace of the source: `token`, the key of the signature, and `ca.crt` for a certificate authority of one's own.
   */
  readonly secretRef: SecretRef;
}

/** What happens when somebody changes in the cluster what git states. */
export interface SpecDrift {
  /** Correct puts back what git states, Report tells it, Ignore does neither. */
  readonly mode: 'Correct' | 'Report' | 'Ignore';
  /** Differences that are no drift. Each rule: all that it states must match. */
  readonly ignore?: readonly DriftRule[] | undefined;
}

/** One kind of difference that is no drift. */
export interface DriftRule {
  /** The API group of the objects; empty for the core group. */
  readonly group?: string | undefined;
  /** The kind of the objects, as `Deployment`. */
  readonly kind?: string | undefined;
  /** The name of the object. */
  readonly name?: string | undefined;
  /** The namespace of the objects. */
  readonly namespace?: string | undefined;
  /** The fields, each with all that is below it. Without paths, every field. */
  readonly paths?: readonly string[] | undefined;
  /** The field managers that may own these fields, as `kube-controller-manager`. Without managers, any. */
  readonly managers?: readonly string[] | undefined;
}

/** Whether a revision must become healthy to be Ready, and how long that may take. */
export interface SpecHealth {
  /** Whether the source is Ready only once the revision was healthy. */
  readonly wait: boolean;
  /** How long after it is applied a revision may take to become healthy, as a Go duration: `90s`, `5m`. At least 1s, at most 168h. */
  readonly timeout: string;
}

/** What became of the source. Written by the operator alone. */
export interface GitOpsSourceStatus {
  /** The generation of the spec that this status speaks of. */
  readonly observedGeneration?: number | undefined;
  /** Ready, Reconciling, Stalled, Healthy, Drifted and SourceVerified. */
  readonly conditions?: readonly Condition[] | undefined;
  /** How far each revision came. The four are never merged into one. */
  readonly revision?: StatusRevision | undefined;
  /** The commit of the applied revision. */
  readonly commit?: StatusCommit | undefined;
  /** How many objects there are. */
  readonly objects?: StatusObjects | undefined;
  /** The first 20 fields that differ from git. */
  readonly drift?: readonly DriftEntry[] | undefined;
  /** Digests of all that differs from git and was told, where drift cannot hold all of it: a restart tells none of it again. */
  readonly driftTold?: string | undefined;
  /** The last 10 results, newest first. */
  readonly history?: readonly HistoryEntry[] | undefined;
  /**
   * What the audit trail has to say of the revision that was attempted last, and of those before it whose records are not written yet. A
   * record is written once its revision is healthy or superseded.
   */
  readonly attempts?: readonly Attempt[] | undefined;
  /** What the figures of delivery need to know of the revision that was attempted last, and nothing else here says. */
  readonly delivery?: StatusDelivery | undefined;
  /** What others are told, where spec.notify asks for it. */
  readonly notify?: StatusNotify | undefined;
  /** The same for the columns of kubectl get. */
  readonly display?: StatusDisplay | undefined;
  /** The value of annotation plumbline.dev/requestedAt that was last acted on. */
  readonly lastHandledReconcileAt?: string | undefined;
}

/** One statement about the source. */
export interface Condition {
  /** What it is about, as `Ready`. */
  readonly type: string;
  /** Whether it is so. */
  readonly status: 'True' | 'False' | 'Unknown';
  /** The generation of the spec that it speaks of. */
  readonly observedGeneration?: number | undefined;
  /** When the status last changed. */
  readonly lastTransitionTime: string;
  /** Why, in one word; docs/operations.md explains each. */
  readonly reason: string;
  /** Why, in sentences, with what to do. */
  readonly message: string;
}

/** How far each revision came. The four are never merged into one. */
export interface StatusRevision {
  /** What the ref pointed at when the remote was last asked. */
  readonly observed?: RevisionStage | undefined;
  /** The last one that was tried, whatever became of it; over a running revision, its time is when it was first tried with this spec. */
  readonly attempted?: RevisionStage | undefined;
  /** The last one whose every object is in the cluster. */
  readonly applied?: RevisionStage | undefined;
  /** The last one whose every object was healthy. */
  readonly healthy?: RevisionStage | undefined;
}

/** A revision, and when it came this far. */
export interface RevisionStage {
  /** The id of the commit. */
  readonly commit: string;
  /** When it came this far. */
  readonly time: string;
}

/** The commit of the applied revision. */
export interface StatusCommit {
  /** Its id. */
  readonly sha?: string | undefined;
  /** The first line of its message. */
  readonly subject?: string | undefined;
  /** Who wrote it, as `Ada Lovelace <ada@example.com>`. */
  readonly author?: string | undefined;
  /** When it was committed. */
  readonly time?: string | undefined;
}

/** How many objects there are. */
export interface StatusObjects {
  /** All that the running revision states; as long as none runs, all that the attempted one states. */
  readonly total?: number | undefined;
  /** Those that are healthy. */
  readonly healthy?: number | undefined;
  /** Those that differ from git. */
  readonly drifted?: number | undefined;
  /** Those that were refused or could not be applied. */
  readonly failed?: number | undefined;
}

/** One field that differs from git, or one object that is gone. */
export interface DriftEntry {
  /** The object, as `Deployment shop/web`. */
  readonly object: string;
  /**
   * modified, another value; removed, the field is gone; missing, the object is gone; extra, kubectl added a field that git does not
   * state.
   */
  readonly class: 'modified' | 'removed' | 'missing' | 'extra';
  /** The field, as `spec.replicas`. */
  readonly field?: string | undefined;
  /** The field manager that changed it; a program, never a person. */
  readonly manager?: string | undefined;
  /** Since when. */
  readonly since?: string | undefined;
}

/** One revision and what became of it. */
export interface HistoryEntry {
  /** The id of the commit. */
  readonly commit: string;
  /** What pointed at it, as `main`. */
  readonly ref?: string | undefined;
  /** The first line of its message. */
  readonly subject?: string | undefined;
  /** Who wrote it. */
  readonly author?: string | undefined;
  /** When this result was reached. */
  readonly time: string;
  /** Applied: every object is in. Failed: reason and message say why not. */
  readonly result: 'Applied' | 'Failed';
  /** Why it failed, in one word. */
  readonly reason?: string | undefined;
  /** Why it failed, in short. */
  readonly message?: string | undefined;
  /** Objects that it created, changed or deleted, over all its attempts. */
  readonly written?: number | undefined;
}

/** One attempted revision. */
export interface Attempt {
  /** The number of its record, counted from 1 for each source. */
  readonly number: number;
  /** It changed nothing of the source and gets no record of its own; it is listed in the next one. */
  readonly silent?: boolean | undefined;
  /** The id of the commit. */
  readonly commit: string;
  /** What pointed at it, as `main`. */
  readonly ref?: string | undefined;
  /** The first line of its message. */
  readonly subject?: string | undefined;
  /** Who wrote it. */
  readonly author?: string | undefined;
  /** When it was committed. */
  readonly committed?: string | undefined;
  /** The generation of the spec that it was attempted with. */
  readonly generation: number;
  /** Commit: the ref moved. Spec: the spec was edited. Rollback: the commit came before the one applied. */
  readonly cause: 'Commit' | 'Spec' | 'Rollback';
  /** The commit that was applied before. */
  readonly from?: string | undefined;
  /** When the remote was seen to have it. */
  readonly observed?: string | undefined;
  /** When it was first tried. */
  readonly attempted: string;
  /** When every object of it was in the cluster. */
  readonly applied?: string | undefined;
  /** When every object of it was healthy. */
  readonly healthy?: string | undefined;
  /** How many objects it wrote, over all its attempts. */
  readonly changes?: AttemptChanges | undefined;
  /** The first objects that it created. */
  readonly created?: readonly string[] | undefined;
  /** The first objects that it changed. */
  readonly changed?: readonly string[] | undefined;
  /** The first objects that it deleted. */
  readonly pruned?: readonly string[] | undefined;
  /** The first objects that it let go of. */
  readonly letGo?: readonly string[] | undefined;
  /** The first images that it changed. */
  readonly images?: readonly ImageChange[] | undefined;
  /** How many more there were, of those that were listed once. */
  readonly moreImages?: number | undefined;
  /** The first different failures. */
  readonly failures?: readonly AttemptFailure[] | undefined;
  /** How often something of it was put back before it was healthy, by field manager. */
  readonly corrections?: readonly AttemptCorrections[] | undefined;
  /**
   * Commits that came in with it, oldest first, it not among them; the last 20. Those with a time were revisions that changed nothing of
   * the source.
   */
  readonly commits?: readonly ListedCommit[] | undefined;
  /** How many more there were. */
  readonly moreCommits?: number | undefined;
  /**
   * Commits at which objects that it wrote last changed, neither itself nor among its commits, oldest first; the newest 50. As a rule
   * they are older than the source.
   */
  readonly origins?: readonly OriginCommit[] | undefined;
  /** How many more there were, at least. */
  readonly moreOrigins?: number | undefined;
  /**
   * Attempts right before it that have no record, oldest first; the last 20. The audit trail could not be written then, and six others
   * came after them. Their time is when they were first tried.
   */
  readonly unrecorded?: readonly ListedCommit[] | undefined;
  /** How many more there were. */
  readonly moreUnrecorded?: number | undefined;
  /** Commits to which the revision has moved since, which changed nothing of the source, oldest first; the last 20. */
  readonly passed?: readonly ListedCommit[] | undefined;
  /** How many more there were. */
  readonly morePassed?: number | undefined;
  /** A process ended, or the walk was given up, before the outcome could be told; what it wrote may not be listed. */
  readonly interrupted?: boolean | undefined;
}

/** How many objects it wrote, over all its attempts. */
export interface AttemptChanges {
  /** Those that it created. */
  readonly created?: number | undefined;
  /** Those that it changed. */
  readonly changed?: number | undefined;
  /** Those that it deleted. */
  readonly pruned?: number | undefined;
  /** Those that it let go of. */
  readonly letGo?: number | undefined;
}

/** The image of one container. */
export interface ImageChange {
  /** The object, as `Deployment shop/web`. */
  readonly workload: string;
  /** The name of the container. */
  readonly container: string;
  /** What it ran before; absent where it is new, or where that is not known. */
  readonly before?: string | undefined;
  /** What it runs now; absent where it is gone. */
  readonly after?: string | undefined;
}

/** One failure. */
export interface AttemptFailure {
  /** When it was first seen. */
  readonly time: string;
  /** Why, in one word. */
  readonly reason: string;
  /** Why, in short. */
  readonly message?: string | undefined;
}

/** Corrections over one field manager. */
export interface AttemptCorrections {
  /** The field manager; `other` for those beyond the first ten. */
  readonly manager: string;
  /** How often. */
  readonly count: number;
}

/** A commit, in short. */
export interface ListedCommit {
  /** Its id. */
  readonly commit: string;
  /** The first line of its message. */
  readonly subject?: string | undefined;
  /** Who wrote it. */
  readonly author?: string | undefined;
  /** When the revision moved to it, or first tried it; absent where it never was a revision by itself. */
  readonly time?: string | undefined;
}

/** A commit that an object carries, in short. */
export interface OriginCommit {
  /** Its id. */
  readonly commit: string;
  /** The first line of its message. */
  readonly subject?: string | undefined;
  /** Who wrote it. */
  readonly author?: string | undefined;
  /** When it was committed. */
  readonly committed?: string | undefined;
}

/** What the figures of delivery need to know of the revision that was attempted last, and nothing else here says. */
export interface StatusDelivery {
  /** The id of its commit. */
  readonly commit: string;
  /** It created, changed or deleted an object. */
  readonly wrote?: boolean | undefined;
  /** What it counts as. */
  readonly result?: 'Success' | 'Failed' | undefined;
  /** It came after what ran before; false of a rollback. Absent where that is not known yet. */
  readonly forward?: boolean | undefined;
  /** When the oldest of the commits that came in with it was committed. */
  readonly committed?: string | undefined;
  /** Since when deployments fail; absent once one is healthy. */
  readonly failingSince?: string | undefined;
}

/** What others are told, where spec.notify asks for it. */
export interface StatusNotify {
  /** What the forge is told last of a commit. */
  readonly commit?: CommitStatusTold | undefined;
  /** What is not told yet, oldest first. */
  readonly pending?: readonly Notification[] | undefined;
  /** What was told last, oldest first; also in annotation plumbline.dev/notified of the record of the audit trail. */
  readonly told?: readonly ToldNotification[] | undefined;
}

/** What the forge is told last of a commit. */
export interface CommitStatusTold {
  /** The id of the commit. */
  readonly sha: string;
  /** Its status. */
  readonly state: 'Pending' | 'Success' | 'Failure';
  /** Why it failed, in one word. */
  readonly reason?: string | undefined;
  /** How often the reason has changed. */
  readonly changes?: number | undefined;
  /** Which forge, repository and context, as a digest. */
  readonly target: string;
}

/** One thing to tell. */
export interface Notification {
  /** Whom it is for. */
  readonly to: 'CommitStatus' | 'Webhook';
  /**
   * What there is to tell: Pending, a revision is being brought in; Applied; Healthy; Failed; Drifted, something was changed in the
   * cluster; DriftCorrected, it was put back.
   */
  readonly type: 'Pending' | 'Applied' | 'Healthy' | 'Failed' | 'Drifted' | 'DriftCorrected';
  /** The id of the commit. */
  readonly commit: string;
  /** When it came about. */
  readonly time: string;
  /** What pointed at it, as `main`. */
  readonly ref?: string | undefined;
  /** Why it failed, in one word. */
  readonly reason?: string | undefined;
  /** The same in a sentence. */
  readonly message?: string | undefined;
  /** The first fields that differ from git, or did. */
  readonly drift?: readonly DriftEntry[] | undefined;
  /** How many more there are. */
  readonly moreDrift?: number | undefined;
}

/** One thing that was told, or given up. */
export interface ToldNotification {
  /** Whom it is for. */
  readonly to: 'CommitStatus' | 'Webhook';
  /**
   * What there is to tell: Pending, a revision is being brought in; Applied; Healthy; Failed; Drifted, something was changed in the
   * cluster; DriftCorrected, it was put back.
   */
  readonly type: 'Pending' | 'Applied' | 'Healthy' | 'Failed' | 'Drifted' | 'DriftCorrected';
  /** The id of the commit. */
  readonly commit: string;
  /** When it came about. */
  readonly time: string;
  /** Delivered: the endpoint took it. Dropped: it was given up. */
  readonly result: 'Delivered' | 'Dropped';
}

/** The same for the columns of kubectl get. */
export interface StatusDisplay {
  /** The applied revision, as `main@4f2a9c1`. */
  readonly revision?: string | undefined;
  /** Healthy objects out of all, as `12/12`. */
  readonly healthy?: string | undefined;
}
