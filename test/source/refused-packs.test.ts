import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import type { GitClientOptions } from '../../operator/source/git-client.ts';
import { PacketStream } from '../../operator/source/pktline.ts';
import type { Snapshot } from '../../operator/source/types.ts';
import { git } from '../gitserver/git.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';
import { startMeddler } from './meddler.ts';
import type { Meddler } from './meddler.ts';
import { failure } from './failure.ts';

const { signal } = new AbortController();
const mebi = 1024 * 1024;
const wanted = { path: '', exclude: [] };
let server: GitServer;
let meddler: Meddler;
let repo: GitRepo;
let commit: string;

beforeAll(async () => {
  server = await startGitServer();
  meddler = await startMeddler(server.url);
  repo = await server.createRepo('shop.git');
  commit = await repo.write({ 'web.yaml': 'web\n', 'api.yaml': `api: ${'x'.repeat(500)}\n` });
});
afterEach(() => {
  meddler.meddle = undefined;
});
afterAll(() => Promise.all([meddler.close(), server.close()]));

/** Reads the commit with a client that knows nothing yet. */
async function read(options: GitClientOptions = {}, url = `${meddler.url}/shop.git`, sha = commit): Promise<Snapshot> {
  const client = createGitClient(options);
  try {
    const ref = { commit: sha, fullRef: 'refs/heads/main', shortRef: 'main' };
    return await (await client.checkout(url, anonymous, ref, signal, { wanted })).snapshot(wanted, signal);
  } finally {
    await client.close();
  }
}

function band(number: number, data: Buffer | string): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([Buffer.from((bytes.length + 5).toString(16).padStart(4, '0')), Buffer.from([number]), bytes]);
}

const opening = Buffer.from('000dpackfile\n');
const flush = Buffer.from('0000');

/** What `alter` makes of the pack, sent as the server would. */
function withPack(alter: (pack: Buffer) => Buffer): void {
  meddler.meddle = (body, post) => (post ? repacked(body, alter) : [body]);
}

async function* repacked(body: Buffer, alter: (pack: Buffer) => Buffer): AsyncGenerator<Buffer> {
  const packets = new PacketStream(
    (async function* whole() {
      yield body;
    })(),
  );
  for (let packet = await packets.next(); packet !== undefined; packet = await packets.next())
    if (packet.kind === 'data' && packet.data.toString().startsWith('packfile')) break;
  const pieces: Buffer[] = [];
  for await (const piece of packets.pack()) pieces.push(piece);
  const pack = alter(Buffer.concat(pieces));
  yield opening;
  for (let at = 0; at < pack.length; at += 60_000) yield band(1, pack.subarray(at, at + 60_000));
  yield flush;
}

