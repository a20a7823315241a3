/** Pods of a plane without scheduler and kubelets: the test plays both. */
import type { Json } from '../controlplane/request.ts';
import { waitFor } from '../controlplane/wait-for.ts';
import type { Cluster } from './cluster.ts';
import { deployment } from './scene.ts';

/** The status of a pod that is ready. */
export const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };

/** A Deployment of some replicas as a file. Its pods wait until a test plays kubelet. */
export function web(replicas: number, image = 'registry.example.com/web:1'): string {
  return deployment('web', image).replace('replicas: 0', `replicas: ${replicas}`);
}

/** The names of the pods of an image, once there are so many. */
export async function podsWith(cluster: Cluster, namespace: string, image: string, count: number): Promise<readonly string[]> {
  return await waitFor(`${count} pods of ${image}`, async () => {
    const list: Json = await cluster.request.ok('GET', `/api/v1/namespaces/${namespace}/pods`);
    const pods = list.items.filter((pod: Json) => pod.metadata.deletionTimestamp === undefined && pod.spec.containers[0].image === image);
    return pods.length === count && pods.map((pod: Json) => pod.metadata.name);
  });
}

/** Says of each pod what its kubelet would. */
export async function reportPods(cluster: Cluster, namespace: string, pods: readonly string[], status: object): Promise<void> {
  for (const pod of pods) {
    const path = `/api/v1/namespaces/${namespace}/pods/${pod}/status`;
    await cluster.request.ok('PATCH', path, { body: { status }, contentType: 'application/strategic-merge-patch+json' });
  }
}
