/** Pure: what a dry run of the manifest says of the fields that could not be decided without it. */
import type { KubeObject } from '../../kube/types.ts';
import { isMapping } from '../../render/fields.ts';
import { attribution } from './compare.ts';
import { childOf, fit, here, isLeaf, itemNodes, matchItems, narrow, otherEntries, ownEntry } from './fields.ts';
import type { FieldSet, Holder } from './fields.ts';
import { isBlank, isSameScalar, pathText, statesItem, valueAt } from './path.ts';
import type { ItemStep, Path, Step } from './path.ts';
import { neverCompared } from './stated.ts';
import type { Drift, Finding } from './types.ts';

export interface Settled {
  readonly fields: Drift['fields'];
  readonly lost: Drift['lost'];
  /** Paths, as texts, that the server does not record (rule 28). */
  readonly unrecorded: readonly string[];
  /** Paths, as texts, that we hold all the same. */
  readonly held: readonly string[];
}

/** What a dry run said, and of what. */
export interface Answered {
  readonly uid: string;
  /** Of the live object that it was compared with. */
  readonly resourceVersion: string;
  readonly asked: readonly Path[];
  readonly settled: Settled;
  /** The dry run was refused: it does not say which fields the server records. */
  readonly refused?: boolean;
}

/**
 * Decides `paths` (the empty path is the whole object) from the live object and what a dry-run apply of the manifest would
 * make of it, both whole.
 */
export function settle(paths: readonly Path[], stated: unknown, live: KubeObject, answer: KubeObject): Settled {
  const asked = paths.some((path) => path.length === 0) ? statedPaths(stated) : paths;
  const [before, after] = [ownEntry(live.metadata.managedFields)?.fieldsV1, ownEntry(answer.metadata.managedFields)?.fieldsV1];
  const result = { fields: [] as Finding[], lost: [] as Path[], unrecorded: [] as string[], held: [] as string[] };
  const decide = (one: Path): void => {
    const { path, value } = completed(one, stated, after);
    const [held, recorded] = [nodeAt(before, path), nodeAt(after, path)];
    const now = valueAt(live, path);
    const isItem = 'item' in (path.at(-1) ?? {});
    if (recorded === undefined) result.unrecorded.push(pathText(path));
    else if (!isEqual(now, valueAt(answer, path))) {
      // Rules may be about a part of the item, and somebody else may hold another.
      if (isItem && isMapping(now)) return statedPaths(value, path).forEach(decide);
      const isHeld = held !== undefined && (held.depth === path.length || held.depth === recorded.depth);
      const found: Finding = { path, class: now === undefined ? 'removed' : 'modified', ...attributionAt(live, path) };
      result.fields.push(isHeld ? { ...found, held: true } : found);
    } else if (held?.depth === recorded.depth && isEqual(held.node, recorded.node)) result.held.push(pathText(path));
    else result.lost.push(path);
  };
  asked.forEach(decide);
  return result;
}

/**
 * The path with what the API server has made of key fields that are not stated, as far as its record of the manifest says;
 * and what is stated there.
 */
function completed(path: Path, stated: unknown, recorded: FieldSet | undefined): { readonly path: Path; readonly value: unknown } {
  let [value, node] = [stated, recorded];
  const whole = path.map((step) => {
    if ('field' in step) value = isMapping(value) ? value[step.field] : undefined;
    else if ('value' in step) value = undefined;
    else {
      const list: readonly unknown[] = Array.isArray(value) ? value : [];
      const at = list.findIndex((item) => statesItem(item, step));
      value = list[at];
      const served = node && at >= 0 ? matchItems(list, itemNodes(node))[at] : undefined;
      if (served !== undefined) {
        node = served.node;
        return withKeys(step, served.keys);
      }
    }
    node = node && stepInto(node, step);
    return step;
  });
  return { path: whole, value };
}

