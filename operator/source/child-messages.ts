/** What the operator and its git child say to each other, by structured clone. */
import type { Fault } from '../errors.ts';
import type { TransportSettings } from './http.ts';
import type { Limits } from './limits.ts';
import type { ListedFile } from './listing.ts';
import type { CommitInfo, Credentials } from './types.ts';

export interface AskedOf extends TransportSettings {
  readonly url: string;
  readonly credentials: Credentials;
  readonly limits: Limits;
}

/** To the child. */
export type Request =
  | { readonly kind: 'checkout'; readonly id: number; readonly ask: AskedOf; readonly oid: string; readonly bare: boolean }
  | { readonly kind: 'descends'; readonly id: number; readonly ask: AskedOf; readonly ancestor: string; readonly commit: string }
  | { readonly kind: 'abort'; readonly id: number };

/** From the child: to a checkout any number of `part`, then `listed`; to `descends` one `descent`; to either `failed`. */
export type Reply =
  | { readonly kind: 'part'; readonly id: number; readonly part: Part }
  | { readonly kind: 'listed'; readonly id: number; readonly head: Head }
  | { readonly kind: 'descent'; readonly id: number; readonly descends: boolean | undefined }
  | { readonly kind: 'failed'; readonly id: number; readonly faults: readonly Fault[]; readonly retryAfterMs: number | undefined };

/** What is told of the commit itself. */
export interface Head {
  readonly commit: CommitInfo;
  /** Bytes, as SignedBytes. */
  readonly signed: { readonly commit: Uint8Array; readonly tag: Uint8Array | undefined };
}

/** Small enough that taking one in never holds the operator up. */
export interface Part {
  readonly folders: readonly (readonly [path: string, tree: string])[];
  readonly files: readonly ListedFile[];
  /** Object ids and sizes of what lies one after the other in `bytes`. */
  readonly blobs: readonly (readonly [oid: string, size: number])[];
  readonly bytes: Uint8Array;
}
