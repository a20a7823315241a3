import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { verifyCommit, verifyTag } from '../../../operator/source/verify/index.ts';
import type { VerifyKeys } from '../../../operator/source/verify/index.ts';
import { isSoak, sampled, seededRandom } from '../../soak.ts';
import { objectId, reasonOf, Workplace } from './tools.ts';

// What is signed is refused when any byte of it, or of its signature, is another: each byte in a soak, else a sample.

const headers = 'tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@example.com> 1700000000 +0100\n';
const commit = `${headers}committer C <c@example.com> 1700000001 -0230\n\nSubject\n\nBody\n`;
const target = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const tag = `object ${target}\ntype commit\ntag v1\ntagger T <t@example.com> 1700000002 +0000\n\nRelease\n`;
const now = new Date(Date.now() + 3_600_000);

let place: Workplace;
let keys: VerifyKeys;

beforeAll(async () => {
  place = await Workplace.open();
  const list: string[] = [];
  for (const [name, type, bits] of [
    ['ed25519', 'ed25519', []],
    ['ecdsa', 'ecdsa', ['-b', '384']],
    ['rsa', 'rsa', ['-b', '2048']],
  ] as const) {
    list.push(`${name}@example.com ${await place.sshKey(name, type, bits)}\n`);
  }
  list.push(`certified@example.com cert-authority ${await place.sshKey('ca')}\n`);
  await place.sshKey('certified');
  await place.run('ssh-keygen', ['-q', '-s', place.path('ca'), '-I', 'x', '-n', 'certified@example.com', place.path('certified.pub')]);
  for (const type of ['ed25519', 'rsa2048', 'nistp256']) await place.gpgKey(`${type}@example.com`, type);
  keys = { asc: [{ name: 'all.asc', text: (await place.gpg(['--armor', '--export'])).toString() }], allowedSigners: list.join('') };
});
afterAll(() => place.close());

async function sign(payload: string, by: string): Promise<string> {
  return by.includes('@') ? (await place.gpg(['-bsa', '-u', by], payload)).toString() : place.sshSign(by, payload);
}

async function signedCommit(by: string): Promise<Buffer> {
  const signature = (await sign(commit, by)).trimEnd().replaceAll('\n', '\n ');
  return Buffer.from(commit.replace('\n\nSubject', () => `\ngpgsig ${signature}\n\nSubject`));
}

interface Flip {
  readonly at: number;
  readonly value: number;
}

/** Each byte twice: one bit of it, and any other value. */
function flips(raw: Buffer): Flip[] {
  const random = seededRandom(raw.length);
  return [...raw.keys()].flatMap((at) => [
    { at, value: (raw[at] ?? 0) ^ (1 << Math.floor(random() * 8)) },
    { at, value: ((raw[at] ?? 0) + 1 + Math.floor(random() * 255)) % 256 },
  ]);
}

/** Which flips are let through. */
async function unnoticed(raw: Buffer, verify: (raw: Buffer) => Promise<unknown>): Promise<readonly string[]> {
  const through: string[] = [];
  for (const { at, value } of sampled(flips(raw), 150)) {
    const altered = Buffer.from(raw);
    altered[at] = value;
    const reason = await reasonOf(() => verify(altered)).catch((error: unknown) => String(error));
    if (!reason.startsWith('Signature'))
      through.push(`byte ${at} (${JSON.stringify(raw.toString('latin1', at, at + 1))}) as ${value}: ${reason}`);
  }
  return through;
}

test.each(['ed25519', 'ecdsa', 'rsa', 'certified-cert.pub', 'ed25519@example.com', 'rsa2048@example.com', 'nistp256@example.com'])(
  'a commit signed by %s',
  async (by) => {
    const verify = (raw: Buffer): Promise<unknown> => verifyCommit({ sha: objectId('commit', raw), raw }, keys, now);
    const raw = await signedCommit(by);
    await verify(raw);
    expect(await unnoticed(raw, verify)).toEqual([]);
  },
  isSoak() ? 600_000 : 60_000,
);

test.each(['ed25519', 'ed25519@example.com'])(
  'a tag signed by %s',
  async (by) => {
    const verify = (raw: Buffer): Promise<unknown> => verifyTag({ sha: objectId('tag', raw), raw, name: 'v1', commit: target }, keys, now);
    const raw = Buffer.from(`${tag}${await sign(tag, by)}`);
    await verify(raw);
    expect(await unnoticed(raw, verify)).toEqual([]);
  },
  isSoak() ? 600_000 : 60_000,
);
