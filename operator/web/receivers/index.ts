/** The forges, told apart by their headers. */
import { bitbucket } from './bitbucket.ts';
import { generic } from './generic.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import type { Forge, Headers } from './types.ts';

/** Gitea and Forgejo come before GitHub, whose headers they send as well. */
const forges: readonly Forge[] = [gitea, gitlab, bitbucket, github, generic];

/** Whose webhook this is; a request that is nobody's counts as generic, and lacks its signature. */
export function forgeOf(headers: Headers): Forge {
  return forges.find((forge) => forge.recognises(headers)) ?? generic;
}
