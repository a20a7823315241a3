/** The parsers that whoever signs feeds, and those of the Secrets that people write. */
import { readAllowedSigners } from '../../operator/source/verify/allowed-signers.ts';
import { armoredBlocks, readArmor } from '../../operator/source/verify/armor.ts';
import { readSignaturePacket } from '../../operator/source/verify/openpgp-packet.ts';
import { verifyOpenPgp } from '../../operator/source/verify/openpgp.ts';
import { malformed } from '../../operator/source/verify/refusal.ts';
import { splitCommit, splitTag, statedTime } from '../../operator/source/verify/signed-object.ts';
import { readSshSignature, verifySsh } from '../../operator/source/verify/sshsig.ts';
import type { Workplace } from '../source/verify/tools.ts';
import { mustHold } from './target.ts';
import type { Dice, Target } from './target.ts';

interface RealSignatures {
  /** Public key lines, of ed25519, ecdsa and rsa. */
  readonly keys: readonly string[];
  readonly ssh: readonly Buffer[];
  readonly openPgp: readonly Buffer[];
  readonly asc: string;
}

let made: Promise<RealSignatures> | undefined;

/** Made once for all targets of a process, by ssh-keygen and gpg. */
function realSignatures(place: Workplace): Promise<RealSignatures> {
  made ??= make(place);
  return made;
}

