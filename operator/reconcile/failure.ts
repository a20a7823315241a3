/** Pure: a failure before there is anything to walk over, as an outcome. */
import type { PlumblineError } from '../errors.ts';
import type { Correction, Outcome } from '../report/types.ts';

/** The spec is refused, or the remote could not be asked: nothing was attempted. `putBack`: of the revision that runs, meanwhile. */
export function unattempted(error: PlumblineError, putBack: readonly Correction[] = []): Outcome {
  const isSpec = error.faults.every((fault) => fault.reason === 'InvalidSpec');
  return {
    kind: 'failed',
    seen: undefined,
    phase: isSpec ? 'spec' : 'source',
    error,
    attempted: false,
    changes: undefined,
    total: undefined,
    failedObjects: 0,
    notices: [],
    warnings: [],
    adopted: [],
    corrected: putBack,
    putBack,
    retryAt: undefined,
  };
}
