import type { Checkout, Snapshot } from '../../operator/source/types.ts';

const never = new AbortController().signal;

/** What a source reads of a commit. */
export function cut(checkout: Checkout, path: string, exclude: readonly string[] = []): Promise<Snapshot> {
  return checkout.snapshot({ path, exclude }, never);
}
