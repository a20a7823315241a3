import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { anonymous } from '../../operator/source/credentials.ts';
import { createGitClient } from '../../operator/source/git-client.ts';
import type { GitClient } from '../../operator/source/types.ts';
import { git } from '../gitserver/git.ts';
import { startGitServer } from '../gitserver/index.ts';
import type { GitRepo, GitServer } from '../gitserver/index.ts';
import { sampled, seededRandom } from '../soak.ts';

const { signal } = new AbortController();
const seeds = Array.from({ length: 300 }, (_, index) => index);
let server: GitServer;
let old: GitServer;

beforeAll(async () => {
  server = await startGitServer();
  old = await startGitServer({ root: server.root, protocolV2: false });
});
afterAll(() => Promise.all([old.close(), server.close()]));

const folders = ['', 'apps/', 'apps/web/', 'infra/a/b/', 'é/', 'x y/'];
const names = ['a.yaml', 'b.yml', 'c.json', 'd.txt', 'é.yaml', 'Kustomization', 'e f.yaml'];

/** A history of commits on some branches, as a script for git fast-import. */
function script(random: () => number, commits: number): string {
  const pick = (count: number): number => Math.floor(random() * count);
  const lines: string[] = [];
  const branches = ['main', 'next', 'release/1'];
  const marks: number[] = [];
  for (let mark = 1; mark <= commits; mark += 1) {
    const branch = branches[pick(3)] as string;
    const message = `Commit ${mark}\n\nwith a body\n`;
    lines.push(`commit refs/heads/${branch}`, `mark :${mark}`, `committer Ada <ada@example.com> ${1_700_000_000 + mark} +0100`);
    lines.push(`data ${Buffer.byteLength(message)}`, message);
    // Now and then an orphan, a merge, an octopus.
    const parents = random() < 0.1 ? 0 : Math.min(marks.length, random() < 0.75 ? 1 : 2 + pick(3));
    const chosen = new Set(Array.from({ length: parents }, (_, index) => (index === 0 ? marks.at(-1) : marks[pick(marks.length)])));
    const [first, ...others] = chosen;
    if (first === undefined) lines.push('deleteall');
    else lines.push(`from :${first}`, ...others.map((other) => `merge :${other}`));
    for (let change = 1 + pick(5); change > 0; change -= 1) {
      const path = `${folders[pick(folders.length)]}${names[pick(names.length)]}`;
      const what = random();
      if (what < 0.1) lines.push(`D ${path}`);
      else if (what < 0.15) lines.push(`D ${folders[1 + pick(folders.length - 1)]?.slice(0, -1)}`);
      else {
        const content = Array.from({ length: pick(60) }, (_, index) => `line ${index}: ${pick(4)}\n`).join('');
        lines.push(`M ${random() < 0.2 ? '100755' : '100644'} inline ${path}`, `data ${Buffer.byteLength(content)}`, content);
      }
    }
    lines.push('');
    marks.push(mark);
  }
  return lines.join('\n');
}

async function grow(repo: GitRepo, random: () => number): Promise<void> {
  await git(repo.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], script(random, 25));
  const tips = (await repo.git('for-each-ref', '--format=%(objectname)', 'refs/heads')).split('\n');
  await repo.setRef('refs/heads/main', tips[0] as string);
  await repo.tag('light', tips[0] as string);
  await repo.tag('v1.0.0', tips.at(-1) as string, 'annotated');
  await repo.tag('v1.1.0', await repo.git('rev-parse', 'refs/tags/v1.0.0'), 'a tag of a tag');
  const how = random();
  if (how < 0.4) await repo.git('repack', '-a', '-d', '-f', '-q', '--depth=200', '--window=60');
  else if (how < 0.6) await repo.git('gc', '--quiet');
}

/** What git itself says: path, id and content of each file that is read. */
async function oracle(repo: GitRepo, ref: string): Promise<string[]> {
  const listed = (await repo.git('ls-tree', '-r', '-z', ref)).split('\0').filter(Boolean);
  const files: string[] = [];
  for (const entry of listed) {
    const [, , oid = '', path = ''] = /^(\d+) blob (\w+)\t(.*)$/s.exec(entry) ?? [];
    if (!/\.(ya?ml|json)$|(^|\/)Kustomization$/.test(path)) continue;
    files.push(`${path} ${oid}`);
  }
  return files.toSorted((a, b) => (a < b ? -1 : 1));
}

async function check(client: GitClient, repo: GitRepo, url: string): Promise<void> {
  const refs = await client.listRefs(url, anonymous, signal, ['refs/']);
  const shown = await repo.git('for-each-ref', '--format=%(refname) %(objectname)');
  for (const line of shown.split('\n')) {
    const [name = '', oid = ''] = line.split(' ');
    const peeled = await repo.git('rev-parse', `${name}^{commit}`);
    expect(refs.refs.get(name)).toBe(peeled);
    expect(refs.tags.get(name)).toBe(oid === peeled ? undefined : oid);
    const ref = { commit: peeled, tag: refs.tags.get(name), fullRef: name, shortRef: name };
    const wanted = { path: '', exclude: [] };
    const checkout = await client.checkout(url, anonymous, ref, signal, { wanted });
    const { files } = await checkout.snapshot(wanted, signal);
    const expected = await oracle(repo, name);
    expect(files.map(({ path, oid: id }) => `${path} ${id}`).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(expected);
    // Ids are hashes that were computed here: one content stands for all.
    for (const file of files.slice(0, 1)) expect(file.content.equals(await raw(repo, file.oid))).toBe(true);
  }
}

async function raw(repo: GitRepo, oid: string): Promise<Buffer> {
  return Buffer.from(await repo.git('cat-file', '-p', oid).then((text) => (text === '' ? '' : `${text}\n`)));
}

test.each(sampled(seeds, 2).map((seed) => [seed]))(
  'history %i is read as git reads it',
  async (seed) => {
    const random = seededRandom(seed);
    const repo = await server.createRepo(`history-${seed}.git`, { allowFilter: seed % 2 === 0 });
    await grow(repo, random);
    // One client follows from ref to ref, so that most of it comes as thin packs.
    for (const at of [server, old]) {
      const client = createGitClient();
      try {
        await check(client, repo, at.urlOf(repo));
        await git(repo.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], script(random, 3));
        await check(client, repo, at.urlOf(repo));
      } finally {
        await client.close();
      }
    }
  },
  240_000,
);

test('a server whose own repository is shallow is read', async () => {
  const full = await server.createRepo('full.git');
  for (const version of [1, 2, 3]) await full.write({ 'web.yaml': `v: ${version}\n` });
  const repo = await server.createRepo('shallow.git');
  await repo.git('fetch', '--quiet', '--depth=1', `file://${full.directory}`, '+main:main');
  for (const at of [server, old]) {
    const client = createGitClient();
    await check(client, repo, at.urlOf(repo)).finally(() => client.close());
  }
});
