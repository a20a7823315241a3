/** Pure: whether a hint concerns a source. The sender has proven that it knows the token; this only spares polls. */
import type { RefSpec } from '../../source/types.ts';
import { repositoryPath } from '../../source/url.ts';
import type { Hint } from './types.ts';

/** Whether the hint is about the repository at `url` and a ref that one of `specs` follows. */
export function concerns(hint: Hint, url: string, specs: readonly RefSpec[]): boolean {
  return isRepository(hint.repositories, url) && specs.some((spec) => follows(spec, hint.refs));
}

/** By path alone: a forge names itself by its public host, while the cluster may reach it, or a mirror of it, by another. */
function isRepository(named: readonly string[], url: string): boolean {
  const path = repositoryPath(url);
  return named.length === 0 || named.some((one) => repositoryPath(one) === path);
}

function follows(spec: RefSpec, refs: readonly string[] | undefined): boolean {
  if (spec.commit !== undefined) return false; // a commit does not move
  if (refs === undefined) return true;
  if (spec.branch !== undefined) return refs.includes(`refs/heads/${spec.branch}`);
  if (spec.tag !== undefined) return refs.includes(`refs/tags/${spec.tag}`);
  if (spec.name !== undefined) return refs.includes(spec.name);
  const folder = spec.semver === undefined ? 'refs/heads/' : 'refs/tags/';
  return refs.some((ref) => ref.startsWith(folder));
}
