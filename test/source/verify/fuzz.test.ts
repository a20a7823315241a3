import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PlumblineError } from '../../../operator/errors.ts';
import { readAllowedSigners } from '../../../operator/source/verify/allowed-signers.ts';
import { readSignaturePacket } from '../../../operator/source/verify/openpgp-packet.ts';
import { verifyOpenPgp } from '../../../operator/source/verify/openpgp.ts';
import { splitCommit, splitTag } from '../../../operator/source/verify/signed-object.ts';
import { readSshSignature, verifySsh } from '../../../operator/source/verify/sshsig.ts';
import { isSoak, seededRandom } from '../../soak.ts';
import { Workplace } from './tools.ts';

// Whatever is fed to the parsers: a value or an error of the catalogue, at once, in bounded memory.

const rounds = isSoak() ? 1_000_000 : 1_000;
const budget = isSoak() ? 1_800_000 : 60_000;
const slowest = 1_000;
const memory = 300 * 1024 * 1024;

let place: Workplace;
let ssh: readonly Buffer[];
let openPgp: Buffer;
let asc: string;
let allowed: Buffer;

beforeAll(async () => {
  place = await Workplace.open();
  const keys = [await place.sshKey('ed'), await place.sshKey('ec', 'ecdsa'), await place.sshKey('rsa', 'rsa', ['-b', '2048'])];
  await place.run('ssh-keygen', ['-q', '-s', place.path('ed'), '-I', 'x', '-n', 'a,b', '-O', 'force-command=x', place.path('ec.pub')]);
  const signatures = await Promise.all(['ed', 'ec', 'rsa', 'ec-cert.pub'].map((name) => place.sshSign(name, 'x')));
  ssh = signatures.map((armored) => Buffer.from(armored.split('\n').slice(1, -2).join(''), 'base64'));
  allowed = Buffer.from(
    `# all\n*@example.com,!x namespaces="git,file",valid-after="20200101Z" ${keys[0]} comment\n"a b" cert-authority ${keys[1]}\r\n\nc ${keys[2]}\n`,
  );
  await place.gpgKey('a@example.com');
  asc = await place.gpgExport('a@example.com');
  openPgp = await place.gpg(['-bs', '-u', 'a@example.com'], 'x');
});
afterAll(() => place.close());

/** A few edits: bytes turned, cut, doubled, moved, and numbers made large. */
function mutate(seed: Buffer, random: () => number): Buffer {
  const below = (count: number): number => Math.floor(random() * count);
  let bytes = Buffer.from(seed);
  for (let edits = 1 + below(6); edits > 0; edits -= 1) {
    const [from, to] = [below(bytes.length + 1), below(bytes.length + 1)].toSorted((a, b) => a - b) as [number, number];
    const part = bytes.subarray(from, Math.min(to, from + 64));
    const rest = bytes.subarray(from);
    switch (below(7)) {
      case 0:
        if (bytes.length > 0) bytes[below(bytes.length)] = below(256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + part.length)]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, to), part, bytes.subarray(to)]);
        break;
      case 3:
        bytes = bytes.subarray(0, Math.max(1, to));
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, from), Buffer.from([0xff, 0xff, 0xff, 0xff].slice(below(4))), rest]);
        break;
      case 5:
        if (rest.length >= 4) rest.writeUInt32BE(below(2) === 0 ? below(300) : below(2 ** 32));
        break;
      default:
        bytes = Buffer.concat([
          bytes.subarray(0, from),
          Buffer.from(['\n', ' ', '"', ',', '\\', '\0', '*', '=', '-----BEGIN'][below(9)] ?? ''),
          rest,
        ]);
    }
  }
  return bytes;
}

/** Feeds `parse` with mutations of the seeds; gives how many it took. */
async function fuzz(seeds: readonly Buffer[], parse: (input: Buffer) => unknown, count = rounds): Promise<number> {
  const random = seededRandom(count + seeds.length);
  let taken = 0;
  const before = process.memoryUsage();
  for (let round = 0; round < count; round += 1) {
    const input = mutate(seeds[round % seeds.length] as Buffer, random);
    const started = performance.now();
    try {
      await parse(input);
      taken += 1;
    } catch (error) {
      const isOurs = error instanceof PlumblineError && /^(Signature|VerifyKeys)/.test(error.reason);
      if (!isOurs) throw new Error(`round ${round}, ${JSON.stringify(input.toString('latin1'))}`, { cause: error });
      expect(error.message.length).toBeLessThan(20_000);
    }
    expect(performance.now() - started).toBeLessThan(slowest);
  }
  const after = process.memoryUsage();
  expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(memory);
  return taken;
}

const armored = (bytes: Buffer, label = 'SSH SIGNATURE', headers = ''): string =>
  `-----BEGIN ${label}-----\n${headers}${bytes.toString('base64')}\n-----END ${label}-----\n`;
const commit = Buffer.from(
  `tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\ngpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\ngpgsig-sha256 x\n y\n\nA\n\n-----BEGIN PGP SIGNATURE-----\n`,
);

test(
  'SSH signatures',
  async () => {
    expect(await fuzz(ssh, (input) => readSshSignature(armored(input)))).toBeGreaterThan(0);
  },
  budget,
);

test(
  'armour around SSH signatures',
  async () => {
    await fuzz(
      ssh.map((bytes) => Buffer.from(armored(bytes))),
      (input) => readSshSignature(input.toString('latin1')),
    );
  },
  budget,
);

test(
  'SSH signatures, verified',
  async () => {
    const signers = readAllowedSigners(allowed.toString());
    const verify = (input: Buffer): unknown => verifySsh(Buffer.from('x'), armored(input), signers, 1_700_000_000);
    await fuzz(ssh, verify, Math.ceil(rounds / 5));
  },
  budget,
);

test(
  'allowed_signers',
  async () => {
    expect(await fuzz([allowed], (input) => readAllowedSigners(input.toString('utf8')))).toBeGreaterThan(0);
  },
  budget,
);

test(
  'commits and tags',
  async () => {
    expect(await fuzz([commit], (input) => [splitCommit(input), splitTag(input)])).toBeGreaterThan(0);
  },
  budget,
);

test(
  'OpenPGP signatures',
  async () => {
    expect(await fuzz([openPgp], readSignaturePacket)).toBeGreaterThan(0);
  },
  budget,
);

test(
  'OpenPGP signatures and keys, through the library',
  async () => {
    const now = new Date();
    const signature = armored(openPgp, 'PGP SIGNATURE', '\n');
    const key = Buffer.from(/\n\n([^]*)\n=/.exec(asc)?.[1] ?? '', 'base64');
    const label = 'PGP PUBLIC KEY BLOCK';
    const verify = (armoredSignature: string, text: string): unknown =>
      verifyOpenPgp(Buffer.from('x'), armoredSignature, [{ name: 'a.asc', text }], now);
    const count = Math.ceil(rounds / 10);
    await fuzz([openPgp], (input) => verify(armored(input, 'PGP SIGNATURE', '\n'), asc), count);
    await fuzz([key], (input) => verify(signature, armored(input, label, '\n')), count);
  },
  budget,
);
