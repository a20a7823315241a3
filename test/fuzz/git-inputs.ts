/** Real inputs of git, and how they are built: packs, packets, objects. */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { git } from '../gitserver/git.ts';
import { GitRepo } from '../gitserver/repo.ts';
import type { Workplace } from '../source/verify/tools.ts';
import type { Dice } from './target.ts';

let made: Promise<RealGit> | undefined;

/** What git itself wrote of a small repository with history, links, a submodule, tags and deltas. */
export interface RealGit {
  readonly packs: readonly Buffer[];
  readonly trees: readonly Buffer[];
  readonly commits: readonly Buffer[];
  readonly tags: readonly Buffer[];
  /** What it answers to a client of version 2, and of version 0. */
  readonly advertisements: readonly Buffer[];
  readonly lsRefs: Buffer;
  readonly fetched: Buffer;
}

/** Made once for all targets of a process. */
export function realGit(place: Workplace): Promise<RealGit> {
  made ??= make(place);
  return made;
}

async function make(place: Workplace): Promise<RealGit> {
  const repo = await GitRepo.create(place.directory, 'fuzz.git');
  const dir = repo.directory;
  const lines = Array.from({ length: 200 }, (_, line) => `line-${line}: ${line}\n`).join('');
  const first = await repo.write({ 'prod/web.yaml': lines, 'prod/link': { symlink: '../base' }, 'base/x.yaml': 'x', 'ünï.yaml': 'ü' });
  const second = await repo.write(
    { 'prod/web.yaml': `${lines}more\n`, 'vendor/lib': { submodule: first } },
    { message: 'Été\n\nBody\n\nSigned-off-by: x\n' },
  );
  await repo.write({ 'side.yaml': 's' }, { branch: 'side', parent: first });
  await git(dir, ['-c', 'core.bare=false', 'tag', '-a', '-m', 'A release', 'v1.0.0', second]);
  await git(dir, ['tag', '-a', '-m', 'Of a tag', 'nested', 'v1.0.0']);
  await git(dir, ['tag', 'light', first]);
  const all = (await git(dir, ['rev-list', '--objects', '--all'])).split('\n').map((line) => line.split(' ')[0] ?? '');
  const print = (args: readonly string[], input?: string, env?: NodeJS.ProcessEnv): Promise<Buffer> =>
    place.run('git', [`--git-dir=${dir}`, ...args], input, env);
  const bytes = async (type: string, names: readonly string[]): Promise<Buffer[]> =>
    Promise.all(names.map((name) => print(['cat-file', type, name])));
  const list = `${all.join('\n')}\n`;
  const advertise = (protocol: string): Promise<Buffer> =>
    print(['upload-pack', '--http-backend-info-refs', dir], undefined, { GIT_PROTOCOL: protocol });
  const ask = (lines_: string): Promise<Buffer> => print(['upload-pack', '--stateless-rpc', dir], lines_, { GIT_PROTOCOL: 'version=2' });
  return {
    packs: [
      await print(['pack-objects', '--stdout', '--delta-base-offset'], list),
      await print(['pack-objects', '--stdout', '--no-reuse-delta', '--window=20', '--depth=50'], list),
      await print(['pack-objects', '--stdout', '--window=0'], `${second}\n`),
    ],
    trees: await bytes('tree', [`${first}^{tree}`, `${second}^{tree}`, `${second}:prod`]),
    commits: await bytes('commit', [first, second]),
    tags: await bytes('tag', ['v1.0.0', 'nested']),
    advertisements: [
      Buffer.concat([packet('# service=git-upload-pack\n'), Buffer.from('0000'), await advertise('version=2')]),
      await advertise('version=2'),
      await advertise(''),
    ],
    lsRefs: await ask(`${packet('command=ls-refs\n').toString()}0001${packet('peel\n').toString()}${packet('symrefs\n').toString()}0000`),
    fetched: await ask(
      `${packet('command=fetch\n').toString()}0001${packet('no-progress\n').toString()}${packet(`want ${second}\n`).toString()}${packet('deepen 1\n').toString()}${packet('done\n').toString()}0000`,
    ),
  };
}

/** A pkt-line. */
export function packet(content: string | Buffer): Buffer {
  const body = Buffer.from(content as string, 'latin1');
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body]);
}

