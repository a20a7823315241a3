/** Health: one pure function per kind, with kstatus's meanings, in one table. */
import { groupKindText } from '../../kube/types.ts';
import type { GroupVersionKind, KubeObject } from '../../kube/types.ts';
import { gvkOf } from '../../kube/types.ts';
import { jobHealth, podHealth } from './batch.ts';
import { certificateHealth, certificateRequestHealth, issuerHealth } from './certificates.ts';
import { apiServiceHealth, autoscalerHealth, claimHealth, definitionHealth, namespaceHealth, serviceHealth } from './cluster.ts';
import { gatewayClassHealth, gatewayHealth, routeHealth } from './gateway.ts';
import { generalHealth, readyHealth } from './generic.ts';
import { podSelector } from './selector.ts';
import { current } from './types.ts';
import type { KindHealth, Verdict } from './types.ts';
import { daemonSetHealth, deploymentHealth, replicaSetHealth, statefulSetHealth } from './workloads.ts';

const exists: KindHealth = () => current;

/** By group and kind; the rest goes by its condition Ready. */
const kinds: Readonly<Record<string, KindHealth>> = {
  'Deployment.apps': deploymentHealth,
  'StatefulSet.apps': statefulSetHealth,
  'DaemonSet.apps': daemonSetHealth,
  'ReplicaSet.apps': replicaSetHealth,
  Pod: podHealth,
  'Job.batch': jobHealth,
  Service: serviceHealth,
  PersistentVolumeClaim: claimHealth,
  // Its generation is all that there is to see, and that was looked at before.
  'PodDisruptionBudget.policy': exists,
  'HorizontalPodAutoscaler.autoscaling': autoscalerHealth,
  Namespace: namespaceHealth,
  'CustomResourceDefinition.apiextensions.k8s.io': definitionHealth,
  'APIService.apiregistration.k8s.io': apiServiceHealth,
  'GatewayClass.gateway.networking.k8s.io': gatewayClassHealth,
  'Gateway.gateway.networking.k8s.io': gatewayHealth,
  'HTTPRoute.gateway.networking.k8s.io': routeHealth,
  'GRPCRoute.gateway.networking.k8s.io': routeHealth,
  'TLSRoute.gateway.networking.k8s.io': routeHealth,
  'TCPRoute.gateway.networking.k8s.io': routeHealth,
  'UDPRoute.gateway.networking.k8s.io': routeHealth,
  'Certificate.cert-manager.io': certificateHealth,
  'CertificateRequest.cert-manager.io': certificateRequestHealth,
  'Issuer.cert-manager.io': issuerHealth,
  'ClusterIssuer.cert-manager.io': issuerHealth,
};

/** Kinds that are well as long as they exist: their metadata tells all. Only what no controller reports on is here. */
const existing: ReadonlySet<string> = new Set([
  'ConfigMap',
  'Secret',
  'ServiceAccount',
  'LimitRange',
  'Endpoints',
  'PodTemplate',
  'CronJob.batch',
  'Ingress.networking.k8s.io',
  'IngressClass.networking.k8s.io',
  'NetworkPolicy.networking.k8s.io',
  'Role.rbac.authorization.k8s.io',
  'RoleBinding.rbac.authorization.k8s.io',
  'ClusterRole.rbac.authorization.k8s.io',
  'ClusterRoleBinding.rbac.authorization.k8s.io',
  'StorageClass.storage.k8s.io',
  'CSIDriver.storage.k8s.io',
  'PriorityClass.scheduling.k8s.io',
  'RuntimeClass.node.k8s.io',
  'Lease.coordination.k8s.io',
  'EndpointSlice.discovery.k8s.io',
  'ControllerRevision.apps',
  'MutatingWebhookConfiguration.admissionregistration.k8s.io',
  'ValidatingWebhookConfiguration.admissionregistration.k8s.io',
]);

/** Whether the health of a kind needs more of an object than its metadata. */
export function needsStatus(kind: Pick<GroupVersionKind, 'group' | 'kind'>): boolean {
  return !existing.has(groupKindText(kind));
}

/**
 * The health of an object as the API server gives it; of kinds that need no status its metadata is enough. `now` in
 * milliseconds since the epoch.
 */
export function assess(object: KubeObject, now: number): Verdict {
  const verdict = generalHealth(object) ?? ofKind(object, now);
  const selector = verdict.status === 'Current' ? undefined : podSelector(object);
  return selector === undefined ? verdict : { ...verdict, selector };
}

function ofKind(object: KubeObject, now: number): Verdict {
  const key = groupKindText(gvkOf(object));
  return existing.has(key) ? current : (kinds[key] ?? readyHealth)(object, now);
}
