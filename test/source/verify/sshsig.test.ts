import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readAllowedSigners } from '../../../operator/source/verify/allowed-signers.ts';
import { readSshSignature, verifySsh } from '../../../operator/source/verify/sshsig.ts';
import { wireString } from '../../../operator/source/verify/ssh-key.ts';
import type { Verified } from '../../../operator/source/verify/types.ts';
import { refusalOf, Workplace } from './tools.ts';

const payload = Buffer.from('tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nA commit\n');
const at = Date.UTC(2024, 5, 1, 12) / 1000;

let place: Workplace;
let ca: string;

beforeAll(async () => {
  place = await Workplace.open();
  ca = await place.sshKey('ca');
});
afterAll(() => place.close());

function verify(signature: string, list: string, time = at): Verified {
  return verifySsh(payload, signature, readAllowedSigners(list), time);
}

/** Whether ssh-keygen itself trusts it, for `alice`. */
async function isGoodForOpenSsh(signature: string, list: string): Promise<boolean> {
  await place.write('allowed', `${list}\n`);
  await place.write('sig', signature);
  const args = ['-n', 'git', '-f', place.path('allowed'), '-I', 'alice', '-s', place.path('sig'), '-Overify-time=20240601120000'];
  return (await place.try('ssh-keygen', ['-Y', 'verify', ...args], payload)).status === 0;
}

describe.each([
  ['ed25519', 'ed25519', []],
  ['ecdsa 256', 'ecdsa', ['-b', '256']],
  ['ecdsa 384', 'ecdsa', ['-b', '384']],
  ['ecdsa 521', 'ecdsa', ['-b', '521']],
  ['rsa', 'rsa', ['-b', '2048']],
])('a key of type %s', (name, type, bits) => {
  const file = name.replace(' ', '-');
  let key: string;
  beforeAll(async () => {
    key = await place.sshKey(file, type, bits);
  });

  test.each(['sha256', 'sha512'])('signs with %s', async (hash) => {
    const signature = await place.sshSign(file, payload, [`-Ohashalg=${hash}`]);
    const fingerprint = (await place.run('ssh-keygen', ['-l', '-f', place.path(`${file}.pub`)])).toString().split(' ')[1] ?? '';
    expect(readSshSignature(signature).hash).toBe(hash);
    expect(verify(signature, `alice ${key}`)).toEqual({ kind: 'SSH', signer: 'alice', key: fingerprint });
  });

  test('signs by a certificate of a CA', async () => {
    await place.run('ssh-keygen', [
      '-q',
      '-s',
      place.path('ca'),
      '-I',
      'laptop',
      '-n',
      'alice,root',
      '-V',
      '20240101:20250101',
      place.path(`${file}.pub`),
    ]);
    const signature = await place.sshSign(`${file}-cert.pub`, payload);
    const list = `alice,bob cert-authority ${ca}`;
    expect(await isGoodForOpenSsh(signature, list)).toBe(true);
    expect(verify(signature, list).signer).toBe('alice');
    expect((await refusalOf(() => verify(signature, `alice ${key}`))).reason).toBe('SignatureUntrusted');
    expect((await refusalOf(() => verify(signature, `alice ${ca}`))).reason).toBe('SignatureUntrusted');
  });
});

