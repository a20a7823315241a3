/** Hints of receivers: the leader asks the remote, a standby passes them on to it through the source itself. */
import { apiVersion, controllerManager, plural, requestedAtAnnotation } from '../api/names.ts';
import type { GitOpsSource } from '../api/types.ts';
import { sourceResource } from '../apply/parent.ts';
import type { KubeClient, KubeRequest } from '../kube/client.ts';
import { mergePatch } from '../kube/operations.ts';
import type { RefSpec } from '../source/types.ts';
import { repositoryPlace } from '../source/url.ts';
import { LeadershipLostError } from './leader.ts';
import type { Leadership } from './leader.ts';
import type { TokenReader } from './secret-token.ts';
import type { SourceStore } from './source-store.ts';

export interface HintsOptions {
  readonly client: KubeClient;
  readonly store: SourceStore;
  readonly leadership: Leadership;
  readonly readToken: TokenReader;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** What receivers are given (web/receivers); the same on every replica. */
export interface Hints {
  source(key: string): GitOpsSource | undefined;
  /** What the sources of the repository follow, by whatever URL of it; suspended ones follow nothing. */
  refsOf(url: string): readonly RefSpec[];
  token(source: GitOpsSource): Promise<Buffer | undefined>;
  hint(source: GitOpsSource): Promise<void>;
  /** The leader's controller takes hints from now on. */
  lead(controller: { hint(key: string): void }): void;
}

const passOnMs = 5_000;

export function createHints({ client, store, leadership, readToken, now, signal }: HintsOptions): Hints {
  let leader: { hint(key: string): void } | undefined;
  return {
    source: (key) => store.get(key),
    refsOf(url) {
      const place = repositoryPlace(url);
      const isThere = (other: string): boolean => other === url || repositoryPlace(other) === place;
      return store.all().flatMap(({ spec }) => (!spec.suspend && isThere(spec.url) ? [spec.ref ?? {}] : []));
    },
    async token({ metadata: { namespace }, spec: { receiver } }) {
      return receiver && (await readToken(namespace, receiver.secretRef.name));
    },
    async hint({ metadata: { namespace, name } }) {
      if (leadership.stillLeader()) {
        leader?.hint(`${namespace}/${name}`); // one that has only begun to lead asks every remote anyway
      } else if (leadership.hasLed) {
        throw new LeadershipLostError();
      } else {
        const patch = { metadata: { annotations: { [requestedAtAnnotation]: new Date(now()).toISOString() } } };
        await mergePatch(client, sourceResource, { namespace, name }, patch, {
          fieldManager: controllerManager,
          signal,
          timeoutMs: passOnMs,
        });
      }
    },
    lead(controller) {
      leader = controller;
    },
  };
}

const sourcePath = new RegExp(`^/apis/${apiVersion.replace('.', '\\.')}/namespaces/[^/]+/${plural}/[^/]+$`);

/** Whether a write is a hint that is passed on: the one that a standby may make beside the lease's (rule 16). Nothing else in it passes. */
export function isPassedOn({ method, path, contentType, as, body }: KubeRequest): boolean {
  if (method !== 'PATCH' || contentType !== 'application/merge-patch+json' || as !== undefined || !sourcePath.test(path)) return false;
  const annotations = onlyValue(onlyValue(body, 'metadata'), 'annotations');
  return typeof onlyValue(annotations, requestedAtAnnotation) === 'string';
}

/** The value of a key that is the only one. */
function onlyValue(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value);
  return entries.length === 1 && entries[0]?.[0] === key ? entries[0][1] : undefined;
}
