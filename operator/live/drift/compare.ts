/**
 * Pure: the fields that a manifest states, minus those that our Apply entry still holds, is what was taken from us. Needs no
 * schema; what is written here of fieldsV1 was tried against the API server's own dry run (docs/design.md, section 5).
 */
import type { KubeObject, ManagedFieldsEntry } from '../../kube/types.ts';
import { isMapping } from '../../render/fields.ts';
import { likeness } from './equal.ts';
import {
  childOf,
  fit,
  here,
  isLeaf,
  isSameKeys,
  itemNodes,
  matchItems,
  namesAny,
  narrow,
  ownEntry,
  otherEntries,
  setMembers,
} from './fields.ts';
import type { FieldSet, Holder } from './fields.ts';
import { defaultedKeys, displaced, isOutOfOrder, isWhole, keysOf, keysText, positionsOf } from './items.ts';
import type { Keys, Placed, Positions } from './items.ts';
import { isBlank, isSameScalar, pathText } from './path.ts';
import type { Path, Step } from './path.ts';
import type { Drift, Finding } from './types.ts';

/** A live value that is not at hand, since only metadata is watched. */
const unseen = Symbol('unseen');
/** The same of the answer to a write of ours: what it holds as `{}` it holds whole. */
const written = Symbol('written');

/** Where the comparison stands: the same place in the manifest, in our entry, in the live object and in the other entries. */
interface Place {
  readonly path: Path;
  readonly stated: unknown;
  /** Undefined: our entry has nothing here. */
  readonly node: FieldSet | undefined;
  /** Undefined: the live object has nothing here. */
  readonly live: unknown;
  readonly others: readonly Holder[];
}

interface Found {
  readonly fields: Finding[];
  readonly lost: Path[];
  readonly undecided: Path[];
  /** Those of the undecided that our entry does not hold. */
  readonly unheld: Path[];
  /** Held by our entry with another value than is stated. */
  readonly mutated: Path[];
  /** Where that is known to be so, as texts: another value says nothing there. */
  readonly mayDiffer: ReadonlySet<string>;
}

export interface CompareInput {
  /** Everything that was stated when the object was last written, our own label and annotations too. */
  readonly stated: Readonly<Record<string, unknown>>;
  /** With managedFields. */
  readonly object: KubeObject;
  /** `metadata`: only that is at hand. `answer`: it is the metadata that the server answered to a write of ours. */
  readonly seen: 'all' | 'metadata' | 'answer';
  /** Paths, as texts, at which admission was seen to make another value of what is stated. */
  readonly mutated?: ReadonlySet<string> | undefined;
}

/** `mutated`: held by us, with another value than is stated. */
type Compared = Pick<Drift, 'fields' | 'lost' | 'undecided' | 'unheld'> & { readonly mutated: readonly Path[] };

/** What the API server does not record of an object: it says which object it is. */
const identity: ReadonlySet<string> = new Set(['apiVersion', 'kind']);
const identityMetadata: ReadonlySet<string> = new Set(['name', 'namespace', 'generateName']);

function isHidden(live: unknown): boolean {
  return live === unseen || live === written;
}

/** What was taken from us. The order is that of the manifest. */
export function compare({ stated, object, seen, mutated = new Set() }: CompareInput): Compared {
  const own = ownEntry(object.metadata.managedFields);
  const others = otherEntries(object, own);
  const found: Found = { fields: [], lost: [], undecided: [], unheld: [], mutated: [], mayDiffer: mutated };
  for (const field of Object.keys(stated)) {
    if (identity.has(field)) continue;
    const live = field === 'metadata' || seen === 'all' ? object[field] : seen === 'metadata' ? unseen : written;
    const place = placeOf(field, stated[field], own?.fieldsV1, live, others, []);
    if (field !== 'metadata') visit(place, found);
    else visitFields(place, found, identityMetadata);
  }
  return found;
}

