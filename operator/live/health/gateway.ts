/** Pure: the health of Gateway API kinds (gateway.networking.k8s.io). */
import type { KubeObject } from '../../kube/types.ts';
import { conditionAt, conditionText, listAt, textAt } from './fields.ts';
import { current, failed, inProgress } from './types.ts';
import type { Verdict } from './types.ts';

/** Current once a controller has accepted it. */
export function gatewayClassHealth(object: KubeObject): Verdict {
  return acceptance(object) ?? current;
}

/** Current once it is accepted and programmed into the data plane. */
export function gatewayHealth(object: KubeObject): Verdict {
  const accepted = acceptance(object);
  if (accepted !== undefined) return accepted;
  const programmed = conditionAt(object, 'Programmed');
  if (programmed?.status === 'True') return current;
  const why = programmed === undefined ? '' : `: ${conditionText(programmed)}`;
  return (programmed?.reason === 'Invalid' ? failed : inProgress)(`it is not programmed into the data plane${why}`);
}

/** Current once every parent that looked at it has accepted it and resolved what it refers to. */
export function routeHealth(object: KubeObject): Verdict {
  const parents = listAt(object, 'status', 'parents');
  if (parents.length === 0) return inProgress('no parent has accepted it yet');
  for (const parent of parents) {
    const kind = textAt(parent, 'parentRef', 'kind');
    const name = `${kind === '' ? 'Gateway' : kind} ${textAt(parent, 'parentRef', 'name')}`;
    const accepted = conditionAt(parent, 'Accepted');
    if (accepted === undefined || accepted.status === 'Unknown') return inProgress(`${name} has not accepted it yet`);
    if (accepted.status === 'False') return failed(`${name} does not accept it: ${conditionText(accepted)}`);
    const resolved = conditionAt(parent, 'ResolvedRefs');
    if (resolved?.status === 'False') return failed(`${name} cannot resolve what it refers to: ${conditionText(resolved)}`);
  }
  return current;
}

/** Undefined once it is accepted. A controller that is not there leaves it Unknown. */
function acceptance(object: KubeObject): Verdict | undefined {
  const accepted = conditionAt(object, 'Accepted');
  if (accepted?.status === 'True') return undefined;
  if (accepted === undefined || accepted.status === 'Unknown') return inProgress('no controller has accepted it yet');
  return failed(`it is not accepted: ${conditionText(accepted)}`);
}
