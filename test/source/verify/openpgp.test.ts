import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { verifyOpenPgp } from '../../../operator/source/verify/openpgp.ts';
import type { Verified } from '../../../operator/source/verify/types.ts';
import { refusalOf, Workplace } from './tools.ts';

const payload = Buffer.from('tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nA commit\n');
/** All keys are made at the first; signatures a day later; the third is when they are looked at. */
const made = '20200101T000000';
const signed = '20200102T000000';
const now = new Date('2024-06-01T12:00:00Z');

let place: Workplace;
beforeAll(async () => {
  place = await Workplace.open();
});
afterAll(() => place.close());

async function signBy(key: string, time = signed, options: readonly string[] = []): Promise<string> {
  return (await place.gpg(['-bsa', '-u', key, ...options], payload, time)).toString();
}

/** Whether gpg itself calls it good, as git asks it to; with the keys of `files` and no other. */
async function isGoodForGpg(signature: string, files: readonly string[]): Promise<boolean> {
  const other = await Workplace.open();
  try {
    for (const file of files) await other.gpg(['--import'], file);
    await other.write('sig', signature);
    const args = ['--faked-system-time', '20240601T120000!', '--status-fd=1', '--keyid-format=long', '--verify', other.path('sig'), '-'];
    const { out } = await other.try('gpg', args, payload);
    return out.toString().includes('\n[GNUPG:] GOODSIG ');
  } finally {
    await other.close();
  }
}

function verify(signature: string, files: readonly string[], bytes = payload, time = now): Promise<Verified> {
  return verifyOpenPgp(
    bytes,
    signature,
    files.map((text, index) => ({ name: `${index}.asc`, text })),
    time,
  );
}

/** Reason and message, fingerprints left out, of what gpg does not call good either. */
async function refused(signature: string, files: readonly string[]): Promise<readonly [string, string]> {
  expect(await isGoodForGpg(signature, files)).toBe(false);
  const { reason, message } = await refusalOf(() => verify(signature, files));
  return [reason, message.replace(/\b[0-9A-F]{40}\b/g, 'FPR')];
}

describe.each(['ed25519', 'rsa2048', 'nistp256', 'nistp384', 'nistp521'])('a key of type %s', (type) => {
  test('signs', async () => {
    const email = `${type}@example.com`;
    const key = await place.gpgKey(email, type, 'sign', 'never', made);
    const signature = await signBy(email);
    const files = [await place.gpgExport(email)];
    expect(await isGoodForGpg(signature, files)).toBe(true);
    expect(await verify(signature, files)).toEqual({ kind: 'OpenPGP', signer: `${type} <${email}>`, key });
    expect((await refusalOf(() => verify(signature, files, Buffer.from('altered')))).reason).toBe('SignatureInvalid');
  });
});

describe('a key with subkeys', () => {
  let key: string;
  let subkey: string;
  beforeAll(async () => {
    key = await place.gpgKey('sub@example.com', 'ed25519', 'cert', 'never', made);
    await place.gpg(['--quick-add-key', key, 'ed25519', 'sign', 'never'], undefined, made);
    const listed = (await place.gpg(['--with-colons', '--with-subkey-fingerprint', '--list-keys', key])).toString();
    subkey = [...listed.matchAll(/^fpr:::::::::([0-9A-F]{40}):/gm)].at(-1)?.[1] ?? '';
  });

  test('signs by the subkey, and is named by its primary key', async () => {
    const signature = await signBy(`${subkey}!`);
    const files = [await place.gpgExport('sub@example.com')];
    expect(await isGoodForGpg(signature, files)).toBe(true);
    expect((await verify(signature, files)).key).toBe(key);
  });

  test('does not sign by a subkey that expired', async () => {
    const signature = await signBy(`${subkey}!`);
    await place.gpg(['--quick-set-expire', key, '1y', subkey], undefined, '20200103T000000');
    const files = [await place.gpgExport('sub@example.com')];
    expect(await refused(signature, files)).toEqual([
      'SignatureExpired',
      'is signed with subkey FPR of OpenPGP key FPR of sub <sub@example.com>, whose subkey expired at 2021-01-02T00:00:00Z',
    ]);
    await place.gpg(['--quick-set-expire', key, '0', subkey], undefined, '20200601T000000');
    expect((await verify(signature, [await place.gpgExport('sub@example.com')])).key).toBe(key);
  });

  test('does not sign by a subkey that is revoked, whatever the time', async () => {
    const signature = await signBy(`${subkey}!`);
    const before = await place.gpgExport('sub@example.com');
    const edit = ['--command-fd', '0', '--edit-key', key, 'key 1', 'revkey', 'save'];
    await place.gpg(edit, 'y\n3\n\ny\ny\n', '20210101T000000');
    const after = await place.gpgExport('sub@example.com');
    const told = ['SignatureRevoked', 'is signed with subkey FPR of OpenPGP key FPR of sub <sub@example.com>; the subkey is revoked'];
    expect(await refused(signature, [after])).toEqual(told);
    expect(await refused(signature, [before, after])).toEqual(told);
    expect(await refused(signature, [after, before])).toEqual(told);
  });
});

