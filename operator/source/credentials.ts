/** The Secret of spec.auth, read once and checked; values never leave this file but inside Credentials. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { PlumblineError } from '../errors.ts';
import { inspectIdentity } from './ssh/identity.ts';
import { judgeHostKey, hostName, knownKeyTypes, parseKnownHosts } from './ssh/known-hosts.ts';
import { sshTarget } from './ssh/target.ts';
import type { ClientCertificate, Credentials, GitHubApp, SshCredentials } from './types.ts';

/** No Secret: an anonymous remote. */
export const anonymous: Credentials = { id: '' };

const keys = [
  'username',
  'password',
  'bearerToken',
  'ca.crt',
  'tls.crt',
  'tls.key',
  'identity',
  'known_hosts',
  'githubAppID',
  'githubAppInstallationID',
  'githubAppPrivateKey',
  'githubAppBaseURL',
] as const;
type Key = (typeof keys)[number];
type Values = Readonly<Partial<Record<Key, string>>>;

/** Of several lines. */
const texts: readonly Key[] = ['ca.crt', 'tls.crt', 'tls.key', 'identity', 'known_hosts', 'githubAppPrivateKey'];
/** A private operation with a larger key holds everything else up for too long. */
const longestRsaBits = 8192;

/**
 * The credentials in a Secret's `data` (base64), for the repository at `url` (as parseGitUrl gives it). Keys that are not
 * known are left alone. Throws PlumblineError SecretInvalid for what is contradictory or of no use there. Neither error
 * nor id reveals a value.
 */
export function readCredentials(data: Readonly<Record<string, string>>, url: URL): Credentials {
  const values: Partial<Record<Key, string>> = {};
  for (const key of keys) {
    const value = text(data, key);
    if (value !== undefined) values[key] = value;
  }
  const id = identify(keys.map((key) => values[key]));
  if (url.protocol === 'ssh:') return { id, ssh: readSsh(values, url) };

  refuse(values, ['identity', 'known_hosts'], `is for ssh URLs, and spec.url is ${url.protocol}//`);
  if (url.protocol === 'http:') refuse(values, ['tls.crt', 'tls.key'], 'is for https URLs, and spec.url is http://');
  const { username, password, bearerToken, 'ca.crt': ca } = values;
  const githubApp = readGitHubApp(values);
  if (githubApp !== undefined) refuse(values, ['username', 'password', 'bearerToken'], 'is set beside githubAppID');
  if (bearerToken !== undefined && username !== undefined) throw invalid('both bearerToken and username are set', 'Keep one of them.');
  if (password !== undefined && username === undefined) throw invalid('password is set without username', 'Add key username.');
  if (username?.includes(':')) throw invalid('username has a colon, which HTTP basic authentication cannot carry', 'Correct key username.');
  if (ca !== undefined) checkCertificates('ca.crt', ca);
  const certificate = readCertificate(values);
  if ([username, bearerToken, ca, certificate, githubApp].every((value) => value === undefined)) {
    throw invalid(
      'none of username, password, bearerToken, ca.crt, tls.crt, githubAppID is set',
      'Add the keys that the git server needs.',
    );
  }
  return { id, username, password, bearerToken, ca, certificate, githubApp };
}

function readSsh(values: Values, url: URL): SshCredentials {
  const useless: readonly Key[] = [
    'bearerToken',
    'ca.crt',
    'tls.crt',
    'tls.key',
    'githubAppID',
    'githubAppInstallationID',
    'githubAppPrivateKey',
  ];
  refuse(values, useless, 'is for https URLs, and spec.url is ssh://');
  refuse(values, ['username'], 'is of no use with an ssh URL: the user is part of it, ssh://USER@HOST/PATH');
  const { identity, known_hosts: knownHosts, password } = values;
  if (identity === undefined)
    throw invalid('identity is missing, the private key for ssh', 'Add key identity: ssh-keygen -t ed25519 makes one.');
  const { host, port } = sshTarget(url);
  const scan = `ssh-keyscan${port === 22 ? '' : ` -p ${port}`} ${host}`;
  if (knownHosts === undefined) {
    throw invalid(
      'known_hosts is missing, without which anybody could be the git server',
      `Add key known_hosts with what ${scan} prints, once it is compared with what the host itself says.`,
    );
  }
  const hosts = parseKnownHosts(knownHosts);
  if (knownKeyTypes(hosts, host, port).length === 0) {
    const { kind } = judgeHostKey(hosts, host, port, Buffer.alloc(0));
    const name = hostName(host, port);
    throw invalid(
      kind === 'authority'
        ? `known_hosts knows ${name} only by @cert-authority, and host certificates are not supported`
        : `known_hosts does not name ${name}, the host of spec.url`,
      `Add what ${scan} prints to key known_hosts, once it is compared with what the host itself says.`,
    );
  }
  const { encrypted } = inspectIdentity(identity);
  if (encrypted && password === undefined) {
    throw invalid(
      'identity is encrypted, and password (its passphrase) is not set',
      'Add key password, or decrypt it: ssh-keygen -p -f FILE.',
    );
  }
  if (!encrypted && password !== undefined) {
    throw invalid('password is set, and identity is not encrypted', 'Take key password out: with ssh it is the passphrase of identity.');
  }
  return { identity: `${identity}\n`, passphrase: password, knownHosts };
}

