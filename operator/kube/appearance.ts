/** Waits for something that is lacking: a Namespace, a Secret, an account. */
import type { KubeClient } from './client.ts';
import { reflect } from './reflector.ts';
import type { Resource } from './types.ts';

/** Where and what, and chance for the watch's jitter. */
export interface Awaited {
  readonly namespace?: string | undefined;
  readonly name: string;
  /** In [0, 1); default the middle. */
  readonly random?: (() => number) | undefined;
}

/**
 * Resolves when the object exists and is not being deleted, also when it does already; by a watch of its metadata
 * alone, which survives whatever reflect does. Rejects with the signal's reason.
 */
export async function awaitAppearance(client: KubeClient, resource: Resource, awaited: Awaited, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { namespace, name, random = () => 0.5 } = awaited;
  const found = new AbortController();
  const stop = (): void => found.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const appeared = Promise.withResolvers<void>();
  const look = (object: { readonly metadata: { readonly deletionTimestamp?: string } }): void => {
    if (object.metadata.deletionTimestamp === undefined) appeared.resolve();
  };
  const reflector = reflect({
    client,
    resource,
    namespace,
    fieldSelector: `metadata.name=${name}`,
    metadataOnly: true,
    signal: found.signal,
    random,
    handler: { replace: (objects) => objects.forEach(look), upsert: look, remove: () => {}, state: () => {} },
  });
  const ended = reflector.done.then(() => signal.throwIfAborted());
  try {
    await Promise.race([appeared.promise, ended]);
  } finally {
    signal.removeEventListener('abort', stop);
    found.abort();
    await ended.catch(() => {}); // the race has told it
  }
}
