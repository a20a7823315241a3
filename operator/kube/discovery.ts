/** Which kinds the API server serves, by aggregated discovery (KEP-3352): two requests, however many groups. */
import type { KubeClient } from './client.ts';
import { groupKindText, gvkKey } from './types.ts';
import type { GroupVersionKind, Resource } from './types.ts';

export interface DiscoveryOptions {
  readonly client: KubeClient;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

/** A kind that was not there is asked for again after this, milliseconds; `invalidate` asks at once. */
const unknownFor = 5_000;

const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** `apidiscovery.k8s.io/v2`, what is used of it. */
interface GroupList {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      /** `Stale` when the server behind an APIService does not answer. */
      readonly freshness?: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly responseKind?: { readonly kind?: string } | null;
        readonly scope?: string;
        readonly verbs?: readonly string[];
      }[];
    }[];
  }[];
}

/** What the API server serves; within a group it names versions in the order of its preference. */
export interface Served {
  /** By `gvkKey`. */
  readonly byVersion: ReadonlyMap<string, Resource>;
  /** By `groupKindText`. */
  readonly preferred: ReadonlyMap<string, Resource>;
  /** Groups of which a version does not answer just now (an aggregated API that is down): they may serve more than is known. */
  readonly unanswered: ReadonlySet<string>;
}

/** Knows what it was last told; asks anew only when a kind is unknown or `invalidate` was called. */
export class Discovery {
  readonly #options: DiscoveryOptions;
  #served: Served = { byVersion: new Map(), preferred: new Map(), unanswered: new Set() };
  /** When a refresh that lacked it was done, by kind. */
  readonly #missing = new Map<string, number>();
  #stale = true;
  #refreshing: Promise<void> | undefined;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /**
   * Those of `gvks` that are served, by `gvkKey`; what is not in the answer is not served. Asks the API server only
   * where it must, once for all who wait. Throws KubeError, or the signal's reason.
   */
  async resolve(gvks: Iterable<GroupVersionKind>, signal: AbortSignal): Promise<ReadonlyMap<string, Resource>> {
    const keys = [...gvks].map(gvkKey);
    await this.#know(keys, (key) => this.#served.byVersion.has(key), signal);
    return picked(this.#served.byVersion, keys);
  }

  /**
   * Each of these (`Deployment.apps`, see `groupKindText`) in the version that the API server prefers; what is not
   * served is left out. Asks and throws as `resolve`.
   */
  async preferred(groupKinds: Iterable<string>, signal: AbortSignal): Promise<readonly Resource[]> {
    const keys = [...groupKinds];
    await this.#know(keys, (key) => this.#served.preferred.has(key), signal);
    return [...picked(this.#served.preferred, keys).values()];
  }

  /** Every kind in every version; asks only after `invalidate`, and the first time. Throws as `resolve`. */
  async allResources(signal: AbortSignal): Promise<readonly Resource[]> {
    await this.#know([], () => true, signal);
    return [...this.#served.byVersion.values()];
  }

  /**
   * Those of these (`Widget.example.com`) that are not known to be served while their group does not answer whole, so that
   * nobody can say whether they are. As last told.
   */
  undecided(groupKinds: readonly string[]): readonly string[] {
    const { preferred, unanswered } = this.#served;
    return groupKinds.filter((kind) => !preferred.has(kind) && unanswered.has(kind.slice(kind.indexOf('.') + 1)));
  }

  /** The kind as last told, or undefined. */
  find(gvk: GroupVersionKind): Resource | undefined {
    return this.#served.byVersion.get(gvkKey(gvk));
  }

  /** The next question is put to the API server: a CRD came, went or changed. */
  invalidate(): void {
    this.#stale = true;
    this.#missing.clear();
  }

  async #know(keys: readonly string[], isServed: (key: string) => boolean, signal: AbortSignal): Promise<void> {
    const { monotonic } = this.#options;
    const unknown = (key: string): boolean => !isServed(key) && monotonic() - (this.#missing.get(key) ?? -Infinity) >= unknownFor;
    // A refresh that was under way when it became stale, or when the question came, does not count; the second does.
    for (let round = 0; round < 2 && (this.#stale || keys.some(unknown)); round += 1) {
      const joined = this.#refreshing !== undefined;
      this.#refreshing ??= this.#refresh().finally(() => {
        this.#refreshing = undefined;
      });
      await untilAborted(this.#refreshing, signal);
      if (!joined && !this.#stale) this.#noteMissing(keys.filter((key) => !isServed(key)));
    }
  }

  #noteMissing(keys: readonly string[]): void {
    const now = this.#options.monotonic();
    for (const [key, since] of this.#missing) if (now - since >= unknownFor) this.#missing.delete(key);
    for (const key of keys) this.#missing.set(key, now);
  }

  async #refresh(): Promise<void> {
    this.#stale = false;
    const { client, signal } = this.#options;
    try {
      const lists = await Promise.all(['/api', '/apis'].map((path) => client.request<GroupList>({ method: 'GET', path, accept, signal })));
      this.#served = readGroups(
        lists.map((answer) => answer.body),
        this.#served,
      );
    } catch (error) {
      this.#stale = true;
      throw error;
    }
  }
}

/** Pure: every kind that these lists name. Of a version that does not answer just now, what was known before stays. */
export function readGroups(lists: readonly GroupList[], before: Served): Served {
  const byVersion = new Map<string, Resource>();
  const preferred = new Map<string, Resource>();
  const unanswered = new Set<string>();
  const add = (resource: Resource): void => {
    const [versioned, unversioned] = [gvkKey(resource), groupKindText(resource)];
    if (!byVersion.has(versioned)) byVersion.set(versioned, resource);
    if (!preferred.has(unversioned)) preferred.set(unversioned, resource);
  };
  for (const { metadata, versions = [] } of lists.flatMap((list) => list.items ?? [])) {
    const group = metadata?.name ?? '';
    for (const { version, freshness, resources = [] } of versions) {
      for (const { resource: plural, responseKind, scope, verbs = [] } of resources) {
        const kind = responseKind?.kind ?? '';
        if (kind !== '') add({ group, version, kind, plural, namespaced: scope === 'Namespaced', verbs });
      }
      if (freshness !== 'Stale') continue;
      unanswered.add(group);
      for (const known of before.byVersion.values()) if (known.group === group && known.version === version) add(known);
    }
  }
  return { byVersion, preferred, unanswered };
}

function picked(resources: ReadonlyMap<string, Resource>, keys: readonly string[]): ReadonlyMap<string, Resource> {
  const found = new Map<string, Resource>();
  for (const key of keys) {
    const resource = resources.get(key);
    if (resource !== undefined) found.set(key, resource);
  }
  return found;
}

/** The work goes on for others when one who waits for it is aborted. */
function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
