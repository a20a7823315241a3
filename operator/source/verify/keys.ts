/** The Secret of spec.verify. */
import { PlumblineError } from '../../errors.ts';
import { allowedSignersKey } from './allowed-signers.ts';
import type { VerifyKeys } from './types.ts';

/** The public keys in a Secret's `data` (base64); other keys are left alone. Throws PlumblineError VerifyKeysInvalid when there are none. */
export function readVerifyKeys(data: Readonly<Record<string, string>>): VerifyKeys {
  const text = (encoded: string): string => Buffer.from(encoded, 'base64').toString('utf8');
  const asc = Object.entries(data)
    .filter(([name]) => name.endsWith('.asc'))
    .map(([name, encoded]) => ({ name, text: text(encoded) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const allowedSigners = data[allowedSignersKey];
  if (asc.length === 0 && allowedSigners === undefined) {
    throw new PlumblineError({
      reason: 'VerifyKeysInvalid',
      message: `the Secret of spec.verify has neither a key *.asc nor a key ${allowedSignersKey}`,
    });
  }
  return { asc, allowedSigners: allowedSigners === undefined ? undefined : text(allowedSigners) };
}
