/** Pure: what of a source is still to be told. */
import type { GitOpsSource, Notification } from '../api/types.ts';

/** Why a commit that was pending never becomes healthy. */
export const deletedReason = 'SourceDeleted';

/**
 * What its status holds, oldest first. Of a source that is being deleted the end of a commit that the forge has as pending
 * too: nothing else would ever end it. That stands in no status, and is the same whoever tells it.
 */
export function waitingOf({ metadata: { deletionTimestamp }, spec, status }: GitOpsSource): readonly Notification[] {
  const { pending = [], commit: last } = status?.notify ?? {};
  if (deletionTimestamp === undefined || spec.notify?.commitStatus === undefined || last?.state !== 'Pending') return pending;
  const ref = pending.find(({ commit }) => commit === last.sha)?.ref ?? status?.attempts?.find(({ commit }) => commit === last.sha)?.ref;
  const end: Notification = {
    to: 'CommitStatus',
    type: 'Failed',
    commit: last.sha,
    time: deletionTimestamp,
    ...(ref === undefined ? {} : { ref }),
    reason: deletedReason,
    message: 'the source was deleted before it was healthy',
  };
  return [...pending.filter(({ to, commit }) => to !== 'CommitStatus' || commit !== last.sha), end];
}
