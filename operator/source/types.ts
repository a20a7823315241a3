/** The port between git and the rest: what a source asks for, and what it gets. */
import type { PlumblineError } from '../errors.ts';

/** Which revision; exactly one field, or none for the remote's HEAD. */
export interface RefSpec {
  readonly branch?: string | undefined;
  readonly tag?: string | undefined;
  readonly semver?: string | undefined;
  readonly commit?: string | undefined;
  readonly name?: string | undefined;
}

/** What the Secret of spec.auth holds, read and checked. Never logged; compared by `id` only. */
export interface Credentials {
  /** A hash of everything in here: two sources share a remote when URL and id are the same. Empty when anonymous. */
  readonly id: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly bearerToken?: string | undefined;
  /** PEM. */
  readonly ca?: string | undefined;
  /** Shown to a server that asks for it (mutual TLS). */
  readonly certificate?: ClientCertificate | undefined;
  /** For ssh URLs. */
  readonly ssh?: SshCredentials | undefined;
  /** Becomes a username and a password before a server is asked: github-app.ts. */
  readonly githubApp?: GitHubApp | undefined;
}

export interface ClientCertificate {
  /** PEM: the certificate, and those between it and its authority. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
}

export interface SshCredentials {
  /** A private key, as ssh-keygen writes it. */
  readonly identity: string;
  /** Of the private key, when it is encrypted. */
  readonly passphrase?: string | undefined;
  /** As of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". */
  readonly knownHosts: string;
}

export interface GitHubApp {
  readonly appId: string;
  readonly installationId: string;
  /** PEM of an RSA key. */
  readonly privateKey: string;
  /** `https://api.github.com`, without a slash at the end. */
  readonly baseUrl: string;
}

/** The refs of a remote at one moment. */
export interface RemoteRefs {
  /** Full ref name → commit (annotated tags peeled). */
  readonly refs: ReadonlyMap<string, string>;
  /** Full name of each annotated tag → the tag object itself. */
  readonly tags: ReadonlyMap<string, string>;
  /** The branch that HEAD points at, `refs/heads/main`; undefined when HEAD is detached or unborn. */
  readonly headRef: string | undefined;
  /** The commit that HEAD points at. */
  readonly head: string | undefined;
}

/** A ref made precise: the commit, and how to name it to people (`main`, `v1.2.3`, `4f2a9c1…`). */
export interface ResolvedRef {
  readonly commit: string;
  /** The tag object that leads to the commit; undefined unless the ref is an annotated tag. */
  readonly tag?: string | undefined;
  /** `refs/heads/main`; undefined for a bare commit. */
  readonly fullRef: string | undefined;
  /** `main`, `v1.2.3`, `refs/pull/3/head`; undefined for a bare commit, which is shown alone. */
  readonly shortRef: string | undefined;
}

export interface CommitInfo {
  readonly sha: string;
  /** First line of the message, at most 200 characters, control characters removed. */
  readonly subject: string;
  /** `Ada Lovelace <ada@example.com>`. */
  readonly author: string;
  /** Committer time, RFC 3339. */
  readonly time: string;
}

export interface SnapshotFile {
  /** From the root of the repository, `prod/web.yaml`. */
  readonly path: string;
  /** Object id of the blob. */
  readonly oid: string;
  readonly content: Buffer;
}

/** The files under one path of one commit; immutable. */
export interface Snapshot {
  readonly commit: CommitInfo;
  /** The path it was cut at, normalised: no leading or trailing slash, empty for the root. */
  readonly path: string;
  /** Object id of the tree at `path`: two snapshots with the same path and tree hold the same files. */
  readonly tree: string;
  /** Manifest files (`.yaml`, `.yml`, `.json`, and what marks a kustomization or chart), sorted by path. */
  readonly files: readonly SnapshotFile[];
}

/** What signatures are over, as `git cat-file` prints it. */
export interface SignedBytes {
  readonly commit: Buffer;
  /** Of `ResolvedRef.tag`; undefined unless the commit was asked for by an annotated tag. */
  readonly tag: Buffer | undefined;
}

/** One object as git keeps it, without its header. */
export interface GitObject {
  readonly type: 'commit' | 'tree' | 'blob' | 'tag';
  readonly data: Buffer;
}

/** Where objects are read by id, as far as they are in memory: nobody is asked. */
export interface ObjectReader {
  /** undefined: it is not there, or not any more. */
  read(oid: string): GitObject | undefined;
}

/** What of a commit is read: the files under `path` but for those that match `exclude` (globs relative to `path`). */
export interface Wanted {
  readonly path: string;
  readonly exclude: readonly string[];
}

/** One commit of a remote. Its commit, its tag and its folders are there; files come when they are asked for, many askers in one request. */
export interface Checkout {
  readonly commit: CommitInfo;
  readonly signed: SignedBytes;
  /** Commits and folders of this commit, and the files that were read so far. */
  readonly objects: ObjectReader;
  /** Throws PlumblineError: PathNotFound, RepositoryTooLarge, RepositoryRefused; and as GitClient where the server has to be asked. */
  snapshot(wanted: Wanted, signal: AbortSignal): Promise<Snapshot>;
  /** Lets go what it holds in memory; called by whoever keeps it. It can still be used, and then asks again. */
  release(): void;
}

