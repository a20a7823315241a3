/**
 * What runs of a source whose applied revision this process has not rendered: where a new leader does not get as far (its
 * revision fails, it is suspended), the map from what runs to its commit is needed most; where the next revision comes first,
 * its record says what ran before. Read once, from what is live.
 */
import { partOfLabel } from '../api/names.ts';
import type { GitOpsSource } from '../api/types.ts';
import { listPages } from '../kube/operations.ts';
import type { KubeObject, Resource } from '../kube/types.ts';
import { readLiveObject } from '../live/read.ts';
import { applySetId } from '../plan/applyset.ts';
import { isProven } from '../plan/plan.ts';
import type { Metrics } from '../report/metrics.ts';
import { workloadImages } from '../report/workloads.ts';
import type { WorkloadImage } from '../report/workloads.ts';
import { memberKinds } from './look.ts';
import type { SourceLog } from './source-log.ts';
import type { SourceStore } from './source-store.ts';
import type { WalkEnv } from './types.ts';

export interface AdoptImagesOptions {
  readonly env: Pick<WalkEnv, 'client' | 'discovery' | 'namespaces'>;
  readonly store: SourceStore;
  readonly metrics: Metrics;
  readonly log: SourceLog;
}

/** Of the groups of Kubernetes itself, those that run pods. */
const workloadGroups: ReadonlySet<string> = new Set(['apps', 'batch']);
const coreWorkloads: ReadonlySet<string> = new Set(['Pod', 'PodTemplate', 'ReplicationController']);
/** Whole objects are read: a page stays small. */
const pageSize = 100;

/** Pure: whether objects of this kind may hold containers. A kind of somebody else's may. */
export function mayRunPods({ group, kind }: Pick<Resource, 'group' | 'kind'>): boolean {
  if (group === '') return coreWorkloads.has(kind);
  return workloadGroups.has(group) || (group.includes('.') && !group.endsWith('.k8s.io') && group !== 'plumbline.dev');
}

/** Tells the metrics what runs of a source whose applied revision this process has not rendered. Rejects only when aborted. */
export async function adoptImages(options: AdoptImagesOptions, key: string, source: GitOpsSource, signal: AbortSignal): Promise<void> {
  try {
    const images = await runningImages(options.env, source, signal);
    const status = options.store.get(key)?.status;
    if (status !== undefined) options.metrics.sourceStatus(key, status, { images });
  } catch (error) {
    signal.throwIfAborted();
    options.log.of(key).debug('what runs cannot be seen yet', { error });
  }
}

/** From the API server. Throws KubeError. */
export async function runningImages(
  env: AdoptImagesOptions['env'],
  source: GitOpsSource,
  signal: AbortSignal,
): Promise<readonly WorkloadImage[]> {
  const labelSelector = `${partOfLabel}=${applySetId(source.metadata)}`;
  const found: { readonly object: KubeObject }[] = [];
  for (const resource of (await memberKinds({ env, source, signal })).filter(mayRunPods)) {
    const scopes: readonly (string | undefined)[] = resource.namespaced && env.namespaces.length > 0 ? env.namespaces : [undefined];
    for (const namespace of scopes) {
      const options = { namespace, labelSelector, accept: 'application/json', pageSize, behind: true, signal };
      for await (const { items } of listPages(env.client, resource, options)) {
        found.push(...items.filter((object) => isProven(readLiveObject(resource, object))).map((object) => ({ object })));
      }
    }
  }
  return workloadImages(found);
}