function placeOf(
  field: string,
  stated: unknown,
  parent: FieldSet | undefined,
  live: unknown,
  others: readonly Holder[],
  path: Path,
): Place {
  const name = `f:${field}`;
  return { path: [...path, { field }], stated, node: childOf(parent, name), live, others: narrow(others, (node) => childOf(node, name)) };
}

function fieldOf(place: Place, field: string): Place {
  const { stated, live } = place;
  const inner = isHidden(live) ? live : isMapping(live) ? live[field] : undefined;
  return placeOf(field, isMapping(stated) ? stated[field] : undefined, place.node, inner, place.others, place.path);
}

function visit(place: Place, found: Found): void {
  const { stated, node } = place;
  if (isBlank(stated)) return;
  if (node === undefined) return lose(place, found);
  if (isMapping(stated)) {
    if (isLeaf(node)) visitWholeMap(place, found);
    else visitFields(place, found);
  } else if (Array.isArray(stated)) {
    if (isLeaf(node)) visitWholeList(place, found);
    else if (namesAny(node, 'k:')) visitItems(place, stated, node, found);
    else if (namesAny(node, 'v:')) visitMembers(place, stated, node, found);
    else found.undecided.push(place.path);
  } else if (!isHidden(place.live) && likeness(stated, place.live) === 'differs') found.mutated.push(place.path);
}

function visitFields(place: Place, found: Found, except?: ReadonlySet<string>): void {
  if (!isMapping(place.stated)) return;
  for (const field of Object.keys(place.stated)) if (except?.has(field) !== true) visit(fieldOf(place, field), found);
}

/**
 * `{}` is ambiguous: an atomic mapping held whole, or a granular one whose every field was lost. It is the latter for a
 * field that the live object lacks, or that somebody else holds below this place.
 */
function visitWholeMap(place: Place, found: Found): void {
  const { stated, live, others } = place;
  if (!isMapping(stated) || live === written) return;
  const granular = live === unseen || here(others).some(({ node }) => namesAny(node, 'f:'));
  for (const field of Object.keys(stated)) {
    if (isBlank(stated[field])) continue;
    const inner = fieldOf(place, field);
    const isLost = live === unseen || here(inner.others).length > 0 || inner.live === undefined;
    if (isLost) lose({ ...inner, node: undefined }, found);
    else if (granular) doubt(inner.path, found);
    else if (likeness(inner.stated, inner.live) === 'differs') found.undecided.push(inner.path);
  }
}

/** The same of a list: somebody else's items below this place say that it is granular. */
function visitWholeList(place: Place, found: Found): void {
  const { stated, live, others } = place;
  if (live === written) return;
  const granular = here(others).some(({ node }) => namesAny(node, 'k:') || namesAny(node, 'v:'));
  if (granular || isBlank(live)) return lose({ ...place, node: undefined }, found);
  if (live !== unseen && likeness(stated, live) === 'differs') found.undecided.push(place.path);
}

/** An associative list, of which our entry names items. */
function visitItems(place: Place, items: readonly unknown[], node: FieldSet, found: Found): void {
  const nodes = itemNodes(node);
  const keyNames = Object.keys(nodes[0]?.keys ?? {});
  if (keyNames.length === 0) {
    found.undecided.push(place.path);
    return;
  }
  const matched = matchItems(items, nodes);
  const ours = nodes.map(({ keys }) => keys);
  const served = matched.map((one) => one?.keys);
  const list = listOf(place, items, keyNames, ours, defaultedKeys(items, served));
  const placed = items.map((item, index): Placed<Place> => {
    const it = matched[index];
    if (it === undefined) return loseItem(place, item, index, list, found);
    const [at] = list.positions.get(keysText(it.keys)) ?? [];
    visit(
      itemPlace(place, item, index, it.keys, it.node, at, (keys) => isSameKeys(keys, it.keys)),
      found,
    );
    return { at, lost: undefined };
  });
  // The relative order of our items is owned by nobody, so who changed it is not known, and it matters (initContainers).
  if (isOutOfOrder(placed)) found.fields.push({ path: place.path, class: 'modified', held: true, ...nobody });
  tellDisplaced(placed, found);
}

