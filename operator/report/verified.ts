/** Pure: condition SourceVerified, which stands only while spec.verify asks for signatures. */
import { dropCondition, findCondition, setCondition } from '../api/conditions.ts';
import type { ConditionState } from '../api/conditions.ts';
import type { Condition } from '../api/types.ts';
import { catalogue } from '../errors.ts';
import { signedText } from '../source/verify/index.ts';
import { faultLine, sentence } from './message.ts';
import type { Ended } from './history.ts';

/**
 * What is known of the signatures after a walk: True for the revision that was looked at, whatever failed after that;
 * False when a signature was refused; Unknown when it did not come to a judgement. A walk that got no commit leaves what
 * was said under the same spec.
 */
export function withVerified(
  conditions: readonly Condition[],
  isAsked: boolean,
  outcome: Ended,
  generation: number,
  now: string,
): readonly Condition[] {
  if (!isAsked) return dropCondition(conditions, 'SourceVerified');
  const next = stateOf(outcome);
  if (next === undefined) return conditions;
  const known = findCondition(conditions, 'SourceVerified');
  if (!next.judged && known?.observedGeneration === generation) return conditions;
  return setCondition(conditions, { type: 'SourceVerified', observedGeneration: generation, ...next.state }, now);
}

/** `judged`: said of this revision, so that it takes the place of what was said of another. */
interface Known {
  readonly judged: boolean;
  readonly state: Pick<ConditionState, 'status' | 'reason' | 'message'>;
}

function stateOf(outcome: Ended): Known | undefined {
  const { verified = [] } = outcome;
  if (verified.length > 0) return { judged: true, state: { status: 'True', reason: 'Verified', message: signedText(verified) } };
  if (outcome.kind === 'applied') return undefined;
  const { reason, faults } = outcome.error;
  const said = faults.map((fault) => sentence(faultLine(fault)));
  if (outcome.phase !== 'verify') {
    return { judged: false, state: { status: 'Unknown', reason, message: `No commit was verified yet: ${said.join(' ')}` } };
  }
  const remedies = new Set(faults.map((fault) => fault.remedy ?? catalogue[fault.reason].remedy));
  const status = faults.some((fault) => fault.reason.startsWith('Signature')) ? 'False' : 'Unknown';
  return { judged: true, state: { status, reason, message: [...said, ...remedies].join(' ') } };
}
