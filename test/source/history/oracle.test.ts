import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fileObjects } from '../../../operator/render/index.ts';
import { parseCommit } from '../../../operator/source/history/commit.ts';
import { makeFiles } from '../../../operator/source/history/files.ts';
import { makeGraph } from '../../../operator/source/history/graph.ts';
import { incoming } from '../../../operator/source/history/incoming.ts';
import { lastChanges } from '../../../operator/source/history/last-change.ts';
import type { History } from '../../../operator/source/history/last-change.ts';
import type { Tracked } from '../../../operator/source/history/tracked.ts';
import { makeTrees, resolve } from '../../../operator/source/history/trees.ts';
import type { ObjectReader } from '../../../operator/source/history/types.ts';
import { GitRepo } from '../../gitserver/repo.ts';
import { sampled } from '../../soak.ts';
import { chanceOf, finish, makeHistory, merge, readAll, readerOf, writeHistory } from './histories.ts';
import type { Chance, Files, Made, Node } from './histories.ts';

/** Hundreds of histories in a soak, a few of them otherwise. */
const seeds = sampled(
  Array.from({ length: 200 }, (_, index) => index + 1),
  6,
);
const endless = { commits: Number.POSITIVE_INFINITY, isOver: () => false };

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'history-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Written {
  readonly chance: Chance;
  readonly repo: GitRepo;
  readonly nodes: readonly Node[];
  readonly ids: readonly string[];
  readonly reader: ObjectReader;
  readonly history: History;
}

async function written(name: string, chance: Chance, nodes: readonly Node[]): Promise<Written> {
  const repo = await GitRepo.create(folder, `${name}.git`);
  const ids = await writeHistory(repo, nodes);
  const reader = readerOf(await readAll(repo));
  const history: History = {
    reader,
    graph: makeGraph(reader),
    trees: makeTrees(reader, { entries: 500, differences: 50 }),
    files: makeFiles(reader, fileObjects),
  };
  return { chance, repo, nodes, ids, reader, history };
}

const paths = ['a.yaml', 'b.yaml', 'apps/a.yaml', 'apps/web/a.yaml', 'apps/web/b.yaml', 'infra/a/b/c.yaml', 'apps'];

/** Edits, moves, deletes, flips modes, empties everything; a file takes the place of a folder. */
function edit(chance: Chance, files: Map<string, Made>): void {
  for (let edits = chance.pick(4); edits > 0; edits -= 1) {
    const path = chance.one(paths);
    const made = files.get(path);
    if (chance.once(15)) files.clear();
    else if (made === undefined) put(files, path, { mode: '100644', content: `v: ${chance.pick(4)}\n` });
    else change(chance, files, path, made);
  }
}

function change(chance: Chance, files: Map<string, Made>, path: string, made: Made): void {
  switch (chance.pick(5)) {
    case 0:
      files.delete(path);
      return;
    case 1:
      files.delete(path);
      put(files, chance.one(paths), made);
      return;
    case 2:
      files.set(path, { ...made, mode: made.mode === '100644' ? '100755' : '100644' });
      return;
    default:
      files.set(path, { ...made, content: `v: ${chance.pick(4)}\n` });
  }
}

/** A folder and a file of the same name cannot both be there. */
function put(files: Map<string, Made>, path: string, made: Made): void {
  for (const other of files.keys()) if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) files.delete(other);
  files.set(path, made);
}

function tidy(files: Map<string, Made>): void {
  for (const [path, made] of new Map(files)) if (files.has(path)) put(files, path, made);
}

