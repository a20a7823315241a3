import { PlumblineError } from '../../operator/errors.ts';

/** How it failed; whatever is no PlumblineError is thrown. */
export async function failure(work: Promise<unknown>): Promise<PlumblineError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PlumblineError) return error;
    throw error;
  }
  throw new Error('it worked');
}
