import { expect, test } from '@jest/globals';
import { armoredBlocks, readArmor } from '../../../operator/source/verify/armor.ts';
import type { ArmorLabel } from '../../../operator/source/verify/armor.ts';
import { malformed } from '../../../operator/source/verify/refusal.ts';

const read = (text: string, label: ArmorLabel = 'SSH SIGNATURE'): string => readArmor(text, label, malformed).toString();
const ssh = (body: string): string => `-----BEGIN SSH SIGNATURE-----\n${body}\n-----END SSH SIGNATURE-----\n`;
const pgp = (body: string): string => `-----BEGIN PGP SIGNATURE-----\n${body}\n-----END PGP SIGNATURE-----\n`;

test('the bytes are read from lines of any length', () => {
  expect(read(ssh('aGVs\nbG8='))).toBe('hello');
  expect(read(`${ssh('aGVsbG8=')}\n\n`)).toBe('hello');
});

test('headers, if any, and a checksum are read in OpenPGP alone', () => {
  expect(read(pgp('\naGVsbG8=\n=R/WK'), 'PGP SIGNATURE')).toBe('hello');
  expect(read(pgp('\naGVsbG8='), 'PGP SIGNATURE')).toBe('hello');
  expect(read(pgp('Version: GnuPG v1\nComment:\n\naGVsbG8='), 'PGP SIGNATURE')).toBe('hello');
});

test.each([
  ['another label', pgp('\naGVsbG8=')],
  ['no end', ssh('aGVsbG8=').replace('END', 'AND')],
  ['something behind', `${ssh('aGVsbG8=')}x`],
  ['blanks behind', `${ssh('aGVsbG8=')} \n`],
  ['something before', `x\n${ssh('aGVsbG8=')}`],
  ['a blank within', ssh('aGVs bG8=')],
  ['an empty line within', ssh('aGVs\n\nbG8=')],
  ['bits behind the last byte', ssh('aGVsbG9=')],
  ['no padding', ssh('aGVsbG8')],
  ['a character that is not base64', ssh('aGVs!bG8=')],
  ['nothing', ssh('')],
])('%s is refused', (_what, text) => {
  expect(() => read(text)).toThrow('has a signature that is malformed');
});

test.each([
  ['a wrong checksum', '\naGVsbG8=\n=R/WQ'],
  ['a header that is none', 'hello\n\naGVsbG8='],
  ['no empty line', 'Version: 1\naGVsbG8='],
])('%s is refused in OpenPGP', (_what, body) => {
  expect(() => read(pgp(body), 'PGP SIGNATURE')).toThrow('has a signature that is malformed');
});

test('all blocks of a file are found, whatever stands between them', () => {
  const text = `my key\r\n${pgp('\naGVsbG8=')}\nand another\n${ssh('aGVsbG8=')}`.replaceAll('\n', '\r\n');
  expect(armoredBlocks(text)).toEqual([pgp('\naGVsbG8=').trim(), ssh('aGVsbG8=').trim()]);
  expect(armoredBlocks('nothing')).toEqual([]);
});
