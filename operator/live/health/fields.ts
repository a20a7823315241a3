/** Pure: fields of objects whose shape nobody has checked. What is not of the kind that is asked for is not there. */

type Json = Readonly<Record<string, unknown>>;

/** One entry of `status.conditions`, whatever kind it is of. */
export interface LiveCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** How much of what others wrote is passed on. */
const longestQuote = 400;

/** The map at `path`; an empty one where there is none. */
export function mapAt(value: unknown, ...path: readonly string[]): Json {
  let map = asMap(value);
  for (const key of path) map = asMap(map[key]);
  return map;
}

/** The list at `path`; an empty one where there is none. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
}

/** The text at `path`; empty where there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, path);
  return typeof found === 'string' ? found : '';
}

/** The number at `path`, if there is one. */
export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = at(value, path);
  return typeof found === 'number' ? found : typeof found === 'bigint' ? Number(found) : undefined;
}

/** Whether `true` is at `path`. */
export function isTrueAt(value: unknown, ...path: readonly string[]): boolean {
  return at(value, path) === true;
}

/** The condition of a type at `status.conditions`, or at the `conditions` of the value itself. */
export function conditionAt(value: unknown, type: string): LiveCondition | undefined {
  const own = listAt(value, 'conditions');
  for (const entry of own.length > 0 ? own : listAt(value, 'status', 'conditions')) {
    if (textAt(entry, 'type') !== type) continue;
    return { type, status: textAt(entry, 'status'), reason: textAt(entry, 'reason'), message: quoted(textAt(entry, 'message')) };
  }
  return undefined;
}

/** `Reason: message`, as far as either is there. */
export function conditionText({ type, status, reason, message }: LiveCondition): string {
  const text = [reason, message].filter((part) => part !== '').join(': ');
  return text === '' ? `${type} is ${status}` : text;
}

/** In one line, within bounds, without a full stop at the end: what others wrote goes into sentences of ours. */
export function quoted(text: string): string {
  const line = text.replaceAll(/\s+/gu, ' ').trim().replace(/\.$/u, '');
  return line.length <= longestQuote ? line : `${line.slice(0, longestQuote - 1).replace(/[\uD800-\uDBFF]$/u, '')}…`;
}

function at(value: unknown, path: readonly string[]): unknown {
  const parent = mapAt(value, ...path.slice(0, -1));
  const key = path.at(-1);
  return key === undefined ? value : parent[key];
}

function asMap(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
