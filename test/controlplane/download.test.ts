import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { downloadRelease } from './download.ts';

const version = 'v1.37.9';
const archive = `envtest-${version}-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`;
const bytes = Buffer.from('no archive at all');
const sha512 = (data: Buffer): string => createHash('sha512').update(data).digest('hex');

/** Of the archive in the index; undefined: the index has none. */
let checksum: string | undefined;
const asked: string[] = [];
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  if (request.url === '/silent') return;
  if (request.url === `/${archive}`) return void response.end(bytes);
  const hash = checksum === undefined ? '' : `      hash: ${checksum}\n`;
  response.end(`releases:\n  ${version}:\n    ${archive}:\n      selfLink: ${urlOf(archive)}\n${hash}`);
});
const urlOf = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'download-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => void asked.splice(0));
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const download = (index = 'index.yaml', of = version): Promise<string> => downloadRelease(of, folder, () => {}, urlOf(index));
const binaries = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).filter((name) => /(etcd|kube-apiserver|kubectl)$/.test(name));

describe('a release download', () => {
  test('without a checksum in the index is not begun', async () => {
    checksum = undefined;
    await expect(download()).rejects.toThrow(`has no checksum of ${archive}`);
    expect(asked).toEqual(['GET /index.yaml']);
  });

  test('whose bytes are not those of the checksum leaves nothing', async () => {
    checksum = sha512(Buffer.from('something else'));
    await expect(download()).rejects.toThrow(/^SHA-512 mismatch/);
    expect(asked).toContain(`GET /${archive}`);
    expect(await binaries()).toEqual([]);
  });

  test('of a version that is not there is told as such', async () => {
    await expect(download('index.yaml', 'v1.2.3')).rejects.toThrow('version v1.2.3 not in release index');
  });

  test('from a host that says nothing is given up after 5 s', async () => {
    const began = performance.now();
    await expect(download('silent')).rejects.toThrow('no answer from 127.0.0.1');
    expect(performance.now() - began).toBeGreaterThan(4_900);
  });

  test('from a host that is not there is given up at once', async () => {
    await expect(downloadRelease(version, folder, () => {}, 'http://127.0.0.1:1/index.yaml')).rejects.toThrow('fetch failed');
  });
});
