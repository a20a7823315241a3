/** Takes secrets out of what a server said: it may echo what it was sent. */
import type { Credentials } from './types.ts';

/** Takes secrets out of a text. */
export type Mask = (text: string) => string;

/** Where nothing was sent that could be echoed. */
export const noMask: Mask = (text) => text;

/** A function that puts `***` in the place of every value of these credentials, also as it goes over the wire. */
export function maskOf(credentials: Credentials): Mask {
  const { username, password, bearerToken, certificate, ssh, githubApp } = credentials;
  const basic = username === undefined ? undefined : Buffer.from(`${username}:${password ?? ''}`).toString('base64');
  const keys = [certificate?.key, ssh?.identity, githubApp?.privateKey].flatMap((pem) => (pem === undefined ? [] : linesOf(pem)));
  const plain = [basic, password, bearerToken, ssh?.passphrase, ...keys].flatMap((secret) =>
    secret === undefined || secret === '' ? [] : [secret],
  );
  // Encoded as well, as it would stand in a URL to which a server sends on.
  const secrets = [...new Set(plain.flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed())]))];
  // The longest first: one may hold another.
  secrets.sort((one, other) => other.length - one.length);
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
}

/** A key is told line by line, if at all. */
function linesOf(pem: string): string[] {
  return pem.split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith('-----'));
}
