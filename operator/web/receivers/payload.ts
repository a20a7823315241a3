/** Reading payloads of which nothing is promised: what is not there is undefined, never an exception. */
import { UnreadableError } from './types.ts';
import type { Headers } from './types.ts';

/** The first value of a header. */
export function header(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The body as JSON. Throws UnreadableError. */
export function parseBody(body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    // The parser's own message quotes the body.
    throw new UnreadableError('the body is no JSON', { cause: error });
  }
}

/** The value below these keys and indexes, if it is there. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Readonly<Record<string | number, unknown>>)[key];
  }
  return here;
}

/** A list below these keys, at most the first 1,000 of it; empty where there is none. */
export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.slice(0, 1_000) : [];
}

/** Those that are strings with something in them. */
export function texts(values: readonly unknown[]): readonly string[] {
  return values.filter((value): value is string => typeof value === 'string' && value !== '');
}
