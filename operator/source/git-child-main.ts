/** The git child as a process of its own, when the operator runs from its sources. */
import { runGitChild } from './git-child.ts';

runGitChild();
