/**
 * The catalogue of everything that can go wrong (or be said) about a source: one reason, one retry
 * class, one meaning and one remedy, each said once. Conditions, events, metrics, logs and
 * docs/operations.md take their words from here; a test compares them.
 */

/** `retry`: tried again with backoff, heals alone. `edit`: nothing but an edit of the spec helps (Stalled). */
export type RetryClass = 'retry' | 'edit';

interface CatalogueEntry {
  readonly retry: RetryClass;
  /** What it means, one sentence. */
  readonly meaning: string;
  /** What a person does about it, one or two sentences. */
  readonly remedy: string;
}

const entries = {
  // The spec
  InvalidSpec: {
    retry: 'edit',
    meaning: 'A field of the spec that the API server cannot check does not parse.',
    remedy: 'Correct the field that the message names.',
  },

  // The source
  NotSupported: {
    retry: 'retry',
    meaning: 'The repository names its objects by SHA-256, which this version cannot read.',
    remedy: 'Make a repository of SHA-1 objects (git init --object-format=sha1), push the manifests to it, and name it in spec.url.',
  },
  SecretNotFound: {
    retry: 'retry',
    meaning: 'The Secret that spec.auth, spec.verify or spec.notify names does not exist in the namespace of the source.',
    remedy: 'Create the Secret; the source goes on by itself.',
  },
  SecretInvalid: {
    retry: 'retry',
    meaning:
      'The Secret that spec.auth or spec.notify names lacks a key, a key does not parse, or its keys do not fit each other or spec.url.',
    remedy: 'Correct the key that the message names; the Secret is read again by itself.',
  },
  AuthenticationFailed: {
    retry: 'retry',
    meaning: 'The git server refused the credentials, or asks for some.',
    remedy: 'Check the Secret that spec.auth names; without one, add it.',
  },
  RepositoryNotFound: {
    retry: 'retry',
    meaning: 'The git server has no repository at this URL, or hides it from these credentials.',
    remedy: 'Check spec.url; a private repository needs spec.auth.',
  },
  HostKeyUnknown: {
    retry: 'retry',
    meaning: 'The git server shows an SSH host key, and known_hosts has none of that host; nothing is said to it.',
    remedy: 'Ask who runs the git server for its host key and put it into key known_hosts of the Secret that spec.auth names.',
  },
  HostKeyChanged: {
    retry: 'retry',
    meaning: 'The git server shows another SSH host key than known_hosts says: it was set up anew, or somebody is in between.',
    remedy: 'Ask who runs the git server; only when the new key is right, put it into key known_hosts.',
  },
  HostKeyRevoked: {
    retry: 'retry',
    meaning: 'The git server shows an SSH host key that known_hosts revokes.',
    remedy: 'Do not use this server until whoever runs it has explained it and given it another key.',
  },
  GitUnreachable: {
    retry: 'retry',
    meaning: 'The git server cannot be reached: no such host, connection refused, or cut off.',
    remedy: 'Check spec.url, DNS and network policies; the source goes on by itself.',
  },
  GitTimeout: {
    retry: 'retry',
    meaning: 'The git server accepted the connection and then said nothing, or got nowhere with a pack, for 30 seconds (--git-timeout).',
    remedy: 'Check the git server; the source goes on by itself.',
  },
  UntrustedCertificate: {
    retry: 'retry',
    meaning: "The git server's TLS certificate is not trusted.",
    remedy: 'Put the CA into key ca.crt of the Secret that spec.auth names.',
  },
  GitError: {
    retry: 'retry',
    meaning: 'The git server answered something that is no git protocol, or an error of its own.',
    remedy: 'Read the quoted answer; check spec.url and the git server.',
  },
  EmptyRepository: {
    retry: 'retry',
    meaning: 'The repository has no commit yet.',
    remedy: 'Push a first commit.',
  },
  RefNotFound: {
    retry: 'retry',
    meaning: 'The branch, tag, range, commit or ref that spec.ref names is not in the repository.',
    remedy: 'Push the ref, or correct spec.ref.',
  },
  PathNotFound: {
    retry: 'retry',
    meaning: 'The folder that spec.path names is not in this commit.',
    remedy: 'Correct spec.path, or push the folder.',
  },
  RepositoryTooLarge: {
    retry: 'retry',
    meaning: 'The repository, or a file in it, is over a limit.',
    remedy: 'Take the file that the message names out of the path, or move the manifests to a smaller repository.',
  },
  RepositoryRefused: {
    retry: 'retry',
    meaning:
      'The repository holds something that is never read: a submodule, an LFS pointer, a name that is no text, or a symlink that leaves the repository, leads in a circle or stands for a file that is not there.',
    remedy: 'Replace what the message names by plain files, or move it out of the path.',
  },

  // Trust
  SignatureMissing: {
    retry: 'retry',
    meaning: 'The commit or tag that spec.verify asks for is not signed; nothing of it is rendered.',
    remedy: 'Sign it (git commit -S, git tag -s) and push, or take spec.verify away.',
  },
  SignatureInvalid: {
    retry: 'retry',
    meaning: 'The signature is not one of this commit or tag: altered, malformed, or made for something else.',
    remedy: 'Find out who changed it; then sign a new commit or tag and push.',
  },
  SignatureUntrusted: {
    retry: 'retry',
    meaning: 'The signature is good, but nobody whom the Secret of spec.verify names made it.',
    remedy: 'Let somebody sign whom the Secret names, or add the key to the Secret if it is trusted.',
  },
  SignatureExpired: {
    retry: 'retry',
    meaning: 'The signature, its key or its certificate is outside the time for which it is good.',
    remedy: 'Sign with a key that is valid, or put the key with its new end (or the corrected line) into the Secret of spec.verify.',
  },
  SignatureRevoked: {
    retry: 'retry',
    meaning: 'The key that made the signature is revoked.',
    remedy: 'Sign a new commit or tag with another key and push.',
  },
  VerifyKeysInvalid: {
    retry: 'retry',
    meaning: 'The Secret that spec.verify names holds no key, or one that does not parse.',
    remedy: 'Correct the key that the message names: *.asc holds OpenPGP public keys, allowed_signers lines as of ssh-keygen.',
  },

  // Rendering
  RenderFailed: {
    retry: 'retry',
    meaning: 'Files of this revision cannot be read as Kubernetes manifests.',
    remedy: 'Correct the files and lines that the message names, and push.',
  },
  KustomizeNotSupported: {
    retry: 'retry',
    meaning: 'There is a kustomization at or under the path; it is never applied raw.',
    remedy: 'Point spec.path at rendered manifests.',
  },
  HelmNotSupported: {
    retry: 'retry',
    meaning: 'There is a Helm chart at or under the path; it is never applied raw.',
    remedy: 'Point spec.path at rendered manifests.',
  },

  // Planning and dry run
  UnknownKind: {
    retry: 'retry',
    meaning: 'The API server does not know a kind, and no CRD in the revision defines it.',
    remedy: 'Install the CRD, or correct apiVersion and kind; a CRD that appears is noticed.',
  },
  OutOfScope: {
    retry: 'retry',
    meaning: 'An object is cluster-wide or in a namespace that this operator does not serve (--namespaces).',
    remedy: 'Move the object, or let the operator serve that namespace.',
  },
  NamespaceMismatch: {
    retry: 'retry',
    meaning: 'spec.targetNamespace is set, and a manifest names another namespace.',
    remedy: 'Take metadata.namespace out of the manifest, or targetNamespace out of the spec.',
  },
  NamespaceNotFound: {
    retry: 'retry',
    meaning: 'A namespace that a manifest names does not exist.',
    remedy: 'Create the namespace, or add it to the repository; one that appears is noticed.',
  },
  NamespaceTerminating: {
    retry: 'retry',
    meaning: 'A namespace is being deleted; nothing can be created in it until it is gone.',
    remedy: 'Wait until it is gone, or look for the finalizer that holds it.',
  },
  ObjectTerminating: {
    retry: 'retry',
    meaning: 'An object is being deleted; it is made anew when it is gone.',
    remedy: 'Wait, or look for the finalizer that holds it.',
  },
  OwnedByOther: {
    retry: 'retry',
    meaning: 'An object belongs to another source, ApplySet or tool, and is not fought over.',
    remedy: 'Take the manifest out of one of the two, or detach the object from its owner as the message says.',
  },
  ServiceAccountNotFound: {
    retry: 'retry',
    meaning: 'The service account that the source acts as does not exist.',
    remedy: 'Create it, or correct spec.serviceAccountName; one that appears is noticed.',
  },
  Forbidden: {
    retry: 'retry',
    meaning: 'The account of the source lacks a right. What runs was not changed; of a first revision, what it may write is there.',
    remedy: 'Grant the missing rights with the commands in the message.',
  },
  ObjectRefused: {
    retry: 'retry',
    meaning: 'The API server refuses an object of the revision.',
    remedy: 'Correct the fields that the message names, and push.',
  },
  ImmutableField: {
    retry: 'retry',
    meaning: 'A field that cannot be changed differs from the live object.',
    remedy: 'Undo the change, or annotate the manifest with plumbline.dev/force: enabled to have it recreated.',
  },
  WebhookUnavailable: {
    retry: 'retry',
    meaning: 'An admission webhook does not answer, so the API server refuses the object.',
    remedy: 'Mend the webhook that the message names; the source goes on by itself.',
  },
  WebhookRefusesDryRun: {
    retry: 'retry',
    meaning: 'An admission webhook has side effects and cannot be asked in a dry run.',
    remedy: 'Give the webhook sideEffects: None or NoneOnDryRun.',
  },
  Conflict: {
    retry: 'retry',
    meaning: 'An object was changed or replaced between planning and applying; it is planned again.',
    remedy: 'Nothing; the next attempt follows at once.',
  },

  // Applying and pruning
  PruneHeld: {
    retry: 'retry',
    meaning: 'The revision would prune everything, most of the members, or data; a person lets it go.',
    remedy: 'Read the list; then run the kubectl annotate command of the message, or correct the repository.',
  },
  PruneWaiting: {
    retry: 'retry',
    meaning: 'A pruned object is held by a finalizer.',
    remedy: 'Look for the controller that owns the finalizer.',
  },
  NotEstablished: {
    retry: 'retry',
    meaning: 'A CRD was applied but the API server does not serve it yet.',
    remedy: 'Read the conditions of the CRD.',
  },
  HealthTimeout: {
    retry: 'retry',
    meaning: 'The revision is applied, and its objects did not become healthy within spec.health.timeout.',
    remedy: 'Read what each object waits for and correct it in git; the source becomes Ready by itself once all are healthy.',
  },
  ApiServerUnavailable: {
    retry: 'retry',
    meaning: 'The API server cannot be reached or answers with an error of its own.',
    remedy: 'Nothing in the cluster changes meanwhile; the source goes on by itself.',
  },
  OperatorForbidden: {
    retry: 'retry',
    meaning: 'The operator itself lacks a right.',
    remedy: "Compare the operator's ClusterRole with the chart's.",
  },
  InternalError: {
    retry: 'retry',
    meaning: 'A fault of the operator.',
    remedy: "Report it with the operator's log lines.",
  },
} as const satisfies Record<string, CatalogueEntry>;

