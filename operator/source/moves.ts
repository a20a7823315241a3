/** What it means that a ref is not where it was. Pure: the facts come in, sentences go out. */
import { PlumblineError } from '../errors.ts';
import { specText } from './refs.ts';
import type { RefSpec, ResolvedRef } from './types.ts';
import { showUrl } from './url.ts';

export type Move = 'none' | 'forward' | 'rewritten' | 'replaced' | 'diverged' | 'tagMoved' | 'retargeted';

/**
 * From the commit seen before to the one seen now. `descends`: whether the old one is an ancestor of the new one, as far as
 * that is known; `shares`: whether they have any commit in common, which after a restart a server may not tell any more. A tag that moves is told even when it moves forward: tags are not expected to. A range that finds another
 * tag, and a HEAD that names another branch, have not rewritten anything.
 */
export function judgeMove(
  previous: { readonly commit: string; readonly fullRef?: string | undefined } | undefined,
  now: ResolvedRef,
  descends: boolean | undefined,
  shares?: boolean,
): Move {
  if (previous === undefined || previous.commit === now.commit) return 'none';
  if (now.fullRef === undefined || (previous.fullRef !== undefined && previous.fullRef !== now.fullRef)) return 'retargeted';
  if (now.fullRef.startsWith('refs/tags/')) return 'tagMoved';
  if (descends !== false) return 'forward';
  if (shares === undefined) return 'diverged';
  return shares ? 'rewritten' : 'replaced';
}

/** A sentence for people, where a move is worth one. */
export function moveText(move: Move, previous: string, now: ResolvedRef): string | undefined {
  const [from, to] = [previous.slice(0, 7), now.commit.slice(0, 7)];
  const name = now.shortRef ?? to;
  if (move === 'rewritten') return `${name} was force-pushed: ${from} is no longer part of it; it is now at ${to}.`;
  if (move === 'replaced')
    return `${name} is at ${to}, which has no commit in common with ${from} where it was: the repository was replaced by another, or begun anew. What is deployed is brought to what it says now.`;
  if (move === 'diverged')
    return `${name} does not come from ${from} any more, where it was: it was force-pushed, or the repository was replaced by another. It is now at ${to}.`;
  if (move === 'tagMoved') return `Tag ${name} was moved from ${from} to ${to}.`;
  return undefined;
}

/** A sentence about a server that answers from elsewhere. */
export function movedText(url: string, movedTo: string): string {
  return `${showUrl(url)} is redirected to ${movedTo}, and is read there: it was renamed or moved. Write that URL into spec.url, before the redirect ends or leads elsewhere.`;
}

/** A ref that cannot be resolved, told with where it was last seen. Other errors pass as they are. */
export function toldWithPast(error: PlumblineError, spec: RefSpec, lastCommit: string | undefined): PlumblineError {
  if (lastCommit === undefined || (error.reason !== 'RefNotFound' && error.reason !== 'EmptyRepository')) return error;
  const [fault] = error.faults;
  if (fault === undefined) return error;
  const past = `${specText(spec)} was there at ${lastCommit.slice(0, 7)} when last seen`;
  return new PlumblineError({ ...fault, message: `${fault.message}; ${past}` }, { cause: error });
}
