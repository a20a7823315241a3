/** What people write into a Secret for git over SSH, and what a host shows. */
import { inspectIdentity } from '../../operator/source/ssh/identity.ts';
import { fingerprint, judgeHostKey, knownKeyTypes, parseKnownHosts } from '../../operator/source/ssh/known-hosts.ts';
import type { Workplace } from '../source/verify/tools.ts';
import { mustHold } from './target.ts';
import type { Dice, Target } from './target.ts';

function wire(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const types = ['ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp256', 'ssh-dss', 'x'];

function someLine(dice: Dice): string {
  const type = dice.pick(types);
  const key = Buffer.concat([wire(Buffer.from(dice.oneIn(10) ? 'ssh-rsa' : type)), wire(dice.bytes(dice.pick([0, 1, 32, 300])))]);
  const hashed = `|1|${dice.bytes(20).toString('base64')}|${dice.bytes(dice.oneIn(8) ? 19 : 20).toString('base64')}`;
  const name = (): string => dice.pick(['git.example.com', '[git.example.com]:2222', '*', '*.com', '!git.*', 'g?t.*', '10.0.0.1', '', 'ä']);
  const names = dice.oneIn(4) ? hashed : Array.from({ length: 1 + dice.below(4) }, name).join(',');
  const marker = dice.pick(['', '', '', '@revoked ', '@cert-authority ', '@x ']);
  return `${marker}${names} ${type} ${key.toString('base64')}${dice.pick(['', ' a comment', '\r'])}`;
}

async function knownHostsSeeds(place: Workplace): Promise<readonly Buffer[]> {
  const keys = [await place.sshKey('kh-ed'), await place.sshKey('kh-ec', 'ecdsa'), await place.sshKey('kh-rsa', 'rsa', ['-b', '2048'])];
  const plain = keys.map((key) => `git.example.com,[git.example.com]:2222 ${key}\n`).join('');
  return [Buffer.from(plain), Buffer.from(plain.replace(/^/gm, '@revoked ').trim()), Buffer.from(`# a comment\n\n${plain}`)];
}

const knownHosts: Target = {
  name: 'known_hosts',
  seeds: knownHostsSeeds,
  generate: (dice) => Buffer.from(Array.from({ length: dice.below(5) }, () => someLine(dice)).join('\n')),
  words: ['@revoked ', '@cert-authority ', '|1|', '!', '*', '?', '[', ']:22', ',', '\n', '#', 'ssh-ed25519 ', 'git.example.com'],
  parse: (input, dice) => {
    const hosts = parseKnownHosts(input.toString('utf8'));
    const host = dice.pick(['git.example.com', 'GIT.example.com', 'other.org', 'fd00::1', 'x'.repeat(200)]);
    const port = dice.pick([22, 2222]);
    const known = knownKeyTypes(hosts, host, port);
    for (const one of hosts.slice(0, 20)) {
      const verdict = judgeHostKey(hosts, host, port, one.key);
      // A key is never known to a host for which no line stands without a marker.
      mustHold(verdict.kind !== 'known' || known.length > 0, 'a host without keys knows a key');
      mustHold(
        verdict.kind !== 'known' || hosts.some((other) => other.marker === undefined && other.key.equals(one.key)),
        'a marked key is known',
      );
      mustHold(/^SHA256:[A-Za-z0-9+/]{43}$/.test(fingerprint(one.key)), 'a fingerprint');
    }
    const unknown = judgeHostKey(hosts, host, port, dice.bytes(40)).kind;
    mustHold(unknown !== 'known' && unknown !== 'revoked', 'a key that no line holds');
    return hosts;
  },
};

const identity: Target = {
  name: 'identity',
  seeds: async (place) => {
    await place.sshKey('id-ed');
    await place.sshKey('id-pem', 'rsa', ['-b', '2048', '-m', 'PEM']);
    return [await place.read('id-ed'), await place.read('id-pem')];
  },
  generate: (dice) => {
    const options = dice.oneIn(2) ? Buffer.alloc(0) : Buffer.concat([wire(dice.bytes(16)), Buffer.from([0, 0, 0, dice.below(30)])]);
    const names = [dice.pick(['none', 'aes256-ctr', 'x']), dice.pick(['none', 'bcrypt'])].map((name) => wire(Buffer.from(name)));
    const body = [
      ...names,
      wire(options),
      Buffer.from([0, 0, 0, dice.pick([1, 1, 1, 2])]),
      wire(dice.bytes(51)),
      wire(dice.bytes(dice.below(200))),
    ];
    const bytes = Buffer.concat([Buffer.from('openssh-key-v1\0'), ...body]);
    return Buffer.from(`-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`);
  },
  words: ['-----BEGIN OPENSSH PRIVATE KEY-----\n', '-----BEGIN PRIVATE KEY-----\n', 'Proc-Type: 4,ENCRYPTED', 'AAAA', '\n'],
  parse: (input) => inspectIdentity(input.toString('utf8')),
};

export const sshTargets: readonly Target[] = [knownHosts, identity];
