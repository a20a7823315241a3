/** What a source followed before, so that a ref that was moved otherwise than forward is noticed and told. */
import type { GitOpsSource } from '../api/types.ts';
import { judgeMove, movedText, moveText } from '../source/moves.ts';
import type { Move } from '../source/moves.ts';
import type { ResolvedRef } from '../source/types.ts';
import type { RemoteLink } from './remote-link.ts';
import type { Teller } from './teller.ts';
import type { WalkEnv } from './types.ts';

/** What a walk was over; `fullRef` is empty for a bare commit. */
export interface Followed {
  readonly url: string;
  readonly commit: string;
  readonly fullRef: string;
}

/** After a restart the status knows the commit; which ref it was under only if the spec is the same and names one. */
export function followedBefore({ metadata, spec, status }: GitOpsSource, now: ResolvedRef): Followed | undefined {
  const commit = status?.revision?.observed?.commit;
  if (commit === undefined || status?.observedGeneration !== metadata.generation || spec.ref?.semver !== undefined) return undefined;
  return { url: spec.url, commit, fullRef: now.fullRef ?? '' };
}

/** Behind the walk: whether the ref was moved otherwise than by a push that goes forward, or the repository to another URL. */
export function tellMove(
  { env, teller }: { readonly env: Pick<WalkEnv, 'remotes'>; readonly teller: Pick<Teller, 'refMoved'> },
  entry: { followed: Followed | undefined; toldMovedTo: string | undefined; readonly link: Pick<RemoteLink, 'credentials'> },
  source: GitOpsSource,
  now: ResolvedRef,
  signal: AbortSignal,
): void {
  const { url } = source.spec;
  const movedTo = env.remotes.movedTo(url, entry.link.credentials);
  if (movedTo !== undefined && movedTo !== entry.toldMovedTo) teller.refMoved(source, 'RepositoryMoved', movedText(url, movedTo));
  entry.toldMovedTo = movedTo;
  const past = entry.followed ?? followedBefore(source, now);
  entry.followed = { url, commit: now.commit, fullRef: now.fullRef ?? '' };
  if (past === undefined || past.url !== url) return;
  const tell = (descends: boolean | undefined, shares?: boolean): Move => {
    const move = judgeMove(past, now, descends, shares);
    const text = moveText(move, past.commit, now);
    if (text !== undefined) teller.refMoved(source, move === 'replaced' ? 'RepositoryReplaced' : 'RefMoved', text);
    return move;
  };
  if (tell(undefined) !== 'forward') return;
  const find = async (): Promise<void> => {
    const asked = [url, entry.link.credentials, past.commit, now.commit, signal] as const;
    const descends = await env.remotes.descends(...asked);
    tell(descends, descends === false ? await env.remotes.sharesHistory(...asked) : undefined);
  };
  find().catch(() => {}); // not to be found out: then it is not said
}
