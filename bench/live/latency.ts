/** Pure: from the audit log to how long each edit stood. */
import type { AuditEvent } from '../../test/e2e/audit.ts';
import { ofOperator } from '../calls.ts';

/** Who edits, as the audit log tells it. */
export const editAgent = 'bench-by-hand/1';

/**
 * For each edit the milliseconds from its arrival at the API server until the operator's write of that object was answered;
 * undefined where there is none.
 */
export function correctionsOf(events: readonly AuditEvent[]): readonly (number | undefined)[] {
  const writes = ofOperator(events).filter(({ verb, responseStatus }) => verb === 'patch' && responseStatus?.code === 200);
  return events
    .filter(({ userAgent }) => userAgent === editAgent)
    .map((edit) => {
      const edited = Date.parse(edit.stageTimestamp);
      const answers = writes
        .filter((write) => keyOf(write) === keyOf(edit) && Date.parse(write.stageTimestamp) >= edited)
        .map((write) => Date.parse(write.stageTimestamp));
      return answers.length === 0 ? undefined : Math.min(...answers) - Date.parse(edit.requestReceivedTimestamp);
    });
}

function keyOf({ objectRef }: AuditEvent): string {
  return `${objectRef?.resource}/${objectRef?.namespace}/${objectRef?.name}/${objectRef?.subresource ?? ''}`;
}

/** The smallest value that `percent` of all are not above (nearest rank). */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil((percent / 100) * sorted.length) - 1, 0)] ?? Number.NaN;
}
