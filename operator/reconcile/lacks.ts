/** What a failed source waits for: the appearance of a Namespace, account, Secret or CRD wakes it at once (rule 31). */
import type { Fault, Lack } from '../errors.ts';
import { awaitAppearance } from '../kube/appearance.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Discovery } from '../kube/discovery.ts';
import { reflect } from '../kube/reflector.ts';
import { groupKindText } from '../kube/types.ts';
import type { Resource } from '../kube/types.ts';

/** More than these are not watched for; the retry finds the rest. */
const mostLacks = 20;

export interface LackWatch {
  readonly client: KubeClient;
  readonly discovery: Discovery;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Called each time one of them appears. */
  readonly wake: () => void;
}

/** Pure: what these faults lack, each once. */
export function lacksOf(faults: readonly Fault[]): readonly Lack[] {
  const lacks = new Map<string, Lack>();
  for (const { lacks: lack } of faults) {
    if (lack !== undefined) lacks.set(`${groupKindText(lack)} ${lack.namespace}/${lack.name}`, lack);
  }
  return [...lacks.values()].slice(0, mostLacks);
}

/** Watches for these until the signal is aborted. */
export function watchLacks(lacks: readonly Lack[], watch: LackWatch): void {
  for (const lack of lacks) {
    void watchOne(lack, watch).catch(() => {}); // aborted, or the kind may not be watched: the retry finds it
  }
}

async function watchOne(lack: Lack, watch: LackWatch): Promise<void> {
  const { client, discovery, random, signal, wake } = watch;
  const [resource] = await discovery.preferred([groupKindText(lack)], signal);
  if (resource === undefined) return;
  if (lack.name === '') {
    watchKind(resource, watch);
    return;
  }
  await awaitAppearance(client, resource, { namespace: lack.namespace, name: lack.name, random }, signal);
  wake();
}

/** Any new object of the kind, or a change of one: a CRD that defines the unknown kind, or begins to be served. */
function watchKind(resource: Resource, { client, discovery, random, signal, wake }: LackWatch): void {
  reflect({
    client,
    resource,
    metadataOnly: true,
    signal,
    random,
    handler: {
      replace: () => {},
      upsert: () => {
        discovery.invalidate();
        wake();
      },
      remove: () => {},
      state: () => {},
    },
  });
}
