/** Every parser that somebody else feeds. */
import { gitTargets } from './git-targets.ts';
import { serverTargets } from './server-targets.ts';
import { sshTargets } from './ssh-targets.ts';
import type { Target } from './target.ts';
import { trustTargets } from './trust-targets.ts';

export const targets: readonly Target[] = [...gitTargets, ...serverTargets, ...trustTargets, ...sshTargets];
