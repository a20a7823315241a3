import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readAllowedSigners } from '../../../operator/source/verify/allowed-signers.ts';
import { verifySsh } from '../../../operator/source/verify/sshsig.ts';
import { PlumblineError } from '../../../operator/errors.ts';
import { refusalOf, Workplace } from './tools.ts';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKWOHqROSqcQ0pDBXu13Lmm8G0OV9i0ZxHOmWs4GCR1B';
const other = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBAKvaqMR3H1oGqYkKmSmvAvVmXnWYjdh0Z4ejrdi0Rm';

test('a line says who, with what, for what and when', () => {
  const text = `# who may sign\n\n  alice@example.com,*@ops.example.com namespaces="git,file",valid-after="20200101",valid-before="202612312359Z" ${key} alice\r\n`;
  expect(readAllowedSigners(text)).toEqual([
    {
      line: 3,
      principals: 'alice@example.com,*@ops.example.com',
      key: expect.objectContaining({ type: 'ssh-ed25519', fingerprint: expect.stringMatching(/^SHA256:[\w+/]{43}$/) }),
      isAuthority: false,
      namespaces: 'git,file',
      validAfter: Date.UTC(2020, 0, 1) / 1000,
      validBefore: Date.UTC(2026, 11, 31, 23, 59) / 1000,
    },
  ]);
});

test.each([
  ['"alice and bob" ', 'alice and bob', {}],
  ['* cert-authority ', '*', { isAuthority: true }],
  ['* Cert-Authority,Namespaces="a b\\"c" ', '*', { isAuthority: true, namespaces: 'a b"c' }],
  ['*\tvalid-before="20301231235958"\t', '*', { validBefore: Date.UTC(2030, 11, 31, 23, 59, 58) / 1000 }],
])('%j', (start, principals, options) => {
  expect(readAllowedSigners(`${start}${key}`)).toEqual([expect.objectContaining({ principals, ...options })]);
});

test.each([
  ['', `alice ${key.slice(0, 40)}`, 'its key is broken'],
  ['', `alice ${key}!`, 'base64'],
  ['', key, 'no key of a type that is known'],
  ['', 'alice', 'no key of a type that is known'],
  ['', 'alice ssh-dss AAAAB3NzaC1kc3MAAACBAA==', 'no key of a type that is known'],
  ['', `alice ${key.replace('ssh-ed25519', 'ssh-rsa')}`, 'its key is of type ssh-ed25519'],
  ['', `alice ${key.replace('ssh-ed25519', 'ssh-ed25519-cert-v01@openssh.com')}`, 'state the key of its CA'],
  ['', `"alice ${key}`, 'does not begin with principals'],
  ['', `alice verify-required ${key}`, 'options go wrong'],
  ['', `alice colour="red" ${key}`, 'the option "colour" is not known'],
  ['', `alice namespaces=git ${key}`, 'options go wrong'],
  ['', `alice namespaces="git", ${key}`, 'options go wrong'],
  ['', `alice namespaces="git",namespaces="git" ${key}`, 'namespaces twice'],
  ['', `alice valid-before="2030-01-01" ${key}`, 'valid-before is not a time'],
  ['', `alice valid-before="20300231" ${key}`, 'valid-before is not a time'],
  ['', `alice valid-after="20300101",valid-before="20290101" ${key}`, 'valid-before is not after valid-after'],
])('%s%j is refused with its line', async (_empty, line, message) => {
  const error = await refusalOf(() => readAllowedSigners(`# comment\n${line}\nbob ${other}\n`));
  expect(error.reason).toBe('VerifyKeysInvalid');
  expect(error.message).toContain('line 2 of allowed_signers');
  expect(error.message).toContain(message);
});

test('all faulty lines are told', () => {
  const bad = (): unknown => readAllowedSigners(`alice\nbob ${key}\ncarol\n`);
  expect(bad).toThrow(PlumblineError);
  expect(bad).toThrow(/line 1 .*line 3 /);
});

