/** Pure: where in an object a field is, and how people write it. */
import { isMapping } from '../../render/fields.ts';

/** One step from a value to what is inside it. */
export type Step =
  | { readonly field: string }
  | ItemStep
  /** A member of a set. */
  | { readonly value: unknown };

/** An item of an associative list. */
export interface ItemStep {
  /** The key fields that are stated of it. */
  readonly item: Readonly<Record<string, unknown>>;
  /** Its place in the manifest. */
  readonly index: number | undefined;
  /** Its other key fields, which the API server has defaulted: undefined where it is not known to what. */
  readonly rest?: Readonly<Record<string, unknown>>;
}

export type Path = readonly Step[];

/** `spec.template.spec.containers[name=web].image`, `metadata.labels["app.kubernetes.io/name"]`, `finalizers[=acme.io/x]`. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if ('value' in step) text += `[=${String(step.value)}]`;
    else if ('item' in step) text += `[${itemText(step.item)}]`;
    else if (!/^[A-Za-z_][A-Za-z0-9_-]*$/u.test(step.field)) text += `[${JSON.stringify(step.field)}]`;
    else text += text === '' ? step.field : `.${step.field}`;
  }
  return text;
}

function itemText(item: Readonly<Record<string, unknown>>): string {
  return Object.entries(item)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(',');
}

/** A null, an empty mapping or an empty list: the API server's record of these says nothing, so they are never compared. */
export function isBlank(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMapping(value) && Object.keys(value).length === 0;
}

/** The value at this path of an object of the API server, which has every key field of an item; undefined where there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if ('field' in step) value = isMapping(value) ? value[step.field] : undefined;
    else if (!Array.isArray(value)) return undefined;
    else if ('value' in step) value = value.find((one) => isSameScalar(one, step.value));
    else
      value = value.find(
        (one) => isItem(one, step.item) && Object.entries(step.rest ?? {}).every(([key, rest]) => isSameOrNone(rest, keyOf(one, key))),
      );
    if (value === undefined) return undefined;
  }
  return value;
}

/**
 * A copy of a manifest without what is at these paths; a mapping or list that becomes empty by it goes too, since an empty
 * one would be stated. An item is the one that states the same key fields and none of the others otherwise.
 */
export function withoutPaths<T>(root: T, paths: readonly Path[]): T {
  let result: unknown = root;
  for (const path of paths) if (path.length > 0) result = withoutPath(result, path, 0);
  return (result ?? {}) as T;
}

function withoutPath(value: unknown, path: Path, at: number): unknown {
  const step = path[at];
  if (step === undefined) return undefined;
  const emptied = (next: unknown): unknown => (at > 0 && isBlank(next) ? undefined : next);
  if ('field' in step) {
    if (!isMapping(value) || !(step.field in value)) return value;
    const inner = withoutPath(value[step.field], path, at + 1);
    const rest = Object.entries(value).flatMap(([key, one]) =>
      key !== step.field ? [[key, one]] : inner === undefined ? [] : [[key, inner]],
    );
    return emptied(Object.fromEntries(rest as [string, unknown][]));
  }
  if (!Array.isArray(value)) return value;
  const matches = (one: unknown): boolean => ('value' in step ? isSameScalar(one, step.value) : statesItem(one, step));
  const list = value.flatMap((one) => {
    if (!matches(one)) return [one];
    const inner = withoutPath(one, path, at + 1);
    return inner === undefined ? [] : [inner];
  });
  return emptied(list);
}

/** Whether this is how a manifest states the item: a key field that was defaulted is left out, or stated as the default. */
export function statesItem(item: unknown, { item: keys, rest = {} }: ItemStep): boolean {
  return isItem(item, keys) && Object.entries(rest).every(([key, value]) => isSameOrNone(keyOf(item, key), value));
}

function isSameOrNone(a: unknown, b: unknown): boolean {
  return a === undefined || a === null || isSameScalar(a, b);
}

function keyOf(item: unknown, key: string): unknown {
  return isMapping(item) ? item[key] : undefined;
}

/** Whether this item of a list states all of these key fields with these values. */
function isItem(item: unknown, keys: Readonly<Record<string, unknown>>): boolean {
  return isMapping(item) && Object.entries(keys).every(([key, value]) => isSameScalar(item[key], value));
}

/** Whether a path is one of these or inside of one. */
export function belowAny(paths: readonly Path[]): (path: Path) => boolean {
  const texts = paths.map(pathText);
  return (path) => texts.some((text) => isBelow(pathText(path), text));
}

/** Whether the first path, as text, is the second or inside of it. */
function isBelow(text: string, above: string): boolean {
  return text === above || (text.startsWith(above) && /^[.[]/u.test(text.slice(above.length)));
}

/** Whether two scalars are the same value; a bigint is the number that it is. */
export function isSameScalar(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const numbers = [a, b].every((one) => typeof one === 'number' || typeof one === 'bigint');
  return numbers && String(a) === String(b);
}
