/**
 * Commits and annotated tags taken apart as git does: what was signed, and the signature. See gitformat-signature(5).
 * One signature at most; an object that could be read in two ways is refused.
 */
import { malformed } from './refusal.ts';

export type SignatureFormat = 'OpenPGP' | 'SSH' | 'X.509';

export interface SignedObject {
  /** The bytes that were signed. */
  readonly payload: Buffer;
  readonly signature: { readonly format: SignatureFormat; readonly text: string } | undefined;
  /** Header lines before the empty one, continued lines aside; of the payload. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const newline = 0x0a;
const space = 0x20;

const begins: readonly (readonly [begin: string, format: SignatureFormat])[] = [
  ['-----BEGIN PGP SIGNATURE-----', 'OpenPGP'],
  ['-----BEGIN PGP MESSAGE-----', 'OpenPGP'],
  ['-----BEGIN SSH SIGNATURE-----', 'SSH'],
  ['-----BEGIN SIGNED MESSAGE-----', 'X.509'],
];

/** A commit: its signature is the header `gpgsig`. Throws PlumblineError SignatureInvalid. */
export function splitCommit(raw: Buffer): SignedObject {
  const { payload, signature } = withoutSignatureHeaders(raw);
  if (signature === undefined) return { payload, signature: undefined, headers: headersOf(payload) };
  const format = formatOf(signature);
  if (format === undefined) throw malformed('it is neither of OpenPGP nor of SSH');
  return { payload, signature: { format, text: signature }, headers: headersOf(payload) };
}

/** An annotated tag: its signature is the end of its message, from the last line that begins one. */
export function splitTag(raw: Buffer): SignedObject {
  const at = Math.max(...begins.map(([begin]) => lastLine(raw, begin)));
  // The header of the same name holds the signature of the tag's SHA-256 form; it is no part of what was signed.
  const { payload } = withoutSignatureHeaders(at < 0 ? raw : raw.subarray(0, at));
  if (at < 0) return { payload, signature: undefined, headers: headersOf(payload) };
  const text = raw.toString('latin1', at);
  const format = formatOf(text);
  if (format === undefined) throw malformed('it is neither of OpenPGP nor of SSH');
  return { payload, signature: { format, text }, headers: headersOf(payload) };
}

/** When the committer or tagger says it was, seconds since the epoch; undefined when it says nothing that can be read. */
export function statedTime(object: SignedObject, role: 'committer' | 'tagger'): number | undefined {
  const person = object.headers.find(([name]) => name === role)?.[1] ?? '';
  const [, seconds] = /> (\d{1,12}) [+-]\d{4}$/.exec(person) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

function formatOf(signature: string): SignatureFormat | undefined {
  return begins.find(([begin]) => signature.startsWith(begin))?.[1];
}

/** Index of the last line that starts with `begin`, or -1. */
function lastLine(raw: Buffer, begin: string): number {
  let at = raw.lastIndexOf(begin);
  while (at > 0 && raw[at - 1] !== newline) at = raw.lastIndexOf(begin, at - 1);
  return at;
}

/** Cuts `gpgsig` and `gpgsig-sha256` with their continued lines out of the headers; gives what the first held. */
function withoutSignatureHeaders(raw: Buffer): { readonly payload: Buffer; readonly signature: string | undefined } {
  const kept: Buffer[] = [];
  const signature: string[] = [];
  let inside: 'signature' | 'other' | undefined;
  let keptFrom = 0;
  let at = 0;
  while (at < raw.length && raw[at] !== newline) {
    const found = raw.indexOf(newline, at);
    const next = found < 0 ? raw.length : found + 1;
    const continues = raw[at] === space && inside !== undefined;
    if (!continues) {
      if (inside !== undefined) keptFrom = at;
      inside = undefined;
      const header = signatureHeader(raw, at);
      if (header !== undefined) {
        if (header === 'gpgsig' && signature.length > 0) throw malformed('there are two of them');
        inside = header === 'gpgsig' ? 'signature' : 'other';
        kept.push(raw.subarray(keptFrom, at));
        if (inside === 'signature') signature.push(raw.toString('latin1', at + header.length + 1, next));
      }
    } else if (inside === 'signature') signature.push(raw.toString('latin1', at + 1, next));
    at = next;
  }
  kept.push(raw.subarray(inside === undefined ? keptFrom : at));
  return { payload: Buffer.concat(kept), signature: signature.length === 0 ? undefined : signature.join('') };
}

function signatureHeader(raw: Buffer, at: number): 'gpgsig' | 'gpgsig-sha256' | undefined {
  const line = raw.toString('latin1', at, at + 'gpgsig-sha256 '.length);
  if (!line.startsWith('gpgsig')) return undefined;
  if (line.startsWith('gpgsig ')) return 'gpgsig';
  if (line === 'gpgsig-sha256 ') return 'gpgsig-sha256';
  throw malformed('its header is neither gpgsig nor gpgsig-sha256');
}

function headersOf(payload: Buffer): (readonly [string, string])[] {
  const end = payload.indexOf('\n\n');
  return payload
    .toString('utf8', 0, end < 0 ? payload.length : end)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(' '))
    .map((line) => {
      const blank = line.indexOf(' ');
      return blank < 0 ? [line, ''] : [line.slice(0, blank), line.slice(blank + 1)];
    });
}
