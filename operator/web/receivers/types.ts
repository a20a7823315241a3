/** What each forge's file gives: how its webhooks are recognised, authenticated and read. */
import type { IncomingHttpHeaders } from 'node:http';

export type Headers = IncomingHttpHeaders;

/** That something may have been pushed. It says where to look, never what to deploy. */
export interface Hint {
  /** Every URL by which the forge names the repository; empty where it names none. */
  readonly repositories: readonly string[];
  /** Full names of the refs that were moved, `refs/heads/main`; undefined where that is not said: any may have been. */
  readonly refs: readonly string[] | undefined;
}

/** One forge: one file, one value of this type. */
export interface Forge {
  readonly name: 'github' | 'gitlab' | 'gitea' | 'bitbucket' | 'generic';
  /** Whether the headers are those of this forge's webhooks. */
  recognises(headers: Headers): boolean;
  /** Whether the sender knows the token. Takes as long for a wrong answer as for a right one. */
  authenticates(headers: Headers, body: Buffer, token: Buffer): boolean;
  /** What it says; undefined for what moves no ref (a ping, a comment). Throws UnreadableError. */
  read(headers: Headers, body: Buffer): Hint | undefined;
}

/** An authenticated body that is not what the forge's documentation says. The message quotes nothing of it. */
export class UnreadableError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'UnreadableError';
  }
}
