import { createHash } from 'node:crypto';
import type { GitObject } from '../../operator/source/types.ts';

export interface Objects extends Map<string, GitObject> {
  /** Adds an object and gives its id. */
  put(type: GitObject['type'], data: Buffer): string;
}

export function objects(): Objects {
  return Object.assign(new Map<string, GitObject>(), {
    put(this: Map<string, GitObject>, type: GitObject['type'], data: Buffer): string {
      const oid = createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
      this.set(oid, { type, data });
      return oid;
    },
  });
}

/** A file, or what else can stand in a tree. */
export type Leaf = string | { readonly link: string } | { readonly module: string };

/** The tree of these files, with all of its objects; gives its id. */
export function treeOf(into: Objects, files: Readonly<Record<string, Leaf>>): string {
  const here = new Map<string, { mode: string; oid: string }>();
  const below = new Map<string, Record<string, Leaf>>();
  for (const [path, leaf] of Object.entries(files)) {
    const slash = path.indexOf('/');
    if (slash >= 0) {
      const name = path.slice(0, slash);
      const folder = below.get(name) ?? {};
      folder[path.slice(slash + 1)] = leaf;
      below.set(name, folder);
    } else if (typeof leaf === 'string') here.set(path, { mode: '100644', oid: into.put('blob', Buffer.from(leaf)) });
    else if ('link' in leaf) here.set(path, { mode: '120000', oid: into.put('blob', Buffer.from(leaf.link)) });
    else here.set(path, { mode: '160000', oid: leaf.module });
  }
  for (const [name, content] of below) here.set(name, { mode: '40000', oid: treeOf(into, content) });
  const key = (name: string, mode: string): string => (mode === '40000' ? `${name}/` : name);
  const sorted = [...here].toSorted(([a, { mode: x }], [b, { mode: y }]) => Buffer.compare(Buffer.from(key(a, x)), Buffer.from(key(b, y))));
  return into.put(
    'tree',
    Buffer.concat(sorted.flatMap(([name, { mode, oid }]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')])),
  );
}
