/** The line in the log that an outcome is. */
import type { GitOpsSourceStatus } from '../api/types.ts';
import type { Logger } from '../log.ts';
import type { Outcome } from '../report/types.ts';

/** One line an outcome; what changes nothing is for debugging. `previous`: the status before it. */
export function logOutcome(log: Logger, outcome: Outcome, previous: GitOpsSourceStatus | undefined): void {
  if (outcome.kind === 'suspended') return log.debug('suspended');
  const commit = outcome.seen?.ref.commit;
  if (outcome.kind === 'failed') return log.info('revision failed', { commit, phase: outcome.phase, error: outcome.error });
  const { created, changed, pruned, letGo } = outcome.changes;
  const fields = { commit, total: outcome.total, created, changed, pruned, letGo };
  const isNews = previous?.revision?.applied?.commit !== commit || created + changed + pruned + letGo > 0;
  if (isNews) log.info('revision applied', fields);
  else log.debug('nothing to do', fields);
}
