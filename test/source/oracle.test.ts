import * as fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { clone, listFiles, readBlob, resolveRef } from 'isomorphic-git';
import http from 'isomorphic-git/http/node';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import { type Content, type GitRepo, type GitServer, startGitServer } from '../gitserver/index.ts';
import { seededRandom } from '../soak.ts';
import { cut } from './cut.ts';

/** Another implementation of git, fetching the same commit from the same server, is the oracle. */
async function readByOracle(folder: string, url: string, ref: string): Promise<ReadonlyMap<string, string>> {
  await clone({ fs, http, dir: folder, url, ref, singleBranch: true, depth: 1, noCheckout: true });
  const files = new Map<string, string>();
  const oid = await resolveRef({ fs, dir: folder, ref });
  const paths = await listFiles({ fs, dir: folder, ref: oid });
  for (const filepath of paths) {
    const { blob } = await readBlob({ fs, dir: folder, oid, filepath });
    files.set(filepath, Buffer.from(blob).toString('hex'));
  }
  return files;
}

/** Commits of files in nested folders, some the same, some alike (deltas), some large. */
async function grow(repo: GitRepo, seed: number): Promise<string> {
  const random = seededRandom(seed);
  const pick = (count: number): number => Math.floor(random() * count);
  let head = '';
  for (let commit = 0; commit < 4; commit += 1) {
    const files: Record<string, Content> = {};
    for (let file = 0; file < 12; file += 1) {
      const path = `${['', 'apps/', 'apps/web/', 'infra/a/b/'][pick(4)]}file-${pick(20)}.yaml`;
      const lines = Array.from({ length: pick(400) }, (_, line) => `line-${line}: ${pick(9)}\n`);
      files[path] = `# ${path}\n${lines.join('')}`;
    }
    head = await repo.write(files);
  }
  if (pick(2) === 0) await repo.git('repack', '-adfq', '--depth=50', '--window=20');
  return head;
}

describe('a commit as isomorphic-git reads it', () => {
  let server: GitServer;
  let folder: string;
  const client = createGitClient();
  beforeAll(async () => {
    server = await startGitServer();
    folder = await mkdtemp(join(tmpdir(), 'oracle-'));
  });
  afterAll(async () => {
    await client.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([1, 2, 3])('is the same commit as we read it, file by file and byte by byte (seed %i)', async (seed) => {
    const repo = await server.createRepo(`oracle-${seed}.git`);
    const commit = await grow(repo, seed);
    const url = server.urlOf(repo);
    const { signal } = new AbortController();
    const checkout = await client.checkout(url, anonymous, { commit, fullRef: 'refs/heads/main', shortRef: 'main' }, signal);
    const ours = new Map((await cut(checkout, '')).files.map((file) => [file.path, file.content.toString('hex')]));
    const theirs = await readByOracle(join(folder, String(seed)), url, 'main');
    expect([...ours.keys()].toSorted()).toEqual([...theirs.keys()].toSorted());
    expect(ours).toEqual(new Map([...theirs].toSorted(([a], [b]) => (a < b ? -1 : 1))));
  });
});
