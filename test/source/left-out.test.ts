/** Files that do not come, as too large or too many: who is told so, and what it costs. */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PlumblineError } from '../../operator/errors.ts';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { line } from '../../operator/source/pktline.ts';
import type { GitClient } from '../../operator/source/types.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitServer } from '../gitserver/index.ts';
import { startMeddler } from './meddler.ts';
import type { Meddler } from './meddler.ts';

const { signal } = new AbortController();
const mebi = 1024 * 1024;
let server: GitServer;
let meddler: Meddler;

beforeAll(async () => {
  server = await startGitServer();
  meddler = await startMeddler(server.url);
});
afterAll(() => Promise.all([meddler.close(), server.close()]));

async function read(client: GitClient, url: string, commit: string, path: string): Promise<string> {
  const wanted = { path, exclude: [] };
  const ref = { commit, fullRef: 'refs/heads/main', shortRef: 'main' };
  try {
    const checkout = await client.checkout(url, anonymous, ref, signal, { wanted });
    return (await checkout.snapshot(wanted, signal)).files.map((file) => file.path).join();
  } catch (error) {
    if (error instanceof PlumblineError) return error.message;
    throw error;
  }
}

/** A pack that holds nothing but a delta that is too large to be looked at. */
function nameless(): Buffer {
  const head = Buffer.from([...Buffer.from('PACK'), 0, 0, 0, 2, 0, 0, 0, 1, (7 << 4) | 8 | 0x80, 0x7d]);
  const body = Buffer.concat([head, Buffer.alloc(20), deflateSync(Buffer.alloc(2008))]);
  const pack = Buffer.concat([body, createHash('sha1').update(body).digest()]);
  const band = Buffer.concat([Buffer.from((pack.length + 5).toString(16).padStart(4, '0')), Buffer.from([1]), pack]);
  return Buffer.concat([line('packfile'), band, Buffer.from('0000')]);
}

test('what one remote leaves out as too large is no word about the same file of another', async () => {
  const client = createGitClient({ limits: { fileBytes: 1000 } });
  try {
    const commits: string[] = [];
    for (const name of ['a.git', 'b.git']) {
      const repo = await server.createRepo(name, { allowFilter: true });
      commits.push(await repo.write({ 'app/web.yaml': 'web\n', 'other.yaml': 'x' }));
    }
    let posts = 0;
    // The commit and its folders come as they are; the file does not.
    meddler.meddle = (body, post) => {
      if (post) posts += 1;
      return [post && posts > 1 ? nameless() : body];
    };
    expect(await read(client, `${meddler.url}/a.git`, commits[0] ?? '', 'app')).toContain(
      'app/web.yaml: the file is over the limit of 1000 bytes',
    );
    meddler.meddle = undefined;
    expect(await read(client, `${meddler.url}/b.git`, commits[1] ?? '', 'app')).toBe('app/web.yaml');
  } finally {
    await client.close();
  }
});

test('files over the limit together, of which nobody knew the size, are refused within bounded memory', async () => {
  const repo = await server.createRepo('many.git', { allowFilter: true });
  const files = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`app/${index}.yaml`, Buffer.alloc(5 * mebi, index)]));
  const commit = await repo.write({ ...files, 'other.yaml': 'x' });
  const client = createGitClient({ limits: { totalBytes: 10 * mebi, keptBytes: 20 * mebi } });
  const before = process.memoryUsage.rss();
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 10);
  try {
    expect(await read(client, server.urlOf(repo), commit, 'app')).toBe('the manifest files in app are over 10 MiB together');
    // Twice what is kept, while it goes into the store; all of them would be 150.
    expect(most / mebi).toBeLessThan(110);
  } finally {
    clearInterval(watch);
    await client.close();
  }
}, 60_000);