/** Which commits a walk through history reads. */
export interface HistoryAsked {
  /** The newest commit. */
  readonly tip: string;
  /** Commits at which the walk ends; where they are in memory with their folders, what is before them is not sent again. */
  readonly known: readonly string[];
  /** Commits along each line of descent, the tip included. */
  readonly depth: number;
  /** Instead of `depth` where the server cannot leave files out: they come along, if only to be dropped. */
  readonly depthWithFiles?: number | undefined;
}

/** Commits and the folders of each, held in memory for as long as this is held. */
export interface History extends ObjectReader {
  /** Commits whose parents exist, but were not sent. */
  readonly cut: ReadonlySet<string>;
}

/** Runs one request to a git server when its turn has come. */
export type Gate = <T>(signal: AbortSignal, request: () => Promise<T>) => Promise<T>;

/** How git is asked; `Remotes` (remotes.ts) shares its answers among sources. Every method throws PlumblineError with a reason of the source. */
export interface GitClient {
  /** One ls-refs. With `prefixes`, a server that can leaves other refs out; HEAD and branches are always there. */
  listRefs(url: string, credentials: Credentials, signal: AbortSignal, prefixes?: readonly string[]): Promise<RemoteRefs>;
  /** Fetches one commit, with its folders. `wanted`: what will be read first, so that it can come along. `gate`: also for what the checkout asks later. */
  checkout(
    url: string,
    credentials: Credentials,
    ref: ResolvedRef,
    signal: AbortSignal,
    options?: { readonly wanted?: Wanted | undefined; readonly gate?: Gate | undefined },
  ): Promise<Checkout>;
  /** Whether `ancestor` is an ancestor of `commit`: false after a force-push; undefined when that cannot be found out cheaply. */
  descends(url: string, credentials: Credentials, ancestor: string, commit: string, signal: AbortSignal): Promise<boolean | undefined>;
  /** Whether two commits have one in common: false where the repository was replaced by another; undefined when that cannot be found out cheaply. */
  sharesHistory(url: string, credentials: Credentials, before: string, now: string, signal: AbortSignal): Promise<boolean | undefined>;
  /** Commits before `tip` and the folders of each, but no files. */
  history(url: string, credentials: Credentials, asked: HistoryAsked, signal: AbortSignal): Promise<History>;
  /** Objects by id: what is in memory, and the rest in one request. What is over the limit for a file, or not there, is left out. */
  objects(url: string, credentials: Credentials, oids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, GitObject>>;
  /** Where the server last redirected to from this URL, as people may see it; undefined: nowhere, as far as is known. */
  movedTo(url: string, credentials: Credentials): string | undefined;
  /** Whether what checkouts hold is more than is to be kept in memory. */
  isFull(): boolean;
  /** Lets go what only this remote needed. */
  forget(url: string, credentials: Credentials): void;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** What a subscriber of a remote is told: where its ref points, or why that is not known. `at`: milliseconds since the epoch. */
export type Observation =
  | { readonly resolved: ResolvedRef; readonly error?: undefined; readonly at: number }
  | { readonly resolved?: undefined; readonly error: PlumblineError; readonly at: number };

export interface SubscribeOptions {
  readonly url: string;
  readonly credentials: Credentials;
  readonly ref: RefSpec;
  /** How often the remote is asked at least; milliseconds. */
  readonly intervalMs: number;
  /** The commit last observed (from the status): a ref that is gone is told with where it was. */
  readonly lastCommit?: string | undefined;
  /** Called on the first answer, on every change, and after each pollNow(); never from within subscribe(). */
  onObserved(observation: Observation): void;
}

export interface Subscription {
  /** Asks now, also during backoff; onObserved follows, whether or not anything changed. */
  pollNow(): void;
  /** When the remote last answered without fault, milliseconds since the epoch. */
  answeredAt(): number | undefined;
  close(): void;
}

/** The remotes of all sources, as reconcile/ uses them: one per URL and credentials. */
export interface SharedRemotes {
  subscribe(options: SubscribeOptions): Subscription;
  /**
   * Something may have been pushed to the repository at `url`: every remote of it is asked now, each with its own
   * credentials, and onObserved follows for every subscriber for which something changed. `asked`: the credentials with
   * which it is being asked at this URL anyway.
   */
  hint(url: string, asked?: Credentials): void;
  /** The commit; asked for many times at once, it is fetched once, and kept while it is current. `wanted`: what will be read of it first. */
  checkout(url: string, credentials: Credentials, ref: ResolvedRef, signal: AbortSignal, wanted?: Wanted): Promise<Checkout>;
  /** As GitClient.descends, remembered; undefined also when the server cannot be asked. */
  descends(url: string, credentials: Credentials, ancestor: string, commit: string, signal: AbortSignal): Promise<boolean | undefined>;
  /** As GitClient.sharesHistory; undefined also when the server cannot be asked. */
  sharesHistory(url: string, credentials: Credentials, before: string, now: string, signal: AbortSignal): Promise<boolean | undefined>;
  /** As GitClient.history. */
  history(url: string, credentials: Credentials, asked: HistoryAsked, signal: AbortSignal): Promise<History>;
  /** As GitClient.objects. */
  objects(url: string, credentials: Credentials, oids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, GitObject>>;
  /** As GitClient.movedTo. */
  movedTo(url: string, credentials: Credentials): string | undefined;
  close(): Promise<void>;
}
