/** Git, as the rest of the operator asks it. */
import { PlumblineError } from '../errors.ts';
import { openCheckout } from './checkout.ts';
import { HostSlots } from './host-slots.ts';
import { defaultTimeouts } from './http.ts';
import type { Timeouts } from './http.ts';
import { defaultLimits } from './limits.ts';
import type { Limits } from './limits.ts';
import { Pacer } from './pacer.ts';
import { PackMemory } from './pack-memory.ts';
import type { PackMemoryOptions } from './pack-memory.ts';
import { ServerError } from './pktline.ts';
import type { ProxySettings } from './proxies.ts';
import { Repository } from './repository.ts';
import type { GitSettings } from './settings.ts';
import { ObjectCache } from './store.ts';
import { Transports } from './transports.ts';
import type { Credentials, Gate, GitClient, GitObject } from './types.ts';
import { parseGitUrl } from './url.ts';

export interface GitClientOptions {
  readonly settings?: Partial<GitSettings> | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Packs read at the same time. */
  readonly concurrency?: number | undefined;
  /** Through which servers are asked. */
  readonly proxies?: ProxySettings | undefined;
  /** How packs that are read at the same time share memory. */
  readonly memory?: Partial<PackMemoryOptions> | undefined;
  /** For one request in all, however slowly bytes come. Milliseconds. */
  readonly deadlineMs?: number | undefined;
}

export const defaultCacheBytes = 256 * 1024 * 1024;

/** Most packs are far below the share; one that waits has its connection, and a server that waits for it. */
const packMemory = { shareBytes: 16 * 1024 * 1024, patienceMs: 60_000 };

/** A client with a memory of its own. */
export function createGitClient(options: GitClientOptions = {}): GitClient {
  const { settings = {} } = options;
  const limits = { ...defaultLimits, ...settings.limits, ...options.limits };
  const timeouts = { ...defaultTimeouts, ...(settings.idleMs === undefined ? {} : { idleMs: settings.idleMs }), ...options.timeouts };
  const deadlines = { idleMs: timeouts.idleMs, deadlineMs: options.deadlineMs ?? 300_000 };
  const cache = new ObjectCache(settings.cacheBytes ?? defaultCacheBytes);
  const pacer = new Pacer();
  const memory = new PackMemory({ ...packMemory, bytes: limits.keptBytes / 2, ...options.memory });
  const reading = new HostSlots(options.concurrency ?? 8);
  const repositories = new Map<string, Repository>();
  const transports = new Transports();
  const closing = new AbortController();

  const repositoryOf = (url: string, credentials: Credentials): Repository => {
    const key = keyOf(url, credentials);
    const known = repositories.get(key);
    if (known !== undefined) return known;
    const parsed = parseGitUrl(url);
    const service = transports.service(parsed, credentials, { timeouts, proxies: options.proxies });
    // Whoever holds the credentials may read all that they open; without any, each host is its own.
    const store = cache.scope(`${parsed.host} ${credentials.id}`);
    const repository = new Repository({ service, store, limits, deadlines, pacer, memory });
    repositories.set(key, repository);
    return repository;
  };
  // A remote asks with one signal as long as it lives.
  const joined = new WeakMap<AbortSignal, AbortSignal>();
  const until = (signal: AbortSignal): AbortSignal => {
    const known = joined.get(signal) ?? AbortSignal.any([signal, closing.signal]);
    joined.set(signal, known);
    return known;
  };
  /** Packs take memory while they are read: only so many at once. */
  const inTurn = <T>(signal: AbortSignal, read: () => Promise<T>): Promise<T> => reading.with('pack', signal, read);

  return {
    listRefs: (url, credentials, signal, prefixes = ['refs/tags/']) => repositoryOf(url, credentials).refs(prefixes, until(signal)),

    async checkout(url, credentials, ref, signal, { wanted, gate } = {}) {
      const turn: Gate = (one, request) => (gate === undefined ? inTurn(one, request) : gate(one, () => inTurn(one, request)));
      return openCheckout({ repository: repositoryOf(url, credentials), ref, wanted, gate: turn, limits, pacer }, until(signal));
    },

    async descends(url, credentials, ancestor, commit, signal) {
      if (ancestor === commit) return true;
      return inTurn(until(signal), () => repositoryOf(url, credentials).descends(ancestor, commit, until(signal)));
    },

    async sharesHistory(url, credentials, before, now, signal) {
      return inTurn(until(signal), () => repositoryOf(url, credentials).sharesHistory(before, now, until(signal)));
    },

    async history(url, credentials, asked, signal) {
      const repository = repositoryOf(url, credentials);
      const { objects, cut } = await inTurn(until(signal), () => repository.bringHistory(asked, until(signal)));
      return { read: (oid) => objects.get(oid) ?? repository.store.read(oid), cut };
    },

    async objects(url, credentials, oids, signal) {
      const repository = repositoryOf(url, credentials);
      const found = new Map<string, GitObject>();
      const missing: string[] = [];
      for (const oid of new Set(oids)) {
        const object = repository.store.read(oid);
        if (object !== undefined) found.set(oid, object);
        else if (repository.store.sizeOf(oid) === undefined) missing.push(oid);
      }
      if (missing.length === 0 || !(await repository.givesById(until(signal)))) return found;
      try {
        const brought = await inTurn(until(signal), () => repository.bringObjects(missing, undefined, until(signal)));
        return new Map([...found, ...brought]);
      } catch (error) {
        if (error instanceof ServerError) return found;
        throw error;
      }
    },

    movedTo: (url, credentials) => repositories.get(keyOf(url, credentials))?.movedTo(),

    isFull: () => cache.bytes > cache.limit,

    forget(url, credentials) {
      const key = keyOf(url, credentials);
      const repository = repositories.get(key);
      repositories.delete(key);
      void repository?.close();
    },

    async close() {
      closing.abort(new PlumblineError({ reason: 'InternalError', message: 'the operator is stopping' }));
      await Promise.all([...repositories.values()].map((repository) => repository.close()));
      repositories.clear();
      await transports.close();
    },
  };
}

function keyOf(url: string, credentials: Credentials): string {
  return `${url} ${credentials.id}`;
}
