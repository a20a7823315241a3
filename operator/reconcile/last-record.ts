/** What becomes of the last record of a source that is deleted where it cannot be written. */
import { PlumblineError } from '../errors.ts';
import { ownRequestError } from '../kube/faults.ts';
import { KubeError, isKubeError } from '../kube/client.ts';
import { isOutage } from './behind.ts';
import { RecordTakenError } from './record-book.ts';

/** A source is tried to be given its last record for so long, and once more. Milliseconds. */
const longestMs = 60_000;
/** Not sooner after another try. */
const shortestPauseMs = 1_000;

/**
 * Whether the source is to wait: for an API server, or a webhook before it, that is away, and no longer than a minute. What is
 * refused (a right, a quota) is refused again.
 */
export function isWorthWaiting(error: unknown, waitedMs: number): boolean {
  return isOutage(error) && waitedMs < longestMs;
}

/** Whether the namespace goes, and with it every record there is: nothing is lost that would have stayed. */
export function isGoneWithNamespace(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  const causes = error.status.details?.causes ?? [];
  return isKubeError(error, 404) || causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

/** As the condition of the source tells it, `waitedMs` after the first try. */
export function lastRecordError(error: KubeError, waitedMs: number): PlumblineError {
  const { reason, message } = ownRequestError(error);
  const retryWithinMs = Math.max(shortestPauseMs, longestMs - waitedMs);
  const limit = `After ${longestMs / 1_000} s of that the source goes without it`;
  return new PlumblineError(
    { reason, message: `the last record of the audit trail cannot be written: ${message}. ${limit}` },
    { cause: error, retryWithinMs },
  );
}

/**
 * Does one step after the other, each whatever became of the one before; none after an outage. Returns how they failed;
 * throws a failure of which `mayWait` says that it is worth trying again, one that says nothing of the step (the lease is
 * lost), and when aborted.
 */
export async function tryEach(
  steps: Iterable<() => Promise<unknown>>,
  mayWait: (error: unknown) => boolean,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      signal.throwIfAborted();
      const isAnswer = error instanceof KubeError || error instanceof RecordTakenError;
      if (!isAnswer || mayWait(error)) throw error;
      failures.push(error);
      if (isOutage(error)) break;
    }
  }
  return failures;
}
