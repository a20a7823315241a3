/** What becomes of the last record of a source that is deleted where it cannot be written. */
import { PlumblineError } from '../errors.ts';
import { ownRequestError } from '../kube/faults.ts';
import { KubeError, isKubeError } from '../kube/client.ts';
import { isOutage } from './behind.ts';

/** A source is held this long for its last record, milliseconds. */
const longestMs = 60_000;

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

/** As the condition of the source tells it. */
export function lastRecordError(error: unknown): PlumblineError {
  const { reason, message } = ownRequestError(error);
  const limit = `After ${longestMs / 1_000} s of that the source goes without it`;
  return new PlumblineError(
    { reason, message: `the last record of the audit trail cannot be written: ${message}. ${limit}` },
    { cause: error },
  );
}

/**
 * Does one step after the other, each whatever became of the one before; none after an outage. Returns how they failed;
 * throws a failure of which `mayWait` says that it is worth trying again, and when aborted.
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
      if (mayWait(error)) throw error;
      failures.push(error);
      if (isOutage(error)) break;
    }
  }
  return failures;
}