/** Why a source is not Ready: the reason of a condition, an event, a metric and a log line. */
export type Reason = keyof typeof entries;

/** Every reason with its retry class, meaning and remedy. */
export const catalogue: Readonly<Record<Reason, CatalogueEntry>> = entries;

/** What conditions say beside the failures above, each with its meaning. */
export const conditionReasons = {
  Applied: 'Every object of the observed revision is in the cluster.',
  Verified: 'Every signature that spec.verify asks for is there, made by somebody whom its Secret names.',
  Progressing: 'A revision is being brought in.',
  Retrying: 'The last attempt failed and is tried again by itself; condition Ready says why.',
  Held: 'What would be pruned is held until a person lets it go or the repository changes.',
  Idle: 'Nothing is to be done until git, the spec or the cluster changes.',
  NotStalled: 'Nothing waits for an edit of the spec.',
  Suspended: 'spec.suspend is true: nothing is asked, applied, corrected or pruned.',
  InSync: 'Every field that git states is as git states it.',
  Drifted: 'Somebody changed in the cluster what git states; status.drift names the first 20 fields.',
  Fight: 'A field manager writes the same field again after each correction; it is corrected ever more rarely.',
  DriftIgnored: 'spec.drift.mode is Ignore: nothing is compared.',
  AwaitingHealth: 'The revision is applied, and is waited for to become healthy (spec.health.wait).',
  Healthy: 'Every object of the applied revision is as its spec says.',
  InProgress: 'Some objects are not as their spec says yet, or no more, or are being deleted; none has failed.',
  Unhealthy: 'Some objects have failed: they do not get to what their spec says by themselves.',
  HealthUnknown: 'Nothing can be said of the health of some objects; all others are healthy.',
  NothingApplied: 'No revision is applied yet, so that nothing can be healthy.',
} as const satisfies Record<string, string>;