export function objectId(type: string, data: Buffer): string {
  return createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
}

/** With the checksum that a pack ends with. */
export function withChecksum(body: Buffer): Buffer {
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

/** A number as packs and deltas write sizes: seven bits a byte, the first with `first` of them. */
function sized(value: number, head: number, first: number): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(value / 2 ** first);
  bytes.push(head | (value % 2 ** first) | (rest > 0 ? 0x80 : 0));
  while (rest > 0) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(low | (rest > 0 ? 0x80 : 0));
  }
  return Buffer.from(bytes);
}

export function deltaSize(value: number): Buffer {
  return sized(value, 0, 7);
}

export function entryHead(type: number, size: number): Buffer {
  return sized(size, type << 4, 4);
}

/** The distance of an ofs-delta. */
function distance(value: number): Buffer {
  const bytes = [value & 0x7f];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor((rest - 1) / 128)) bytes.unshift(0x80 | ((rest - 1) & 0x7f));
  return Buffer.from(bytes);
}

/** A delta over a base of this size, right in most of its parts. */
export function someDelta(baseSize: number, dice: Dice): Buffer {
  const parts: Buffer[] = [];
  let result = 0;
  for (let count = dice.below(6); count >= 0; count -= 1) {
    if (dice.oneIn(2)) {
      const literal = dice.bytes(1 + dice.below(20));
      parts.push(Buffer.from([literal.length]), literal);
      result += literal.length;
    } else {
      const offset = dice.below(Math.max(1, baseSize));
      const length = 1 + dice.below(Math.max(1, baseSize - offset));
      parts.push(Buffer.from([0x80 | 0x01 | 0x02 | 0x10 | 0x20, offset & 255, (offset >> 8) & 255, length & 255, (length >> 8) & 255]));
      result += length;
    }
  }
  const wrong = (right: number): number => (dice.oneIn(12) ? dice.pick([0, right + 1, 2 ** 31, 2 ** 40, 2 ** 52]) : right);
  return Buffer.concat([deltaSize(wrong(baseSize)), deltaSize(wrong(result)), ...parts]);
}

/** A pack of a few objects and deltas between them, right in most of its parts. */
export function somePack(dice: Dice): Buffer {
  const parts: Buffer[] = [];
  const known: { readonly at: number; readonly id: Buffer; readonly size: number }[] = [];
  let at = 12;
  const count = 1 + dice.below(8);
  for (let index = 0; index < count; index += 1) {
    const base = dice.oneIn(2) && known.length > 0 ? dice.pick(known) : undefined;
    const type = dice.oneIn(30) ? dice.below(8) : base === undefined ? 1 + dice.below(4) : 6 + dice.below(2);
    const data = type < 6 || base === undefined ? dice.bytes(dice.below(60)) : someDelta(base.size, dice);
    const size = dice.oneIn(30) ? dice.pick([data.length + 1, 0, 2_000, 2 ** 33, 2 ** 52]) : data.length;
    const away = base === undefined || dice.oneIn(20) ? dice.below(200) : at - base.at;
    const before =
      type === 6 ? distance(away) : type === 7 ? (dice.oneIn(20) ? dice.bytes(20) : (base?.id ?? dice.bytes(20))) : Buffer.alloc(0);
    const packed = deflateSync(data, { level: dice.below(10) });
    const entry = Buffer.concat([entryHead(type, size), before, dice.oneIn(30) ? packed.subarray(0, dice.below(packed.length)) : packed]);
    if (type < 6) {
      const name = ['', 'commit', 'tree', 'blob', 'tag'][type] ?? '';
      known.push({ at, id: Buffer.from(objectId(name, data), 'hex'), size: data.length });
    }
    parts.push(entry);
    at += entry.length;
  }
  if (dice.oneIn(4)) parts.reverse();
  const head = Buffer.alloc(12);
  head.write('PACK');
  head.writeUInt32BE(dice.oneIn(30) ? dice.below(5) : 2, 4);
  head.writeUInt32BE(dice.oneIn(20) ? dice.pick([0, count + 1, 2 ** 32 - 1, 1_000_000]) : count, 8);
  const body = Buffer.concat([head, ...parts]);
  return dice.oneIn(20) ? body : withChecksum(body);
}