test('thousands of lines are read at once', () => {
  expect(readAllowedSigners(`alice ${key}\n`.repeat(10_000))).toHaveLength(10_000);
});

let place: Workplace;
let signature: string;
let alice: string;
let bob: string;
const payload = Buffer.from('a commit\n');
const at = Date.UTC(2024, 5, 1, 12) / 1000;

beforeAll(async () => {
  place = await Workplace.open();
  [alice, bob] = [await place.sshKey('alice'), await place.sshKey('bob', 'ecdsa')];
  signature = await place.sshSign('alice', payload);
  await place.write('commit.sig', signature);
});
afterAll(() => place.close());

/** As git asks: who it is, then whether each of them may. */
async function trustedByOpenSsh(list: string): Promise<boolean> {
  await place.write('allowed', list);
  const time = '-Overify-time=20240601120000';
  const found = await place.try('ssh-keygen', ['-Y', 'find-principals', '-f', place.path('allowed'), '-s', place.path('commit.sig'), time]);
  if (found.status !== 0) return false;
  for (const principal of found.out.toString().trim().split('\n')) {
    const args = ['-Y', 'verify', '-n', 'git', '-f', place.path('allowed'), '-I', principal, '-s', place.path('commit.sig'), time];
    if ((await place.try('ssh-keygen', args, payload)).status === 0) return true;
  }
  return false;
}

test.each([
  ['alice@example.com ALICE', 'alice@example.com'],
  ['alice@example.com,a@example.com ALICE comment', 'alice@example.com, a@example.com'],
  ['*@example.com ALICE', '*@example.com'],
  ['"alice" ALICE', 'alice'],
  ['bob BOB\nalice ALICE', 'alice'],
  ['alice namespaces="git" ALICE', 'alice'],
  ['alice namespaces="g?t,!got" ALICE', 'alice'],
  ['alice namespaces="file" ALICE', undefined],
  ['alice namespaces="*,!git" ALICE', undefined],
  ['alice cert-authority ALICE', undefined],
  ['bob BOB', undefined],
  ['# alice ALICE', undefined],
  ['', undefined],
  ['alice valid-after="20240601" ALICE', 'alice'],
  ['alice valid-after="20240601120000Z" ALICE', 'alice'],
  ['alice valid-after="20240601120001Z" ALICE', undefined],
  ['alice valid-before="20240601120000Z" ALICE', 'alice'],
  ['alice valid-before="20240601115959" ALICE', undefined],
  ['alice valid-before="202406011200Z" ALICE', 'alice'],
  ['alice valid-before="20240601Z" ALICE', undefined],
  ['alice valid-after="20230101",valid-before="20250101" ALICE', 'alice'],
  ['alice valid-before="20200101" ALICE\ncarol ALICE', 'carol'],
  ['!alice,* ALICE', '*'],
])('%j is understood as ssh-keygen does', async (template, signer) => {
  const list = `${template.replaceAll('ALICE', alice).replaceAll('BOB', bob)}\n`;
  const verify = (): string => verifySsh(payload, signature, readAllowedSigners(list), at).signer;
  expect(await trustedByOpenSsh(list)).toBe(signer !== undefined);
  if (signer !== undefined) expect(verify()).toBe(signer);
  else expect((await refusalOf(verify)).reason).toMatch(/^Signature(Untrusted|Expired)$/);
});

test.each([
  ['where options go wrong', 'a cert-authori\u009f\u001b[2J\u2028 ssh-ed25519 x'],
  ['of an option that is not known', 'a x="\u0085" ALICE'],
  ['of a time that is none', 'a valid-after="\u009b2J" ALICE'],
])('a message %s shows nothing that moves a cursor (found by fuzzing)', async (_, line) => {
  const { message } = await refusalOf(() => readAllowedSigners(line.replaceAll('ALICE', alice)));
  // eslint-disable-next-line no-control-regex
  expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
});
