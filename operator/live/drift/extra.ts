/** Pure: what kubectl added to an object and git does not state (rule 29). */
import type { KubeObject } from '../../kube/types.ts';
import { isMapping } from '../../render/fields.ts';
import { attribution } from './compare.ts';
import { childOf, fit, here, isLeaf, itemNodes, isSameKeys, matchItems, narrow, namesAny, otherEntries, ownEntry } from './fields.ts';
import type { FieldSet, Holder } from './fields.ts';
import { isBlank, isSameScalar, pathText } from './path.ts';
import type { Path, Step } from './path.ts';
import type { Finding } from './types.ts';

/** More than these are not told of one object. */
const most = 20;
/** A rollout restart is no drift. */
const restartedAt = 'kubectl.kubernetes.io/restartedAt';
/** Metadata is everybody's, status a controller's; the others are no fields. */
const leftAlone: ReadonlySet<string> = new Set(['f:metadata', 'f:status', 'f:apiVersion', 'f:kind']);

interface Place {
  readonly path: Path;
  readonly stated: unknown;
  /** What one entry of kubectl holds here. */
  readonly node: FieldSet;
  readonly entry: Holder;
  /** What we hold here. */
  readonly own: FieldSet | undefined;
  /** What everybody but kubectl holds here, we included. */
  readonly rest: readonly Holder[];
}

/** Fields outside metadata that git does not state and that only kubectl holds, by Update on the object itself. */
export function extraFields(stated: Readonly<Record<string, unknown>>, object: KubeObject): readonly Finding[] {
  const own = ownEntry(object.metadata.managedFields);
  const others = otherEntries(object, own);
  const [kubectl, foreign] = [others.filter(isKubectl), others.filter((holder) => !isKubectl(holder))];
  if (kubectl.length === 0) return [];
  const rest = own?.fieldsV1 === undefined ? foreign : [...foreign, { entry: own, node: own.fieldsV1, above: false }];
  const found: Finding[] = [];
  for (const entry of kubectl) {
    for (const name of Object.keys(entry.node)) {
      const node = childOf(entry.node, name);
      if (leftAlone.has(name) || node === undefined || !name.startsWith('f:')) continue;
      const field = name.slice(2);
      const inner = narrow(rest, (other) => childOf(other, name));
      visit({ path: [{ field }], stated: stated[field], node, entry, own: childOf(own?.fieldsV1, name), rest: inner }, found);
    }
  }
  return eachOnce(found).slice(0, most);
}

/** Whether this says that a rollout was restarted by hand. */
export function isRestart({ path, class: how, held }: Finding): boolean {
  const [map, key] = path.slice(-2);
  if (how !== 'modified' || held === true || map === undefined || key === undefined) return false;
  return 'field' in map && map.field === 'annotations' && 'field' in key && key.field === restartedAt;
}

/** Of several commands that hold a field, the one that wrote last. */
function eachOnce(found: readonly Finding[]): readonly Finding[] {
  const told = new Map<string, Finding>();
  for (const finding of found) {
    const text = pathText(finding.path);
    const known = told.get(text);
    if (known === undefined || (finding.since ?? '') > (known.since ?? '')) told.set(text, finding);
  }
  return [...told.values()];
}

function isKubectl({ entry }: Holder): boolean {
  return entry.manager?.startsWith('kubectl') === true && entry.operation === 'Update' && !entry.subresource;
}

function visit(place: Place, found: Finding[]): void {
  const { stated, node, rest } = place;
  if (isLeaf(node)) {
    if (stated === undefined && here(rest).length === 0) add(place, found);
    return;
  }
  if (namesAny(node, 'k:')) return visitItems(place, found);
  if (namesAny(node, 'v:')) return visitMembers(place, found);
  for (const name of Object.keys(node)) {
    const inner = childOf(node, name);
    if (inner === undefined || !name.startsWith('f:') || name === `f:${restartedAt}`) continue;
    const field = name.slice(2);
    const value = isMapping(stated) ? stated[field] : undefined;
    visit(
      step(place, { field }, value, inner, (other) => childOf(other, name)),
      found,
    );
  }
}

function visitItems(place: Place, found: Finding[]): void {
  const items: readonly unknown[] = Array.isArray(place.stated) ? place.stated : [];
  const served = matchItems(items, place.own === undefined ? [] : itemNodes(place.own)).map((one) => one?.keys);
  for (const { keys, node } of itemNodes(place.node)) {
    const ours = served.findIndex((one) => one !== undefined && isSameKeys(one, keys));
    const index = ours >= 0 ? ours : items.findIndex((item, at) => served[at] === undefined && fit(item, keys) !== 'none');
    const pick = (other: FieldSet): FieldSet | undefined => itemNodes(other).find((one) => isSameKeys(one.keys, keys))?.node;
    const inner = step(place, { item: keys, index: index < 0 ? undefined : index }, items[index], node, pick);
    if (index >= 0) visit(inner, found);
    else if (here(inner.rest).length === 0) add(inner, found);
  }
}

function visitMembers(place: Place, found: Finding[]): void {
  const members = Array.isArray(place.stated) ? place.stated : [];
  for (const name of Object.keys(place.node)) {
    const node = childOf(place.node, name);
    if (!name.startsWith('v:') || node === undefined) continue;
    const value: unknown = JSON.parse(name.slice(2));
    const inner = step(place, { value }, undefined, node, (other) => childOf(other, name));
    if (!members.some((one) => isSameScalar(one, value)) && here(inner.rest).length === 0) add(inner, found);
  }
}

function step(place: Place, next: Step, stated: unknown, node: FieldSet, pick: (node: FieldSet) => FieldSet | undefined): Place {
  return {
    path: [...place.path, next],
    stated: isBlank(stated) ? undefined : stated,
    node,
    entry: place.entry,
    own: place.own && pick(place.own),
    rest: narrow(place.rest, pick),
  };
}

function add({ path, entry }: Place, found: Finding[]): void {
  found.push({ path, class: 'extra', ...attribution([entry]) });
}