/** Items that we lost and that a write of ours would move: each by itself, since it may be left out of that. */
function tellDisplaced(placed: readonly Placed<Place>[], found: Found): void {
  for (const { path, others } of displaced(placed)) found.fields.push({ path, class: 'modified', ...attribution(here(others)) });
}

function visitMembers(place: Place, members: readonly unknown[], node: FieldSet, found: Found): void {
  const held = setMembers(node);
  for (const value of members) if (!held.some((one) => isSameScalar(one, value))) loseMember(place, value, found);
}

/** The place of an item; `isIt` says which item of another entry it is. */
function itemPlace(
  place: Place,
  stated: unknown,
  index: number,
  keys: Keys,
  node: FieldSet | undefined,
  liveIndex: number | undefined,
  isIt: (keys: Keys) => boolean,
): Place {
  const isShown = (key: string): boolean => isMapping(stated) && stated[key] !== undefined && stated[key] !== null;
  const shown = Object.fromEntries(Object.entries(keys).filter(([key]) => isShown(key)));
  const rest = Object.fromEntries(Object.entries(keys).filter(([key]) => !isShown(key)));
  const pick = (other: FieldSet): FieldSet | undefined => itemNodes(other).find((one) => isIt(one.keys))?.node;
  const live = isHidden(place.live) ? place.live : Array.isArray(place.live) && liveIndex !== undefined ? place.live[liveIndex] : undefined;
  const step: Step = { item: shown, index, ...(Object.keys(rest).length > 0 && { rest }) };
  return { path: [...place.path, step], stated, node, live, others: narrow(place.others, pick) };
}

/** What is known of a list beside one of its items. */
interface List {
  readonly keyNames: readonly string[];
  /** Of items that serve others of ours, as texts. */
  readonly claimed: ReadonlySet<string>;
  /** What the API server makes of key fields that are not stated, as far as other items show it. */
  readonly defaults: Keys;
  readonly lives: readonly Keys[];
  readonly positions: Positions;
}

function listOf(place: Place, items: readonly unknown[], keyNames: readonly string[], ours: readonly Keys[], defaults: Keys): List {
  const stated = items.map((item) => keysOf(item, keyNames)).filter(isWhole);
  const lives = Array.isArray(place.live) ? place.live.map((one) => keysOf(one, keyNames)) : [];
  return { keyNames, claimed: new Set([...ours, ...stated].map(keysText)), defaults, lives, positions: positionsOf(lives) };
}

/** An item of ours that our entry does not name. */
function loseItem(place: Place, item: unknown, index: number, list: List, found: Found): Placed<Place> {
  const { keyNames, claimed, defaults, lives, positions } = list;
  const stated = Object.fromEntries(Object.entries(keysOf(item, keyNames)).map(([name, value]) => [name, value ?? defaults[name]]));
  const text = isWhole(stated) ? keysText(stated) : undefined;
  const isIt = (keys: Keys): boolean =>
    text === undefined ? fit(item, keys) !== 'none' && !claimed.has(keysText(keys)) : isSameKeys(stated, keys);
  const [at, ...more] = text === undefined ? lives.flatMap((keys, live) => (isIt(keys) ? [live] : [])) : (positions.get(text) ?? []);
  // Another item may have taken the place of ours, with another value of the key field that is not stated.
  if (at !== undefined && text === undefined) {
    doubt(itemPlace(place, item, index, stated, undefined, undefined, isIt).path, found);
    return unplaced;
  }
  // Of several alike the API server leaves one.
  if (more.length > 0) {
    if (!found.undecided.includes(place.path)) found.undecided.push(place.path);
    return unplaced;
  }
  const named = here(place.others).flatMap(({ node }) => itemNodes(node).map(({ keys }) => keys));
  const lost = itemPlace(place, item, index, (at === undefined ? named.find(isIt) : lives[at]) ?? stated, undefined, at, isIt);
  lose(lost, found);
  return { at, lost: at === undefined ? undefined : lost };
}

