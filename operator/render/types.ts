/** The values between files and plan. */
import type { Place, Reason } from '../errors.ts';
import type { KubeObject, ObjectId, Resource } from '../kube/types.ts';

/** An object as a file states it, checked for shape, not yet for scope. */
export interface Draft {
  readonly object: KubeObject;
  readonly place: Place & { readonly line: number };
}

/** What a person is told once, without the revision being refused (a `status` left out, a number in a label). */
export interface Notice {
  readonly place: Place;
  readonly object?: string | undefined;
  readonly message: string;
}

/** An object to apply: normalised (rule 2), with its namespace (rule 3). */
export interface Manifest {
  readonly id: ObjectId;
  readonly resource: Resource;
  /** Without status and server-set fields; metadata.namespace filled in; no annotations of ours. */
  readonly object: KubeObject;
  /** `v1:` + sha256 of the canonical JSON of `object`, base64url, 27 characters. */
  readonly hash: string;
  readonly place: Place & { readonly line: number };
}

/** How the API server serves a kind, by discovery; undefined when it does not. Kinds of the revision's own CRDs are found without it. */
export type ScopeOf = (gvk: { readonly group: string; readonly version: string; readonly kind: string }) => Resource | undefined;

export interface SettleOptions {
  /** The source's own namespace. */
  readonly sourceNamespace: string;
  /** The source's own name: a source cannot state itself. */
  readonly sourceName?: string | undefined;
  readonly targetNamespace: string | undefined;
  /** --namespaces; empty when the operator is cluster-wide. */
  readonly servedNamespaces: readonly string[];
  readonly scopeOf: ScopeOf;
  /** The apiVersions under which the API server serves a kind of this name, for the message of an unknown one. */
  readonly servedAs?: ((kind: string) => readonly string[]) | undefined;
}

export interface Rendered {
  readonly manifests: readonly Manifest[];
  readonly notices: readonly Notice[];
}

export type RenderReason = Extract<
  Reason,
  'RenderFailed' | 'KustomizeNotSupported' | 'HelmNotSupported' | 'UnknownKind' | 'OutOfScope' | 'NamespaceMismatch'
>;
