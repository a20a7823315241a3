/** Pure: the health of cert-manager's kinds (cert-manager.io). */
import type { KubeObject } from '../../kube/types.ts';
import { conditionAt, conditionText } from './fields.ts';
import { current, failed, inProgress } from './types.ts';
import type { Verdict } from './types.ts';

const unobserved = inProgress('cert-manager has not looked at it yet');

/** Current while there is a certificate that is good, a renewal under way or not. */
export function certificateHealth(object: KubeObject): Verdict {
  const ready = conditionAt(object, 'Ready');
  if (ready === undefined) return unobserved;
  if (ready.status === 'True') return current;
  const issuing = conditionAt(object, 'Issuing');
  if (issuing?.status === 'False' && issuing.reason === 'Failed') return failed(`it cannot be issued: ${conditionText(issuing)}`);
  return inProgress(
    `there is no certificate yet: ${conditionText(issuing?.status === 'True' && issuing.message !== '' ? issuing : ready)}`,
  );
}

/** Current once the certificate is signed; Failed when it is denied, invalid or given up. */
export function certificateRequestHealth(object: KubeObject): Verdict {
  for (const type of ['Denied', 'InvalidRequest'] as const) {
    const refused = conditionAt(object, type);
    if (refused?.status === 'True') return failed(`it is refused: ${conditionText(refused)}`);
  }
  const ready = conditionAt(object, 'Ready');
  if (ready === undefined) return unobserved;
  if (ready.status === 'True') return current;
  return (ready.reason === 'Failed' ? failed : inProgress)(`it is not signed: ${conditionText(ready)}`);
}

/** Current once it can sign. */
export function issuerHealth(object: KubeObject): Verdict {
  const ready = conditionAt(object, 'Ready');
  if (ready === undefined) return unobserved;
  return ready.status === 'True' ? current : inProgress(`it cannot sign: ${conditionText(ready)}`);
}