async function make(place: Workplace): Promise<RealSignatures> {
  const keys = [await place.sshKey('f-ed'), await place.sshKey('f-ec', 'ecdsa'), await place.sshKey('f-rsa', 'rsa', ['-b', '2048'])];
  await place.run('ssh-keygen', ['-q', '-s', place.path('f-ed'), '-I', 'x', '-n', 'a,b', '-O', 'force-command=x', place.path('f-ec.pub')]);
  const armoredSsh = await Promise.all(['f-ed', 'f-ec', 'f-rsa', 'f-ec-cert.pub'].map((name) => place.sshSign(name, 'x')));
  const openPgp: Buffer[] = [];
  for (const [name, kind] of [
    ['f-a', 'ed25519'],
    ['f-b', 'rsa2048'],
    ['f-c', 'nistp256'],
  ] as const) {
    await place.gpgKey(`${name}@example.com`, kind);
    openPgp.push(await place.gpg(['-bs', '-u', `${name}@example.com`], 'x'));
  }
  return {
    keys,
    ssh: armoredSsh.map((text) => Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64')),
    openPgp,
    asc: await place.gpgExport('f-a@example.com'),
  };
}

function armored(bytes: Buffer, label = 'SSH SIGNATURE', headers = ''): string {
  return `-----BEGIN ${label}-----\n${headers}${bytes.toString('base64')}\n-----END ${label}-----\n`;
}

function wire(bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes as string, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

const keyTypes = [
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'sk-ssh-ed25519@openssh.com',
  'ssh-ed25519-cert-v01@openssh.com',
  'ssh-dss',
  'x',
];

function someKey(dice: Dice): Buffer {
  const fields = Array.from({ length: dice.below(6) }, () =>
    dice.oneIn(4) ? dice.bytes(dice.below(9)) : wire(dice.bytes(dice.pick([0, 1, 3, 32, 33, 65, 256]))),
  );
  return Buffer.concat([wire(dice.pick(keyTypes)), ...fields]);
}

function someSshSignature(dice: Dice): Buffer {
  const version = Buffer.alloc(4);
  version.writeUInt32BE(dice.oneIn(20) ? dice.below(5) : 1);
  return Buffer.concat([
    Buffer.from('SSHSIG'),
    version,
    wire(someKey(dice)),
    wire(dice.oneIn(10) ? dice.bytes(dice.below(30)) : 'git'),
    wire(dice.oneIn(20) ? 'x' : ''),
    wire(dice.pick(['sha256', 'sha512', 'sha1', ''])),
    wire(
      Buffer.concat([
        wire(dice.pick(['ssh-ed25519', 'rsa-sha2-512', 'ecdsa-sha2-nistp256', 'ssh-rsa', ''])),
        wire(dice.bytes(dice.pick([0, 64, 71, 256]))),
      ]),
    ),
    dice.oneIn(20) ? dice.bytes(3) : Buffer.alloc(0),
  ]);
}

const list = (keys: readonly string[]): Buffer =>
  Buffer.from(
    `# all\n*@example.com,!x namespaces="git,file",valid-after="20200101Z" ${keys[0]} comment\n"a b" cert-authority ${keys[1]}\r\n\nc ${keys[2]}\n`,
  );

const sshsig: Target = {
  name: 'sshsig',
  words: ['SSHSIG', 'git', 'sha512', 'ssh-ed25519', 'rsa-sha2-512', '\u0000\u0000\u0000\u0000', '\u0000\u0000\u0000\u0003git'],
  seeds: async (place) => (await realSignatures(place)).ssh,
  generate: someSshSignature,
  parse: (input) => {
    const { namespace, hash } = readSshSignature(armored(input));
    mustHold(/^[\x20-\x7e]*$/.test(namespace) && ['sha256', 'sha512'].includes(hash), 'names that are none');
  },
};

/** Verified as well: the key, its certificate, the signature over the bytes, and the list of who may sign. */
const sshVerified: Target = {
  name: 'sshsig-verify',
  share: 0.1,
  words: sshsig.words,
  // The last is the list: it comes along with each signature.
  seeds: async (place) => {
    const { ssh, keys } = await realSignatures(place);
    return ssh.map((signature) => Buffer.concat([wire(list(keys)), signature]));
  },
  generate: (dice) =>
    Buffer.concat([
      wire(`a ${dice.pick(['', 'cert-authority '])}ssh-ed25519 ${wire('ssh-ed25519').toString('base64')}`),
      someSshSignature(dice),
    ]),
  parse(input) {
    const length = Math.min(input.length < 4 ? 0 : input.readUInt32BE(), Math.max(0, input.length - 4));
    const signers = readAllowedSigners(input.toString('utf8', 4, 4 + length));
    const { signer } = verifySsh(Buffer.from('x'), armored(input.subarray(4 + length)), signers, 1_900_000_000);
    mustHold(!/\p{C}/u.test(signer), 'a signer with what moves a cursor');
  },
};

const allowedSigners: Target = {
  name: 'allowed_signers',
  words: [
    '"',
    '\\"',
    ',',
    '=',
    '!',
    '*',
    '#',
    '\r',
    '\n',
    ' ',
    '\t',
    'cert-authority',
    'namespaces="',
    'valid-before="',
    '20240229',
    'ssh-ed25519 ',
    '\u00ff',
    '\u0000',
  ],
  seeds: async (place) => [list((await realSignatures(place)).keys)],
  generate: (dice) =>
    Buffer.from(
      Array.from({ length: 1 + dice.below(4) }, () =>
        [
          dice.pick(['*', '"a b"', '"', 'a@b,!c', '', '#']),
          dice.pick([
            '',
            'cert-authority',
            `namespaces="${'*?'.repeat(dice.below(30))}"`,
            `valid-after="${dice.below(30_000_000)}"`,
            'a="',
            `x="${'\\"'.repeat(dice.below(40))}"`,
          ]),
          dice.pick(keyTypes),
          (dice.oneIn(2) ? someKey(dice) : wire(dice.pick(keyTypes))).toString('base64'),
          'comment',
        ].join(dice.pick([' ', '\t', '', '  '])),
      ).join(dice.pick(['\n', '\r\n'])),
    ),
  parse: (input) => {
    for (const { validAfter = 1, validBefore = Infinity } of readAllowedSigners(input.toString('utf8')))
      mustHold(validAfter > 0 && validBefore > validAfter, 'a time that never is');
  },
};

const signedObject: Target = {
  name: 'signed-object',
  words: [
    'gpgsig ',
    'gpgsig-sha256 ',
    '\n ',
    '\n',
    '-----BEGIN PGP SIGNATURE-----\n',
    '-----BEGIN SSH SIGNATURE-----\n',
    '-----END SSH SIGNATURE-----\n',
    '\n\n',
  ],
  seeds: async () => [
    Buffer.from(
      `tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\ngpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\ngpgsig-sha256 x\n y\n\nA\n\n-----BEGIN PGP SIGNATURE-----\n`,
    ),
  ],
  generate: (dice) =>
    Buffer.from(
      Array.from({ length: dice.below(12) }, () =>
        dice.pick([
          'gpgsig -----BEGIN PGP SIGNATURE-----',
          ' x',
          ' ',
          '',
          'gpgsig',
          'gpgsig-sha256 y',
          'gpgsigx',
          'committer A <a> 1 +0000',
          'tagger > 1 +0000',
          '-----BEGIN PGP SIGNATURE-----',
        ]),
      ).join('\n'),
    ),
  parse(input) {
    for (const split of [splitCommit, splitTag]) {
      const object = split(input);
      mustHold(object.payload.length <= input.length, 'more than there was');
      for (const role of ['committer', 'tagger'] as const) mustHold((statedTime(object, role) ?? 0) >= 0, 'a time before all time');
    }
  },
};

const armor: Target = {
  name: 'armor',
  words: ['-----BEGIN ', '-----END ', 'PGP SIGNATURE-----', '-----', '\n', '\r\n', '\n\n', '=', '=AAAA', 'Version: x\n', ' '],
  seeds: async (place) => {
    const { ssh, openPgp, asc } = await realSignatures(place);
    const [one = Buffer.alloc(0)] = ssh;
    return [Buffer.from(armored(one)), Buffer.from(asc), ...openPgp.map((bytes) => Buffer.from(armored(bytes, 'PGP SIGNATURE', '\n')))];
  },
  generate: (dice) =>
    Buffer.from(
      Array.from({ length: dice.below(10) }, () =>
        dice.pick([
          '-----BEGIN PGP SIGNATURE-----',
          '-----END PGP SIGNATURE-----',
          '',
          'Comment: x',
          'AAAA',
          '=AAAA',
          '-'.repeat(dice.below(300)),
          '-----BEGIN SSH SIGNATURE-----',
          '-----END SSH SIGNATURE-----',
        ]),
      ).join('\n'),
    ),
  parse(input) {
    const text = input.toString('latin1');
    const blocks = armoredBlocks(text);
    mustHold(blocks.join('').length <= text.length, 'more than there was');
    return readArmor(text, text.includes('SSH') ? 'SSH SIGNATURE' : 'PGP SIGNATURE', malformed);
  },
};

/** A signature packet of version 4, right in most of its parts. */
function somePacket(dice: Dice): Buffer {
  const area = (): Buffer => {
    const parts = Array.from({ length: dice.below(5) }, () => {
      const body = dice.bytes(dice.pick([0, 4, 8, 21, 33]));
      return Buffer.concat([Buffer.from([body.length + 1, dice.pick([2, 3, 16, 20, 28, 33, 130, dice.below(256)])]), body]);
    });
    const bytes = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([0, dice.oneIn(10) ? dice.below(256) : bytes.length & 255]), bytes]);
  };
  const algorithm = dice.pick([1, 3, 17, 19, 22, 27, 28, dice.below(256)]);
  const body = Buffer.concat([
    Buffer.from([dice.pick([4, 4, 4, 6, 3]), 0, algorithm, 8]),
    area(),
    area(),
    dice.bytes(2),
    dice.bytes(dice.pick([0, 2, 34, 64, 68])),
  ]);
  const head = dice.pick([
    Buffer.from([0x88, body.length & 255]),
    Buffer.from([0xc2, body.length & 127]),
    Buffer.from([0xc2, 0xff, 0, 0, body.length >> 8, body.length & 255]),
    Buffer.from([0xc2, 0xe1]),
  ]);
  return Buffer.concat([head, body]);
}

