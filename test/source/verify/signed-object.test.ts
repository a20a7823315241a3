import { expect, test } from '@jest/globals';
import { splitCommit, splitTag, statedTime } from '../../../operator/source/verify/signed-object.ts';

const head = 'tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n';
const people = 'author A <a@example.com> 1700000000 +0100\ncommitter C <c@example.com> 1700000001 -0230\n';
const ssh = '-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n';
const header = (name: string, text = ssh): string => `${name} ${text.trimEnd().replaceAll('\n', '\n ')}\n`;

function parts(object: ReturnType<typeof splitCommit>) {
  return { payload: object.payload.toString(), signature: object.signature };
}

test('the signature of a commit is the header gpgsig, and what is left was signed', () => {
  const raw = Buffer.from(`${head}${people}${header('gpgsig')}encoding latin1\n\nMessage\n\ngpgsig none\n`);
  const object = splitCommit(raw);
  expect(parts(object)).toEqual({
    payload: `${head}${people}encoding latin1\n\nMessage\n\ngpgsig none\n`,
    signature: { format: 'SSH', text: ssh },
  });
  expect(statedTime(object, 'committer')).toBe(1_700_000_001);
});

test('the signature for the SHA-256 form of a commit is no part of either', () => {
  const raw = Buffer.from(`${head}${people}${header('gpgsig-sha256')}${header('gpgsig')}\nMessage\n`);
  expect(parts(splitCommit(raw))).toEqual({ payload: `${head}${people}\nMessage\n`, signature: { format: 'SSH', text: ssh } });
});

test('a merged tag with a signature of its own stays in what was signed', () => {
  const mergetag = header('mergetag', `object 1\ntype commit\ntag v1\n\nx\n${ssh}`);
  const raw = Buffer.from(`${head}${people}${mergetag}${header('gpgsig')}\nMessage\n`);
  expect(parts(splitCommit(raw))).toEqual({ payload: `${head}${people}${mergetag}\nMessage\n`, signature: { format: 'SSH', text: ssh } });
});

test.each([
  ['no message', `${head}${people}`],
  ['no signature', `${head}${people}\nMessage\n`],
  ['a signature in its message', `${head}${people}\n${header('gpgsig')}${ssh}`],
  ['nothing at all', ''],
])('a commit with %s is not signed', (_what, raw) => {
  expect(parts(splitCommit(Buffer.from(raw)))).toEqual({ payload: raw, signature: undefined });
});

test.each([
  ['two signatures', `${head}${header('gpgsig')}${header('gpgsig')}\n`],
  ['two signatures with something between', `${head}${header('gpgsig')}${people}${header('gpgsig')}\n`],
  ['a signature of no format that is known', `${head}gpgsig hello\n\n`],
  ['a header that looks like one', `${head}gpgsig2 hello\n\n`],
])('a commit with %s is refused', (_what, raw) => {
  expect(() => splitCommit(Buffer.from(raw))).toThrow('has a signature that is malformed');
});

test('the signature of a tag is the end of its message', () => {
  const text = `object 1\ntype commit\ntag v1\ntagger T <t@example.com> 1700000002 +0000\n\nquoted:\n${ssh}and this:\n`;
  const object = splitTag(Buffer.from(`${text}${ssh}`));
  expect(parts(object)).toEqual({ payload: text, signature: { format: 'SSH', text: ssh } });
  expect(statedTime(object, 'tagger')).toBe(1_700_000_002);
  expect(object.headers).toContainEqual(['tag', 'v1']);
});

test('a tag without a line that begins a signature is not signed', () => {
  const text = `object 1\ntype commit\ntag v1\n\nsee -----BEGIN SSH SIGNATURE-----\n`;
  expect(parts(splitTag(Buffer.from(text)))).toEqual({ payload: text, signature: undefined });
});

test('formats are told apart', () => {
  const format = (begin: string): unknown => splitTag(Buffer.from(`object 1\n\n-----BEGIN ${begin}-----\n`)).signature?.format;
  expect(['PGP SIGNATURE', 'PGP MESSAGE', 'SSH SIGNATURE', 'SIGNED MESSAGE'].map(format)).toEqual(['OpenPGP', 'OpenPGP', 'SSH', 'X.509']);
});

test('a time that cannot be read is none', () => {
  for (const person of ['C <c@example.com>', 'C <c@example.com> -5 +0000', 'C <c@example.com> 99999999999999 +0000', '']) {
    expect(statedTime(splitCommit(Buffer.from(`${head}committer ${person}\n\n`)), 'committer')).toBeUndefined();
  }
});
