/** Generated histories in real repositories, and their objects as `git cat-file` gives them. */
import type { GitObject, ObjectReader } from '../../../operator/source/history/types.ts';
import { gitEnvironment } from '../../gitserver/git.ts';
import type { GitRepo } from '../../gitserver/repo.ts';
import { seededRandom } from '../../soak.ts';
import { runProgram } from '../../spawner/index.ts';

/** A file of a generated commit. */
export interface Made {
  readonly mode: '100644' | '100755' | '120000';
  readonly content: string;
}

export type Files = ReadonlyMap<string, Made>;

export interface Node {
  readonly parents: readonly number[];
  readonly files: Files;
  /** Seconds since the epoch. */
  readonly time: number;
  readonly message: string;
}

export interface Chance {
  /** A whole number below `count`. */
  pick(count: number): number;
  /** True once in `of` times. */
  once(of: number): boolean;
  one<T>(list: readonly T[]): T;
}

export function chanceOf(seed: number): Chance {
  const random = seededRandom(seed);
  const pick = (count: number): number => Math.floor(random() * count);
  return { pick, once: (of) => pick(of) === 0, one: (list) => list[pick(list.length)] as (typeof list)[number] };
}

/** The commits of a history, each made of the files that `change` makes of one parent's (and, in a merge, of the others'). */
export function makeHistory(
  chance: Chance,
  count: number,
  change: (files: Map<string, Made>, others: readonly Files[]) => void,
): readonly Node[] {
  const nodes: Node[] = [];
  let time = 1_700_000_000;
  for (let index = 0; index < count; index += 1) {
    const latest = (): number => Math.max(0, index - 1 - chance.pick(Math.min(index, 5)));
    const parents = new Set<number>();
    if (index > 0 && !chance.once(25)) {
      parents.add(latest());
      for (let more = chance.once(4) ? 1 + chance.pick(3) : 0; more > 0; more -= 1) parents.add(latest());
    }
    const [first, ...others] = [...parents].map((parent) => (nodes[parent] as Node).files);
    const files = new Map(first);
    change(files, others);
    // Several in one second, as a rebase makes them.
    time += chance.pick(3) * 60;
    nodes.push({ parents: [...parents], files, time, message: messageOf(chance, index) });
  }
  return nodes;
}

/** Takes some paths of a merge from the other parents, so that it equals now one of them, now none. */
export function merge(chance: Chance, files: Map<string, Made>, others: readonly Files[]): void {
  for (const other of others) {
    if (chance.once(5)) {
      files.clear();
      for (const [path, made] of other) files.set(path, made);
    }
    for (const path of new Set([...files.keys(), ...other.keys()])) {
      if (!chance.once(2)) continue;
      const theirs = other.get(path);
      if (theirs === undefined) files.delete(path);
      else files.set(path, theirs);
    }
  }
}

function messageOf(chance: Chance, index: number): string {
  const subject = chance.one(['Raise the replicas', 'Merge branch', 'Übersetze', 'Drop\ttabs', 'A title\non two lines', '']);
  const body = chance.one(['', '\n\nWhy it is done.\nOn two lines: yes', '\n\nnote: a trailer', '\n\n# comment\nRefs: #12']);
  const trailers = chance.one([
    '',
    '\n\nReviewed-by: Grace <grace@example.com>\nRefs : #7',
    '\n\nSigned-off-by: Ada <ada@example.com>\nno trailer at all\n',
    '\n\n(cherry picked from commit 1234)\nfree\ntext\nhere',
    '\n\nChange-Id: Iabc\n  goes on\n\tand on',
    '\n\nlong text\nSee: there',
  ]);
  return `${subject}${index % 3 === 0 ? ` ${index}` : ''}${body}${trailers}`;
}

/** Writes the commits into a repository, with a ref for each; gives their ids. */
export async function writeHistory(repo: GitRepo, nodes: readonly Node[]): Promise<readonly string[]> {
  const lines: Buffer[] = [];
  const data = (text: string): void => {
    const bytes = Buffer.from(text);
    lines.push(Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n'));
  };
  for (const [index, { parents, files, time, message }] of nodes.entries()) {
    lines.push(Buffer.from(`reset refs/nodes/${index}\ncommit refs/nodes/${index}\nmark :${index + 1}\n`));
    lines.push(
      Buffer.from(`author Ada Lovelace <ada@example.com> ${time - 30} +0100\ncommitter Grace <grace@example.com> ${time} -0200\n`),
    );
    data(message);
    for (const [at, parent] of parents.entries()) lines.push(Buffer.from(`${at === 0 ? 'from' : 'merge'} :${parent + 1}\n`));
    lines.push(Buffer.from('deleteall\n'));
    for (const [path, { mode, content }] of files) {
      lines.push(Buffer.from(`M ${mode} inline ${path}\n`));
      data(content);
    }
    lines.push(Buffer.from('\n'));
  }
  for (const index of nodes.keys()) lines.push(Buffer.from(`get-mark :${index + 1}\n`));
  const out = await output(repo.directory, ['fast-import', '--quiet', '--force', '--date-format=raw'], Buffer.concat(lines));
  return out.toString('latin1').trim().split('\n');
}

/** Every object of a repository, in memory. */
export async function readAll(repo: GitRepo): Promise<Map<string, GitObject>> {
  const out = await output(repo.directory, ['cat-file', '--batch-all-objects', '--batch', '--unordered'], Buffer.alloc(0));
  const objects = new Map<string, GitObject>();
  for (let at = 0; at < out.length;) {
    const end = out.indexOf(0x0a, at);
    const [oid = '', type, size] = out.toString('latin1', at, end).split(' ');
    const length = Number(size);
    objects.set(oid, { type: type as GitObject['type'], data: out.subarray(end + 1, end + 1 + length) });
    at = end + 1 + length + 1;
  }
  return objects;
}

export function readerOf(objects: ReadonlyMap<string, GitObject>): ObjectReader {
  return { read: (oid) => objects.get(oid) };
}

/** Does every step of a computation. */
export function finish<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

async function output(directory: string, args: readonly string[], input: Buffer): Promise<Buffer> {
  const { code, stdout, stderr } = await runProgram('git', args, { cwd: directory, env: gitEnvironment(directory), input: [input] });
  if (code !== 0) throw new Error(`git ${args[0]} ended with ${code}: ${stderr}`);
  return stdout;
}
