/** What the apply stage needs, and what it leaves behind. */
import type { Fault } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Discovery } from '../kube/discovery.ts';
import type { ObjectId } from '../kube/types.ts';
import type { Finding } from '../live/drift/types.ts';
import type { Inventory } from '../live/types.ts';
import type { Origin } from './desired.ts';

/** One walk's way to the API server. */
export interface ApplyContext {
  readonly client: KubeClient;
  readonly discovery: Discovery;
  readonly inventory: Inventory;
  /** `namespace/name` of the source: its share of the requests in flight. */
  readonly source: string;
  /** The user that is impersonated; undefined acts as the operator (rule 5). */
  readonly as: string | undefined;
  readonly applySet: string;
  /** The commit that is being applied. */
  readonly commit: string;
  /** Where the manifests that may be written come from, by objectKey. */
  readonly origins?: ReadonlyMap<string, Origin> | undefined;
  readonly signal: AbortSignal;
}

/** What was done so far; filled in as the walk goes on, true also when a later step fails. */
export interface Progress {
  created: number;
  changed: number;
  pruned: number;
  letGo: number;
  /** Each object that was written, as often as it was. */
  readonly objects: { readonly verb: 'created' | 'changed' | 'pruned' | 'letGo'; readonly object: string }[];
  /** Objects taken over that no source owned. */
  readonly adopted: { readonly object: string; readonly managers: readonly string[] }[];
  /** Objects put back, and what of them others had changed. */
  readonly corrected: Corrected[];
  /** The API server's warnings, with the object, each once. */
  readonly warnings: Set<string>;
}

/** One object that was put back. */
export interface Corrected {
  readonly id: ObjectId;
  readonly uid: string;
  /** Empty: it was gone. */
  readonly findings: readonly Finding[];
}

export function noProgress(): Progress {
  return { created: 0, changed: 0, pruned: 0, letGo: 0, objects: [], adopted: [], corrected: [], warnings: new Set() };
}

/** Faults of many objects, collected; empty when all went well. */
export type Faults = readonly Fault[];
