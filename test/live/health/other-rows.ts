/** Everything but workloads as the API server shows it, and what is to be said of it. */
import { conditions } from './made.ts';
import type { Row } from './made.ts';

/** By kind. */
export const others: Readonly<Record<string, readonly Row[]>> = {
  'Job batch/v1': [
    ['nobody has looked at', {}, 'InProgress', 'it has not started'],
    ['that is complete', { status: { succeeded: 1, ...conditions('Complete=True') } }, 'Current'],
    [
      'that runs',
      {
        spec: { completions: 10 },
        status: { startTime: '2026-11-25T11:00:00Z', active: 2, ...conditions('Failed=False', 'Complete=False') },
      },
      'Current',
    ],
    ['that is suspended', { spec: { suspend: true }, status: conditions('Suspended=True') }, 'Current'],
    [
      'that has failed',
      { spec: { completions: 4 }, status: { succeeded: 3, failed: 1, ...conditions('Failed=True BackoffLimitExceeded: too often.') } },
      'Failed',
      'it has failed: BackoffLimitExceeded: too often (1 failed pod, 3 of 4 completions)',
    ],
  ],
  'CronJob batch/v1': [
    ['without a status', {}, 'Current'],
    ['with one', { status: {} }, 'Current'],
  ],
  'Service v1': [
    ['inside', {}, 'Current'],
    ['on node ports', { spec: { type: 'NodePort' } }, 'Current'],
    ['of a load balancer with an address', { spec: { type: 'LoadBalancer', clusterIP: '10.0.0.1' } }, 'Current'],
    ['of a load balancer without one', { spec: { type: 'LoadBalancer' } }, 'InProgress', 'it has no cluster IP yet'],
  ],
  'PersistentVolumeClaim v1': [
    ['nobody has looked at', {}, 'InProgress', 'it is not bound to a volume (phase unknown)'],
    [
      'pending',
      { spec: { storageClassName: 'fast' }, status: { phase: 'Pending' } },
      'InProgress',
      'it is not bound to a volume (phase Pending, StorageClass fast)',
    ],
    ['bound', { status: { phase: 'Bound' } }, 'Current'],
    ['lost', { status: { phase: 'Lost' } }, 'InProgress', 'the volume that it was bound to is gone (phase Lost)'],
  ],
  'PodDisruptionBudget policy/v1': [
    ['of another generation', { metadata: { generation: 2 }, status: { observedGeneration: 1 } }, 'InProgress', /generation 2, seen 1/],
    ['that was seen', { status: { observedGeneration: 1 } }, 'Current'],
  ],
  'HorizontalPodAutoscaler autoscaling/v2': [
    ['nobody has looked at', {}, 'InProgress', 'its controller has not looked at it yet'],
    ['that scales', { status: conditions('AbleToScale=True', 'ScalingActive=True') }, 'Current'],
    ['at its limit', { status: conditions('AbleToScale=True', 'ScalingActive=True', 'ScalingLimited=True TooFewReplicas') }, 'Current'],
    ['that is told not to', { status: conditions('AbleToScale=True', 'ScalingActive=False ScalingDisabled') }, 'Current'],
    [
      'without metrics',
      { status: conditions('AbleToScale=True', 'ScalingActive=False FailedGetResourceMetric: none.') },
      'Failed',
      'it cannot tell how far to scale: FailedGetResourceMetric: none',
    ],
    ['without a target', { status: conditions('AbleToScale=False FailedGetScale') }, 'Failed', 'it cannot scale: FailedGetScale'],
  ],
  'Ingress networking.k8s.io/v1': [['that nobody serves', { status: { loadBalancer: {} } }, 'Current']],
  'Namespace v1': [
    ['that is there', { status: { phase: 'Active' } }, 'Current'],
    ['that goes', { status: { phase: 'Terminating' } }, 'Terminating', 'it is being deleted'],
  ],
  'CustomResourceDefinition apiextensions.k8s.io/v1': [
    ['nobody has looked at', {}, 'InProgress', 'the API server does not serve it yet'],
    ['being installed', { status: conditions('NamesAccepted=True NoConflicts', 'Established=False Installing') }, 'InProgress'],
    [
      'whose names are taken',
      { status: conditions('NamesAccepted=False PluralConflict: shops is in use') },
      'Failed',
      'its names are not accepted: PluralConflict: shops is in use',
    ],
    [
      'that is refused',
      { status: conditions('NamesAccepted=True', 'Established=False NotAccepted') },
      'Failed',
      'it is not established: NotAccepted',
    ],
    ['that is served', { status: conditions('NamesAccepted=True NoConflicts', 'Established=True InitialNamesAccepted') }, 'Current'],
  ],
  'APIService apiregistration.k8s.io/v1': [
    ['nobody has looked at', {}, 'InProgress', 'its controller has not looked at it yet'],
    ['that answers', { status: conditions('Available=True Passed') }, 'Current'],
    [
      'that does not',
      { status: conditions('Available=False MissingEndpoints: endpoints for service x have no addresses.') },
      'InProgress',
      'it is not available: MissingEndpoints: endpoints for service x have no addresses',
    ],
  ],
  'GatewayClass gateway.networking.k8s.io/v1': [
    ['nobody takes', { status: conditions('Accepted=Unknown Pending') }, 'InProgress', 'no controller has accepted it yet'],
    ['that is taken', { status: conditions('Accepted=True Accepted') }, 'Current'],
    ['that is refused', { status: conditions('Accepted=False InvalidParameters') }, 'Failed', 'it is not accepted: InvalidParameters'],
  ],
  'Gateway gateway.networking.k8s.io/v1': [
    [
      'nobody takes',
      { status: conditions('Accepted=Unknown Pending', 'Programmed=Unknown Pending') },
      'InProgress',
      'no controller has accepted it yet',
    ],
    ['that stands', { status: conditions('Accepted=True', 'Programmed=True') }, 'Current'],
    [
      'without an address',
      { status: conditions('Accepted=True', 'Programmed=False AddressNotAssigned') },
      'InProgress',
      'it is not programmed into the data plane: AddressNotAssigned',
    ],
    [
      'that cannot be',
      { status: conditions('Accepted=True', 'Programmed=False Invalid: bad listener') },
      'Failed',
      'it is not programmed into the data plane: Invalid: bad listener',
    ],
    ['that is refused', { status: conditions('Accepted=False UnsupportedAddress') }, 'Failed', 'it is not accepted: UnsupportedAddress'],
  ],
  'HTTPRoute gateway.networking.k8s.io/v1': [
    ['nobody takes', {}, 'InProgress', 'no parent has accepted it yet'],
    ['that is served', { status: parents(['Accepted=True', 'ResolvedRefs=True']) }, 'Current'],
    ['one parent has not looked at', { status: parents(['Accepted=True'], []) }, 'InProgress', 'Gateway public has not accepted it yet'],
    [
      'one parent refuses',
      { status: parents(['Accepted=True'], ['Accepted=False NoMatchingListenerHostname']) },
      'Failed',
      'Gateway public does not accept it: NoMatchingListenerHostname',
    ],
    [
      'without its backend',
      { status: parents(['Accepted=True', 'ResolvedRefs=False BackendNotFound']) },
      'Failed',
      'Gateway public cannot resolve what it refers to: BackendNotFound',
    ],
  ],
  'Certificate cert-manager.io/v1': [
    ['nobody has looked at', {}, 'InProgress', 'cert-manager has not looked at it yet'],
    ['that is there', { status: conditions('Ready=True Ready', 'Issuing=True Renewing') }, 'Current'],
    [
      'being issued',
      { status: conditions('Ready=False DoesNotExist', 'Issuing=True Issuing: order is pending') },
      'InProgress',
      'there is no certificate yet: Issuing: order is pending',
    ],
    [
      'that cannot be issued',
      { status: conditions('Ready=False DoesNotExist', 'Issuing=False Failed: denied') },
      'Failed',
      'it cannot be issued: Failed: denied',
    ],
  ],
  'CertificateRequest cert-manager.io/v1': [
    ['nobody has looked at', {}, 'InProgress'],
    ['that is signed', { status: conditions('Approved=True', 'Ready=True Issued') }, 'Current'],
    ['that waits', { status: conditions('Ready=False Pending: waits') }, 'InProgress', 'it is not signed: Pending: waits'],
    ['that failed', { status: conditions('Ready=False Failed: no') }, 'Failed', 'it is not signed: Failed: no'],
    ['that is denied', { status: conditions('Denied=True Policy', 'Ready=False Denied') }, 'Failed', 'it is refused: Policy'],
  ],
  'ClusterIssuer cert-manager.io/v1': [
    ['nobody has looked at', {}, 'InProgress', 'cert-manager has not looked at it yet'],
    ['that signs', { status: conditions('Ready=True') }, 'Current'],
    [
      'without an account',
      { status: conditions('Ready=False ErrRegisterACMEAccount: no route') },
      'InProgress',
      'it cannot sign: ErrRegisterACMEAccount: no route',
    ],
  ],
  'Issuer cert-manager.io/v1': [['that signs', { status: conditions('Ready=True') }, 'Current']],
  'Secret v1': [['that is there', {}, 'Current']],
  'Widget shop.example.com/v1': [
    ['without a status', {}, 'Current'],
    ['of another generation', { metadata: { generation: 2 }, status: { observedGeneration: 1 } }, 'InProgress', /generation 2, seen 1/],
    ['that is ready', { status: conditions('Ready=True AllOk: all is well') }, 'Current'],
    [
      'that is not ready',
      { status: { observedGeneration: 1, ...conditions('Ready=False NotReadyYet') } },
      'InProgress',
      'it is not ready: NotReadyYet',
    ],
    ['that does not know', { status: conditions('Ready=Unknown') }, 'InProgress', 'it is not ready: Ready is Unknown'],
    ['of other conditions', { status: conditions('SomeCondition=False') }, 'Current'],
    ['that is reconciling', { status: conditions('Reconciling=True Working: step 2', 'Ready=True') }, 'InProgress', 'Working: step 2'],
    [
      'that is stalled',
      { status: conditions('Reconciling=False', 'Stalled=True Broken: no way', 'Ready=False') },
      'Failed',
      'Broken: no way',
    ],
    [
      'that is going',
      { metadata: { deletionTimestamp: '2026-11-25T11:00:00Z' }, status: conditions('Ready=True') },
      'Terminating',
      'it is being deleted',
    ],
    [
      'that a finalizer holds',
      { metadata: { deletionTimestamp: '2026-11-25T11:00:00Z', finalizers: ['shop.example.com/a', 'shop.example.com/b'] } },
      'Terminating',
      'it is being deleted, which finalizers hold (shop.example.com/a, shop.example.com/b)',
    ],
    ['whose status is nonsense', { status: { conditions: 'Ready', observedGeneration: {} } }, 'Current'],
  ],
};

function parents(...each: readonly (readonly string[])[]): object {
  return { parents: each.map((texts) => ({ parentRef: { name: 'public' }, ...conditions(...texts) })) };
}
