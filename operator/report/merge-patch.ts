/** Pure: the smallest JSON merge patch between two plain objects. */

type Json = Readonly<Record<string, unknown>>;

/** The JSON merge patch (RFC 7386) from one object to another; undefined and null both count as absent. Undefined when nothing differs. */
export function mergePatchOf(before: object, after: object): object | undefined {
  const from = before as Json;
  const to = after as Json;
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [old, value] = [from[key], to[key]];
    if (value === undefined || value === null) {
      if (old !== undefined && old !== null) patch[key] = null;
    } else if (isMap(old) && isMap(value)) {
      const inner = mergePatchOf(old, value);
      if (inner !== undefined) patch[key] = inner;
    } else if (!isEqual(old, value)) {
      patch[key] = value;
    }
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equal as JSON, whatever the order of keys. */
function isEqual(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index]));
  return isMap(left) && isMap(right) ? mergePatchOf(left, right) === undefined : left === right;
}