describe.each(seeds)('history %i', (seed) => {
  let made: Written;
  beforeAll(async () => {
    const chance = chanceOf(seed);
    const nodes = makeHistory(chance, 20 + chance.pick(40), (files: Map<string, Made>, others: readonly Files[]) => {
      merge(chance, files, others);
      edit(chance, files);
      tidy(files);
    });
    made = await written(`files-${seed}`, chance, nodes);
  });

  test('has the commits that git log OLD..NEW tells, in its order', async () => {
    const { chance, repo, ids, reader, history } = made;
    for (let pair = 0; pair < 12; pair += 1) {
      const [old, head] = [chance.one(ids), pair % 2 === 0 ? (ids.at(-1) ?? '') : chance.one(ids)];
      const ours = finish(incoming(history.graph, reader, { old, head, cut: new Set() }));
      const theirs = (await repo.git('log', '--format=%H', `${old}..${head}`)).split('\n').filter(Boolean);
      expect(ours.commits.map(({ sha }) => sha)).toEqual(theirs);
      expect(ours).toMatchObject({ count: theirs.length, more: false });
      const bases = await repo.git('merge-base', '--all', old, head).catch(() => '');
      if (ours.relation === 'Rewritten') expect(bases.split('\n')).toContain(ours.base);
      else expect(ours.relation).toBe(old === head ? 'Same' : bases === old ? 'Forward' : bases === head ? 'Rollback' : 'Unrelated');
    }
  });

  test('has each file changed last where git log -1 -- FILE says', async () => {
    const { chance, repo, nodes, ids, history } = made;
    for (const index of [nodes.length - 1, chance.pick(nodes.length), chance.pick(nodes.length)]) {
      const head = ids[index] ?? '';
      const asked = [...(nodes[index]?.files.keys() ?? [])].map((path): Tracked => ({ id: path, paths: [path] }));
      const { changes } = finish(lastChanges(history, head, asked, endless));
      for (const { id } of asked) {
        const commit = await repo.git('log', '-1', '--format=%H', head, '--', id);
        expect([id, changes.get(id)]).toEqual([id, { commit, exact: true }]);
      }
    }
  });

  test('tells of each commit what git log tells', async () => {
    const { repo, ids, reader } = made;
    const format = '%H%x00%an <%ae>%x00%cn <%ce>%x00%aI%x00%cI%x00%P%x00%(trailers:only,unfold)%x01';
    const log = await repo.git('log', '--all', `--format=${format}`);
    for (const entry of log.split('\u0001').map((text) => text.trim())) {
      if (entry === '') continue;
      const [sha = '', author, committer, authorTime = '', time = '', parents, trailers] = entry.split('\0');
      const object = reader.read(sha);
      const ours = parseCommit(sha, object?.data ?? Buffer.alloc(0));
      expect({ ...ours, parents: ours.parents.join(' ') }).toMatchObject({ sha, author, committer, parents });
      expect([Date.parse(ours.authorTime), Date.parse(ours.time)]).toEqual([Date.parse(authorTime), Date.parse(time)]);
      expect(ours.trailers.map(({ key, value }) => `${key}: ${value}`).join('\n')).toBe((trailers ?? '').trim());
    }
    expect(log).toContain(ids.at(-1));
  });
});

const names = ['a', 'b', 'c', 'd'];
const manifestOf = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata: {v: "${value}"}\n`;

/** All objects in one file, in any order, between comments; as documents, as a list, as JSON. */
function together(chance: Chance, form: string, objects: ReadonlyMap<string, string>): string {
  const order = [...objects.keys()].toSorted(() => chance.pick(3) - 1);
  if (form === 'json') {
    const items = order.map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { v: objects.get(name) } }));
    return JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, chance.pick(3));
  }
  const comment = `# ${chance.pick(1000)}\n`;
  if (form === 'list') {
    const items = order.map(
      (name) =>
        `- ${manifestOf(name, objects.get(name) ?? '')
          .trim()
          .replaceAll('\n', '\n  ')}\n`,
    );
    return `${comment}apiVersion: v1\nkind: List\nitems:${items.length === 0 ? ' []' : ''}\n${items.join('')}`;
  }
  return comment + order.map((name) => manifestOf(name, objects.get(name) ?? '')).join(`---\n${comment}`);
}