function readCertificate(values: Values): ClientCertificate | undefined {
  const { 'tls.crt': cert, 'tls.key': key } = values;
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) throw invalid('tls.key is set without tls.crt', 'Add the certificate as key tls.crt.');
  if (key === undefined) throw invalid('tls.crt is set without tls.key', 'Add the private key as key tls.key.');
  const [leaf] = checkCertificates('tls.crt', cert);
  const own = readKey('tls.key', key);
  if (leaf?.checkPrivateKey(own) !== true)
    throw invalid('tls.key is not the key of the certificate in tls.crt', 'Put in the two that belong together.');
  return { cert, key };
}

function readGitHubApp(values: Values): GitHubApp | undefined {
  const { githubAppID: appId, githubAppInstallationID: installationId, githubAppPrivateKey: privateKey, githubAppBaseURL } = values;
  const set = [appId, installationId, privateKey, githubAppBaseURL];
  if (set.every((value) => value === undefined)) return undefined;
  if (appId === undefined || installationId === undefined || privateKey === undefined) {
    const missing = (['githubAppID', 'githubAppInstallationID', 'githubAppPrivateKey'] as const).filter((key) => values[key] === undefined);
    throw invalid(`of the keys of a GitHub App, ${missing.join(', ')} is missing`, 'Add it; the page of the App on GitHub has them all.');
  }
  if (!/^[A-Za-z0-9.]{1,100}$/.test(appId))
    throw invalid('githubAppID is no id of an App', 'Write the App ID, a number, or the client ID.');
  if (!/^\d{1,20}$/.test(installationId)) {
    throw invalid('githubAppInstallationID is no number', "Write the number at the end of the installation's URL.");
  }
  if (readKey('githubAppPrivateKey', privateKey).asymmetricKeyType !== 'rsa') {
    throw invalid('githubAppPrivateKey is no RSA key', 'Put in the .pem file that GitHub made.');
  }
  const base = githubAppBaseURL ?? 'https://api.github.com';
  const url = URL.canParse(base) ? new URL(base) : undefined;
  const plain = url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!plain || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw invalid('githubAppBaseURL is no http(s) URL', 'Write https://api.github.com, or https://HOST/api/v3 of a server of your own.');
  }
  return { appId, installationId, privateKey, baseUrl: `${url.origin}${url.pathname.replace(/\/+$/, '')}` };
}

function refuse(values: Values, unwanted: readonly Key[], why: string): void {
  const found = unwanted.filter((key) => values[key] !== undefined);
  if (found.length > 0)
    throw invalid(`${found.join(', ')} ${why}`, `Take ${found.length === 1 ? 'that key' : 'those keys'} out, or correct spec.url.`);
}

function text(data: Readonly<Record<string, string>>, key: Key): string | undefined {
  const encoded = data[key];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  // A newline at the end is what `echo` left there; inside a header it would split the request.
  const value = bytes.toString('utf8').replace(/[\r\n]+$/, '');
  if (value === '') throw invalid(`${key} is empty`, `Fill in key ${key}, or take it out.`);
  // eslint-disable-next-line no-control-regex
  if (!texts.includes(key) && /[\u0000-\u001f\u007f]/.test(value)) {
    throw invalid(`${key} holds a control character`, `Write key ${key} again, without line breaks.`);
  }
  return value;
}

function checkCertificates(key: Key, pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (blocks === null)
    throw invalid(`${key} holds no PEM certificate`, `Put the certificate in, beginning with -----BEGIN CERTIFICATE-----.`);
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw invalid(`certificate ${index + 1} of ${key} does not parse`, 'Put the certificate in again.', error);
    }
  });
}

function readKey(key: Key, pem: string): KeyObject {
  if (/^(-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED)/m.test(pem)) {
    throw invalid(`${key} is encrypted`, 'Decrypt it: openssl pkey -in FILE.');
  }
  let parsed: KeyObject;
  try {
    parsed = createPrivateKey(pem);
  } catch (error) {
    throw invalid(`${key} holds no PEM private key`, 'Put the private key in, beginning with -----BEGIN PRIVATE KEY-----.', error);
  }
  if ((parsed.asymmetricKeyDetails?.modulusLength ?? 0) > longestRsaBits) {
    throw invalid(`${key} is an RSA key of over ${longestRsaBits} bits`, 'Use a smaller one, or an elliptic one.');
  }
  return parsed;
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