export type ConditionReason = keyof typeof conditionReasons;

/** What events say beside the failures above, each with its meaning. */
export const eventReasons = {
  Applied: 'A revision is applied, or what was lost of it is back.',
  Adopted: 'An object that no source owned is taken over; its field managers so far are named.',
  Drifted: 'Somebody changed in the cluster what git states; also recorded for the object itself.',
  NotRecorded:
    'The API server does not record a field that git states (a feature that is switched off, a field that its schema drops): it counts as not stated. Take it out of the manifest.',
  DriftCorrected: 'What somebody changed is as git states it again, and who was overruled; also recorded for the object itself.',
  NotPutBack: 'Somebody changed something of the revision that runs while a newer one fails, and it cannot be put back; told once.',
  Contested: 'Another source states an object of this one; it stays with this one.',
  Notice: 'Something in the repository is left out or read in a way that its author should know.',
  ApiServerWarning: 'The API server warned about an object, of a deprecation for instance.',
  RefMoved: 'The ref was moved to a commit that does not follow the last one: a force-push, or a tag that was set anew.',
  RepositoryReplaced:
    'The ref is at a commit that has none in common with the last one: another repository is at spec.url, or it was begun anew.',
  RepositoryMoved: 'The git server redirects from spec.url to another URL, which the note names: write that into spec.url.',
  Healthy: 'Every object of the applied revision is healthy, for the first time or again.',
  Unhealthy: 'An object of the applied revision is no longer healthy.',
  Pruned: 'The source is deleted, and what it deployed with it, or let go of.',
  LeftBehind: 'Objects of a deleted source stay in the cluster, and why.',
  Unrecorded: 'An attempt gets, or may get, no record of the audit trail, which could not be written; the log has what it would say.',
  NotifyFailed: 'An endpoint of spec.notify could not be told; it is tried again for an hour. The source itself goes on.',
  NotifyDropped: 'What an endpoint of spec.notify was to be told is given up: it refuses it, or could not be reached for an hour.',
  Suspended: 'The source is suspended.',
} as const satisfies Record<string, string>;

