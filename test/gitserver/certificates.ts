/** A certificate authority of one's own, in plain DER (RFC 5280), so that tests of TLS need no openssl. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isIPv4 } from 'node:net';

export interface ServerCertificate {
  /** PEM of the authority that signed it: what a client must trust. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** DNS names and IPv4 addresses; default: localhost and 127.0.0.1. */
  readonly hosts?: readonly string[];
  /** Whether a server or a client shows it. Default: a server. */
  readonly purpose?: 'server' | 'client';
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A fresh authority and a server certificate signed by it. */
export function makeCertificate(options: CertificateOptions = {}): ServerCertificate {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const hosts = options.hosts ?? ['localhost', '127.0.0.1'];
  const validity = {
    notBefore: options.notBefore ?? new Date(Date.now() - 86_400_000),
    notAfter: options.notAfter ?? new Date(Date.now() + 10 * 86_400_000),
  };
  const names = hosts.map((host) =>
    isIPv4(host) ? tagged(0x87, Buffer.from(host.split('.').map(Number))) : tagged(0x82, Buffer.from(host)),
  );
  const caExtensions = [
    extension('2.5.29.19', true, sequence(tagged(0x01, Buffer.from([0xff])))), // basicConstraints: CA
    extension('2.5.29.15', true, Buffer.from([0x03, 0x02, 0x01, 0x06])), // keyUsage: keyCertSign, cRLSign
    extension('2.5.29.14', false, tagged(0x04, keyId(authority.publicKey))),
  ];
  const serverExtensions = [
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, Buffer.from([0x03, 0x02, 0x07, 0x80])), // digitalSignature
    extension('2.5.29.37', false, sequence(objectId(options.purpose === 'client' ? '1.3.6.1.5.5.7.3.2' : '1.3.6.1.5.5.7.3.1'))), // clientAuth, serverAuth
    extension('2.5.29.17', false, sequence(...names)),
    extension('2.5.29.35', false, sequence(tagged(0x80, keyId(authority.publicKey)))),
  ];
  const signer = { name: 'test authority', key: authority.privateKey };
  return {
    ca: certificate(signer, signer.name, authority.publicKey, validity, caExtensions),
    cert: certificate(signer, hosts[0] ?? 'localhost', server.publicKey, validity, serverExtensions),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function certificate(
  signer: { readonly name: string; readonly key: KeyObject },
  subject: string,
  publicKey: KeyObject,
  validity: { readonly notBefore: Date; readonly notAfter: Date },
  extensions: readonly Buffer[],
): string {
  const algorithm = sequence(objectId('1.2.840.10045.4.3.2')); // ecdsa-with-SHA256
  const serial = createHash('sha256').update(keyId(publicKey)).digest().subarray(0, 8);
  serial[0] = 0x4b;
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, serial),
    algorithm,
    name(signer.name),
    sequence(time(validity.notBefore), time(validity.notAfter)),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, signer.key);
  const der = sequence(body, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(oid), ...(critical ? [tagged(0x01, Buffer.from([0xff]))] : []), tagged(0x04, value));
}

function name(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(objectId('2.5.4.3'), tagged(0x0c, Buffer.from(commonName)))));
}

function time(date: Date): Buffer {
  return tagged(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const base128 = [part & 0x7f];
    for (let more = part >>> 7; more > 0; more >>>= 7) base128.unshift((more & 0x7f) | 0x80);
    bytes.push(...base128);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  const length = content.length;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
