/**
 * ASCII armour of OpenPGP (RFC 9580 section 6.2) and of SSH signatures (OpenSSH, PROTOCOL.sshsig), read strictly: one
 * text stands for the bytes, so that nothing but OpenPGP's own header lines can be changed without being noticed.
 */
import type { Fail } from './refusal.ts';

export type ArmorLabel = 'PGP SIGNATURE' | 'PGP PUBLIC KEY BLOCK' | 'SSH SIGNATURE';

/** The bytes of the one armoured block that `text` is; empty lines may follow it. */
export function readArmor(text: string, label: ArmorLabel, fail: Fail): Buffer {
  const lines = text.replace(/\n+$/, '').split('\n');
  if (lines[0] !== `-----BEGIN ${label}-----`) throw fail(`its first line is not -----BEGIN ${label}-----`);
  if (lines.at(-1) !== `-----END ${label}-----`) throw fail(`its last line is not -----END ${label}-----`);
  let body = lines.slice(1, -1);
  let sum: string | undefined;
  if (label !== 'SSH SIGNATURE') {
    const blank = body.indexOf('');
    if (blank < 0) throw fail('there is no empty line after its headers');
    if (!body.slice(0, blank).every((line) => /^[A-Za-z][A-Za-z-]*:( .*)?$/.test(line))) throw fail('a header line is none');
    body = body.slice(blank + 1);
    if (body.at(-1)?.startsWith('=') === true) sum = body.pop()?.slice(1);
  }
  const base64 = body.join('');
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length === 0 || body.includes('') || bytes.toString('base64') !== base64) throw fail('its base64 is broken');
  if (sum !== undefined && sum !== crc24(bytes)) throw fail('its checksum does not fit');
  return bytes;
}

/** The armoured blocks in a text that may say other things around them, as key files do; CRLF is taken for LF. */
export function armoredBlocks(text: string): string[] {
  return text.replaceAll('\r\n', '\n').match(/^-----BEGIN [A-Z ]+-----$[^]*?^-----END [A-Z ]+-----$/gm) ?? [];
}

/** RFC 9580 section 6.1, in base64. */
function crc24(bytes: Uint8Array): string {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x800000) === 0 ? crc << 1 : (crc << 1) ^ 0x864cfb;
    crc &= 0xffffff;
  }
  return Buffer.from([crc >> 16, crc >> 8, crc]).toString('base64');
}
