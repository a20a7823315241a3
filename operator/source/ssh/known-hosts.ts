/** known_hosts: which key a host may show. Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Pure. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { PlumblineError } from '../../errors.ts';

/** One line. */
export interface KnownHost {
  /** Counts from 1. */
  readonly line: number;
  readonly marker: 'revoked' | 'cert-authority' | undefined;
  readonly names: Names;
  /** `ssh-ed25519` */
  readonly type: string;
  /** As it goes over the wire: RFC 4253 section 6.6. */
  readonly key: Buffer;
}

type Names =
  | { readonly kind: 'patterns'; readonly patterns: readonly string[]; readonly except: readonly string[] }
  | { readonly kind: 'hashed'; readonly salt: Buffer; readonly hash: Buffer };

/** What known_hosts says of a key that a host shows. `line` counts from 1. */
export type HostKeyVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'revoked'; readonly line: number }
  /** The host is known by other keys. */
  | { readonly kind: 'changed'; readonly known: readonly KnownHost[] }
  /** The host is known by the authority of its certificates alone, and those are not understood. */
  | { readonly kind: 'authority'; readonly line: number }
  | { readonly kind: 'unknown' };

const longest = { lines: 20_000, names: 1_000, name: 1_024, key: 16_384 };
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Every line that says something. Throws PlumblineError SecretInvalid with the number of the line; keys are public, but none is quoted. */
export function parseKnownHosts(text: string): readonly KnownHost[] {
  const lines = text.split('\n');
  if (lines.length > longest.lines) throw invalid(`has over ${longest.lines} lines`);
  const hosts: KnownHost[] = [];
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    if (line !== '' && !line.startsWith('#')) hosts.push(parseLine(line, index + 1));
  }
  return hosts;
}

function parseLine(text: string, line: number): KnownHost {
  const words = text.split(/[ \t]+/);
  const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
  if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') {
    throw invalid(`line ${line} has a marker that is neither @revoked nor @cert-authority`);
  }
  const [names = '', type = '', encoded = ''] = words;
  if (/^\d+$/.test(type) && /^\d+$/.test(encoded)) throw invalid(`line ${line} has a key of SSH protocol 1, which is not spoken any more`);
  if (type === '' || encoded === '') throw invalid(`line ${line} lacks a part: a line is host names, key type, key`);
  return {
    line,
    marker: marker === undefined ? undefined : marker === '@revoked' ? 'revoked' : 'cert-authority',
    names: names.startsWith('|') ? parseHashed(names, line) : parseNames(names, line),
    type,
    key: parseKey(type, encoded, line),
  };
}

function parseNames(text: string, line: number): Names {
  const all = text.split(',').filter((name) => name !== '');
  if (all.length > longest.names || all.some((name) => name.length > longest.name)) throw invalid(`line ${line} names too many hosts`);
  const patterns = all.filter((name) => !name.startsWith('!')).map((name) => name.toLowerCase());
  const except = all.filter((name) => name.startsWith('!')).map((name) => name.slice(1).toLowerCase());
  return { kind: 'patterns', patterns, except };
}

/** `|1|salt|HMAC-SHA1 of the name by the salt`. */
function parseHashed(text: string, line: number): Names {
  const [, version, salt = '', hash = '', more] = text.split('|');
  const bytes = Buffer.from(hash, 'base64');
  if (version !== '1' || more !== undefined || !base64.test(salt) || !base64.test(hash) || salt.length > 256 || bytes.length !== 20) {
    throw invalid(`line ${line} has a hashed host name that does not parse`);
  }
  return { kind: 'hashed', salt: Buffer.from(salt, 'base64'), hash: bytes };
}

/** The key says its type once more, inside. */
function parseKey(type: string, encoded: string, line: number): Buffer {
  if (encoded.length > longest.key || !base64.test(encoded)) throw invalid(`line ${line} has a key that does not parse`);
  const key = Buffer.from(encoded, 'base64');
  const length = key.length < 4 ? 0 : key.readUInt32BE(0);
  if (length === 0 || key.length <= 4 + length || key.toString('latin1', 4, 4 + length) !== type) {
    throw invalid(`line ${line} has a key that is not of the type it names`);
  }
  return key;
}

/** The key types by which the host is known, in order, so that it can be asked for one of those. */
export function knownKeyTypes(hosts: readonly KnownHost[], host: string, port: number): readonly string[] {
  return [...new Set(plainOf(hosts, host, port).map(({ type }) => type))];
}

/** Whether the host may show this key. What is not expressly known is not trusted. */
export function judgeHostKey(hosts: readonly KnownHost[], host: string, port: number, key: Buffer): HostKeyVerdict {
  const names = namesOf(host, port);
  const same = (known: KnownHost): boolean => known.key.equals(key);
  const revoked = hosts.find((known) => known.marker === 'revoked' && same(known) && names.some((name) => covers(known, name)));
  if (revoked !== undefined) return { kind: 'revoked', line: revoked.line };
  const plain = plainOf(hosts, host, port);
  if (plain.some(same)) return { kind: 'known' };
  if (plain.length > 0) return { kind: 'changed', known: plain };
  const authority = hosts.find((known) => known.marker === 'cert-authority' && covers(known, names[0] ?? ''));
  return authority === undefined ? { kind: 'unknown' } : { kind: 'authority', line: authority.line };
}

/** `SHA256:…`, as ssh-keygen -l shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** `git.example.com`, `[git.example.com]:2222`: how known_hosts names it. */
export function hostName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** A host at a port of its own is known by that, else by its name alone, as ssh does it. */
function plainOf(hosts: readonly KnownHost[], host: string, port: number): readonly KnownHost[] {
  for (const name of namesOf(host, port)) {
    const found = hosts.filter((known) => known.marker === undefined && covers(known, name));
    if (found.length > 0) return found;
  }
  return [];
}

function namesOf(host: string, port: number): readonly string[] {
  return port === 22 ? [hostName(host, 22)] : [hostName(host, port), hostName(host, 22)];
}

function covers({ names }: KnownHost, name: string): boolean {
  if (names.kind === 'hashed') return timingSafeEqual(createHmac('sha1', names.salt).update(name).digest(), names.hash);
  return !names.except.some((pattern) => fits(pattern, name)) && names.patterns.some((pattern) => fits(pattern, name));
}

/** `*` stands for any characters, `?` for one. Steps back to the last star alone, so it ends in bounded time. */
function fits(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < name.length;) {
    const sign = pattern[at];
    if (sign === '*') {
      star = at;
      at += 1;
      resume = index;
    } else if (sign !== undefined && (sign === '?' || sign === name[index])) {
      at += 1;
      index += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      index = resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

function invalid(message: string): PlumblineError {
  return new PlumblineError({
    reason: 'SecretInvalid',
    message: `the Secret of spec.auth: known_hosts ${message}`,
    remedy: 'Put in what `ssh-keyscan HOST` prints, once it is compared with what the host itself says.',
  });
}
