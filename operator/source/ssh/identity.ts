/**
 * Private keys for SSH: what ssh-keygen writes, also encrypted. Decrypting takes bcrypt, hundreds of milliseconds of it;
 * it is done on another thread, so that nothing else has to wait. Format: PROTOCOL.key of OpenSSH.
 */
import { createDecipheriv, createPrivateKey } from 'node:crypto';
import { PlumblineError } from '../../errors.ts';
import { keyOfPassphrase } from './bcrypt-worker.ts';

/** What is seen of a private key without its passphrase. */
export interface Identity {
  readonly encrypted: boolean;
}

const magic = Buffer.from('openssh-key-v1\0');
/** `ssh-keygen -a` counts these; its default is 16 to 24, and each takes some 20 ms. */
const mostRounds = 256;
const ciphers: Readonly<Record<string, { readonly name: string; readonly keyBytes: number }>> = {
  'aes256-ctr': { name: 'aes-256-ctr', keyBytes: 32 },
  'aes192-ctr': { name: 'aes-192-ctr', keyBytes: 24 },
  'aes128-ctr': { name: 'aes-128-ctr', keyBytes: 16 },
  'aes256-cbc': { name: 'aes-256-cbc', keyBytes: 32 },
  'aes192-cbc': { name: 'aes-192-cbc', keyBytes: 24 },
  'aes128-cbc': { name: 'aes-128-cbc', keyBytes: 16 },
};

/** Throws PlumblineError SecretInvalid for what is no private key that can be used. */
export function inspectIdentity(text: string): Identity {
  const kind = /^-----BEGIN ([A-Z0-9 ]+)-----\r?\n/.exec(text.trimStart())?.[1];
  switch (kind) {
    case 'OPENSSH PRIVATE KEY':
      return { encrypted: readContainer(text).cipher !== 'none' };
    case 'RSA PRIVATE KEY':
    case 'EC PRIVATE KEY':
      return { encrypted: /^Proc-Type: 4,ENCRYPTED/m.test(text) };
    case 'PRIVATE KEY':
      readPem(text, undefined);
      return { encrypted: false };
    case 'ENCRYPTED PRIVATE KEY':
      throw invalid('identity is an encrypted PKCS #8 key, whose cost of opening is not bounded', 'Convert it: ssh-keygen -p -f FILE.');
    case 'DSA PRIVATE KEY':
      throw invalid('identity is a DSA key, which no server takes any more', 'Make a new one: ssh-keygen -t ed25519.');
    case undefined:
      throw invalid('identity is no private key', 'Put the private key in, beginning with -----BEGIN OPENSSH PRIVATE KEY-----.');
    default:
      throw invalid(
        `identity is no private key but says that it is ${/PUBLIC|CERTIFICATE/.test(kind) ? 'public' : 'something else'}`,
        'Put the private key in, as ssh-keygen writes it.',
      );
  }
}

/** The key without encryption, in a form that ssh2 reads. Rejects with PlumblineError SecretInvalid: wrong passphrase, or no such key. */
export async function unlockIdentity(text: string, passphrase: string | undefined): Promise<string> {
  if (!text.trimStart().startsWith('-----BEGIN OPENSSH')) return readPem(text, passphrase);
  const container = readContainer(text);
  if (container.cipher === 'none') return text;
  if (passphrase === undefined) throw noPassphrase();
  const cipher = ciphers[container.cipher];
  if (cipher === undefined || container.kdf !== 'bcrypt') {
    throw invalid('identity is encrypted in a way that is not known here', 'Encrypt it anew: ssh-keygen -p -f FILE -Z aes256-ctr.');
  }
  const { salt, rounds } = container;
  if (rounds > mostRounds) throw invalid(`identity takes over ${mostRounds} rounds to open`, 'Encrypt it anew: ssh-keygen -p -f FILE.');
  const derived = await keyOfPassphrase({ passphrase, salt, rounds, length: cipher.keyBytes + 16 });
  const decipher = createDecipheriv(cipher.name, derived.subarray(0, cipher.keyBytes), derived.subarray(cipher.keyBytes));
  decipher.setAutoPadding(false);
  const secret = Buffer.concat([decipher.update(container.secret), decipher.final()]);
  if (secret.length < 8 || secret.readUInt32BE(0) !== secret.readUInt32BE(4)) throw wrongPassphrase();
  const plain = [
    magic,
    field(Buffer.from('none')),
    field(Buffer.from('none')),
    field(Buffer.alloc(0)),
    count(1),
    field(container.publicKey),
    field(secret),
  ];
  const lines =
    Buffer.concat(plain)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

interface Container {
  readonly cipher: string;
  readonly kdf: string;
  readonly salt: Buffer;
  readonly rounds: number;
  readonly publicKey: Buffer;
  readonly secret: Buffer;
}

function readContainer(text: string): Container {
  const encoded = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/.exec(text)?.[1];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  let at = magic.length;
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw unreadable();
    at += length;
    return bytes.subarray(at - length, at);
  };
  const next = (): Buffer => take(take(4).readUInt32BE(0));
  if (!bytes.subarray(0, magic.length).equals(magic)) throw unreadable();
  const [cipher, kdf, options] = [next().toString('latin1'), next().toString('latin1'), next()];
  if (take(4).readUInt32BE(0) !== 1) throw unreadable();
  const [publicKey, secret] = [next(), next()];
  const saltLength = options.length >= 8 ? options.readUInt32BE(0) : 0;
  if (cipher !== 'none' && (saltLength === 0 || options.length !== saltLength + 8)) throw unreadable();
  const salt = options.subarray(4, 4 + saltLength);
  return { cipher, kdf, salt, rounds: cipher === 'none' ? 0 : options.readUInt32BE(4 + saltLength), publicKey, secret };
}

/** RSA and EC keys as OpenSSL writes them; one pass of a hash opens those that are encrypted, so it costs nothing. */
function readPem(text: string, passphrase: string | undefined): string {
  if (/^Proc-Type: 4,ENCRYPTED/m.test(text) && passphrase === undefined) throw noPassphrase();
  let key;
  try {
    key = createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    throw passphrase === undefined ? unreadable(error) : wrongPassphrase(error);
  }
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString();
  if (key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString();
  throw invalid('identity is a key in PKCS #8 that is neither RSA nor EC', 'Convert it: ssh-keygen -p -f FILE.');
}

function field(bytes: Buffer): Buffer {
  return Buffer.concat([count(bytes.length), bytes]);
}

function count(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function noPassphrase(): PlumblineError {
  return invalid(
    'identity is encrypted, and password (its passphrase) is not set',
    'Add key password, or decrypt it: ssh-keygen -p -f FILE.',
  );
}

function wrongPassphrase(cause?: unknown): PlumblineError {
  return invalid('password does not open identity', 'Correct key password: it is the passphrase of the private key.', cause);
}

function unreadable(cause?: unknown): PlumblineError {
  return invalid('identity does not parse', 'Put the private key in again, as ssh-keygen writes it.', cause);
}

function invalid(message: string, remedy: string, cause?: unknown): PlumblineError {
  return new PlumblineError({ reason: 'SecretInvalid', message: `the Secret of spec.auth: ${message}`, remedy }, { cause });
}