describe('a key that ended', () => {
  test('is expired today, also for what it signed before', async () => {
    const key = await place.gpgKey('expired@example.com', 'ed25519', 'sign', '1y', made);
    const signature = await signBy(key);
    const files = [await place.gpgExport(key)];
    expect(await refused(signature, files)).toEqual([
      'SignatureExpired',
      'is signed with OpenPGP key FPR of expired <expired@example.com>, which expired at 2020-12-31T00:00:00Z',
    ]);
    expect((await verify(signature, files, payload, new Date('2020-06-01T00:00:00Z'))).key).toBe(key);
    // Its end moved forward, it is trusted again; the newer copy counts, whatever their order.
    await place.gpg(['--quick-set-expire', key, '20300101T000000'], undefined, '20200601T000000');
    const extended = await place.gpgExport(key);
    for (const copies of [[extended], [extended, ...files], [...files, extended]]) {
      expect(await isGoodForGpg(signature, copies)).toBe(true);
      expect((await verify(signature, copies)).key).toBe(key);
    }
  });

  test('is revoked by a certificate of its own beside it, for whatever reason', async () => {
    const key = await place.gpgKey('revoked@example.com', 'ed25519', 'sign', 'never', made);
    const signature = await signBy(key);
    const plain = await place.gpgExport(key);
    for (const why of ['0', '1', '2', '3']) {
      const certificate = await place.gpgRevocation(key, why, '20210101T000000');
      const told = ['SignatureRevoked', 'is signed with OpenPGP key FPR of revoked <revoked@example.com>, which is revoked'];
      expect(await refused(signature, [plain, certificate])).toEqual(told);
      expect((await refusalOf(() => verify(signature, [`${certificate}\n${plain}`]))).reason).toBe('SignatureRevoked');
    }
  });

  test('by another key’s revocation changes nothing', async () => {
    const [mine, theirs] = [await place.gpgKey('mine@example.com'), await place.gpgKey('theirs@example.com')];
    const signature = (await place.gpg(['-bsa', '-u', mine], payload)).toString();
    const certificate = await place.gpgRevocation(theirs, '0');
    const later = new Date(Date.now() + 60_000);
    expect((await verify(signature, [await place.gpgExport(mine), certificate], payload, later)).key).toBe(mine);
  });
});

test('a signature that ends by itself is expired', async () => {
  const key = await place.gpgKey('short@example.com', 'ed25519', 'sign', 'never', made);
  const signature = await signBy(key, signed, ['--default-sig-expire', '10d']);
  expect(await refused(signature, [await place.gpgExport(key)])).toEqual([
    'SignatureExpired',
    'is signed with OpenPGP key FPR of short <short@example.com>, and the signature itself was good until 2020-01-12T00:00:00Z only',
  ]);
});

