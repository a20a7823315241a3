import { createHash, randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { Pacer } from '../../operator/source/pacer.ts';
import { readPack } from '../../operator/source/pack.ts';
import type { PackAsked, PackLimits } from '../../operator/source/pack.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';

const limits: PackLimits = { fileBytes: 1000, packBytes: 1_000_000, objects: 1000, keptBytes: 100_000, deltaChain: 50 };
const signal = new AbortController().signal;

/** Keeps everything, and has nothing before. */
function asked(own: Partial<PackLimits> = {}): PackAsked {
  return { limits: { ...limits, ...own }, pacer: new Pacer(), signal, held: { read: () => undefined }, choose: () => 'all' };
}

/** In pieces of odd sizes, as a network gives them. */
async function* pieces(bytes: Buffer, size = 7): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function entry(type: number, size: number, body: Buffer, base: Buffer = Buffer.alloc(0)): Buffer {
  const header: number[] = [];
  let rest = Math.floor(size / 16);
  header.push((rest > 0 ? 0x80 : 0) | (type << 4) | (size & 15));
  while (rest > 0) {
    header.push((rest > 127 ? 0x80 : 0) | (rest & 0x7f));
    rest = Math.floor(rest / 128);
  }
  return Buffer.concat([Buffer.from(header), base, body]);
}

function blob(content: string | Buffer): Buffer {
  return entry(3, content.length, deflateSync(content));
}

function blobId(content: string | Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

/** A delta that copies the whole base and adds `more`; sizes below 128. */
function appendDelta(baseSize: number, more: string): Buffer {
  return Buffer.concat([Buffer.from([baseSize, baseSize + more.length, 0x90, baseSize, more.length]), Buffer.from(more)]);
}

function pack(entries: readonly Buffer[], count = entries.length): Buffer {
  const header = Buffer.alloc(12);
  header.write('PACK');
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(count, 8);
  const body = Buffer.concat([header, ...entries]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

async function reasonOf(bytes: Buffer, own: Partial<PackLimits> = {}): Promise<string> {
  try {
    await readPack(pieces(bytes, 100), asked(own));
    return 'taken';
  } catch (error) {
    return error instanceof PlumblineError ? error.reason : String(error);
  }
}

describe('a pack', () => {
  test('gives its objects by id, whatever the pieces it comes in', async () => {
    const bytes = pack([blob('one'), blob(''), blob('three'.repeat(100))]);
    for (const size of [1, 7, 100, 10_000]) {
      const { objects } = await readPack(pieces(bytes, size), asked());
      expect([...objects.keys()]).toEqual([blobId('one'), blobId(''), blobId('three'.repeat(100))]);
      expect(objects.get(blobId('one'))?.data.toString()).toBe('one');
    }
  });

  test('may put a delta before its base, and a delta on a delta', async () => {
    const base = Buffer.from(blobId('base'), 'hex');
    const first = Buffer.from(blobId('base+1'), 'hex');
    const [one, two] = [appendDelta(4, '+1'), appendDelta(6, '+2')];
    const bytes = pack([entry(7, two.length, deflateSync(two), first), entry(7, one.length, deflateSync(one), base), blob('base')]);
    const { objects } = await readPack(pieces(bytes), asked());
    expect(objects.get(blobId('base+1+2'))?.data.toString()).toBe('base+1+2');
  });

  test('names what is over the limit and keeps none of it', async () => {
    const large = randomBytes(5000);
    const zeros = Buffer.alloc(300_000);
    const { objects, sizes: found } = await readPack(pieces(pack([blob(large), blob('small'), blob(zeros), blob('end')])), asked());
    expect([...objects.keys()]).toEqual([blobId('small'), blobId('end')]);
    expect([...found]).toEqual([
      [blobId(large), 5000],
      [blobId(zeros), 300_000],
    ]);
  });

  test('leaves out a delta that would grow over the limit', async () => {
    const base = 'x'.repeat(100);
    // Copies the base twelve times: 1200 bytes.
    const delta = Buffer.from([100, 0xb0, 0x09, ...Array.from({ length: 12 }, () => [0x90, 100]).flat()]);
    const bytes = pack([blob(base), entry(7, delta.length, deflateSync(delta), Buffer.from(blobId(base), 'hex'))]);
    const { objects } = await readPack(pieces(bytes), asked());
    expect(objects.size).toBe(1);
  });
});

describe('a pack that is broken or means harm', () => {
  const whole = pack([blob('one'), blob('two')]);
  const flipped = Buffer.from(whole);
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  const ten = Array.from({ length: 10 }, (_, index) => blob(Buffer.alloc(900, index)));
  const small = Array.from({ length: 200 }, (_, index) => `n${index}`);
  const badDelta = Buffer.from([4, 50, 0x90, 50]);
  const base = Buffer.from(blobId('base'), 'hex');

  test.each<[string, Buffer, Partial<PackLimits>, string]>([
    ['no pack at all', Buffer.from('<html>hello, this is no pack</html>'), {}, 'GitError'],
    ['cut off', whole.subarray(0, -15), {}, 'GitError'],
    ['cut off within an object', whole.subarray(0, 18), {}, 'GitError'],
    ['nothing', Buffer.alloc(0), {}, 'GitError'],
    ['a wrong checksum', flipped, {}, 'GitError'],
    ['fewer objects than it says', pack([blob('one')], 2), {}, 'GitError'],
    ['an object larger than it says', pack([entry(3, 10, deflateSync(Buffer.alloc(100_000)))]), {}, 'GitError'],
    ['an object smaller than it says', pack([entry(3, 10, deflateSync('abc'))]), {}, 'GitError'],
    ['a large object larger than it says', pack([entry(3, 2000, deflateSync(Buffer.alloc(100_000)))]), {}, 'GitError'],
    ['a large object smaller than it says', pack([entry(3, 200_000, deflateSync(Buffer.alloc(2000)))]), {}, 'GitError'],
    ['what is not deflated', pack([entry(3, 10, Buffer.from('0123456789abcdef'))]), {}, 'GitError'],
    ['a large object that is not deflated', pack([entry(3, 2000, Buffer.alloc(2000, 7))]), {}, 'GitError'],
    ['an unknown type', pack([entry(5, 3, deflateSync('abc'))]), {}, 'GitError'],
    ['a delta that reaches beyond its base', pack([blob('base'), entry(7, 4, deflateSync(badDelta), base)]), {}, 'GitError'],
    ['a size without end', pack([Buffer.alloc(40, 0xff)]), {}, 'GitError'],
    ['too many objects', pack([], 1_000_000), {}, 'RepositoryTooLarge'],
    ['too much together', pack(ten), { keptBytes: 5000 }, 'RepositoryTooLarge'],
    ['many small objects', pack(small.map((text) => blob(text))), { keptBytes: 100_000 }, 'RepositoryTooLarge'],
    ['as many as there is room for', pack(small.slice(0, 90).map((text) => blob(text))), { keptBytes: 100_000 }, 'taken'],
    [
      'one small object many times',
      pack(small.concat(...Array<string[]>(9).fill(small)).map(() => blob('x'))),
      { keptBytes: 100_000, objects: 2000 },
      'RepositoryTooLarge',
    ],
    [
      'many small deltas that wait',
      pack(small.map((_, index) => entry(7, 4, deflateSync('abcd'), Buffer.alloc(20, index)))),
      { keptBytes: 100_000 },
      'RepositoryTooLarge',
    ],
    ['too long a download', pack(ten.map(() => blob(randomBytes(900)))), { packBytes: 5000 }, 'RepositoryTooLarge'],
    ['deltas that multiply', pack([blob('x'.repeat(100)), ...manyDeltas()]), { keptBytes: 20_000 }, 'RepositoryTooLarge'],
  ])('%s', async (_, bytes, own, reason) => {
    expect(await reasonOf(bytes, own)).toBe(reason);
  });

  function manyDeltas(): Buffer[] {
    const id = Buffer.from(blobId('x'.repeat(100)), 'hex');
    return Array.from({ length: 50 }, (_, index) => {
      // Nine copies of the base and one byte: 901 bytes out of 25.
      const delta = Buffer.from([100, 0x85, 0x07, ...Array.from({ length: 9 }, () => [0x90, 100]).flat(), 1, index]);
      return entry(7, delta.length, deflateSync(delta), id);
    });
  }

  test('an abort ends it', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(readPack(pieces(whole), { ...asked(), signal: controller.signal })).rejects.toBe(controller.signal.reason);
  });
});

describe("git's own packs", () => {
  let server: GitServer;
  let repo: GitRepo;

  beforeAll(async () => {
    server = await startGitServer();
    repo = await server.createRepo('shop.git');
    const text = Array.from({ length: 400 }, (_, index) => `line ${index}: ${index * 7919}\n`);
    for (let version = 0; version < 6; version += 1) {
      text[version * 50] = `changed in ${version}\n`;
      await repo.write({ 'a/large.yaml': text.join(''), [`b/${version}.yaml`]: `v: ${version}\n` });
    }
    await repo.tag('v1', (await repo.tip('main')) ?? '', 'a note');
  });
  afterAll(() => server.close());

  test.each([['--delta-base-offset'], ['--no-reuse-delta']])('are read whole (%s)', async (option) => {
    const child = spawn('git', ['pack-objects', '--stdout', '--all', '--revs', '-q', '--window=50', option], { cwd: repo.directory });
    child.stdin.end();
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(child, 'close');
    const expected = (await repo.git('cat-file', '--batch-all-objects', '--batch-check=%(objectname) %(objecttype)')).split('\n');
    const own = { ...limits, fileBytes: 100_000, keptBytes: 1_000_000 };
    const { objects } = await readPack(pieces(Buffer.concat(chunks), 1000), asked(own));
    expect([...objects].map(([oid, { type }]) => `${oid} ${type}`).toSorted()).toEqual(expected.toSorted());
  });
});