describe('a certificate', () => {
  const list = (): string => `alice cert-authority ${ca}`;

  async function signedBy(options: readonly string[], authority = 'ca'): Promise<string> {
    const name = `k${randomBytes(6).toString('hex')}`;
    await place.sshKey(name);
    await place.run('ssh-keygen', ['-q', '-s', place.path(authority), '-I', 'laptop', ...options, place.path(`${name}.pub`)]);
    return place.sshSign(`${name}-cert.pub`, payload);
  }

  test.each([
    [['-n', 'alice'], 'alice', ''],
    [['-n', 'alice', '-V', 'always:forever'], 'alice', ''],
    [['-n', 'mallory'], 'SignatureUntrusted', 'its principals (mallory) are not those of line 1'],
    [[], 'SignatureUntrusted', 'its principals (none) are not those of line 1'],
    [['-n', 'alice', '-h'], 'SignatureUntrusted', 'for a host'],
    [
      ['-n', 'alice', '-V', '20240602:20250101'],
      'SignatureExpired',
      'the certificate is valid from 2024-06-02T00:00:00Z, and it is of 2024-06-01T12:00:00Z',
    ],
    [['-n', 'alice', '-V', '20230101:20240601'], 'SignatureExpired', 'the certificate was valid until 2024-06-01T00:00:00Z'],
  ])('%j: %s', async (options, expected, message) => {
    const signature = await signedBy(options);
    expect(await isGoodForOpenSsh(signature, list())).toBe(message === '');
    if (message === '') expect(verify(signature, list()).signer).toBe(expected);
    else
      expect(await refusalOf(() => verify(signature, list()))).toMatchObject({
        reason: expected,
        message: expect.stringContaining(message),
      });
  });

  test('with critical options is refused, as its format asks of those who do not know them', async () => {
    const signature = await signedBy(['-n', 'alice', '-O', 'force-command=true']);
    const error = await refusalOf(() => verify(signature, list()));
    expect([error.reason, error.message]).toEqual(['SignatureUntrusted', expect.stringContaining('critical options (force-command)')]);
  });

  test('of another CA is refused', async () => {
    await place.sshKey('other-ca', 'ecdsa');
    const error = await refusalOf(async () => verify(await signedBy(['-n', 'alice'], 'other-ca'), list()));
    expect(error.message).toMatch(/certified by SHA256:.* as "laptop", which no line of allowed_signers/);
  });

  test('whose CA signature is wrong is refused', async () => {
    const armored = await signedBy(['-n', 'alice']);
    const bytes = Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64');
    bytes.writeUInt8(bytes.readUInt8(bytes.indexOf('alice')) + 1, bytes.indexOf('alice'));
    const altered = `-----BEGIN SSH SIGNATURE-----\n${bytes.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
    const error = await refusalOf(() => verify(altered, list()));
    expect([error.reason, error.message]).toEqual([
      'SignatureInvalid',
      expect.stringContaining("the CA's signature in its certificate is wrong"),
    ]);
  });
});

describe('a security key, made in software', () => {
  /** As the device does: over what the host gives, its own flags and its counter. */
  function deviceSignature(type: 'ed25519' | 'ecdsa'): { readonly key: string; readonly signature: string } {
    const isEd = type === 'ed25519';
    const pair: { privateKey: KeyObject; publicKey: KeyObject } = isEd
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = pair.publicKey.export({ format: 'jwk' });
    const name = isEd ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com';
    const x = Buffer.from(jwk.x ?? '', 'base64url');
    const point = isEd ? [x] : [Buffer.from('nistp256'), Buffer.concat([Buffer.from([4]), x, Buffer.from(jwk.y ?? '', 'base64url')])];
    const blob = Buffer.concat([Buffer.from(name), ...point, Buffer.from('ssh:')].map(wireString));
    const hash = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest();
    const toSign = Buffer.concat([Buffer.from('SSHSIG'), ...['git', '', 'sha256'].map(wireString), wireString(hash(payload))]);
    const state = Buffer.from([1, 0, 0, 0, 7]);
    const message = Buffer.concat([hash('ssh:'), state, hash(toSign)]);
    let bytes = sign(isEd ? null : 'sha256', message, isEd ? pair.privateKey : { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
    if (!isEd) bytes = Buffer.concat([bytes.subarray(0, 32), bytes.subarray(32)].map(mpint));
    const inner = Buffer.concat([wireString(name), wireString(bytes), state]);
    const version = Buffer.from([0, 0, 0, 1]);
    const whole = Buffer.concat([Buffer.from('SSHSIG'), version, ...[blob, 'git', '', 'sha256', inner].map(wireString)]);
    return {
      key: `${name} ${blob.toString('base64')}`,
      signature: `-----BEGIN SSH SIGNATURE-----\n${whole.toString('base64').replace(/.{70}(?=.)/g, '$&\n')}\n-----END SSH SIGNATURE-----\n`,
    };
  }

  function mpint(number: Buffer): Buffer {
    let bytes = number;
    while (bytes[0] === 0 && bytes.length > 1) bytes = bytes.subarray(1);
    return wireString((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
  }

  test.each(['ed25519', 'ecdsa'] as const)('of type %s signs', async (type) => {
    const { key, signature } = deviceSignature(type);
    expect(await isGoodForOpenSsh(signature, `alice ${key}`)).toBe(true);
    expect(verify(signature, `alice ${key}`).signer).toBe('alice');
  });
});

test('what was altered, or signed for something else, is told apart from a key that is not known', async () => {
  const [alice, bob] = [await place.sshKey('alice'), await place.sshKey('bob')];
  const signature = await place.sshSign('alice', payload);
  const refused = async (list: string, text = signature, bytes = payload): Promise<readonly string[]> => {
    const { reason, message } = await refusalOf(() => verifySsh(bytes, text, list === '' ? undefined : readAllowedSigners(list), at));
    return [reason, message.replace(/SHA256:[\w+/]{43}/g, 'FINGERPRINT')];
  };
  expect(await refused(`alice ${alice}`, signature, Buffer.from('altered'))).toEqual([
    'SignatureInvalid',
    'does not match its signature by SSH key FINGERPRINT: it, or the signature, was altered after signing',
  ]);
  expect(await refused(`alice ${alice}`, await place.sshSign('alice', payload, [], 'file'))).toEqual([
    'SignatureInvalid',
    'has a signature made for "file" by SSH key FINGERPRINT, not for git',
  ]);
  expect(await refused(`bob ${bob}`)).toEqual([
    'SignatureUntrusted',
    'is signed with SSH key FINGERPRINT, which no line of allowed_signers in the Secret of spec.verify names',
  ]);
  expect(await refused('')).toEqual([
    'SignatureUntrusted',
    'is signed with SSH key FINGERPRINT, and the Secret of spec.verify has no key allowed_signers',
  ]);
  expect(await refused(`bob ${bob}\nalice valid-before="20240101Z" ${alice}`)).toEqual([
    'SignatureExpired',
    'is signed with SSH key FINGERPRINT: line 2 of allowed_signers says valid-before 2024-01-01T00:00:00Z, and it is of 2024-06-01T12:00:00Z',
  ]);
  expect(await refused(`alice namespaces="file" ${alice}`)).toEqual([
    'SignatureUntrusted',
    'is signed with SSH key FINGERPRINT: line 1 of allowed_signers allows the key for "file", not for git',
  ]);
});

test('a short RSA key is refused by name', async () => {
  const weak = await place.sshKey('weak', 'rsa', ['-b', '1024']);
  expect((await refusalOf(() => readAllowedSigners(`alice ${weak}`))).message).toContain('an RSA key of 1024 bits is not taken');
});
