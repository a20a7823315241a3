/** Pure: the health of what the API server and the controllers of Kubernetes itself keep, beside workloads. */
import type { KubeObject } from '../../kube/types.ts';
import { conditionAt, conditionText, textAt } from './fields.ts';
import { current, failed, inProgress } from './types.ts';
import type { Verdict } from './types.ts';

const unobserved = inProgress('its controller has not looked at it yet');

/** Current; a load balancer once it has a cluster IP. */
export function serviceHealth(object: KubeObject): Verdict {
  const waits = textAt(object, 'spec', 'type') === 'LoadBalancer' && textAt(object, 'spec', 'clusterIP') === '';
  return waits ? inProgress('it has no cluster IP yet') : current;
}

/** Current once it is bound. */
export function claimHealth(object: KubeObject): Verdict {
  const phase = textAt(object, 'status', 'phase');
  if (phase === 'Bound') return current;
  if (phase === 'Lost') return inProgress('the volume that it was bound to is gone (phase Lost)');
  const name = textAt(object, 'spec', 'storageClassName');
  return inProgress(
    `it is not bound to a volume (phase ${phase === '' ? 'unknown' : phase}${name === '' ? '' : `, StorageClass ${name}`})`,
  );
}

/** Current while it can scale or is told not to. That it is at its least or most replicas is no fault. */
export function autoscalerHealth(object: KubeObject): Verdict {
  const able = conditionAt(object, 'AbleToScale');
  const active = conditionAt(object, 'ScalingActive');
  if (able?.status === 'False') return failed(`it cannot scale: ${conditionText(able)}`);
  if (active?.status === 'False' && active.reason !== 'ScalingDisabled')
    return failed(`it cannot tell how far to scale: ${conditionText(active)}`);
  return able === undefined && active === undefined ? unobserved : current;
}

/** Current unless its phase says that it goes. */
export function namespaceHealth(object: KubeObject): Verdict {
  if (textAt(object, 'status', 'phase') !== 'Terminating') return current;
  return { status: 'Terminating', message: 'it is being deleted' };
}

/** Current once it is served. */
export function definitionHealth(object: KubeObject): Verdict {
  const accepted = conditionAt(object, 'NamesAccepted');
  if (accepted?.status === 'False') return failed(`its names are not accepted: ${conditionText(accepted)}`);
  const established = conditionAt(object, 'Established');
  if (established?.status === 'True') return current;
  if (established?.status === 'False' && established.reason !== 'Installing')
    return failed(`it is not established: ${conditionText(established)}`);
  return inProgress('the API server does not serve it yet');
}

/** Current while the server behind it answers. */
export function apiServiceHealth(object: KubeObject): Verdict {
  const available = conditionAt(object, 'Available');
  if (available === undefined) return unobserved;
  return available.status === 'True' ? current : inProgress(`it is not available: ${conditionText(available)}`);
}
