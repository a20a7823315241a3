import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fileObjects } from '../../../operator/render/index.ts';
import { makeFiles } from '../../../operator/source/history/files.ts';
import { makeGraph } from '../../../operator/source/history/graph.ts';
import { incoming } from '../../../operator/source/history/incoming.ts';
import { lastChanges, versionsOf } from '../../../operator/source/history/last-change.ts';
import type { History } from '../../../operator/source/history/last-change.ts';
import type { Tracked } from '../../../operator/source/history/tracked.ts';
import { makeTrees } from '../../../operator/source/history/trees.ts';
import type { GitObject, ObjectReader } from '../../../operator/source/history/types.ts';
import { git } from '../../gitserver/git.ts';
import { GitRepo } from '../../gitserver/repo.ts';
import { finish, readAll } from './histories.ts';

const endless = { commits: Number.POSITIVE_INFINITY, isOver: () => false };
const map = (name: string, value: number): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {v: "${value}"}\n`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bounds-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function historyOf(reader: ObjectReader): History {
  return {
    reader,
    graph: makeGraph(reader),
    trees: makeTrees(reader),
    files: makeFiles(reader, fileObjects),
  };
}

const file = (path: string): Tracked => ({ id: path, paths: [path] });
const part = (path: string, name: string): Tracked => ({
  id: name,
  paths: [path],
  part: { path, object: ` /ConfigMap ${name}` },
});

describe('where history is not whole', () => {
  let repo: GitRepo;
  /** Eight commits: `still.yaml` is of the first, `both.yaml` holds a, which the third changed, and b, which all change. */
  const ids: string[] = [];
  let objects: Map<string, GitObject>;
  beforeAll(async () => {
    repo = await GitRepo.create(folder, 'linear.git');
    for (let index = 0; index < 8; index += 1) {
      const both = `${map('a', Math.min(index, 2))}---\n${map('b', index)}`;
      ids.push(await repo.write({ 'both.yaml': both, ...(index === 0 ? { 'still.yaml': map('still', 0) } : {}) }));
    }
    objects = await readAll(repo);
  });
  const at = (index: number): string => ids.at(index) ?? '';
  const without = (left: (oid: string, object: GitObject) => boolean): ObjectReader => ({
    read: (oid) => {
      const object = objects.get(oid);
      return object === undefined || left(oid, object) ? undefined : object;
    },
  });

  test('a change is told at the oldest commit that is known to hold it, or before', () => {
    const shallow = without((oid) => ids.indexOf(oid) >= 0 && ids.indexOf(oid) < 5);
    const { changes } = finish(
      lastChanges(historyOf(shallow), at(-1), [file('still.yaml'), part('both.yaml', 'a'), part('both.yaml', 'b')], endless),
    );
    expect(Object.fromEntries(changes)).toEqual({
      'still.yaml': { commit: at(5), exact: false },
      a: { commit: at(5), exact: false },
      b: { commit: at(7), exact: true },
    });
  });

  test('the walk ends at its bound of commits, and when it is over', () => {
    const asked = [file('still.yaml'), part('both.yaml', 'b')];
    const whole = historyOf(without(() => false));
    const few = finish(lastChanges(whole, at(-1), asked, { ...endless, commits: 3 }));
    expect(few.changes.get('still.yaml')).toEqual({ commit: at(4), exact: false });
    expect(few.changes.get('b')).toEqual({ commit: at(7), exact: true });
    let questions = 0;
    const over = finish(lastChanges(whole, at(-1), asked, { ...endless, isOver: () => (questions += 1) > 2 }));
    expect(over.changes.get('still.yaml')).toEqual({ commit: at(5), exact: false });
    expect(finish(lastChanges(whole, at(-1), asked, endless)).changes.get('still.yaml')).toEqual({ commit: at(0), exact: true });
  });

  test('a folder that is not at hand ends it too', async () => {
    const tree = await repo.git('rev-parse', `${at(3)}^{tree}`);
    const { changes } = finish(lastChanges(historyOf(without((oid) => oid === tree)), at(-1), [file('still.yaml')], endless));
    expect(changes.get('still.yaml')).toEqual({ commit: at(4), exact: false });
  });

  test('versions of a file with several objects are asked for in one go, and the newest first', async () => {
    const asked = [file('still.yaml'), part('both.yaml', 'a'), part('both.yaml', 'b')];
    const filtered = historyOf(without((_, { type }) => type === 'blob'));
    const { changes, missing } = finish(lastChanges(filtered, at(-1), asked, endless));
    expect(changes.get('a')).toEqual({ commit: at(7), exact: false });
    const versions = await Promise.all(ids.map((id) => repo.git('rev-parse', `${id}:both.yaml`)));
    expect([...missing].toSorted()).toEqual(versions.slice(-2).toSorted());
    expect([...finish(versionsOf(filtered, at(-1), asked, endless, 100))].toSorted()).toEqual(versions.toSorted());
    expect([...finish(versionsOf(filtered, at(-1), asked, endless, 3))]).toEqual(expect.arrayContaining(versions.slice(-3)));
    const there = historyOf(without((oid, { type }) => type === 'blob' && !versions.includes(oid)));
    expect(finish(versionsOf(there, at(-1), asked, endless, 100)).size).toBe(0);
    expect(finish(lastChanges(there, at(-1), asked, endless)).changes.get('a')).toEqual({ commit: at(2), exact: true });
  });

  test('commits are counted as far as they are known', () => {
    const since = (old: string | undefined, reader: ObjectReader, cut: readonly string[] = []) =>
      finish(incoming(makeGraph(reader), reader, { old, head: at(-1), cut: new Set(cut) }));
    const only = (from: number): ObjectReader => without((oid) => ids.indexOf(oid) >= 0 && ids.indexOf(oid) < from);
    // The server was asked for what came after the fourth, and sent no more.
    expect(since(at(3), only(4))).toMatchObject({ relation: 'Forward', count: 4, more: false });
    // It sent the last three, and said that there are more.
    expect(since(at(3), only(5), [at(5)])).toMatchObject({ relation: 'Unrelated', count: 3, more: true });
    // It sent all that is new over a commit that is not in memory: where that parted from the new one is what was left out.
    expect(since('f'.repeat(40), only(5))).toMatchObject({ relation: 'Rewritten', count: 3, more: false, base: at(4) });
    expect(since('f'.repeat(40), only(0))).toMatchObject({ relation: 'Unrelated', count: 8, more: false });
    expect(since(undefined, only(0))).toMatchObject({ relation: 'First', count: 1, commits: [{ sha: at(-1) }], more: true });
    expect(since(at(-1), only(7))).toEqual({ relation: 'Same', commits: [], count: 0, more: false });
  });

  test('250 are listed, and all are counted', async () => {
    const many = await GitRepo.create(folder, 'many.git');
    const first = await many.write({ 'a.yaml': '0' });
    const script: string[] = ['reset refs/heads/main', `from ${first}`, ''];
    for (let index = 0; index < 300; index += 1) {
      script.push('commit refs/heads/main', `committer A <a@example.com> ${1_800_000_000 + index} +0000`, 'data 1', 'x', '');
    }
    await git(many.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], `${script.join('\n')}\n`);
    const head = (await many.tip('main')) ?? '';
    const all = await readAll(many);
    const reader: ObjectReader = { read: (oid) => all.get(oid) };
    const told = finish(incoming(makeGraph(reader), reader, { old: first, head, cut: new Set() }));
    expect(told).toMatchObject({ relation: 'Forward', count: 300, more: false });
    expect(told.commits.map(({ sha }) => sha)).toEqual((await many.git('log', '-250', '--format=%H')).split('\n'));
  });
});

test('a file that was moved changed when it was moved; so did each object that it holds', async () => {
  const repo = await GitRepo.create(folder, 'moved.git');
  const text = `${map('a', 1)}---\n${map('b', 1)}`;
  await repo.write({ 'old.yaml': text });
  const moved = await repo.write({ 'old.yaml': null, 'new.yaml': text });
  const head = await repo.write({ 'other.yaml': map('c', 1) });
  const all = await readAll(repo);
  const asked = [file('new.yaml'), part('new.yaml', 'a')];
  const { changes } = finish(lastChanges(historyOf({ read: (oid) => all.get(oid) }), head, asked, endless));
  expect([...changes.values()]).toEqual([
    { commit: moved, exact: true },
    { commit: moved, exact: true },
  ]);
  expect(await repo.git('log', '-1', '--format=%H', '--', 'new.yaml')).toBe(moved);
});