describe.each(seeds)('several objects in one file (history %i)', (seed) => {
  test.each(['documents', 'list', 'json'])('as %s: each changed last where a file of its own would have', async (form) => {
    const chance = chanceOf(1000 + seed);
    const whole = `apps/all.${form === 'json' ? 'json' : 'yaml'}`;
    const nodes = makeHistory(chance, 12 + chance.pick(20), (files: Map<string, Made>, others: readonly Files[]) => {
      files.delete(whole);
      const alone = others.map((other) => new Map([...other].filter(([path]) => path !== whole)));
      merge(chance, files, alone);
      files.delete(whole);
      for (let edits = chance.pick(3); edits > 0; edits -= 1) {
        const path = `own/${chance.one(names)}`;
        if (chance.once(5)) files.delete(path);
        else files.set(path, { mode: '100644', content: `${chance.pick(3)}` });
      }
      const objects = new Map([...files].map(([path, { content }]) => [path.slice('own/'.length), content]));
      files.set(whole, { mode: chance.once(9) ? '100755' : '100644', content: together(chance, form, objects) });
    });
    const { repo, ids, history } = await written(`objects-${form}-${seed}`, chance, nodes);
    for (const index of [nodes.length - 1, chance.pick(nodes.length), chance.pick(nodes.length)]) {
      const head = ids[index] ?? '';
      const own = [...(nodes[index]?.files.keys() ?? [])].filter((path) => path !== whole);
      const asked = own.map((path): Tracked => ({
        id: path,
        paths: [whole],
        part: { path: whole, object: ` /ConfigMap ${path.slice(4)}` },
      }));
      const { changes, missing } = finish(lastChanges(history, head, asked, endless));
      expect(missing.size).toBe(0);
      for (const path of own) {
        const commit = await repo.git('log', '-1', '--format=%H', head, '--', path);
        expect([path, changes.get(path)]).toEqual([path, { commit, exact: true }]);
      }
    }
  });
});

describe.each(seeds)('symlinks (history %i)', (seed) => {
  test('count with what they lead to: git log -1 -- LINK TARGET', async () => {
    const chance = chanceOf(2000 + seed);
    const links: readonly (readonly [string, string])[] = [
      ['link.yaml', 'real/a.yaml'],
      ['link.yaml', './real/b.yaml'],
      ['deep/link.yaml', '../link.yaml'],
      ['folder', 'real'],
      ['deep/folder', '../folder'],
      ['lost.yaml', 'nowhere.yaml'],
    ];
    const nodes = makeHistory(chance, 12 + chance.pick(12), (files: Map<string, Made>, others: readonly Files[]) => {
      merge(chance, files, others);
      const [link, content] = chance.one(links);
      if (chance.once(2)) files.set(link, { mode: '120000', content });
      for (const path of ['real/a.yaml', 'real/b.yaml']) {
        if (chance.once(2)) files.set(path, { mode: '100644', content: `v: ${chance.pick(5)}\n` });
      }
    });
    const { repo, ids, reader, history } = await written(`links-${seed}`, chance, nodes);
    const head = ids.at(-1) ?? '';
    const root = history.graph.links(head)?.tree ?? '';
    const asked: Tracked[] = [];
    for (const path of ['real/a.yaml', 'link.yaml', 'deep/link.yaml', 'folder/a.yaml', 'deep/folder/b.yaml', 'lost.yaml']) {
      const resolved = resolve(history.trees, reader, root, path, new Set());
      if (resolved?.file !== undefined) asked.push({ id: path, paths: resolved.paths });
    }
    const { changes } = finish(lastChanges(history, head, asked, endless));
    for (const { id, paths: all } of asked) {
      const commit = await repo.git('log', '-1', '--format=%H', head, '--', ...all);
      expect([id, changes.get(id)]).toEqual([id, { commit, exact: true }]);
    }
  });
});