/** With the checksum that it should have. */
function summed(pack: Buffer): Buffer {
  const body = pack.subarray(0, -20);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

function blob(content: Buffer, size = content.length): Buffer {
  const header: number[] = [(3 << 4) | (size & 15) | (size > 15 ? 0x80 : 0)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) header.push((rest & 127) | (rest > 127 ? 0x80 : 0));
  return Buffer.concat([Buffer.from(header), deflateSync(content)]);
}

function packHeader(count: number): Buffer {
  const header = Buffer.alloc(12);
  header.write('PACK');
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(count, 8);
  return header;
}

describe('a pack', () => {
  test('that is altered nowhere is read', async () => {
    withPack((pack) => pack);
    expect((await read()).files.map(({ path }) => path)).toEqual(['api.yaml', 'web.yaml']);
  });

  test.each<[string, (pack: Buffer) => Buffer, string | RegExp]>([
    ['cut off', (pack) => pack.subarray(0, pack.length - 25), /ends too early|does not unpack/],
    ['with a wrong checksum', (pack) => Buffer.concat([pack.subarray(0, -1), Buffer.from([(pack.at(-1) ?? 0) ^ 1])]), 'checksum'],
    ['that goes on after its end', (pack) => Buffer.concat([pack, Buffer.from('more')]), 'goes on after its end'],
    ['of which an object has another hash', (pack) => summed(replaced(pack)), 'its pack lacks'],
    ['that is empty', () => summed(Buffer.concat([packHeader(0), Buffer.alloc(20)])), 'its pack lacks'],
    [
      'with an object that inflates beyond its stated size',
      () => summed(Buffer.concat([packHeader(1), blob(Buffer.alloc(5_000_000), 10), Buffer.alloc(20)])),
      'does not unpack to the size it states',
    ],
  ])('%s is refused', async (_, alter, words) => {
    withPack(alter);
    const error = await failure(read());
    expect(error.reason).toBe('GitError');
    expect(error.message).toMatch(words);
    meddler.meddle = undefined;
    expect((await read()).files).toHaveLength(2);
  });

  /** Another content of the same length in place of one. */
  function replaced(pack: Buffer): Buffer {
    const [before, after] = [deflateSync('web\n'), deflateSync('wet\n')];
    const at = pack.indexOf(before);
    if (at < 0 || before.length !== after.length) throw new Error('the object is packed otherwise');
    return Buffer.concat([pack.subarray(0, at), after, pack.subarray(at + before.length)]);
  }

  test('without end is refused at the limit, and memory stays where it was', async () => {
    const one = blob(randomBytes(30_000));
    meddler.meddle = (body, post) =>
      post
        ? (function* endless() {
            yield opening;
            yield band(1, packHeader(400_000));
            for (;;) yield band(1, one);
          })()
        : [body];
    const before = process.memoryUsage.rss();
    const error = await failure(read({ limits: { packBytes: 50 * mebi } }));
    expect([error.reason, error.message]).toEqual(['RepositoryTooLarge', 'the commit is over 50 MiB as the server packs it']);
    expect((process.memoryUsage.rss() - before) / mebi).toBeLessThan(100);
  }, 180_000);

  test.each<[string, () => AsyncGenerator<Buffer>, RegExp]>([
    [
      'that drips',
      async function* drip() {
        yield Buffer.concat([opening, band(1, packHeader(5))]);
        for (;;) {
          await sleep(20);
          yield band(1, 'x');
        }
      },
      /sent only \d+ bytes of a pack for 3 s/,
    ],
    [
      'that is announced for ever',
      async function* announce() {
        yield opening;
        for (;;) {
          await sleep(20);
          yield band(2, 'Counting objects');
        }
      },
      /sent only 13 bytes of a pack for 3 s/,
    ],
  ])('%s is given up', async (_, drip, words) => {
    meddler.meddle = (body, post) => (post ? drip() : [body]);
    const error = await failure(read({ timeouts: { idleMs: 3000 } }));
    expect(error.reason).toBe('GitTimeout');
    expect(error.message).toMatch(words);
  });

  test('of a server that gives up is told in its words, cleaned', async () => {
    meddler.meddle = (body, post) => (post ? [opening, band(3, 'fatal: \u001b[31mout of\u0007 disk\u001b[0m\n<b>now</b>'), flush] : [body]);
    const error = await failure(read());
    expect([error.reason, error.message]).toEqual(['GitError', 'the git server gave up: fatal: [31mout of disk [0m now']);
  });

  test('with more deltas on one another than may be is refused', async () => {
    const deep = await server.createRepo('deep.git');
    const text = (version: number): string =>
      Array.from({ length: 200 }, (_, index) => `line ${index}: ${index < version ? 'new' : 'old'}\n`).join('');
    const sha = await deep.write(
      Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${String(index).padStart(2, '0')}.yaml`, text(index * 5)])),
    );
    await deep.git('repack', '-a', '-d', '-f', '-q', '--depth=50', '--window=50');
    const url = server.urlOf(deep);
    expect((await read({}, url, sha)).files).toHaveLength(40);
    const error = await failure(read({ limits: { deltaChain: 3 } }, url, sha));
    expect([error.reason, error.message]).toEqual(['RepositoryTooLarge', 'its pack chains over 3 deltas']);
  });
});

describe('a repository', () => {
  test('whose objects are named by SHA-256 is refused in words', async () => {
    await git(server.root, ['init', '--quiet', '--bare', '--object-format=sha256', 'long.git']);
    const error = await failure(read({}, `${server.url}/long.git`));
    expect([error.reason, error.message]).toEqual([
      'NotSupported',
      'the repository names its objects by sha256, which this version does not know',
    ]);
  });

  test('that is served as plain files is refused in words', async () => {
    await repo.git('update-server-info');
    const dumb = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname.replace('/shop.git/', '');
      readFile(join(repo.directory, path)).then(
        (file) => response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(file),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => {
      dumb.listen(0, '127.0.0.1', resolve);
    });
    try {
      const error = await failure(read({}, `http://127.0.0.1:${(dumb.address() as AddressInfo).port}/shop.git`));
      expect(error.reason).toBe('GitError');
      expect(error.message).toContain('is served as plain files (dumb HTTP)');
    } finally {
      dumb.closeAllConnections();
      await new Promise((resolve) => dumb.close(resolve));
    }
  });

  test.each<[string, number, (size: number) => Buffer]>([
    ['zeros', 60, (size) => Buffer.alloc(size)],
    ['noise', 30, (size) => randomBytes(size)],
  ])(
    'with a file of %s of %i MiB: it is named, and nobody holds it',
    async (what, size, make) => {
      const large = await server.createRepo(`${what}.git`);
      // Noise is stored as it is, or the test would wait for git.
      if (what === 'noise') await large.config('core.compression', '0');
      const sha = await large.write({ 'web.yaml': 'web', 'dump.sql': make(size * mebi) });
      let most = 0;
      const before = process.memoryUsage.rss();
      const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 20);
      const error = await failure(read({}, server.urlOf(large), sha)).finally(() => clearInterval(watch));
      expect(error.faults).toMatchObject([{ reason: 'RepositoryTooLarge', place: { file: 'dump.sql' } }]);
      expect(error.message).toBe(`dump.sql: the file is ${size} MiB, over the limit of 10 MiB`);
      expect(most / mebi).toBeLessThan(100);
    },
    180_000,
  );
});
