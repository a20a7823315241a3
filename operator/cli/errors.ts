/** What the command line itself has to say: everything else is told as the operator tells it. */

/** The command is not one that there is, or lacks something: exit status 64, with the usage. */
export class UsageError extends Error {}

/** It could not be found out, in a sentence: exit status 2. */
export class NotFound extends Error {}