function withKeys({ item, index }: ItemStep, keys: Readonly<Record<string, unknown>>): ItemStep {
  const rest = Object.fromEntries(Object.entries(keys).filter(([key]) => !(key in item)));
  return Object.keys(rest).length === 0 ? { item, index } : { item, index, rest };
}

/**
 * The same where values must not be looked at (a Secret's): `conflicts` are the fields that a dry-run apply without force
 * was refused for, as the API server writes them (`.data.tls.crt`). `answer` is the metadata of what one with force would
 * make of it: where nobody was recorded to hold anything, it says what is there. Wanted for the whole object only.
 */
export function settleByConflicts(
  paths: readonly Path[],
  stated: unknown,
  live: Pick<KubeObject, 'metadata'>,
  conflicts: ReadonlySet<string>,
  answer?: Pick<KubeObject, 'metadata'>,
): Settled {
  const asked = paths.some((path) => path.length === 0) ? statedPaths(stated) : paths;
  const fields: Finding[] = [];
  const lost: Path[] = [];
  for (const path of asked) {
    const name = path.map((step) => ('field' in step ? `.${step.field}` : '')).join('');
    const attributed = attributionAt(live, path);
    const isThere = attributed.manager !== undefined || (answer !== undefined && attributionAt(answer, path).manager !== undefined);
    if (conflicts.has(name)) fields.push({ path, class: 'modified', ...attributed });
    else if (isThere) lost.push(path);
    else fields.push({ path, class: 'removed', ...attributed });
  }
  return { fields, lost, unrecorded: [], held: [] };
}

/** Who of the others holds this path, as far as is recorded. */
function attributionAt(live: Pick<KubeObject, 'metadata'>, path: Path): Pick<Finding, 'manager' | 'operation' | 'since'> {
  let holders: readonly Holder[] = otherEntries(live, ownEntry(live.metadata.managedFields));
  for (const step of path) holders = narrow(holders, (node) => stepInto(node, step));
  const exact = here(holders);
  return attribution(exact.length > 0 ? exact : holders);
}

/** The node of an entry at this path, or that of a whole that holds it, and how far down it is. */
function nodeAt(root: FieldSet | undefined, path: Path): { readonly node: FieldSet; readonly depth: number } | undefined {
  let node = root;
  for (const [depth, step] of path.entries()) {
    if (node === undefined) return undefined;
    if (depth > 0 && isLeaf(node)) return { node, depth };
    node = stepInto(node, step);
  }
  return node && { node, depth: path.length };
}

function stepInto(node: FieldSet, step: Step): FieldSet | undefined {
  if ('field' in step) return childOf(node, `f:${step.field}`);
  if ('item' in step) return itemNodes(node).find((one) => fit({ ...step.rest, ...step.item }, one.keys) !== 'none')?.node;
  const name = Object.keys(node).find((one) => one.startsWith('v:') && isSameScalar(JSON.parse(one.slice(2)), step.value));
  return name === undefined ? undefined : childOf(node, name);
}

/** Every field that is stated, lists as one: in another version, their items cannot be told apart. */
function statedPaths(stated: unknown, path: Path = []): readonly Path[] {
  if (isBlank(stated)) return [];
  if (!isMapping(stated)) return path.length === 0 ? [] : [path];
  return Object.keys(stated).flatMap((field) => {
    const isIdentity = path.length === 0 ? field === 'apiVersion' || field === 'kind' : false;
    const first = path[0];
    const inMetadata = path.length === 1 && first !== undefined && 'field' in first && first.field === 'metadata';
    if (isIdentity || neverCompared.has(field) || (inMetadata && (field === 'name' || field === 'namespace' || field === 'uid'))) return [];
    return statedPaths(stated[field], [...path, { field }]);
  });
}

/** Equal as JSON, whatever the order of keys. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b || isSameScalar(a, b)) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((one, index) => isEqual(one, b[index]));
  if (!isMapping(a) || !isMapping(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isEqual(a[name], b[name]));
}
