/** The Secret of spec.auth, read once and checked; values never leave this file but inside Credentials. */
import { createHash, X509Certificate } from 'node:crypto';
import { PlumblineError } from '../errors.ts';
import type { Credentials } from './types.ts';

/** No Secret: an anonymous remote. */
export const anonymous: Credentials = { id: '' };

const notSupportedYet = [
  'tls.crt',
  'tls.key',
  'identity',
  'known_hosts',
  'githubAppID',
  'githubAppInstallationID',
  'githubAppPrivateKey',
  'githubAppBaseURL',
];

/**
 * The credentials in a Secret's `data` (base64). Keys it does not know are left alone.
 * Throws PlumblineError: SecretInvalid, NotSupported. Neither error nor id reveals a value.
 */
export function readCredentials(data: Readonly<Record<string, string>>): Credentials {
  const unsupported = notSupportedYet.filter((key) => data[key] !== undefined);
  if (unsupported.length > 0) {
    throw new PlumblineError({
      reason: 'NotSupported',
      message: `the Secret of spec.auth has ${unsupported.join(', ')}, which this version does not know`,
      remedy: 'Use a Secret with username and password, or bearerToken, and ca.crt where the server needs it.',
    });
  }
  const username = text(data, 'username');
  const password = text(data, 'password');
  const bearerToken = text(data, 'bearerToken');
  const ca = text(data, 'ca.crt');

  if (bearerToken !== undefined && username !== undefined) throw invalid('both bearerToken and username are set', 'Keep one of them.');
  if (password !== undefined && username === undefined) throw invalid('password is set without username', 'Add key username.');
  if (username?.includes(':')) throw invalid('username has a colon, which HTTP basic authentication cannot carry', 'Correct key username.');
  if (ca !== undefined) checkCertificates(ca);
  if (username === undefined && bearerToken === undefined && ca === undefined) {
    throw invalid('none of username, password, bearerToken, ca.crt is set', 'Add the keys that the git server needs.');
  }
  return { id: identify([username, password, bearerToken, ca]), username, password, bearerToken, ca };
}

function text(data: Readonly<Record<string, string>>, key: string): string | undefined {
  const encoded = data[key];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  // A newline at the end is what `echo` left there; inside a header it would split the request.
  const value = bytes.toString('utf8').replace(/[\r\n]+$/, '');
  if (value === '') throw invalid(`${key} is empty`, `Fill in key ${key}, or take it out.`);
  // eslint-disable-next-line no-control-regex
  if (key !== 'ca.crt' && /[\u0000-\u001f\u007f]/.test(value)) {
    throw invalid(`${key} holds a control character`, `Write key ${key} again, without line breaks.`);
  }
  return value;
}

function checkCertificates(pem: string): void {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (blocks === null)
    throw invalid('ca.crt holds no PEM certificate', 'Put the CA certificate in, beginning with -----BEGIN CERTIFICATE-----.');
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (error) {
      throw invalid(`certificate ${index + 1} of ca.crt does not parse`, 'Put the CA certificate in again.', error);
    }
  }
}

/** Lengths go in as well, so that no two sets of values run together into one text. */
function identify(values: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  for (const value of values) hash.update(value === undefined ? '-;' : `${Buffer.byteLength(value)}:${value};`);
  return hash.digest('hex');
}

function invalid(message: string, remedy: string, cause?: unknown): PlumblineError {
  return new PlumblineError({ reason: 'SecretInvalid', message: `the Secret of spec.auth: ${message}`, remedy }, { cause });
}