export type EventReason = Reason | keyof typeof eventReasons;

/** A place in the deployer repository. Lines and columns count from 1. */
export interface Place {
  /** Path from the root of the repository, `prod/web.yaml`. */
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** One thing that is wrong, as told to a person. Never holds a secret value. */
export interface Fault {
  readonly reason: Reason;
  /** Where in the repository. */
  readonly place?: Place | undefined;
  /** The object, as `Deployment shop/web`. */
  readonly object?: string | undefined;
  /** What is wrong: field and the server's own reason; no full stop at the end. */
  readonly message: string;
  /** What to do, where it is more precise than the catalogue's remedy; a full sentence. */
  readonly remedy?: string | undefined;
  /** What has to appear before it can heal: its appearance wakes the source. */
  readonly lacks?: Lack | undefined;
}

/** An object that is not there, or any object of a kind when `name` is empty. */
export interface Lack {
  readonly group: string;
  readonly kind: string;
  /** Empty for cluster-wide objects. */
  readonly namespace: string;
  readonly name: string;
}

/** The one error class: a reason from the catalogue, and everything that is wrong, not only the first. */
export class PlumblineError extends Error {
  readonly reason: Reason;
  readonly faults: readonly Fault[];
  /** Not before this many milliseconds (a server's Retry-After). */
  readonly retryAfterMs: number | undefined;
  /** But before this many milliseconds, however often it failed. */
  readonly retryWithinMs: number | undefined;

  constructor(fault: Fault | readonly Fault[], more: ErrorOptions & Partial<Pick<PlumblineError, 'retryAfterMs' | 'retryWithinMs'>> = {}) {
    const faults: readonly Fault[] = Array.isArray(fault) ? (fault as readonly Fault[]) : [fault as Fault];
    super(faults.map(faultText).join('; '), more.cause === undefined ? {} : { cause: more.cause });
    this.name = 'PlumblineError';
    this.faults = faults;
    this.reason = faults[0]?.reason ?? 'InternalError';
    this.retryAfterMs = more.retryAfterMs;
    this.retryWithinMs = more.retryWithinMs;
  }
}

/** `prod/web.yaml:14:3 Deployment shop/web: spec.replicas: Invalid value`. */
export function faultText(fault: Fault): string {
  const where = [fault.place && placeText(fault.place), fault.object].filter(Boolean).join(' ');
  return where === '' ? fault.message : `${where}: ${fault.message}`;
}

/** `prod/web.yaml:14:3`, as far as it is known. */
export function placeText(place: Place): string {
  return [place.file, place.line, place.line === undefined ? undefined : place.column].filter((part) => part !== undefined).join(':');
}

/** Whatever was thrown, as a PlumblineError; what is not in the catalogue becomes InternalError. */
export function toPlumblineError(error: unknown): PlumblineError {
  if (error instanceof PlumblineError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PlumblineError({ reason: 'InternalError', message }, { cause: error });
}
