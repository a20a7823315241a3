/** Pure: fieldsV1 of managedFields, as the API server writes it (structured-merge-diff): `f:` fields, `k:` items, `v:` members. */
import { fieldManager } from '../../api/names.ts';
import type { KubeObject, ManagedFieldsEntry } from '../../kube/types.ts';
import { isMapping } from '../../render/fields.ts';
import { isWhole, keysOf, keysText } from './items.ts';
import { isSameScalar } from './path.ts';

/** A node of fieldsV1: what is owned at and below a place. `{}` alone is the place itself, and `.` too. */
export type FieldSet = Readonly<Record<string, unknown>>;

/** An entry of managedFields, where the comparison has come in it. */
export interface Holder {
  readonly entry: ManagedFieldsEntry;
  readonly node: FieldSet;
  /** It holds something above this place whole, and says nothing of what is inside. */
  readonly above: boolean;
}

/** The `plumbline`/Apply entry; there is one per manager, never with a subresource. */
export function ownEntry(entries: readonly ManagedFieldsEntry[] | undefined): ManagedFieldsEntry | undefined {
  return entries?.find((entry) => entry.manager === fieldManager && entry.operation === 'Apply' && !entry.subresource);
}

/** Every other entry, from the root. */
export function otherEntries(object: Pick<KubeObject, 'metadata'>, own: ManagedFieldsEntry | undefined): readonly Holder[] {
  return (object.metadata.managedFields ?? []).flatMap((entry) =>
    entry === own || entry.fieldsV1 === undefined ? [] : [{ entry, node: entry.fieldsV1, above: false }],
  );
}

/** The child of a node, or undefined. */
export function childOf(node: FieldSet | undefined, key: string): FieldSet | undefined {
  const child = node?.[key];
  return isMapping(child) ? child : undefined;
}

/** Whether nothing below the node is named: it is held whole, or a granular one of which only itself is held. */
export function isLeaf(node: FieldSet): boolean {
  for (const key in node) if (key !== '.') return false;
  return true;
}

/** Whether a node names children of this kind: `f:`, `k:`, `v:`. */
export function namesAny(node: FieldSet, kind: 'f:' | 'k:' | 'v:'): boolean {
  for (const key in node) if (key.startsWith(kind)) return true;
  return false;
}

/** What others hold one step further; `pick` finds the node. Those that hold this place whole stay, as being above. */
export function narrow(holders: readonly Holder[], pick: (node: FieldSet) => FieldSet | undefined): readonly Holder[] {
  if (holders.length === 0) return holders;
  const found: Holder[] = [];
  for (const holder of holders) {
    if (holder.above || isLeaf(holder.node)) {
      found.push(holder.above ? holder : { ...holder, above: true });
      continue;
    }
    const node = pick(holder.node);
    if (node !== undefined) found.push({ entry: holder.entry, node, above: false });
  }
  return found;
}

/** Those that name this very place or something below it. */
export function here(holders: readonly Holder[]): readonly Holder[] {
  return holders.filter((holder) => !holder.above);
}

/** One `k:` child of an associative list. */
export interface ItemNode {
  readonly keys: Readonly<Record<string, unknown>>;
  readonly node: FieldSet;
}

/** The items of an associative list that a node names. */
export function itemNodes(node: FieldSet): readonly ItemNode[] {
  const items: ItemNode[] = [];
  for (const name in node) {
    if (!name.startsWith('k:')) continue;
    const keys = parsed(name);
    const child = childOf(node, name);
    if (isMapping(keys) && child !== undefined) items.push({ keys, node: child });
  }
  return items;
}

/** The members of a set that a node names. */
export function setMembers(node: FieldSet): readonly unknown[] {
  return Object.keys(node)
    .filter((name) => name.startsWith('v:'))
    .map(parsed);
}

/** What follows the two letters is JSON; what does not parse is nothing that we know. */
function parsed(name: string): unknown {
  try {
    return JSON.parse(name.slice(2));
  } catch {
    return undefined;
  }
}

/** Whether two sets of key fields say the same. */
export function isSameKeys(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isSameScalar(a[name], b[name]));
}

/** How well an item that is stated fits key fields: by all of them, by those that it states, by stating none of them, or not at all. */
export function fit(item: unknown, keys: Readonly<Record<string, unknown>>): 'all' | 'some' | 'open' | 'none' {
  if (!isMapping(item)) return 'none';
  let stated = 0;
  const names = Object.keys(keys);
  for (const name of names) {
    if (item[name] === undefined || item[name] === null) continue;
    if (!isSameScalar(item[name], keys[name])) return 'none';
    stated += 1;
  }
  return stated === names.length ? 'all' : stated > 0 ? 'some' : 'open';
}

/** The nodes of those items that state every key field. */
function withAllKeys(items: readonly unknown[], nodes: readonly ItemNode[]): (ItemNode | undefined)[] {
  const byKeys = new Map(nodes.map((node) => [keysText(node.keys), node]));
  const names = [...new Map(nodes.map(({ keys }) => [Object.keys(keys).join(), Object.keys(keys)])).values()];
  return items.map((item) => {
    for (const keys of names.map((some) => keysOf(item, some))) {
      const text = isWhole(keys) ? keysText(keys) : '';
      const node = byKeys.get(text);
      byKeys.delete(text);
      if (node !== undefined) return node;
    }
    return undefined;
  });
}

/**
 * Which node serves which item of the manifest: each serves one. Items that state every key field choose first; the rest
 * take what fits the fields that they state (the others were defaulted).
 */
export function matchItems(items: readonly unknown[], nodes: readonly ItemNode[]): readonly (ItemNode | undefined)[] {
  const free = new Set(nodes);
  const matched = withAllKeys(items, nodes);
  for (const node of matched) if (node !== undefined) free.delete(node);
  for (const how of ['some', 'open'] as const) {
    items.forEach((item, index) => {
      if (matched[index] !== undefined) return;
      for (const node of free) {
        if (fit(item, node.keys) !== how) continue;
        matched[index] = node;
        free.delete(node);
        return;
      }
    });
  }
  return matched;
}
