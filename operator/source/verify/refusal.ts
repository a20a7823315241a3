/** How a signature is refused: errors of the catalogue whose message follows the name of what was signed. */
import { PlumblineError } from '../../errors.ts';
import type { Reason } from '../../errors.ts';

export type SignatureReason = Extract<
  Reason,
  'SignatureMissing' | 'SignatureInvalid' | 'SignatureUntrusted' | 'SignatureExpired' | 'SignatureRevoked'
>;

/** Makes the error for what a parser cannot read. */
export type Fail = (message: string) => PlumblineError;

/** `message` goes on after "commit 4f2a9c1", as in "is not signed". */
export function refuse(reason: SignatureReason, message: string, options: { remedy?: string; cause?: unknown } = {}): PlumblineError {
  return new PlumblineError(
    { reason, message, ...(options.remedy === undefined ? {} : { remedy: options.remedy }) },
    options.cause === undefined ? {} : { cause: options.cause },
  );
}

/** For a signature that is not written as its format says. */
export const malformed: Fail = (message) => refuse('SignatureInvalid', `has a signature that is malformed: ${message}`);

/** The error with `what` ("commit 4f2a9c1") before each message; others are returned as they are. */
export function named(what: string, error: unknown): unknown {
  if (!(error instanceof PlumblineError) || !error.reason.startsWith('Signature')) return error;
  return new PlumblineError(
    error.faults.map((fault) => ({ ...fault, message: `${what} ${fault.message}` })),
    { cause: error.cause ?? error },
  );
}

/** Text out of a key or a signature as it may stand in a message: one line, nothing that moves a cursor, not endless. */
export function shown(text: string): string {
  const clean = text.replace(/\p{C}+/gu, ' ').trim();
  return clean.length > 200 ? `${clean.slice(0, 199)}…` : clean;
}

/** The same in quotes, cut to `longest` characters. */
export function inQuotes(text: string, longest = 200): string {
  return JSON.stringify(shown(text.slice(0, longest)));
}