const unplaced: Placed<Place> = { at: undefined, lost: undefined };

function loseMember(place: Place, value: unknown, found: Found): void {
  const pick = (node: FieldSet): FieldSet | undefined => {
    const name = Object.keys(node).find((one) => one.startsWith('v:') && isSameScalar(JSON.parse(one.slice(2)), value));
    return name === undefined ? undefined : childOf(node, name);
  };
  const { live } = place;
  const inner = isHidden(live) ? live : Array.isArray(live) ? live.find((one) => isSameScalar(one, value)) : undefined;
  lose({ path: [...place.path, { value }], stated: value, node: undefined, live: inner, others: narrow(place.others, pick) }, found);
}

/** Something that our entry does not hold. What others hold below it says whether it is granular: then each part is asked for. */
function lose(place: Place, found: Found): void {
  const { stated, live, others } = place;
  if (isBlank(stated)) return;
  const holders = here(others);
  if (isMapping(stated) && (holders.some(({ node }) => namesAny(node, 'f:')) || holdsOnlyBlanks(stated) || isMetadataMap(place))) {
    for (const field of Object.keys(stated)) lose({ ...fieldOf(place, field), node: undefined }, found);
    return;
  }
  if (Array.isArray(stated)) {
    const lists = holders.flatMap(({ node }) => itemNodes(node));
    if (lists.length > 0) {
      const keyNames = Object.keys(lists[0]?.keys ?? {});
      const list = listOf(place, stated, keyNames, [], {});
      tellDisplaced(
        stated.map((item, index) => loseItem(place, item, index, list, found)),
        found,
      );
      return;
    }
    if (holders.some(({ node }) => namesAny(node, 'v:'))) {
      for (const value of stated) loseMember(place, value, found);
      return;
    }
  }
  tell(place, live, found);
}

/** Labels, annotations, a Secret's data: every key is a field of its own, whoever else holds any. */
function isMetadataMap({ path, live }: Place): boolean {
  const [root] = path;
  return isHidden(live) || (path.length > 1 && root !== undefined && 'field' in root && root.field === 'metadata');
}

function holdsOnlyBlanks(stated: Readonly<Record<string, unknown>>): boolean {
  return Object.values(stated).every(isBlank);
}

function tell(place: Place, live: unknown, found: Found): void {
  const { path, stated, others } = place;
  const holders = here(others);
  if (isHidden(live)) {
    // Whether it is the same value only the API server can say.
    if (holders.length > 0) doubt(path, found);
    else found.fields.push({ path, class: 'removed', ...nobody });
    return;
  }
  if (live === undefined || live === null) {
    found.fields.push({ path, class: 'removed', ...nobody });
    return;
  }
  const like = likeness(stated, live);
  if (like === 'same') found.lost.push(path);
  else if (like === 'unsure' || found.mayDiffer.has(pathText(path))) doubt(path, found);
  else found.fields.push({ path, class: 'modified', ...attribution(holders.length > 0 ? holders : others) });
}

/** What our entry does not hold, and of which it is not known whether it is as stated. */
function doubt(path: Path, found: Found): void {
  found.undecided.push(path);
  found.unheld.push(path);
}

type Attribution = Pick<Finding, 'manager' | 'operation' | 'since'>;

const nobody: Attribution = { manager: undefined, operation: undefined, since: undefined };

/** Of several who hold a field, the one who wrote last. */
export function attribution(holders: readonly Holder[]): Attribution {
  let last: ManagedFieldsEntry | undefined;
  for (const { entry } of holders) if (last === undefined || (entry.time ?? '') > (last.time ?? '')) last = entry;
  return last === undefined ? nobody : { manager: last.manager, operation: last.operation, since: last.time };
}
