/** JSON as kubectl reads it: one value after the other (RFC 8259 each), numbers exact, duplicate keys refused. */
import { maxDepth, maxDocuments, maxNodes } from './limits.ts';
import { setField } from './fields.ts';
import { exact } from './scalars.ts';
import type { RawDocument, Report } from './text.ts';

/** The values of a JSON text, up to the first that is broken. Reports what is wrong. */
export function readJson(text: string, report: Report): RawDocument[] {
  const documents: RawDocument[] = [];
  const starts = new Map<object, number>();
  let position = skipSpace(text, 0);
  try {
    while (position < text.length) {
      if (documents.length === maxDocuments) throw new JsonFault(position, `there are more than ${maxDocuments} documents in this file`);
      const scanner: Scanner = { text, position, nodes: 0, starts, report, onKey: undefined };
      const value = readValue(scanner, 0);
      documents.push({ value, start: position, find: (mapping, key) => find(text, starts, mapping, key) });
      position = skipSpace(text, scanner.position);
    }
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    report(error.offset, error.message);
  }
  return documents.filter((document) => document.value !== null);
}

/** Ends the reading of a text. */
class JsonFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

interface Scanner {
  readonly text: string;
  position: number;
  nodes: number;
  readonly starts: Map<object, number>;
  readonly report: Report;
  /** Told the keys of the outermost object. */
  readonly onKey: ((key: string, offset: number) => void) | undefined;
}

function find(text: string, starts: ReadonlyMap<object, number>, mapping: object, key?: string): number | undefined {
  const start = starts.get(mapping);
  if (start === undefined || key === undefined) return start;
  // Places of keys are asked for where something is wrong only: reading the object once more costs less than keeping them all.
  let found: number | undefined;
  const onKey = (name: string, offset: number): void => {
    if (name === key) found ??= offset;
  };
  readValue({ text, position: start, nodes: 0, starts: new Map(), report: () => {}, onKey }, 0);
  return found ?? start;
}

function skipSpace(text: string, position: number): number {
  for (; position < text.length; position++) {
    const char = text.charCodeAt(position);
    if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) break;
  }
  return position;
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const wordPattern = /(?:true|false|null)(?![A-Za-z0-9_])/y;

function readValue(scanner: Scanner, depth: number): unknown {
  const { text, position } = scanner;
  if (++scanner.nodes > maxNodes) throw new JsonFault(position, `there are more than ${maxNodes} values in this document`);
  const char = text[position];
  if (char === '{' || char === '[') {
    if (depth >= maxDepth) throw new JsonFault(position, `nested more than ${maxDepth} levels deep`);
    return char === '{' ? readObject(scanner, depth) : readArray(scanner, depth);
  }
  if (char === '"') return readString(scanner);
  wordPattern.lastIndex = position;
  const word = wordPattern.exec(text)?.[0];
  if (word !== undefined) {
    scanner.position += word.length;
    return word === 'null' ? null : word === 'true';
  }
  return readNumber(scanner);
}

function readNumber(scanner: Scanner): number | bigint {
  const { text, position } = scanner;
  numberPattern.lastIndex = position;
  const match = numberPattern.exec(text);
  if (match === null)
    throw new JsonFault(position, position < text.length ? 'a JSON value is expected here' : 'the file ends in the middle of a value');
  scanner.position += match[0].length;
  const value = Number(match[0]);
  if (!Number.isFinite(value)) throw new JsonFault(position, 'the number is out of range');
  // An integer of 64 bits has at most 20 digits; the API server reads longer ones as floating point.
  const isLong = !Number.isSafeInteger(value) && match[1] === undefined && match[2] === undefined && match[0].length <= 20;
  return isLong ? exact(BigInt(match[0])) : value;
}

function readString(scanner: Scanner): string {
  const { text, position: start } = scanner;
  let escaped = false;
  let end = start + 1;
  for (; ; end++) {
    const char = text.charCodeAt(end);
    if (char === 0x22) break;
    if (char === 0x5c) {
      escaped = true;
      end++;
    } else if (Number.isNaN(char)) throw new JsonFault(start, 'the string that begins here does not end');
    else if (char < 0x20) throw new JsonFault(end, 'a control character in a string must be escaped');
  }
  scanner.position = end + 1;
  if (!escaped) return text.slice(start + 1, end);
  try {
    return JSON.parse(text.slice(start, end + 1)) as string;
  } catch (error) {
    if (error instanceof SyntaxError) throw new JsonFault(start, 'the string that begins here has an escape that JSON does not know');
    throw error;
  }
}

function readArray(scanner: Scanner, depth: number): unknown[] {
  const items: unknown[] = [];
  if (enter(scanner, ']')) return items;
  do items.push(readValue(scanner, depth + 1));
  while (goesOn(scanner, ']'));
  return items;
}

function readObject(scanner: Scanner, depth: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  scanner.starts.set(object, scanner.position);
  if (enter(scanner, '}')) return object;
  do {
    const keyAt = scanner.position;
    if (scanner.text[keyAt] !== '"') throw new JsonFault(keyAt, 'a key in double quotes is expected here');
    const key = readString(scanner);
    if (depth === 0) scanner.onKey?.(key, keyAt);
    if (Object.hasOwn(object, key)) scanner.report(keyAt, `the key ${JSON.stringify(key)} is stated twice`);
    scanner.position = skipSpace(scanner.text, scanner.position);
    if (scanner.text[scanner.position] !== ':') throw new JsonFault(scanner.position, 'a colon is expected after the key');
    scanner.position = skipSpace(scanner.text, scanner.position + 1);
    setField(object, key, readValue(scanner, depth + 1));
  } while (goesOn(scanner, '}'));
  return object;
}

/** Steps into a collection; true when it is empty. */
function enter(scanner: Scanner, close: string): boolean {
  scanner.position = skipSpace(scanner.text, scanner.position + 1);
  if (scanner.text[scanner.position] !== close) return false;
  scanner.position++;
  return true;
}

/** Steps over what is between two items; false at the end of the collection. */
function goesOn(scanner: Scanner, close: string): boolean {
  scanner.position = skipSpace(scanner.text, scanner.position);
  const char = scanner.text[scanner.position];
  if (char !== ',' && char !== close) throw new JsonFault(scanner.position, `a comma or ${close} is expected here`);
  scanner.position = char === close ? scanner.position + 1 : skipSpace(scanner.text, scanner.position + 1);
  return char === ',';
}
