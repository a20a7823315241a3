/** Every GitOpsSource that this process serves, as its watch tells. A standby keeps it too, so that it takes over at once. */
import type { GitOpsSource } from '../api/types.ts';
import { sourceResource } from '../apply/parent.ts';
import type { KubeClient } from '../kube/client.ts';
import { reflect } from '../kube/reflector.ts';
import type { KubeObject } from '../kube/types.ts';
import { isNewer } from '../kube/versions.ts';
import { applySetId } from '../plan/applyset.ts';

export interface SourceStoreOptions {
  readonly client: KubeClient;
  /** --namespaces; empty serves the whole cluster. */
  readonly namespaces: readonly string[];
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Of the watch of one namespace, or (undefined) of the whole cluster. */
  readonly onState: (up: boolean, error: unknown, namespace: string | undefined) => void;
}

export type SourceListener = (key: string, before: GitOpsSource | undefined, after: GitOpsSource | undefined) => void;

/** The sources by `namespace/name`. */
export class SourceStore {
  /** Resolves once the first list is in. */
  readonly synced: Promise<void>;
  readonly #sources = new Map<string, GitOpsSource>();
  readonly #byApplySet = new Map<string, string>();
  /** Sources known from before the API server's store was put back: whatever it tells of them next counts. */
  readonly #outdated = new Set<string>();
  #listener: SourceListener = () => {};

  constructor(options: SourceStoreOptions) {
    const scopes: readonly (string | undefined)[] = options.namespaces.length === 0 ? [undefined] : options.namespaces;
    const watches = scopes.map((namespace) =>
      reflect({
        client: options.client,
        resource: sourceResource,
        namespace,
        metadataOnly: false,
        signal: options.signal,
        random: options.random,
        handler: {
          reset: () => this.#reset(namespace),
          replace: (objects) => this.#replace(namespace, objects),
          upsert: (object) => this.#put(object as GitOpsSource),
          remove: (object) => this.#remove(keyOf(object)),
          state: (up, error) => options.onState(up, error, namespace),
        },
      }),
    );
    this.synced = Promise.all(watches.map((watch) => watch.synced)).then(() => {});
  }

  get(key: string): GitOpsSource | undefined {
    return this.#sources.get(key);
  }

  all(): readonly GitOpsSource[] {
    return [...this.#sources.values()];
  }

  keys(): readonly string[] {
    return [...this.#sources.keys()];
  }

  /** `namespace/name` of the living source whose ApplySet has this id. */
  sourceOf(applySet: string): string | undefined {
    return this.#byApplySet.get(applySet);
  }

  /** Told of every change from now on; there is one listener, the leader's. */
  listen(listener: SourceListener): void {
    this.#listener = listener;
  }

  /** Takes in a source as a patch of our own answered it. */
  noteWritten(source: GitOpsSource): void {
    if (this.#sources.has(keyOf(source))) this.#put(source);
  }

  #put(told: GitOpsSource): void {
    const source = withoutManagers(told);
    const key = keyOf(source);
    const before = this.#sources.get(key);
    const isKnown = before !== undefined && !this.#outdated.delete(key);
    if (isKnown && !isNewer(source.metadata.resourceVersion ?? '', before.metadata.resourceVersion ?? '')) return;
    this.#sources.set(key, source);
    this.#byApplySet.set(applySetId({ namespace: source.metadata.namespace, name: source.metadata.name }), key);
    if (before !== undefined && before.metadata.uid !== source.metadata.uid) this.#listener(key, before, undefined);
    this.#listener(key, before?.metadata.uid === source.metadata.uid ? before : undefined, source);
  }

  #remove(key: string): void {
    const before = this.#sources.get(key);
    if (before === undefined) return;
    this.#sources.delete(key);
    this.#outdated.delete(key);
    this.#byApplySet.delete(applySetId({ namespace: before.metadata.namespace, name: before.metadata.name }));
    this.#listener(key, before, undefined);
  }

  #reset(namespace: string | undefined): void {
    for (const [key, source] of this.#sources) {
      if (namespace === undefined || source.metadata.namespace === namespace) this.#outdated.add(key);
    }
  }

  #replace(namespace: string | undefined, objects: readonly KubeObject[]): void {
    const listed = new Set(objects.map(keyOf));
    for (const object of objects) this.#put(object as GitOpsSource);
    for (const [key, source] of this.#sources) {
      if (!listed.has(key) && (namespace === undefined || source.metadata.namespace === namespace)) this.#remove(key);
    }
  }
}

/** Nobody asks who wrote which field of a source, which is half of what the API server tells of it. */
function withoutManagers(source: GitOpsSource): GitOpsSource {
  const { managedFields: _, ...metadata } = source.metadata;
  return { ...source, metadata };
}

function keyOf({ metadata }: Pick<KubeObject, 'metadata'>): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
