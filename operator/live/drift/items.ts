/** Pure: the items of an associative list, by their key fields and by their order. */
import { isMapping } from '../../render/fields.ts';
import { isSameScalar } from './path.ts';

/** The key fields of an item, by which others know it; undefined where it is not known what the API server made of one. */
export type Keys = Readonly<Record<string, unknown>>;

/** The key fields of these names that an item has. */
export function keysOf(item: unknown, keyNames: readonly string[]): Keys {
  return Object.fromEntries(keyNames.map((name) => [name, isMapping(item) ? (item[name] ?? undefined) : undefined]));
}

/** Whether each of them is known. */
export function isWhole(keys: Keys): boolean {
  return Object.values(keys).every((value) => value !== undefined);
}

/** Two sets of key fields say the same where their texts are one; the order of names makes none of a difference. */
export function keysText(keys: Keys): string {
  const one = (value: unknown): string => `${typeof value === 'bigint' ? 'number' : typeof value} ${String(value)}`;
  const names = Object.keys(keys).toSorted();
  return JSON.stringify(names.map((name) => [name, one(keys[name])]));
}

/** Where in a live list the items with these key fields are. */
export type Positions = ReadonlyMap<string, readonly number[]>;

export function positionsOf(lives: readonly Keys[]): Positions {
  const positions = new Map<string, number[]>();
  for (const [at, keys] of lives.entries()) {
    const text = keysText(keys);
    const known = positions.get(text);
    if (known === undefined) positions.set(text, [at]);
    else known.push(at);
  }
  return positions;
}

/** The key fields that items leave out, as the API server filled them in for all of those that have been served. */
export function defaultedKeys(items: readonly unknown[], served: readonly (Keys | undefined)[]): Keys {
  const defaults = new Map<string, unknown>();
  for (const [index, keys] of served.entries()) {
    for (const [name, value] of Object.entries(keys ?? {})) {
      if (keysOf(items[index], [name])[name] !== undefined) continue;
      const isOther = defaults.has(name) && !isSameScalar(defaults.get(name), value);
      defaults.set(name, isOther ? undefined : value);
    }
  }
  return Object.fromEntries(defaults);
}

/** Where in the live list an item of ours is; `lost` is what stands for it where our entry does not name it. */
export interface Placed<Lost> {
  readonly at: number | undefined;
  readonly lost: Lost | undefined;
}

/** Whether those that are ours stand in another order than is stated. */
export function isOutOfOrder(placed: readonly Placed<unknown>[]): boolean {
  let last = -1;
  for (const { at, lost } of placed) {
    if (at === undefined || lost !== undefined) continue;
    if (at < last) return true;
    last = at;
  }
  return false;
}

/** Of the lost ones, those that stand before an item that is stated before them, or behind one of ours that is stated after. */
export function displaced<Lost>(placed: readonly Placed<Lost>[]): readonly Lost[] {
  const behind = new Set<Lost>();
  let first = Infinity;
  for (const { at, lost } of placed.toReversed()) {
    if (at === undefined) continue;
    if (lost === undefined) first = Math.min(first, at);
    else if (at > first) behind.add(lost);
  }
  let last = -1;
  return placed.flatMap(({ at, lost }) => {
    if (at === undefined) return [];
    const isMoved = lost !== undefined && (at < last || behind.has(lost));
    last = Math.max(last, at);
    return isMoved ? [lost] : [];
  });
}