const openPgpPacket: Target = {
  name: 'openpgp-packet',
  words: ['\u00c2', '\u0088', '\u00ff\u0000\u0000', '\u00e0', '\u0004\u0000\u0016\u0008', '\u0005\u0002', '\u0009\u0010'],
  seeds: async (place) => (await realSignatures(place)).openPgp,
  generate: somePacket,
  parse: (input) => {
    const { issuers } = readSignaturePacket(input);
    mustHold(
      issuers.every((one) => /^[0-9A-F]+$/.test(one)),
      'an issuer that is none',
    );
  },
};

/** Through the library, whole: a signature by a key, either of which is changed. */
const openPgpVerified: Target = {
  name: 'openpgp-verify',
  share: 0.01,
  words: openPgpPacket.words,
  // Two bytes of length, the signature, the key.
  seeds: async (place) => {
    const { openPgp, asc } = await realSignatures(place);
    const [signature = Buffer.alloc(0)] = openPgp;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(signature.length);
    return [Buffer.concat([length, signature, Buffer.from(/\n\n([^]*)\n=/.exec(asc)?.[1] ?? '', 'base64')])];
  },
  generate: (dice) => {
    const packet = somePacket(dice);
    return Buffer.concat([Buffer.from([packet.length >> 8, packet.length & 255]), packet, dice.bytes(dice.below(200))]);
  },
  parse(input) {
    const length = Math.min(input.length < 2 ? 0 : input.readUInt16BE(), Math.max(0, input.length - 2));
    const text = armored(input.subarray(2 + length), 'PGP PUBLIC KEY BLOCK', '\n');
    return verifyOpenPgp(
      Buffer.from('x'),
      armored(input.subarray(2, 2 + length), 'PGP SIGNATURE', '\n'),
      [{ name: 'a.asc', text }],
      new Date(),
    );
  },
};

export const trustTargets: readonly Target[] = [sshsig, sshVerified, allowedSigners, signedObject, armor, openPgpPacket, openPgpVerified];