test('a key that nobody gave is not trusted', async () => {
  await place.gpgKey('known@example.com', 'ed25519', 'sign', 'never', made);
  await place.gpgKey('stranger@example.com', 'ed25519', 'sign', 'never', made);
  const signature = await signBy('stranger@example.com');
  expect(await refused(signature, [await place.gpgExport('known@example.com')])).toEqual([
    'SignatureUntrusted',
    'is signed with OpenPGP key FPR, which no *.asc in the Secret of spec.verify holds',
  ]);
  expect((await refusalOf(() => verify(signature, []))).message).toMatch(/, and the Secret of spec.verify has no \*.asc$/);
});

test.each([
  ['SHA-1', ['--digest-algo', 'SHA1', '--weak-digest', 'MD5'], 'its hash is one that is broken'],
  ['text', ['--textmode'], 'it is not made over the bytes as they are'],
  ['a critical notation', ['--sig-notation', '!purpose@example.com=x'], 'critical subpacket 20'],
])('a signature of %s is refused', async (_what, options, message) => {
  const email = 'strict@example.com';
  const { status } = await place.try('gpg', ['--list-keys', email]);
  if (status !== 0) await place.gpgKey(email, 'rsa2048', 'sign', 'never', made);
  const signature = await signBy(email, signed, options);
  expect(await refusalOf(async () => verify(signature, [await place.gpgExport(email)]))).toMatchObject({
    reason: 'SignatureInvalid',
    message: expect.stringContaining(message),
  });
});

test('a kind of key that cannot be verified here is told as that', async () => {
  await place.gpgKey('curve@example.com', 'brainpoolP256r1', 'sign', 'never', made);
  const signature = await signBy('curve@example.com');
  const error = await refusalOf(async () => verify(signature, [await place.gpgExport('curve@example.com')]));
  expect([error.reason, error.message]).toEqual(['SignatureUntrusted', expect.stringContaining('ecdsa on brainpoolP256r1')]);
});

test('two signatures in one are refused', async () => {
  for (const email of ['one@example.com', 'two@example.com']) await place.gpgKey(email, 'ed25519', 'sign', 'never', made);
  const both = await signBy('one@example.com', signed, ['-u', 'two@example.com']);
  const error = await refusalOf(async () => verify(both, [await place.gpgExport('one@example.com')]));
  expect([error.reason, error.message]).toEqual(['SignatureInvalid', expect.stringContaining('more than one signature')]);
});

describe('the files of the Secret', () => {
  let signature: string;
  let good: string;
  beforeAll(async () => {
    await place.gpgKey('files@example.com', 'ed25519', 'sign', 'never', made);
    signature = await signBy('files@example.com');
    good = await place.gpgExport('files@example.com');
  });

  test('may hold several keys each, with words around them', async () => {
    await place.gpgKey('second@example.com', 'ed25519', 'sign', 'never', made);
    const second = await place.gpgExport('second@example.com');
    const file = `The team's keys\n\n${second}\nand\n${good}`.replaceAll('\n', '\r\n');
    expect((await verify(signature, [file])).signer).toBe('files <files@example.com>');
  });

  test('are told by name when they are broken, all of them, without what they hold', async () => {
    const secret = (await place.gpg(['--armor', '--export-secret-keys', 'files@example.com'])).toString();
    const error = await refusalOf(() =>
      verify(signature, [good, 'nothing', secret, good.replace(/\n=.*\n/, '\n=AAAA\n'), good.replace(/\n\n.{40}/, '\n\n')]),
    );
    expect(error.reason).toBe('VerifyKeysInvalid');
    expect(error.faults.map(({ message }) => message)).toEqual([
      'key 1.asc in the Secret of spec.verify: there is no armoured OpenPGP key in it',
      'key 2.asc in the Secret of spec.verify: it holds a private key',
      'key 3.asc in the Secret of spec.verify: its checksum does not fit',
      expect.stringContaining('key 4.asc in the Secret of spec.verify: '),
    ]);
    expect(JSON.stringify(error.faults)).not.toContain(secret.split('\n')[3]);
  });
});
